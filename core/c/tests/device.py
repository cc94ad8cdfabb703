"""Is a device that drops every connection after three answers, and checks what the example gets from it."""
import socket
import subprocess
import sys
import threading

listener = socket.create_server(("127.0.0.1", 0))
voltage = "0"
connections = 0


def serve():
    global voltage, connections
    while True:
        connection, _ = listener.accept()
        connections += 1
        answers = 0
        with connection, connection.makefile("rw", newline="\n") as lines:
            for line in lines:
                word, _, value = line.strip().partition(" ")
                if value:
                    voltage = value
                    continue
                lines.write({"*IDN?": "power supply", "VOLT?": voltage}[word] + "\n")
                lines.flush()
                answers += 1
                if answers == 3:
                    break


threading.Thread(target=serve, daemon=True).start()
host, port = listener.getsockname()
commands = ["*IDN?"] + [command for i in range(8) for command in (f"VOLT {i}", "VOLT?")]
done = subprocess.run([sys.argv[1], host, str(port), "scpi", *commands], capture_output=True, text=True, timeout=60)
replies = done.stdout.splitlines()
assert done.returncode == 0 and len(replies) == len(commands), done
assert replies[0] == "power supply", replies
values = [(i, reply) for i, reply in enumerate(replies[2::2])]
assert all(reply == str(i) or reply.startswith("failed: ") for i, reply in values), replies
assert sum(reply == str(i) for i, reply in values) >= 6 and connections >= 3, (replies, connections)
assert "restored" in done.stderr, done.stderr
print(f"the example asks a device over {connections} connections")
