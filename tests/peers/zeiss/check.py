"""Sends requests to `labwire serve` like the Apps' clients, and lets `labwire zeiss` talk to servers that behave like the Apps'.

Arguments: the folder with the server's ready.json and project, the program.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

SCRATCH, LABWIRE = sys.argv[1:]
SERVERS = json.load(open(os.path.join(SCRATCH, "ready.json")))
FILE = os.path.join(SCRATCH, "exämple.jpg")
open(FILE, "w").write("image")
IMAGE = {"image": {"file": FILE, "name": "Default", "focal_length": "50.0"}}


def check(what, condition):
    print(f"{'ok' if condition else 'FAIL'}: {what}")
    if not condition:
        sys.exit(1)


def labwire(*arguments):
    done = subprocess.run([LABWIRE, "zeiss", *arguments], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout


def ask(text):
    """Like the App's client: Ctrl-D, half-close, one recv."""
    host, port = SERVERS["zeiss"].split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(text.encode() + b"\x04")
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(1024).decode()


def asks_over_tcp():
    check("image over TCP", ask(json.dumps(IMAGE, ensure_ascii=False)) == "O.k.\r\n")
    check("elements over TCP", ask('{"elements": {"file": "%s", "import_mode": "new_stage"}}' % FILE) == "O.k.\r\n")
    unescaped = '{"image": {"file": "C:\\temp\\x.jpg", "name": "a"b", "focal_length": "50.0"}}'
    check("unescaped backslashes", ask(unescaped) == "Error: Malformed JSON message.\r\n")
    unknown = {"foo": 1, "b": [True, None, 1.0, "it's", float("nan")]}
    check("an unknown request", ask(json.dumps(unknown)) == f"Error: Unknown request:\n{unknown}\r\n")
    project = json.load(open(os.path.join(SCRATCH, "project", "project.json")))
    check("the project knows both", len(project["measurement_series"]) == len(project["elements"]) == 1)


async def asks_over_websocket():
    url = "ws://" + SERVERS["zeiss-ws"]
    async with connect(url) as socket, connect(url) as idle:
        for _ in range(3):
            await socket.send(json.dumps(IMAGE))
            check("image over WebSocket", await socket.recv() == "O.k.")
        await socket.send("quit\n")
        check("quit over WebSocket", await socket.recv() == "bye")
        try:
            await socket.recv()
        except websockets.ConnectionClosed as closed:
            check("close code 1000", closed.rcvd.code == 1000 and closed.sent.code == 1000)
        await idle.send("{}")
        check("others go on", await idle.recv() == "Error: Unknown request:\n{}")
        await idle.close()
        check("the client's close is answered", idle.close_code == 1000)
    try:
        await connect(url, origin="https://evil.example")
        check("a foreign page is refused", False)
    except websockets.InvalidStatus as refused:
        check("a foreign page is refused", refused.response.status_code == 403)


def is_asked_over_tcp():
    """Like the App's server: recv until Ctrl-D, answer, FIN."""
    listener = socket.create_server(("127.0.0.1", 0))
    received = []

    def answer():
        connection, _ = listener.accept()
        with connection:
            data = b""
            while b"\x04" not in data:
                data += connection.recv(1024)
            received.append(json.loads(data[: data.index(b"\x04")]))
            connection.sendall(b"O.k.\r\n")
            connection.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    address = "127.0.0.1:%d" % listener.getsockname()[1]
    check("labwire asks over TCP", labwire("--address", address, "image", FILE) == (0, "O.k.\n"))
    thread.join(20)
    check("Python reads what labwire writes", received == [IMAGE])


async def is_asked_over_websocket():
    received = []

    async def handle(socket):
        async for message in socket:
            received.append(json.loads(message))
            await socket.send("Error: Elements file nowhere.gxml could not be read.")

    async with serve(handle, "127.0.0.1", 0) as server:
        address = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
        arguments = ["--websocket", "--address", address, "elements", "nowhere.gxml"]
        status, _ = await asyncio.to_thread(labwire, *arguments)
        check("labwire asks over WebSocket", status == 65)
    elements = {"file": "nowhere.gxml", "import_mode": "clipboard"}
    check("websockets reads what labwire writes", received == [{"elements": elements}])


asks_over_tcp()
asyncio.run(asks_over_websocket())
is_asked_over_tcp()
asyncio.run(is_asked_over_websocket())
