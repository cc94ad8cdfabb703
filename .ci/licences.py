"""Writes the licences of what others wrote and the program carries: crates, of the program and of the page, on every
target, and the page's packages from npm. With --check, says whether the file is up to date instead.

It is committed, so that a program can be built without a network and has its notices all the same.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

FILE = Path("host-tokio/cli/src/licences.txt")
ROOTS = ("labwire", "labwire-wasm")
# Packages that Vite puts into the page.
FROM_NPM = ("uplot",)
NAMES = re.compile(r"(licen[sc]e|copying|notice|unlicense|copyright)", re.I)


def crates():
    """Crates that the roots link, with features and targets of all kinds."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--all-features"]
    metadata = json.loads(subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    waiting = [package["id"] for package in packages.values() if package["name"] in ROOTS and not package["source"]]
    seen = set()
    while waiting:
        package = waiting.pop()
        if package in seen:
            continue
        seen.add(package)
        for dependency in nodes[package]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    for package in sorted(seen):
        package = packages[package]
        if package["source"]:
            yield package["name"], package["version"], package["license"] or "see its text", Path(package["manifest_path"]).parent


def modules():
    for name in FROM_NPM:
        folder = Path("host-wasm/node_modules", name)
        if not folder.is_dir():
            raise SystemExit(f"no {folder}: run `npm ci` in host-wasm")
        package = json.loads((folder / "package.json").read_text())
        yield name, package["version"], package["license"], folder


def texts(folder, licence):
    """Texts of the licence: one of those that may be chosen, and notices."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and NAMES.match(file.name)]
    named = {word: [file for file in files if word in file.name.lower()] for word in ("mit", "apache")}
    chosen = files
    if " OR " in licence or "/" in licence:
        chosen = named["mit"] or named["apache"] or files
    notices = [file for file in files if "notice" in file.name.lower() and file not in chosen]
    for file in chosen + notices:
        yield "\n".join(line.rstrip() for line in file.read_text(errors="replace").strip().splitlines())


def notices():
    of_text, without = {}, []
    for name, version, licence, folder in sorted([*crates(), *modules()], key=lambda package: package[:2]):
        line = f"{name} {version} ({licence})"
        found = list(texts(folder, licence))
        for text in found:
            of_text.setdefault(text, []).append(line)
        if not found:
            without.append(line)
    parts = ["What others wrote and this program carries, with the licences under which it is used."]
    for text, lines in sorted(of_text.items(), key=lambda item: item[1]):
        parts.append("\n".join(["-" * 100, *lines, "-" * 100, "", text]))
    if without:
        parts.append("\n".join(["-" * 100, "Without a text in their packages:", *without, "-" * 100]))
    return "\n\n".join(parts) + "\n"


if sys.argv[1:] == ["--check"]:
    if FILE.read_text() != notices():
        raise SystemExit(f"{FILE} is not up to date: python3 .ci/licences.py")
else:
    FILE.write_text(notices())
