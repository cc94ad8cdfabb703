"""Devices, clients and servers."""

import asyncio
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from conftest import HEATING
from test_designer import DIP

import labwire


@pytest.fixture
def power_supply():
    with labwire.DeviceSimulator("scpi") as device:
        yield device


def test_queries(power_supply):
    device = labwire.DeviceConnection(power_supply.address)
    device.send("VOLT 5")
    device.send("OUTP ON")
    assert float(device.query("MEAS:VOLT?")) == 5
    assert device.query(b"*IDN?") == b"labwire,PS-60-10,0,1.0"
    device.write(b"*IDN?\n")
    assert device.read(b"\n") == b"labwire,PS-60-10,0,1.0\n"
    status = device.status()
    assert status.state == "connected" and status.connections == 1 and status.answers == 3 and device.degraded is None
    assert repr(device) == f"<labwire.DeviceConnection to {power_supply.address}: well>"
    with pytest.raises(TypeError, match="expected text or bytes, not int"):
        device.query(5)
    with pytest.raises(labwire.InputError, match="timeout is -1"):
        labwire.DeviceConnection("127.0.0.1", timeout=-1)
    with pytest.raises(labwire.InputError, match="scpy"):
        labwire.DeviceConnection("127.0.0.1", "scpy")


def test_connections_are_made_again():
    with labwire.DeviceSimulator("scpi", faults=["drop-after=2"]) as simulator:
        device = labwire.DeviceConnection(simulator.address, minimum_interval=0)
        device.send("VOLT 3")

        def ask():
            try:
                return device.query("VOLT?")
            except labwire.NotConnected:
                # It was on its way when the connection ended: it is not asked twice unbidden.
                return device.query("VOLT?")

        assert [ask() for _ in range(5)] == ["3"] * 5
        assert device.status().connections > 1


def test_devices_that_are_not_there_or_do_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        device = labwire.DeviceConnection(f"127.0.0.1:{port}", timeout=0.3)
        with pytest.raises(labwire.TimedOut, match="timed out .the device may have received the message.") as caught:
            device.query("*IDN?")
        assert isinstance(caught.value, TimeoutError) and isinstance(caught.value, ConnectionError)
        assert "did not answer" in device.degraded
    with pytest.raises(labwire.NotConnected, match="not connected: connection refused"):
        labwire.DeviceConnection(f"127.0.0.1:{port}", timeout=5).query("*IDN?")


def test_simulators_in_python():
    volts = {"value": b"0"}

    def respond(command):
        if command.startswith(b"SET "):
            volts["value"] = command[4:]
            return None
        if command == b"GET?":
            return volts["value"]
        raise LookupError(command)

    with labwire.DeviceSimulator("scpi", respond) as simulator:
        device = labwire.DeviceConnection(simulator.address, timeout=5)
        device.send("SET 7.5")
        assert device.query("GET?") == "7.5"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_simulators_that_raise():
    with labwire.DeviceSimulator("scpi", lambda command: 1 / 0) as simulator:
        device = labwire.DeviceConnection(simulator.address, timeout=0.5)
        with pytest.raises(labwire.Error):
            device.query("GET?")


def test_asyncio(power_supply):
    async def main():
        device = labwire.aio.DeviceConnection(power_supply.address)
        await device.send("VOLT 2")
        answers = await asyncio.gather(*(device.query(f"VOLT?") for _ in range(20)))
        assert answers == ["2"] * 20
        assert (await device.status()).state == "connected"
        with socket.create_server(("127.0.0.1", 0)) as silent:
            lonely = labwire.aio.DeviceConnection("127.0.0.1:%d" % silent.getsockname()[1], timeout=60)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(lonely.query("*IDN?"), 0.2)

    asyncio.run(main())


def test_in_place_of_tcp_interface():
    with labwire.DeviceSimulator("raw") as echo:
        host, port = echo.address.split(":")
        interface = labwire.TCPInterface(host, port, 2)
        interface.send(b"hello")
        assert interface.recv(2) + interface.recv() == b"hello"

        class Driver(labwire.TCPInterface):
            def ask(self, text):
                self.send(text.encode())
                return self.recv().decode()

        assert Driver(host, int(port), 2).ask("volts") == "volts"
    with pytest.raises(ConnectionError):
        interface.send(b"again")
        interface.recv()


