"""Talks to `labwire serve` as upstream's client does, and lets `labwire obe` talk to a server that behaves as upstream's.

Arguments: the server's address, the program.
"""

import json
import math
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
    """A connection for each message; the client closes."""
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
    for message in ({"command": "getmean"}, {"command": "newdat", "x": (2.45,), "y": math.nan, "s": math.inf}):
        check(f"{message['command']} without an experiment", code(tcpcmd(message)) == "no-experiment")
    for message, expected in [
        ("text", "not-a-command"), (3.1415, "not-a-command"), (None, "not-a-command"), ({1: 2}, "not-a-command"),
        ({"command": "abandoned"}, "unknown-command"), ({"command": "newdat", "x": 1, "y": 2, "s": 3}, "invalid-argument"),
    ]:
        check(f"{json.dumps(message)} is an error reply", code(tcpcmd(message)) == expected)
    with socket.create_connection(SERVER, timeout=20), socket.create_connection(SERVER, timeout=20) as dying:
        dying.sendall(b"0000000099{")
        dying.close()
        check("ready beside an idle client and one that died", tcpcmd({"command": "ready"}) == "OK")
    check("done", tcpcmd({"command": "done"}) == "OK")


def is_asked_by_labwire():
    """Answers as upstream's server: one message a connection, which it forgets only when the next one is accepted."""
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
asks_labwire()
