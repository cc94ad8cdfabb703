"""That every crate which is to be published packages: licence texts and README travel, tests' data do not, and what is
in the packages compiles, with one another and without this repository.

`cargo package` verifies too, but builds every dependency of every package anew.
"""

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

UNPACKED = Path("target/package/unpacked")
# Of a compressed package; a corpus that slipped in would be more.
SIZE_LIMIT = 200_000
REQUIRED_FIELDS = ("description", "readme", "keywords", "categories", "repository", "license", "rust_version")


def cargo(*arguments, **options):
    return subprocess.run(["cargo", *arguments], check=True, text=True, **options)


def published():
    metadata = cargo("metadata", "--format-version", "1", "--no-deps", "--locked", stdout=subprocess.PIPE)
    return [package for package in json.loads(metadata.stdout)["packages"] if package["publish"] is None]


def unpack(package):
    """Unpacks what `cargo package` made of it; says what is missing from it."""
    folder = f"{package['name']}-{package['version']}"
    archive = Path("target/package", folder + ".crate")
    problems = [f"no {field}" for field in REQUIRED_FIELDS if not package[field]]
    if archive.stat().st_size > SIZE_LIMIT:
        problems.append(f"{archive.stat().st_size} bytes, more than {SIZE_LIMIT}")
    with tarfile.open(archive) as tar:
        tar.extractall(UNPACKED, filter="data")
    for name in ("README.md", "LICENSE-MIT", "LICENSE-APACHE"):
        file = UNPACKED / folder / name
        if not file.is_file() or file.stat().st_size < 200:
            problems.append(f"no {name}")
    print(f"{package['name']:22} {archive.stat().st_size:7} bytes  {', '.join(problems)}")
    return problems


def main():
    packages = published()
    names = [part for package in packages for part in ("-p", package["name"])]
    cargo("package", "--locked", "--no-verify", "--allow-dirty", "--quiet", *names)
    shutil.rmtree(UNPACKED, ignore_errors=True)
    UNPACKED.mkdir(parents=True)
    if any([unpack(package) for package in packages]):
        raise SystemExit(1)
    # All files of a package bear the same old date, by which a build would take them for those of the last run.
    for file in UNPACKED.rglob("*.rs"):
        file.touch()
    patches = "\n".join(f'{p["name"]} = {{ path = "{p["name"]}-{p["version"]}" }}' for p in packages)
    (UNPACKED / "Cargo.toml").write_text(f'[workspace]\nresolver = "3"\nmembers = ["*"]\n\n[patch.crates-io]\n{patches}\n')
    shutil.copy("Cargo.lock", UNPACKED)
    cargo("check", "--workspace", "--all-features", "--target-dir", str(Path("target/package/target").resolve()), cwd=UNPACKED)


main()
