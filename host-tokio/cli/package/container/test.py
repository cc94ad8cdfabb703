"""Runs the program as the container's image does: in the image where a container engine runs, else in a bare Debian with the
user, environment and commands of the Dockerfile.

    host-tokio/cli/package/container/test.py DEBIAN     the folder of a bare Debian; as root
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
PATIENCE = 30


def instructions():
    """Instructions of the final stage, by name."""
    text = (HERE / "Dockerfile").read_text().replace("\\\n", " ")
    final = re.split(r"^FROM .*$", text, flags=re.M)[-1]
    return dict(line.split(" ", 1) for line in final.splitlines() if line and not line.startswith("#"))


def wait_until(what, holds):
    limit = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > limit:
            sys.exit(f"FAIL: {what}")
        time.sleep(0.2)
    print(f"ok: {what}")


def in_image():
    build = ["docker", "build", "--quiet", "--file", HERE / "Dockerfile", ROOT]
    image = subprocess.run(build, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
    run = ["docker", "run", "--detach", "--rm", "--health-interval=1s", image]
    container = subprocess.run(run, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
    state = ["docker", "inspect", "--format", "{{.State.Health.Status}}", container]
    try:
        wait_until("the container is healthy", lambda: "healthy" == subprocess.check_output(state, text=True).strip())
    finally:
        subprocess.run(["docker", "stop", container], check=True, stdout=subprocess.DEVNULL)


def in_debian(debian):
    final = instructions()
    environment = dict(setting.split("=", 1) for setting in final["ENV"].split())
    user, state = final["USER"], final["VOLUME"].lstrip("/")
    health = json.loads(re.search(r"CMD (\[.*\])", final["HEALTHCHECK"])[1])
    with tempfile.TemporaryDirectory(dir=debian.parent) as folder:
        work = Path(folder, "root")
        # Not copytree, which reads devices to their end.
        subprocess.run(["cp", "-a", debian, work], check=True)
        shutil.copy(ROOT / "target/release/labwire", work / "usr/bin/labwire")
        (work / state).mkdir()
        os.chown(work / state, int(user), int(user))
        program = ["chroot", f"--userspec={user}:{user}", work]
        command = json.loads(final["ENTRYPOINT"]) + json.loads(final["CMD"])
        up = 'ip link set lo up && exec "$@"'
        serve = ["unshare", "--net", "sh", "-c", up, "sh", *program, *command]
        server = subprocess.Popen(serve, env=environment | {"PATH": os.environ["PATH"]}, stdout=subprocess.DEVNULL)
        check = ["nsenter", f"--target={server.pid}", "--net", *program, *health]
        try:
            wait_until(
                "the health check passes",
                lambda: subprocess.run(check, capture_output=True, timeout=PATIENCE).returncode == 0,
            )
            wait_until("its state is in the volume", lambda: any((work / state).rglob("run-*.log")))
        finally:
            server.terminate()
        if server.wait(PATIENCE) != 0:
            sys.exit("FAIL: it did not end well")
        print("ok: it ends when it is told to")


def main():
    engine = shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0
    if engine:
        in_image()
    else:
        print("no container engine runs here: the image is not built, what it runs is")
        in_debian(Path(sys.argv[1]))


main()
