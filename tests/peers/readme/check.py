"""Runs the commands of README.md in a temporary folder, and compares their output with the one shown.

Blocks with a file name are written to that file. Blocks of commands with their output (`console`) are run in order;
what serves stays in the background until it is told to end, and so does what a command with an ampersand starts. Only
times and dates may differ from those shown.
With `--update`, README.md gets the output that was seen instead. Commands without output (`sh`) have to be run by another part of CI.
"""

import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

root = os.getcwd()
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)
# Times and dates, which no two runs share.
MASKED = re.compile(r'(?<="solve_time_ms": )[\d.e-]+|[\d.]+(?= ms\b)|\d{4}-\d\d-\d\dT[\d:.]+Z')
PATIENCE = 60


def same(shown, seen):
    """Whether two lines are equal to the letter, except for times and dates."""
    return MASKED.sub("T", shown) == MASKED.sub("T", seen)


def agree(shown, seen):
    return len(shown) == len(seen) and all(map(same, shown, seen))


def sessions(text):
    """Pairs of a command and the lines shown below it."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, *shown = part.splitlines()
        yield command, shown


class Shell:
    def __init__(self, folder):
        self.folder = folder
        self.server = None
        self.others = []
        self.output = os.path.join(folder, ".served")
        self.environment = dict(os.environ, XDG_STATE_HOME=os.path.join(folder, ".state"))

    def run(self, command, shown):
        if command.startswith("export "):
            return self.export(command)
        if re.match(r"(cargo run --release|labwire serve|labwire device emulate)\b", command):
            return self.serve(command, shown)
        if command.endswith(" &"):
            return self.start(command.removesuffix(" &"))
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.where(command), env=self.environment, stdout=subprocess.PIPE,
            text=True, timeout=PATIENCE,
        )
        return done.stdout.splitlines()

    def where(self, command):
        """Folder of a command: the repository if the command names one of its files, else the user's own."""
        return root if re.match(r"cargo|target/", command) else self.folder

    def export(self, command):
        name, value = command.removeprefix("export ").split("=")
        self.environment[name] = os.path.expandvars(value.replace("$PWD", root))
        return []

    def serve(self, command, shown):
        self.end()
        with open(self.output, "w") as output:
            self.server = subprocess.Popen(
                ["bash", "-c", command], cwd=self.where(command), env=self.environment, stdout=output,
                start_new_session=True,
            )
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit and self.server.poll() is None:
            lines = open(self.output).read().splitlines()
            if len(lines) >= len(shown):
                return lines
            time.sleep(0.05)
        return ["the server did not start"]

    def start(self, command):
        """Starts a program that connects to a server, and waits until it has."""
        environment = dict(self.environment, RUST_LOG="info")
        log = os.path.join(self.folder, f".other-{len(self.others)}")
        with open(log, "w") as output:
            other = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.folder, env=environment, stderr=output,
            )
        self.others.append(other)
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit and "connected" not in open(log).read():
            time.sleep(0.05)
        return []

    def end(self):
        """Ends a server like Ctrl-C, unless it was already told to end, and waits."""
        while self.others:
            other = self.others.pop()
            other.send_signal(signal.SIGINT)
            other.wait(PATIENCE)
        if self.server is not None:
            if self.server.poll() is None:
                os.killpg(self.server.pid, signal.SIGINT)
            status = self.server.wait(PATIENCE)
            if status != 0:
                fail("the server ended", [f"status {status}"], ["status 0"])


def check_commands(text):
    """Checks that commands shown without output are run elsewhere."""
    scripts = [".ci/run", *glob.glob("host-wasm/tests/*.js")]
    run_by_ci = "".join(open(script).read() for script in scripts)
    for line in text.splitlines():
        command = line.split("#")[0].strip()
        if not re.search(rf"{re.escape(command)}(?![\w-])", run_by_ci):
            fail(f"{command}: nothing runs it", [], [command])


def fail(what, seen, shown):
    print(f"FAIL: {what}")
    print("\n".join(["seen:", *seen, "shown in README.md:", *shown]))
    sys.exit(1)


def replaced(readme, command, shown, seen):
    """README.md with the output that was seen; lines that agree stay as they are."""
    if len(shown) == len(seen):
        seen = [old if same(old, new) else new for old, new in zip(shown, seen)]
    lines = lambda output: "\n".join([f"$ {command}", *output]) + "\n"
    assert lines(shown) in readme, command
    return readme.replace(lines(shown), lines(seen), 1)


update = sys.argv[1:] == ["--update"]
readme = open("README.md").read()
with tempfile.TemporaryDirectory() as folder:
    shell = Shell(folder)
    try:
        for language, name, text in FENCE.findall(readme):
            if name:
                with open(os.path.join(folder, name), "w") as file:
                    file.write(text)
            elif language == "sh":
                check_commands(text)
            elif language == "console":
                for command, shown in sessions(text):
                    seen = shell.run(command, shown)
                    if update:
                        readme = replaced(readme, command, shown, seen)
                    elif not agree(shown, seen):
                        fail(command, seen, shown)
                    print(f"ok: {command}")
        shell.end()
    finally:
        for other in shell.others:
            other.kill()
        if shell.server is not None and shell.server.poll() is None:
            os.killpg(shell.server.pid, signal.SIGKILL)
if update:
    open("README.md", "w").write(readme)
