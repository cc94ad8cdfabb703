"""Asks the example server as a client of OpEn does: one request a connection, and many on one."""
import json
import socket
import subprocess
import sys

server = subprocess.Popen([sys.argv[1]], stdout=subprocess.PIPE, text=True)
host, port = server.stdout.readline().strip().split(":")


def ask(request):
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(json.dumps(request).encode())
        connection.shutdown(socket.SHUT_WR)
        reply = b""
        while data := connection.recv(4096):
            reply += data
    return json.loads(reply) if reply else None


try:
    assert ask({"Ping": 1}) == {"Pong": 1}
    reply = ask({"Run": {"parameter": [1.0, 50.0]}})
    u = reply["solution"]
    cost = sum(50 * (u[i + 1] - u[i] ** 2) ** 2 + (1 - u[i]) ** 2 for i in range(4))
    assert reply["exit_status"] == "Converged" and abs(reply["cost"] - cost) < 1e-12, reply
    # The minimum without the ball lies beyond it.
    assert abs(sum(value**2 for value in u) - 1.5**2) < 1e-5, u
    assert ask({"Run": {"parameter": [1.0]}})["code"] == 3003
    connection = socket.create_connection((host, int(port)), timeout=30)
    with connection, connection.makefile() as lines:
        connection.sendall(b'{"KeepAlive": true}')
        for number in range(100):
            connection.sendall(json.dumps({"Ping": number}).encode())
            assert json.loads(lines.readline()) == {"Pong": number}
        # An idle connection does not keep the server from ending.
        assert ask({"Kill": 1}) is None
        assert lines.readline() == ""
    assert server.wait(30) == 0
    print("the example serves OpEn over sockets of its own")
finally:
    server.kill()
