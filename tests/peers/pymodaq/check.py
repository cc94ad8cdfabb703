"""labwire and a real release of PyMoDAQ against each other, one line per check.

    check.py LABWIRE PEER_PYTHON VERSION GENERATION SCRATCH

GENERATION is the one that labwire must find out; neither side is told it.
"""

import json
import os
import queue
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import numpy as np

LABWIRE, PEER_PYTHON, VERSION, GENERATION, SCRATCH = sys.argv[1:]
HERE = os.path.dirname(os.path.abspath(__file__))
# Seconds; longer than anything here takes.
PATIENCE = 60
HAS_DATA_OBJECTS = GENERATION != "g2"
# The server of 4.0 drops a detector that sends its axes.
TAKES_AXES = VERSION.startswith("3.")
RUNNING = []


def check(what, holds, seen=None):
    if not holds:
        print(f"FAIL: {VERSION} {what}: {seen}")
        for process in RUNNING:
            process.tell_errors()
            process.process.kill()
        sys.stdout.flush()
        os._exit(1)
    print(f"ok: {VERSION} {what}", flush=True)


def wait_for(what, attempt, is_wanted):
    """Repeats `attempt` until its result is wanted."""
    end = time.monotonic() + PATIENCE
    while not is_wanted(found := attempt()):
        if time.monotonic() > end:
            check(what, False, found)
        time.sleep(0.05)
    return found


class Process:
    """Program, with its standard error."""

    def __init__(self, name, command, **options):
        self.name, self.errors = name, os.path.join(SCRATCH, f"{len(RUNNING)}-{name}.log")
        # labwire tells of each connection's end only then.
        environment = {**os.environ, "RUST_LOG": "info,labwire_host=debug"}
        options.setdefault("env", environment)
        with open(self.errors, "w") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, text=True, **options)
        RUNNING.append(self)

    def log(self):
        with open(self.errors) as file:
            return file.read()

    def tell_errors(self):
        print(f"--- {self.name}\n{self.log()[-3000:]}")

    def end(self):
        """Exit code, and seconds until the exit."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE), time.monotonic() - start


class Peers(Process):
    """Process that runs real PyMoDAQs; see peer.py."""

    def __init__(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(SCRATCH, "peers"))
        self.listener.listen()
        environment = {"HOME": SCRATCH, "QT_QPA_PLATFORM": "offscreen", "OPENBLAS_NUM_THREADS": "1"}
        command = [PEER_PYTHON, os.path.join(HERE, "peer.py")]
        super().__init__("peers", command, stdin=subprocess.PIPE, env={**os.environ, **environment})


class Peer:
    """Real PyMoDAQ."""

    def __init__(self, role, *arguments):
        self.name, self.process = role, PEERS.process
        self.errors = os.path.join(SCRATCH, f"{len(RUNNING)}-{role}.log")
        address = PEERS.listener.getsockname()
        request = {"role": role, "arguments": arguments, "socket": address, "log": self.errors}
        PEERS.process.stdin.write(json.dumps(request) + "\n")
        PEERS.process.stdin.flush()
        self.connection, _ = PEERS.listener.accept()
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        RUNNING.append(self)

    log, tell_errors = Process.log, Process.tell_errors

    def read(self):
        for line in self.connection.makefile():
            self.lines.put(json.loads(line))
        self.lines.put({"event": "end"})

    def do(self, do, **details):
        self.connection.sendall((json.dumps({"do": do, **details}) + "\n").encode())

    def expect(self, event):
        """Next event of this kind; others are skipped."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                line = self.lines.get(timeout=max(end - time.monotonic(), 0))
            except queue.Empty:
                check(f"{self.name} tells of {event}", False, "nothing came")
            if line["event"] == event:
                return line

    def ask(self, do, event, **details):
        self.do(do, **details)
        return self.expect(event)

    def wait_for_clients(self, count):
        return wait_for(
            f"{self.name} has {count} clients",
            lambda: self.ask("clients", "clients")["types"],
            lambda types: len(types) == count,
        )

    def hangs(self):
        """Whether it has stopped answering."""
        while not self.lines.empty():
            self.lines.get()
        self.do("clients")
        try:
            self.lines.get(timeout=1.5)
            return False
        except queue.Empty:
            return True

    def end(self):
        self.connection.shutdown(socket.SHUT_WR)
        self.expect("end")


