"""That the `rust-version` of every crate is one its dependencies ask for no more than, and that `clippy` checks ours.

Prints, for every crate, what it states and the highest that a dependency asks for.
"""

import json
import subprocess
import sys


def parts(version):
    numbers = [int(part) for part in (version or "0").split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))


def dependencies(package, nodes):
    """Ids of everything that building the package takes; what its tests take is not for who depends on it."""
    seen, new = set(), [package]
    while new:
        for dependency in nodes[new.pop()]["deps"]:
            is_built = any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])
            if is_built and dependency["pkg"] not in seen:
                seen.add(dependency["pkg"])
                new.append(dependency["pkg"])
    return seen


def main():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--all-features"]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    failed = False
    for member in metadata["workspace_members"]:
        stated = packages[member]["rust_version"]
        asked = max(
            (packages[id] for id in dependencies(member, nodes) if id not in metadata["workspace_members"]),
            key=lambda package: parts(package["rust_version"]),
            default={"name": "none", "rust_version": "0"},
        )
        is_enough = stated is not None and parts(stated) >= parts(asked["rust_version"])
        failed |= not is_enough
        verdict = "" if is_enough else "  TOO LOW"
        print(f"{packages[member]['name']:22} {stated}, {asked['name']} asks for {asked['rust_version']}{verdict}")
    sys.exit(failed)


main()