def test_socs_driver():
    """A driver of socs above our TCPInterface."""
    pytest.importorskip("socs")
    program = """
        import socs.tcp, labwire
        socs.tcp.TCPInterface = labwire.TCPInterface
        from socs.agents.cryomech_cpa.drivers import PTC
        with labwire.DeviceSimulator("cryomech") as simulator:
            host, port = simulator.address.split(":")
            compressor = PTC(host, port=int(port))
            flag, data = compressor.get_data()
            print(flag, round(data["Coolant_In_Temp"], 3), isinstance(compressor, labwire.TCPInterface))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False 17.5 True\n", done.stderr


def test_open_client_and_server(heating):
    with labwire.serve(open=heating) as server:
        client = labwire.OptimizerClient(server.address, timeout=30)
        assert client.ping(7) == 7
        reply = client.run([5, 16], sensitivities=True)
        assert reply["exit_status"] == "Converged" and len(reply["solution"]) == 6
        assert len(reply["sensitivities"]["solution"]) == 6
        with pytest.raises(labwire.ServerError, match="wrong number of parameters: provided 1, expected 2") as caught:
            client.run(np.array([5], dtype=np.float32))
        assert caught.value.code == 3003
        reply = asyncio.run(labwire.aio.OptimizerClient(server.address).run([5, 16]))
        assert reply["exit_status"] == "Converged"
    with pytest.raises(labwire.NotConnected, match="refused"):
        client.ping()
    with pytest.raises(labwire.NotConnected, match="cannot listen"):
        labwire.serve(open=heating, address="256.0.0.1:0")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_open_server_with_a_function(heating):
    solver = labwire.Solver(heating)

    def answer(request):
        if request["parameter"][0] == 0:
            return {"solution": request["parameter"], "cost": 3}
        return solver.solve(request["parameter"])

    with labwire.serve(open=answer) as server:
        client = labwire.OptimizerClient(server.address, timeout=30)
        assert client.run([5, 16])["cost"] == pytest.approx(15.148627939452837)
        assert client.run([0, 1, 2])["solution"] == [0, 1, 2]
        with pytest.raises(labwire.ServerError, match="wrong number of parameters"):
            client.run([1])
        client.kill()
        server.wait()


def test_obe_client_and_server():
    with labwire.serve(obe=labwire.Experiment(DIP), seed=1) as server:
        client = labwire.ObeClient(server.address, timeout=30)
        setting = client.optset()
        assert client.newdat(x=setting, y=1.0, s=0.005) == "OK"
        assert len(client.getmean()) == 3
        with pytest.raises(labwire.ServerError, match="standard deviation"):
            client.newdat(x=setting, y=1.0, s=0)
        assert client.done() == "OK"
        server.wait()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_obe_server_with_a_function():
    designer = labwire.Designer(labwire.Experiment(DIP), seed=1)
    commands = {"optset": lambda message: designer.suggest(), "getmean": lambda message: designer.mean(),
                "getstd": lambda message: 1 / 0, "done": lambda message: "OK"}
    with labwire.serve(obe=lambda message: commands[message["command"]](message)) as server:
        client = labwire.ObeClient(server.address, timeout=30)
        assert len(client.optset()) == 1 and client.getmean() == designer.mean().tolist()
        with pytest.raises(labwire.ServerError, match="ZeroDivisionError"):
            client.getstd()
        client.done()
        server.wait()


def test_zeiss_client_and_server():
    seen = []

    def take(name, parameters):
        seen.append((name, parameters["file"]))
        return name == "image"

    with labwire.serve(zeiss=take) as server:
        client = labwire.ZeissClient(server.address, timeout=30)
        assert client.image("photo.jpg", "Hall 3") == "O.k."
        assert client.elements("elements.xml", new_stage=True) != "O.k."
        with pytest.raises(labwire.InputError, match="the file is empty"):
            client.image("", "Hall 3")
    assert seen == [("image", "photo.jpg"), ("elements", "elements.xml")]


def program(*arguments):
    return subprocess.Popen([sys.executable, "-m", "labwire", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            text=True)


def test_modules():
    server = program("serve", "--only", "pymodaq", "--pymodaq", "127.0.0.1:0")
    server.stdout.readline()
    address = server.stdout.readline().split()[1]
    connect = ("--connect", address)
    processes = [
        program("pymodaq", "instrument", "--as", "grabber", "--dim", "1D", "--name", "spectrum", *connect),
        program("pymodaq", "instrument", "--as", "actuator", "--name", "stage", *connect),
        server,
    ]
    try:
        controller = labwire.ModuleController(address, timeout=30)
        while len(found := controller.modules()) < 2:
            time.sleep(0.05)
        assert {module["module"] for module in found} == {"spectrum", "stage"}
        assert controller.set("stage", "backlash", 0) in (True, False)
        assert controller.move_abs("stage", 2.5) == pytest.approx(2.5, abs=0.1)
        data, = controller.grab("spectrum", "1D")
        assert data.arrays[0].ndim == 1 and data.axes[0].units == "nm" and len(data.axes[0].data) == len(data.arrays[0])
        with pytest.raises(labwire.DeviceError):
            controller.grab("nobody")
        with pytest.raises(labwire.InputError, match="dim is 7D"):
            controller.grab("spectrum", "7D")
    finally:
        for process in processes:
            process.terminate()
            process.communicate(timeout=30)


class Stage:
    units = "mm"

    def __init__(self):
        self.at = 1.0

    def position(self):
        return self.at

    def move_to(self, target):
        if target > 10:
            raise ValueError("beyond the end")
        time.sleep(0.02)
        self.at = target

    def home(self):
        self.at = 0.0


def test_modules_in_python(monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: reported.append(str(unraisable.exc_value)))
    image = np.arange(6, dtype=np.uint16).reshape(2, 3)

    def camera(dim):
        if dim == "0D":
            raise OSError("the shutter is stuck")
        if dim == "1D":
            return "no array"
        axis = labwire.Axis("x", "um", 1, np.array([0.0, 0.5, 1.0]))
        return labwire.Data("frame", "counts", 0.0, ["left", "right"], [image, image.T.copy().T + 1], [axis])

    modules = {"camera": camera, "meter": lambda dim: [1.5, 2.5], "stage": Stage()}
    with labwire.serve(pymodaq=modules) as server:
        controller = labwire.ModuleController(server.address, timeout=30)
        assert {module["module"] for module in controller.modules()} == set(modules)
        data, = controller.grab("camera", "2D")
        assert (data.name, data.units, data.labels) == ("frame", "counts", ["left", "right"])
        assert [array.tolist() for array in data.arrays] == [image.tolist(), (image + 1).tolist()]
        assert data.arrays[0].dtype == np.uint16 and time.time() - data.timestamp < 60
        assert (data.axes[0].label, data.axes[0].index, data.axes[0].data.tolist()) == ("x", 1, [0.0, 0.5, 1.0])
        channels, = controller.grab("meter")
        assert channels.labels == ["CH00", "CH01"] and [array.item() for array in channels.arrays] == [1.5, 2.5]
        with pytest.raises(labwire.DeviceError, match="the shutter is stuck"):
            controller.grab("camera", "0D")
        with pytest.raises(labwire.DeviceError, match="expected an array of numbers"):
            controller.grab("camera", "1D")
        assert controller.position("stage") == 1.0
        assert controller.move_abs("stage", 2.5) == 2.5 and controller.move_rel("stage", -1) == 1.5
        assert controller.home("stage") == 0.0
        assert controller.move_abs("stage", 20) == 0.0
        with labwire.Module(lambda dim: 0.0, server.address, name="late", generation="4.4"):
            while "late" not in {module["module"] for module in controller.modules()}:
                time.sleep(0.01)
        while "late" in {module["module"] for module in controller.modules()}:
            time.sleep(0.01)
    assert reported == ["the shutter is stuck", "expected an array of numbers, found dtype <U8", "beyond the end"]
    with pytest.raises(TypeError, match="expected a function, or an object with position and move_to, not int"):
        labwire.serve(pymodaq={"x": 5})
    with pytest.raises(labwire.InputError, match="a generation is one of"):
        labwire.Module(lambda dim: 0.0, "127.0.0.1:1", generation="9")


def test_serve_takes_one_protocol(heating):
    with pytest.raises(TypeError, match="expected one of open, obe, zeiss and pymodaq, found none"):
        labwire.serve()
    with pytest.raises(TypeError, match="expected a function, not int"):
        labwire.serve(open=5)
    with pytest.raises(TypeError, match="must be a formula"):
        labwire.serve(obe=labwire.Experiment(DIP, model=lambda *values: values[0]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_forked_processes():
    program = """
        import os, labwire
        with labwire.DeviceSimulator("scpi") as simulator:
            device = labwire.DeviceConnection(simulator.address)
            device.query("*IDN?")
            child = os.fork()
            if child == 0:
                try:
                    device.query("*IDN?")
                except labwire.NotConnected as error:
                    print(error, flush=True)
                print(labwire.DeviceConnection(simulator.address).query("*IDN?"), flush=True)
                os._exit(0)
            os.waitpid(child, 0)
            print(device.query("*IDN?"))
    """
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)], capture_output=True, text=True,
                          timeout=60)
    assert done.stdout.splitlines() == [
        "the connection belongs to the process that made it, not to this fork of it",
        "labwire,PS-60-10,0,1.0",
        "labwire,PS-60-10,0,1.0",
    ], done.stderr


def test_ctrl_c_and_the_end_of_the_interpreter():
    program = """
        import labwire, socket, threading, os, signal, time
        silent = socket.create_server(("127.0.0.1", 0))
        device = labwire.DeviceConnection("127.0.0.1:%d" % silent.getsockname()[1], timeout=600)
        threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            device.query("*IDN?")
        except KeyboardInterrupt:
            print("interrupted")
        server = labwire.serve(open=lambda request: {"solution": []})
        threading.Thread(target=lambda: device.query("*IDN?"), daemon=True).start()
        time.sleep(0.1)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("interrupted\n", 0), done.stderr
