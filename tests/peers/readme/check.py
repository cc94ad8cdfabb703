"""Runs the commands of README.md and of the book's pages, each page in a temporary folder of its own, and compares their
output with the one shown.

Blocks with a file name are written to that file. Blocks of commands with their output (`console`) are run in order;
what serves stays in the background until it is told to end, and so does what a command with an ampersand starts. Only
times and dates may differ from those shown.
With `--update`, the page gets the output that was seen instead. Commands without output (`sh`) have to be run by another part of
CI, blocks of Rust are doc tests of the crate that names the page, and anything else without a file name is no example.
Names of pages, such as `core/book/src/status.md`, restrict the run to these; otherwise pages that say "Run by" some other script
are left to it. With `--through COMMAND`, commands run by that command, on another system, in its folder; with
`--patience SECONDS` they may take so long.
"""

import argparse
import glob
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

root = os.getcwd()
BOOK = "core/book/src"
FENCE = re.compile(r"^```(\w+)(?:,\w+)*(?: (\S+))?\n(.*?)^```$", re.M | re.S)
# Times and dates, which no two runs share, and what dpkg says of the system and the version.
MASKED = re.compile(
    r'(?<="solve_time_ms": )[\d.e-]+|[\d.]+(?= ms\b)|\d{4}-\d\d-\d\dT[\d:.]+Z'
    r"|(?<=database \.\.\. )\d+|\d+\.\d+\.\d+-\d+"
)
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
        # The book's readers have installed it.
        self.environment["PATH"] = os.path.join(root, "target/release") + ":" + os.environ["PATH"]

    def run(self, command, shown):
        if command.startswith("export "):
            return self.export(command)
        if re.match(r"(cargo run --release|labwire serve|labwire device emulate)\b", command):
            return self.serve(command, shown)
        if command.endswith(" &"):
            return self.start(command.removesuffix(" &"))
        done = subprocess.run(
            [*through, "bash", "-c", command], cwd=self.where(command), env=self.environment, stdout=subprocess.PIPE,
            text=True, timeout=arguments.patience,
        )
        return done.stdout.splitlines()

    def write(self, name, content):
        if through:
            return subprocess.run([*through, "tee", name], input=content, text=True, check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(content)

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
    scripts = [".ci/run", *glob.glob("host-wasm/tests/*.js"), *glob.glob("host-tokio/cli/package/*-test")]
    run_by_ci = "".join(open(script).read() for script in scripts)
    for line in text.splitlines():
        command = line.split("#")[0].strip()
        if not re.search(rf"{re.escape(command)}(?![\w-])", run_by_ci):
            fail(f"{command}: nothing runs it", [], [command])


def check_links(page, text):
    """Checks that relative links lead to files."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        if not os.path.exists(os.path.join(os.path.dirname(page), target)):
            fail(f"{page}: the link to {target} leads nowhere", [], [])


def is_tested_by_cargo(page, content):
    """Whether a crate runs the page's blocks of Rust as doc tests; what README.md shows, it runs on another page."""
    if page == "README.md":
        return content in open(BOOK + "/first-hour/rust.md").read()
    name = page.removeprefix("core/")
    return any(name in open(file).read() for file in ["core/src/lib.rs", "host-tokio/src/lib.rs"])


def fail(what, seen, shown):
    print(f"FAIL: {what}")
    print("\n".join(["seen:", *seen, "shown:", *shown]))
    sys.exit(1)


def replaced(page, command, shown, seen):
    """The page with the output that was seen; lines that agree stay as they are."""
    if len(shown) == len(seen):
        seen = [old if same(old, new) else new for old, new in zip(shown, seen)]
    lines = lambda output: "\n".join([f"$ {command}", *output]) + "\n"
    assert lines(shown) in page, command
    return page.replace(lines(shown), lines(seen), 1)


def run_block(shell, page, text, block, update):
    """Runs one block; returns the page's text, with the output that was seen if it is to be updated."""
    language, name, content = block
    if name:
        shell.write(name, content)
    elif language == "sh":
        check_commands(content)
    elif language == "console":
        for command, shown in sessions(content):
            seen = shell.run(command, shown)
            if update:
                text = replaced(text, command, shown, seen)
            elif not agree(shown, seen):
                fail(f"{page}: {command}", seen, shown)
            print(f"ok: {command}")
    elif language == "rust" and not is_tested_by_cargo(page, content):
        fail(f"{page}: no crate tests this Rust", [], content.splitlines())
    elif language not in ("rust", "text"):
        fail(f"{page}: a block of {language} without a name, which nothing runs", [], content.splitlines())
    return text


def check_page(page, update):
    text = open(page).read()
    check_links(page, text)
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(folder)
        try:
            for block in FENCE.findall(text):
                text = run_block(shell, page, text, block, update)
            shell.end()
        finally:
            for other in shell.others:
                other.kill()
            if shell.server is not None and shell.server.poll() is None:
                os.killpg(shell.server.pid, signal.SIGKILL)
    if update:
        open(page, "w").write(text)


def is_run_elsewhere(page):
    script = re.search(r"^<!-- Run by (\S+) -->$", open(page).read(), re.M)
    return script is not None and page in open(script[1]).read()


parser = argparse.ArgumentParser()
parser.add_argument("--update", action="store_true")
parser.add_argument("--through", type=shlex.split, default=[])
parser.add_argument("--patience", type=float, default=PATIENCE)
parser.add_argument("pages", nargs="*")
arguments = parser.parse_args()
update, through = arguments.update, arguments.through
every_page = ["README.md", *sorted(glob.glob(BOOK + "/**/*.md", recursive=True))]
for page in arguments.pages or [page for page in every_page if not is_run_elsewhere(page)]:
    print(f"== {page}")
    check_page(page, update)
