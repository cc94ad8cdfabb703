"""Fills Homebrew's formula and winget's manifests with the version and the checksums of a release.

    host-tokio/cli/package/texts.py FOLDER

FOLDER has what is to be published: labwire-VERSION-windows-x64.zip, and the sources as labwire-VERSION.tar.gz, which are
made of the commit if they are not there. The texts are written to FOLDER/homebrew and FOLDER/winget.
"""

import hashlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def checksum(file):
    if not file.is_file():
        sys.exit(f"there is no {file}")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main():
    folder = Path(sys.argv[1]).resolve()
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    sources = folder / f"labwire-{version}.tar.gz"
    if not sources.exists():
        archive = ["git", "archive", f"--prefix=labwire-{version}/", f"--output={sources}", "HEAD"]
        subprocess.run(archive, cwd=ROOT, check=True)
    values = {
        "VERSION": version,
        "SOURCE_SHA256": checksum(sources),
        "WINDOWS_SHA256": checksum(folder / f"labwire-{version}-windows-x64.zip").upper(),
    }
    for text in [*HERE.glob("homebrew/*.rb"), *HERE.glob("winget/*.yaml")]:
        filled = re.sub(r"@(\w+)@", lambda name: values[name[1]], text.read_text())
        written = folder / text.relative_to(HERE)
        written.parent.mkdir(exist_ok=True)
        written.write_text(filled)
        print(written)


main()
