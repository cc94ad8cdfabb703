"""That the version stands in one place, Cargo.toml's [workspace.package], and that whatever repeats it says the same.

Prints a line for each place. What is filled in later (Debian's changelog, Homebrew's formula, winget's manifests, C's CMake
and pkg-config files, npm's package.json) is not looked at.
"""

import json
import re
import sys
import tomllib
from pathlib import Path


def toml(path):
    return tomllib.loads(Path(path).read_text())


def places(workspace):
    """Pairs of a place and the version there; None stands for that of the workspace."""
    for name, dependency in workspace["dependencies"].items():
        if name.startswith("labwire") and "version" in dependency:
            yield f"Cargo.toml, {name}", dependency["version"]
    for member in workspace["members"]:
        stated = toml(Path(member, "Cargo.toml"))["package"].get("version")
        if stated is not None:
            yield member, None if stated == {"workspace": True} else stated
    for project in ("core/python", "core/model/python"):
        yield project, toml(Path(project, "pyproject.toml"))["project"].get("version")
    yield "host-wasm/package.json", json.loads(Path("host-wasm/package.json").read_text()).get("version")
    for version in re.findall(r'^version = "(.*)"', Path("core/book/src/first-hour/rust.md").read_text(), re.M):
        yield "core/book/src/first-hour/rust.md", version
    # The newest section, or the one above it for what is to come.
    sections = re.findall(r"^## \[(.*?)\]", Path("CHANGELOG.md").read_text(), re.M)
    yield "CHANGELOG.md", None if sections[0] == "Unreleased" else sections[0]


def main():
    workspace = toml("Cargo.toml")["workspace"]
    version = workspace["package"]["version"]
    failed = False
    for place, stated in places(workspace):
        agrees = stated in (None, version)
        failed |= not agrees
        print(f"{place:40} {stated or 'as the workspace'}{'' if agrees else f'  NOT {version}'}")
    sys.exit(failed)


main()
