"""A device that vanishes silently: its network drops every packet, and no end of stream is ever seen.

Client and device live in network namespaces of their own, joined by a pair of virtual interfaces; where such cannot be
made, nothing is checked. One line a check.
"""

import subprocess
import sys
import time

labwire, client = sys.argv[1:3]
HERE, THERE = "10.99.0.1", "10.99.0.2"

if "--inside" not in sys.argv:
    namespace = ["unshare", "--map-root-user", "--net"]
    try:
        possible = subprocess.run([*namespace, "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0
    except FileNotFoundError:
        possible = False
    if not possible:
        print("skipped: network namespaces cannot be made here")
        sys.exit()
    sys.exit(subprocess.run([*namespace, sys.executable, *sys.argv, "--inside"]).returncode)


def check(what, passed, seen=""):
    print(f"{'ok' if passed else 'FAIL'}: {what}{'' if passed else f', got {seen!r}'}")
    if not passed:
        sys.exit(1)


def run(command):
    subprocess.run(command.split(), check=True)


class Client:
    """labwire's connection on a pipe."""

    def __init__(self, address, timeout, silence):
        command = [client, address, str(timeout), str(silence)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def wait_for(self, state, seconds):
        end = time.monotonic() + seconds
        while (seen := self.call("status")) != f"ok {state}" and time.monotonic() < end:
            time.sleep(0.05)
        return seen == f"ok {state}"


other_side = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
time.sleep(0.2)
there = f"nsenter --target {other_side.pid} --net"
run(f"ip link add here type veth peer name there netns {other_side.pid}")
run(f"ip address add {HERE}/24 dev here")
run("ip link set here up")
run(f"{there} ip address add {THERE}/24 dev there")
run(f"{there} ip link set there up")
device = subprocess.Popen([*there.split(), labwire, "device", "emulate", "--preset", "raw", "--address",
                           f"{THERE}:5025"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
device.stdout.readline()
try:
    link = Client(f"{THERE}:5025", 2, 1)
    check("it answers", link.call("send q1") == "ok" and link.call("recv") == "ok q1")

    run(f"{there} ip route add blackhole {HERE}/32")
    # An idle connection: nothing is sent that could fail.
    check("keepalive finds that it has vanished", link.wait_for("Backoff", 30) or link.wait_for("Connecting", 5))
    run(f"{there} ip route del blackhole {HERE}/32")
    check("it is back, and so is the connection", link.wait_for("Connected", 35))
    check("it answers again", link.call("send q2") == "ok" and link.call("recv") == "ok q2")

    run(f"{there} ip route add blackhole {HERE}/32")
    check("a message into the void is taken", link.call("send q3") == "ok")
    result = link.call("recv")
    check("its answer is missed", result.startswith("failed"), result)
    result = link.call("send q4")
    check("the next is refused", result.startswith("failed not connected"), result)
    run(f"{there} ip route del blackhole {HERE}/32")
    check("it is back again", link.wait_for("Connected", 35))
    # The device's side of the old connection still has q3, and answers it in vain.
    check("and gives the answer to what it was asked", link.call("send q5") == "ok" and link.call("recv") == "ok q5")
finally:
    device.terminate()
    other_side.terminate()
