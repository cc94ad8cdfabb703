"""Nine scenarios for TCPInterface of socs and for labwire's connection; prints the results side by side.

The table has to be the one that core/book/src/guide/devices.md shows.
"""

import contextlib
import io
import socket
import struct
import subprocess
import sys
import threading
import time

from socs.tcp import TCPInterface

client = sys.argv[1]
TIMEOUT = 0.5
LATE = 0.8
# Longer than labwire's first back-off.
SETTLED = 0.3
ALL = 20 << 20


class Theirs:
    """TCPInterface; its output is discarded."""

    def __init__(self, address):
        with contextlib.redirect_stdout(io.StringIO()):
            self.link = TCPInterface(*address, TIMEOUT)

    def _call(self, function, *arguments):
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                result = function(*arguments)
        except ConnectionError as error:
            return f"error: {error}".rstrip(": ")
        return "ok" if result is None else repr(result)

    def send(self, message):
        return self._call(self.link.send, message)

    def recv(self):
        return self._call(self.link.recv)

    def fill(self, count):
        return self._call(self.link.send, bytes(count))

    def status(self):
        return "Connected" if self.link.comm else "not connected"

    def close(self):
        if self.link.comm:
            self.link.comm.close()


class Ours:
    """labwire's connection, on a pipe."""

    def __init__(self, address):
        command = [client, f"{address[0]}:{address[1]}", str(TIMEOUT), "15"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _call(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        outcome, _, text = self.process.stdout.readline().rstrip("\n").partition(" ")
        return (outcome, text)

    def _result(self, line):
        outcome, text = self._call(line)
        return text and f"b'{text}'" if outcome == "ok" and text else outcome if outcome == "ok" else f"error: {text}"

    def send(self, message):
        return self._result("send " + "".join(f"\\x{byte:02x}" for byte in message))

    def recv(self):
        return self._result("recv")

    def fill(self, count):
        return self._result(f"fill {count}")

    def status(self):
        _, state = self._call("status")
        return "Connected" if state == "Connected" else "not connected"

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Device:
    """Device controlled by the scenario: it echoes unless told otherwise."""

    def __init__(self, port=0, late=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.address = self.listener.getsockname()
        self.received = []
        self.late = late
        self.connections = []
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.listener.accept()[0]
                with self.changed:
                    self.connections.append(connection)
                    self.changed.notify_all()
                threading.Thread(target=self.echo, args=(connection,), daemon=True).start()

    def echo(self, connection):
        with contextlib.suppress(OSError):
            while message := connection.recv(4096):
                with self.changed:
                    self.received.append(message)
                    self.changed.notify_all()
                delay, self.late = self.late, 0
                time.sleep(delay)
                connection.sendall(message)

    def connection(self):
        """Newest connection, once there is one."""
        with self.changed:
            self.changed.wait_for(lambda: self.connections, 5)
            return self.connections[-1]

    def got(self):
        """Bytes received, once no more arrive."""
        time.sleep(0.1)
        with self.changed:
            return b" ".join(self.received).decode() or "nothing"

    def drop(self):
        """Ends the newest connection."""
        connection = self.connection()
        # The reading thread holds the socket: `close` alone would not end the connection.
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
        time.sleep(SETTLED)

    def leave(self):
        """Disappears: nothing listens any more."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def echo(make):
    device = Device()
    link = make(device.address)
    yield "send", link.send(b"hi")
    yield "recv", link.recv()
    link.close()


def absent(make):
    device = Device()
    device.leave()
    link = make(device.address)
    yield "made", link.status()
    yield "recv", link.recv()
    yield "send", link.send(b"q1")
    device = Device(device.address[1])
    yield "it is there: send", link.send(b"q2")
    yield "it got", device.got()
    link.close()
    device.leave()


def gone(make):
    device = Device()
    link = make(device.address)
    device.connection()
    device.leave()
    device.drop()
    yield "recv", link.recv()
    yield "send q1", link.send(b"q1")
    yield "send q2", link.send(b"q2")
    device = Device(device.address[1])
    yield "it is back: send q3", link.send(b"q3")
    yield "it got", device.got()
    link.close()
    device.leave()


def restarted(make):
    device = Device()
    link = make(device.address)
    device.drop()
    yield "send q1", link.send(b"q1")
    yield "recv", link.recv()
    yield "send q2", link.send(b"q2")
    yield "recv", link.recv()
    yield "it got", device.got()
    link.close()
    device.leave()


def reset(make):
    # No thread reads here: the reset has to come from `close`.
    listener = socket.create_server(("127.0.0.1", 0))
    link = make(listener.getsockname())
    connection = listener.accept()[0]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    time.sleep(SETTLED)
    yield "send q1", link.send(b"q1")
    listener.settimeout(0.2)
    try:
        connection = listener.accept()[0]
        yield "it got", connection.recv(64).decode()
    except TimeoutError:
        yield "it got", "nothing"
    link.close()


def slow(make):
    device = Device(late=LATE)
    link = make(device.address)
    yield "send A", link.send(b"A")
    yield "recv", link.recv()
    time.sleep(LATE - TIMEOUT + 0.2)
    yield "send B", link.send(b"B")
    time.sleep(0.1)
    yield "recv", link.recv()
    link.close()
    device.leave()


def half_closed(make):
    device = Device()
    link = make(device.address)
    device.connection().shutdown(socket.SHUT_WR)
    time.sleep(SETTLED)
    yield "recv", link.recv()
    yield "send q1", link.send(b"q1")
    yield "recv", link.recv()
    link.close()
    device.leave()


def blackhole(make):
    # A listener with a full queue silently drops attempts to connect.
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    filler = socket.create_connection(listener.getsockname())
    link = make(listener.getsockname())
    yield "made", link.status()
    yield "send", link.send(b"q1")
    link.close()
    filler.close()
    listener.close()


def never_reads(make):
    listener = socket.create_server(("127.0.0.1", 0))
    link = make(listener.getsockname())
    connections = [listener.accept()[0]]
    start = time.monotonic()
    yield "send 20 MB", link.fill(ALL)
    yield "after", f"{round((time.monotonic() - start) / TIMEOUT)} x timeout"
    listener.settimeout(0.1)
    with contextlib.suppress(TimeoutError):
        while True:
            connections.append(listener.accept()[0])
    # A connection made only to heal has given no answer.
    started = sum(bool(connection.recv(1, socket.MSG_DONTWAIT)) for connection in connections if waits(connection))
    yield "started to send it", "once" if started == 1 else f"{started} times"
    link.close()


def waits(connection):
    try:
        return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False


SCENARIOS = [
    ("echo", echo),
    ("absent when made", absent),
    ("closes and stays away", gone),
    ("closes, is back at once", restarted),
    ("resets", reset),
    ("answers after the time-out", slow),
    ("half-closes", half_closed),
    ("nobody answers the attempt to connect", blackhole),
    ("never reads", never_reads),
]


def play(scenario, make):
    return [f"{step} {result}" for step, result in scenario(make)]


def cell(lines):
    return "<br>".join(line.replace("|", "\\|") for line in lines)


table = ["| the device | TCPInterface (socs 0.6.4) | labwire |", "| --- | --- | --- |"]
for name, scenario in SCENARIOS:
    table.append(f"| {name} | {cell(play(scenario, Theirs))} | {cell(play(scenario, Ours))} |")
text = "\n".join(table) + "\n"
print(text, end="")
if text not in open("core/book/src/guide/devices.md").read():
    print("FAIL: this is not the table in core/book/src/guide/devices.md")
    sys.exit(1)
print("ok: the table is the one in core/book/src/guide/devices.md")