class Server(Process):
    """labwire's server, and commands for it."""

    def __init__(self, *arguments):
        ready = os.path.join(SCRATCH, f"ready-{len(RUNNING)}.json")
        command = [LABWIRE, "pymodaq", "serve", "--listen", "127.0.0.1:0", "--ready-file", ready, *arguments]
        super().__init__("labwire", command)
        wait_for("labwire serves", lambda: os.path.exists(ready), bool)
        with open(ready) as file:
            self.address = json.load(file)["pymodaq"]

    def start(self, *arguments):
        command = [LABWIRE, "pymodaq", "--address", self.address, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ask(self, *arguments):
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE)
        if process.returncode != 0:
            check(f"labwire pymodaq {' '.join(arguments)}", False, err)
        return out

    def modules(self, count=None):
        return wait_for(
            f"there are {count} modules",
            lambda: json.loads(self.ask("list", "--json"))["modules"],
            lambda modules: count is None or len(modules) == count,
        )

    def module(self, name):
        return next(module for module in self.modules() if module["name"] == name)


def instrument(address, *arguments):
    command = [LABWIRE, "pymodaq", "instrument", "--connect", address]
    if GENERATION != "g4":
        command += ["--generation", VERSION]
    return Process("instrument", [*command, *arguments])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stranger(address, first=b""):
    """Stranger that connects and sends these bytes."""
    host, port = address.split(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(first)
    return connection


def text(words):
    return struct.pack(">I", len(words)) + words


def message(words):
    """Text on its own, in the current generation."""
    return text(text(b"str") + text(words)) if GENERATION == "g4" else text(words)


def number(said):
    return float(re.search(r": (-?[0-9.e-]+)", said).group(1))


# --- real modules, our server -----------------------------------------------------------------------------------------


def expected(dim):
    """Data sent by the peer."""
    if dim == "0D":
        return [np.array([1.5])]
    if dim == "1D":
        return [np.linspace(0, 1, 11) ** 2, np.arange(11, dtype=">i4")]
    return [np.arange(20 * 30, dtype=np.uint16).reshape(20, 30)]


def is_same(found, wanted):
    pairs = zip(found, wanted)
    same = all(a.dtype == b.dtype and a.shape == b.shape and (a == b).all() for a, b in pairs)
    return len(found) == len(wanted) and same


def grabbed_arrays(server, name, dim):
    folder = os.path.join(SCRATCH, f"npy-{time.monotonic_ns()}")
    os.makedirs(folder)
    server.ask("grab", name, "--dim", dim, "--npy", os.path.join(folder, "a.npy"))
    return [np.load(os.path.join(folder, file)) for file in sorted(os.listdir(folder))]


def real_modules():
    server = Server()
    host, port = server.address.split(":")
    # Neither they nor anything below minds these.
    nuisances = [stranger(server.address), stranger(server.address, b"\xff\xfe\xfd\xfc\xfb"), stranger(server.address)]
    nuisances.pop().close()
    grabber, actuator = Peer("grabber", host, port), Peer("actuator", host, port)
    grabber.expect("connected"), actuator.expect("connected")
    for module in server.modules(2):
        server.ask("rename", module["name"], {"GRABBER": "detector", "ACTUATOR": "stage"}[module["kind"]])

    real_detector(server, grabber)
    real_stage(server)
    found = {module["generation"] for module in server.modules()}
    check(f"is recognised as {GENERATION}", found == {GENERATION}, found)
    several_modules(server, grabber)

    code, _ = server.end()
    check("modules: labwire's server ends", code == 0, code)
    grabber.expect("polling ended")
    check("modules notice it, where they would spin for ever at a regular end of the stream", True)
    for peer in (grabber, actuator):
        peer.end()


def real_detector(server, grabber):
    for dim in ("0D", "1D", "2D"):
        found = grabbed_arrays(server, "detector", dim)
        check(f"grabs {dim} for labwire", is_same(found, expected(dim)), found)
    if HAS_DATA_OBJECTS:
        table = os.path.join(SCRATCH, "table.csv")
        server.ask("grab", "detector", "--dim", "2D", "--csv", table)
        with open(table) as file:
            lines = file.read().splitlines()
        same = lines[0] == "timestamp,module,data,y (mm),x (mm),signal" and lines[-1].endswith(",19,14.5,599")
        check("sends its axes with it", same, (lines[0], lines[-1]))
    else:
        grabber.do("axis")
        said = wait_for(
            "sends an axis",
            lambda: server.ask("grab", "detector", "--dim", "1D", "--plot"),
            lambda said: "time (s)" in said,
        )
        check("sends its axis before it", "time (s)" in said, said)

    said = server.ask("set", "detector", "exposure", "0.25")
    check("takes a setting and confirms it", said == "detector: set\n", said)
    check("has it", grabber.expect("set")["value"] == 0.25)
    grabber.do("change", value=0.5)
    settings = wait_for(
        "changes a setting itself",
        lambda: server.ask("settings", "detector"),
        lambda settings: "exposure = 0.5 " in settings,
    )
    check("changes a setting itself", True, settings)


def real_stage(server):
    at = number(server.ask("move-abs", "stage", "3"))
    check("moves to 3 for labwire", at == 3.0, at)
    at = number(server.ask("move-rel", "stage", "-1.25"))
    check("moves on by -1.25", at == 1.75, at)
    at = number(server.ask("position", "stage"))
    check("tells its position", at == 1.75, at)
    at = number(server.ask("home", "stage"))
    check("moves home", at == 0.0, at)
    moving = server.start("move-abs", "stage", "100")
    wait_for("the stage moves", lambda: server.module("stage")["state"], lambda state: state == "moving")
    time.sleep(0.3)
    at = number(server.ask("stop", "stage"))
    why = moving.communicate(timeout=PATIENCE)[1]
    check("is stopped in a move", 0 < at < 100 and f"{server.address}: stage: stopped at " in why, (at, why))


def several_modules(server, grabber):
    host, port = server.address.split(":")
    ours = instrument(server.address, "--as", "grabber", "--size", "40x30", "--name", "camera")
    server.modules(3)
    second = Peer("grabber", host, port)
    second.expect("connected")
    added = next(module["name"] for module in server.modules(4) if ":" in module["name"])
    said = server.ask("grab")
    check("twice, and labwire, grab at once", len(said.splitlines()) == 3, said)

    # A real server would take the data of one for an answer of the other, and hang.
    frames = server.module("detector")["frames"]
    grabber.do("data", dim="1D")
    found = grabbed_arrays(server, added, "0D")
    check("sends data in the other's turn, and the other its own", is_same(found, expected("0D")), found)
    wait_for("sends data unasked", lambda: server.module("detector")["frames"], lambda now: now == frames + 1)

    second.do("quit")
    server.modules(3)
    log = server.log()
    check("ends its connection without Quit, and is dropped", "without Quit" in log, log)
    said = server.ask("grab")
    check("and the others work on", len(said.splitlines()) == 2, said)
    ours.end(), second.end()


# --- real servers, our instruments ------------------------------------------------------------------------------------


def grab(server, dim):
    """Arrays and axes received by a real server."""
    data = server.ask("grab", "data", dim=dim)
    return (data["items"][0]["arrays"], data["items"][0]["axes"]) if HAS_DATA_OBJECTS else (data["arrays"], [])


def leaves(server, *instruments):
    for ours in instruments:
        code, _ = ours.end()
        check("server: labwire's instrument ends", code == 0, code)
    server.wait_for_clients(0)


def real_viewer(*how):
    port = free_port()
    address = f"127.0.0.1:{port}"
    server = Peer("viewer", port, *how)
    server.expect("ready")

    ours = instrument(address, "--as", "grabber", "--dim", "0D")
    server.wait_for_clients(1)
    arrays, _ = grab(server, "0D")
    same = arrays[0]["shape"] in ([], [1]) and 0 < arrays[0]["sum"] < 2
    check("server: grabs a number from labwire", same, arrays)
    leaves(server, ours)
    check("server: lives on when labwire has left, where it would hang without Quit", not server.hangs())

    ours = instrument(address, "--as", "grabber", "--dim", "1D", "--name", "spectrometer")
    server.wait_for_clients(1)
    axes = [server.ask("grab", "x_axis", dim="1D")] if TAKES_AXES else []
    arrays, with_data = grab(server, "1D")
    check("server: grabs a spectrum", arrays[0]["shape"] == [1024], arrays)
    axes += with_data
    if TAKES_AXES or HAS_DATA_OBJECTS:
        check("server: has its axis", [axes[0]["label"], axes[0]["units"]] == ["wavelength", "nm"], axes)
    infos = server.ask("infos", "infos")["infos"]
    check("server: displays what it is called", infos == {"name": "spectrometer"}, infos)
    leaves(server, ours)

    ours = instrument(address, "--as", "grabber", "--dim", "2D", "--size", "64x48")
    server.wait_for_clients(1)
    arrays, axes = grab(server, "2D")
    same = arrays[0]["shape"] == [48, 64] and arrays[0]["dtype"] == "<u2"
    check("server: grabs an image", same, arrays)
    if HAS_DATA_OBJECTS:
        check("server: has its axes", [axis["label"] for axis in axes] == ["y", "x"], axes)
    width = server.ask("settings", "settings", name="width")["value"]
    check("server: knows labwire's settings", width == 64, width)
    server.do("set", name="width", value=32)
    arrays = wait_for(
        "server: changes a setting", lambda: grab(server, "2D")[0], lambda arrays: arrays[0]["shape"] == [48, 32]
    )
    check("server: changes a setting, and takes the confirmation", server.wait_for_clients(1), arrays)

    last = instrument(address, "--as", "grabber", "--dim", "2D", "--size", "20x10")
    server.wait_for_clients(2)
    arrays, _ = grab(server, "2D")
    check("server: gives its orders to the last of two only", arrays[0]["shape"] == [10, 20], arrays)
    last.end()
    server.wait_for_clients(1)
    arrays, _ = grab(server, "2D")
    check("server: gives them to the other when that one has left", arrays[0]["shape"] == [48, 32], arrays)

    server.do("close")
    server.wait_for_clients(1)
    check("server: is closed, and tells labwire nothing", "connection closed" not in ours.log(), ours.log())
    server.end()
    server = Peer("viewer", port, *how)
    server.expect("ready")
    server.wait_for_clients(1)
    arrays, _ = grab(server, "2D")
    check("server: finds labwire again when it is started anew", arrays[0]["shape"] == [48, 32], arrays)
    leaves(server, ours)
    server.end()


def real_move(*how):
    port = free_port()
    server = Peer("move", port, *how)
    server.expect("ready")
    ours = instrument(f"127.0.0.1:{port}", "--as", "actuator")
    server.wait_for_clients(1)
    server.do("set", name="backlash", value=0.0)
    at = server.ask("move_abs", "move_done", value=3.0)["value"]
    check("server: moves labwire's stage to 3", abs(at - 3) < 0.01, at)
    at = server.ask("move_rel", "move_done", value=-1.0)["value"]
    check("server: moves it on by -1", abs(at - 2) < 0.02, at)
    at = server.ask("get", "position")["value"]
    check("server: asks where it is", abs(at - 2) < 0.02, at)
    at = server.ask("move_home", "move_done")["value"]
    check("server: moves it home", abs(at) < 0.02, at)
    server.do("move_abs", value=40.0)
    time.sleep(0.5)
    at = server.ask("stop", "move_done")["value"]
    check("server: stops it in a move", 0.1 < at < 39, at)
    units = server.ask("settings", "settings", name="units")["value"]
    check("server: knows its units", units == "mm", units)
    leaves(server, ours)
    check("server: lives on when the stage has left", not server.hangs())
    server.end()


# --- what real servers do to themselves ("Server loop" in pymodaq.md), and what it must not do to us -------------------


def a_silent_client_holds_it_up():
    port = free_port()
    server = Peer("viewer", port)
    server.expect("ready")
    silent = stranger(f"127.0.0.1:{port}")
    check("server: waits for a client that says nothing", wait_for("", server.hangs, bool))
    ours = instrument(f"127.0.0.1:{port}", "--as", "grabber", "--dim", "0D")
    silent.sendall(message(b"FOO"))
    server.wait_for_clients(1)
    check("server: takes labwire after it", len(grab(server, "0D")[0]) == 1)
    leaves(server, ours)
    server.end()


def hangs(what, cause):
    """A stranger makes the server hang; labwire's instruments must get away from it."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    server = Peer("viewer", port)
    server.expect("ready")
    instruments = cause(server, address)
    check(f"server: hangs {what}", wait_for("", server.hangs, bool))
    instruments.append(instrument(address, "--as", "grabber", "--dim", "0D"))
    wait_for("labwire connects", instruments[-1].log, lambda log: "connected" in log)
    ends = [ours.end() for ours in instruments]
    check("server: labwire's instruments end all the same", all(end[0] == 0 and end[1] < 5 for end in ends), ends)
    server.end()


def client_without_quit(server, address):
    gone = stranger(address, message(b"GRABBER"))
    server.wait_for_clients(1)
    gone.close()
    return []


def first_of_two_answers(server, address):
    """A setting goes to the first, and its answer is read from the last."""
    instruments = []
    for count in (1, 2):
        instruments.append(instrument(address, "--as", "grabber", "--size", "64x48"))
        server.wait_for_clients(count)
        grab(server, "2D")
    server.do("set", name="width", value=32)
    return instruments


def a_name_that_is_no_text():
    port = free_port()
    server = Peer("viewer", port)
    server.expect("ready")
    stranger(f"127.0.0.1:{port}", b"\0\0\0\1\xff").close()
    ours = instrument(f"127.0.0.1:{port}", "--as", "grabber", "--dim", "0D")
    time.sleep(1)
    check("server: takes nobody any more after a name that is no text", server.wait_for_clients(0) == [])
    code, seconds = ours.end()
    check("server: labwire's instrument ends all the same", code == 0 and seconds < 5, (code, seconds))
    server.end()


def a_server_that_cannot_send():
    """5.1.12 receives, and fails at every order."""
    port = free_port()
    server = Peer("viewer", port)
    server.expect("ready")
    ours = instrument(f"127.0.0.1:{port}", "--as", "grabber", "--size", "64x48")
    server.wait_for_clients(1)
    why = server.ask("grab", "update_status", dim="2D")["text"]
    check("server: fails at every order", "no attribute 'check_sended_with_serializer'" in why, why)
    width = wait_for("server: has settings", lambda: server.ask("settings", "settings", name="width")["value"], bool)
    check("server: knows labwire's settings all the same", width == 64, width)
    leaves(server, ours)
    server.end()


PEERS = Peers()
real_modules()
if GENERATION == "g4":
    a_server_that_cannot_send()
    VERSION += ", mended,"
    real_viewer("mended")
    real_move("mended")
else:
    real_viewer()
    real_move()
    a_silent_client_holds_it_up()
    hangs("at an end of the stream without Quit", client_without_quit)
    hangs("when the first of two answers", first_of_two_answers)
    a_name_that_is_no_text()
PEERS.process.kill()
