"""Talks to `labwire serve` like upstream's client, and lets `labwire obe` talk to a server that behaves like upstream's.

Arguments: the server's address, the program.
"""

import json
import math
import random
import socket
import subprocess
import sys
import threading

host, port = sys.argv[1].split(":")
SERVER, LABWIRE = (host, int(port)), sys.argv[2]


def pack(message):
    text = json.dumps(message).encode()
    return "{:0>10d}".format(len(text)).encode() + text


def read(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(min(count - len(data), 1024))
        if not piece:
            raise RuntimeError("socket connection broken")
        data += piece
    return data


def unpack(connection):
    return json.loads(read(connection, int(read(connection, 10))).decode())


def tcpcmd(message):
    """One connection per message; the client closes."""
    with socket.create_connection(SERVER, timeout=20) as connection:
        connection.sendall(pack(message))
        return unpack(connection)


def check(what, condition):
    print(f"{'ok' if condition else 'FAIL'}: {what}")
    if not condition:
        sys.exit(1)


def code(reply):
    return reply["error"]["code"] if isinstance(reply, dict) else reply


def asks_labwire():
    check("ready", tcpcmd({"command": "ready"}) == "OK")
    check("newrun with text beyond ASCII", tcpcmd({"command": "newrun", "note": "µm ✓ 😀", "steps": 25}) == "OK")
    check("a command inside other words", tcpcmd({"command": "are you ready?"}) == "OK")
    for message, expected in [
        ("text", "not-a-command"), (3.1415, "not-a-command"), (None, "not-a-command"), ({1: 2}, "not-a-command"),
        ({"command": "abandoned"}, "unknown-command"), ({"command": "newdat", "x": 1, "y": 2, "s": 3}, "invalid-argument"),
        ({"command": "newdat", "x": (2.45,), "y": math.nan, "s": math.inf}, "invalid-argument"),
        ({"command": "newdat", "x": (2.45,), "y": 1, "s": 0}, "invalid-argument"),
    ]:
        check(f"{json.dumps(message)} is an error reply", code(tcpcmd(message)) == expected)
    with socket.create_connection(SERVER, timeout=20), socket.create_connection(SERVER, timeout=20) as dying:
        dying.sendall(b"0000000099{")
        dying.close()
        check("ready beside an idle client and one that died", tcpcmd({"command": "ready"}) == "OK")
    check("done", tcpcmd({"command": "done"}) == "OK")


def finds_the_dip():
    """The loop of upstream's demos/server/instrument_controller.py, with its instrument and its figures."""
    f0, depth, width, noise = 2.6, 0.02, 0.04, 0.005
    instrument = random.Random(1)
    check("newrun", tcpcmd({"command": "newrun", "lolim": 1.5, "hilim": 3.5, "steps": 201, "seed": 1}) == "OK")
    for i in range(200):
        (f,) = tcpcmd({"command": "goodset", "pickiness": 6} if i % 2 else {"command": "optset"})
        y = 1 - depth / (((f - f0) * 2 / width) ** 2 + 1) + instrument.gauss(0, noise)
        if tcpcmd({"command": "newdat", "x": (f,), "y": y, "s": noise}) != "OK":
            check("newdat", False)
    mean, std = tcpcmd({"command": "getmean"}), tcpcmd({"command": "getstd"})
    check(f"after 200 points f0 = {mean[0]:.4f} +- {std[0]:.4f}, as upstream's 2.6000 +- .0007 to .0011",
          abs(mean[0] - f0) < 3 * std[0] and 0.0005 < std[0] < 0.0015)
    status = tcpcmd({"command": "status"})
    check(f"status: {status['measurements']} measurements, n_eff {status['n_eff']:.0f}", status["measurements"] == 200)
    check("getpar and getwgt give the mean", close(mean[0], sum(w * x for w, x in zip(
        tcpcmd({"command": "getwgt"}), tcpcmd({"command": "getpar"})[0]))))
    check("save", tcpcmd({"command": "save", "name": "dip"}) == "OK")
    check("undo", tcpcmd({"command": "undo"}) == "OK" and len(tcpcmd({"command": "history"})) == 199)
    check("load", tcpcmd({"command": "load", "name": "dip"}) == "OK" and tcpcmd({"command": "getmean"}) == mean)


def close(a, b):
    return abs(a - b) < 1e-12 * abs(a)


def is_asked_by_labwire():
    """Answers like upstream's server: one message per connection, which it drops only when the next one is accepted."""
    replies = [[1.5, math.nan], "OK", [[0.0, 1.0], [2.0, 3.0]]]
    received, forgotten = [], []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        for reply in replies:
            connection, _ = listener.accept()
            forgotten.append(connection)
            received.append(unpack(connection))
            connection.sendall(pack(reply))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    address = "127.0.0.1:%d" % listener.getsockname()[1]
    commands = [["getmean"], ["newdat", "-x", "2.45", "-y", "0.9812345678901234", "-s", "0.005"], ["getcov"]]
    printed = [
        subprocess.run([LABWIRE, "obe", "--address", address, *command], capture_output=True, text=True, timeout=20).stdout
        for command in commands
    ]
    thread.join(20)
    check("labwire reads what Python writes", printed == [json.dumps(reply) + "\n" for reply in replies])
    newdat = {"command": "newdat", "x": [2.45], "y": 0.9812345678901234, "s": 0.005}
    check("Python reads what labwire writes", received == [{"command": "getmean"}, newdat, {"command": "getcov"}])


is_asked_by_labwire()
finds_the_dip()
asks_labwire()
