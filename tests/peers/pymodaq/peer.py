"""Real PyMoDAQ without its windows: its TCP clients and servers, controlled by lines of JSON.

Loading PyMoDAQ takes seconds, so it is done once: each line of the standard input,

    {"role": ..., "arguments": [...], "socket": PATH, "log": PATH}

makes a copy of this process that plays a role and talks over the socket. Every line that comes from there is an object
with a key "do"; every line that goes there is one with a key "event". The roles:

    grabber HOST PORT     the client of a detector
    actuator HOST PORT    the client of a stage
    viewer PORT           the server for detectors (plugin base class)
    move PORT             the server for stages
"""

import json
import os
import signal
import socket
import sys
import threading
import time

import numpy as np
from qtpy import QtWidgets
from qtpy.QtCore import QObject, QTimer, Signal

# IS_OLD: the modules' old names. IS_BARE: data are bare arrays.
try:  # 4.1 to 5.1
    from pymodaq.utils.tcp_ip.tcp_server_client import TCPClient

    IS_OLD = IS_BARE = False
except ImportError:
    IS_BARE = True
    try:  # 4.0
        from pymodaq.utils.tcp_server_client import TCPClient

        IS_OLD = False
    except ImportError:  # 3.x
        from pymodaq.daq_utils.tcp_server_client import TCPClient

        IS_OLD = True

if IS_OLD:
    from pymodaq.daq_utils.daq_utils import ThreadCommand
    from pymodaq.daq_utils.parameter import ioxml
    from pyqtgraph.parametertree import Parameter
else:
    from pymodaq.utils.data import Axis, DataActuator, DataFromPlugins, DataToExport

    try:  # 4.x
        from pymodaq.utils.daq_utils import ThreadCommand
        from pymodaq.utils.parameter import Parameter, ioxml
    except ImportError:  # 5.x
        from pymodaq_gui.parameter import Parameter, ioxml
        from pymodaq_utils.utils import ThreadCommand



class Line(QObject):
    """Connection to the controlling process, whose orders arrive on the Qt thread."""

    came = Signal(dict)

    def __init__(self, path):
        super().__init__()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
        self.orders, self.events = connection.makefile("r"), connection.makefile("w")

    def tell(self, event, **details):
        self.events.write(json.dumps({"event": event, **details}) + "\n")
        self.events.flush()

    def listen(self):
        def read():
            for line in self.orders:
                self.came.emit(json.loads(line))
            # The Qt thread may hang forever, which some of the checks are about.
            os._exit(0)

        threading.Thread(target=read, daemon=True).start()


def tell(event, **details):
    LINE.tell(event, **details)


def attribute(command):
    """Data of a command, by this release's name for it."""
    return command.attributes if IS_OLD else command.attribute


# --- data ---------------------------------------------------------------------------------------------------------------


def arrays(dim):
    """One channel of each dimensionality, the same on both sides of the test."""
    if dim == "0D":
        return [np.array([1.5])]
    if dim == "1D":
        return [np.linspace(0, 1, 11) ** 2, np.arange(11, dtype=">i4")]
    return [np.arange(20 * 30, dtype=np.uint16).reshape(20, 30)]


def export(dim):
    axes = []
    if dim == "1D":
        axes = [Axis("time", "s", data=np.linspace(0, 5, 11), index=0)]
    if dim == "2D":
        axes = [Axis("y", "mm", data=np.arange(20.0), index=0), Axis("x", "mm", data=np.arange(30.0) / 2, index=1)]
    data = DataFromPlugins("signal", data=arrays(dim), axes=axes, dim=f"Data{dim}")
    return DataToExport("peer", data=[data])


def described(values):
    values = np.asarray(values)
    return {"dtype": values.dtype.str, "shape": list(values.shape), "sum": float(np.sum(values, dtype=float))}


# --- clients ------------------------------------------------------------------------------------------------------------


class Client(QObject):
    """TCP client as a module of PyMoDAQ uses it."""

    def __init__(self, host, port, kind):
        super().__init__()
        children = [
            {"title": "Exposure", "name": "exposure", "type": "float", "value": 0.1},
            {"title": "Units", "name": "units", "type": "str", "value": "mm"},
        ]
        state = Parameter.create(name="Settings", type="group", children=children)
        self.client = TCPClient(host, port, params_state=state, client_type=kind)
        self.client.settings.addChildren(children) if not self.client.settings.children() else None
        self.client.cmd_signal.connect(self.handle)
        self.position, self.target, self.speed, self.started = 0.0, 0.0, 20.0, None

    def send(self, command, what):
        self.client.queue_command(ThreadCommand(command, what))

    def handle(self, command):
        name = command.command
        if "Send Data" in name:
            dim = name.split()[-1]
            if IS_BARE:
                self.send("data_ready", [{"data": arrays(dim)}])
            else:
                self.send("data_ready", export(dim))
        elif name == "set_info":
            path, xml = attribute(command)
            if isinstance(xml, str):
                xml = xml.encode()
            state = ioxml.XML_string_to_parameter(xml)[0]
            child = self.client.settings.child(*path[1:])
            child.restoreState(Parameter.create(**state).saveState())
            tell("set", path=list(path), value=child.value())
            self.send("send_info", {"path": list(path), "param": child})
        elif name in ("move_abs", "move_rel"):
            value = float(np.atleast_1d(attribute(command)[0] if IS_OLD else attribute(command)[0].data[0])[0])
            tell(name, value=value)
            self.move(value if name == "move_abs" else self.where() + value)
        elif name == "move_home":
            self.move(0.0)
        elif name in ("get_actuator_value", "check_position"):
            self.report("position_is")
        elif name == "stop_motion":
            # Like DAQ_Move: it stops without a report.
            self.position, self.started = self.where(), None
        else:
            tell(name, text=str(attribute(command))[:200])

    def where(self):
        if self.started is None:
            return self.position
        way = self.target - self.position
        return self.position + np.sign(way) * min(abs(way), self.speed * (time.monotonic() - self.started))

    def move(self, target):
        self.target, self.started = target, time.monotonic()
        self.timer = QTimer(self)
        self.timer.timeout.connect(self.look)
        self.timer.start(20)

    def look(self):
        if self.started is None:
            self.timer.stop()
        elif self.where() == self.target:
            self.timer.stop()
            self.position, self.started = self.target, None
            self.report("move_done")

    def report(self, command):
        where = float(self.where())
        if IS_OLD:
            self.send(command, [where])
            return
        units = {"units": "mm"} if HAS_UNITS else {}
        position = DataActuator("stage", data=where, **units)
        # 4.x sends the first item of a list, 5.x the object it is given.
        self.send(command, position if IS_NEW else [position])

    def obey(self, order):
        do = order["do"]
        if do == "change":
            child = self.client.settings.child("exposure")
            child.setValue(order["value"])
            self.send("send_info", {"path": ["settings", "exposure"], "param": child})
        elif do == "axis":
            self.send("x_axis", [{"data": np.linspace(0, 5, 11), "label": "time", "units": "s"}])
        elif do == "data":
            self.send("data_ready", [{"data": arrays(order["dim"])}] if IS_BARE else export(order["dim"]))
        elif do == "quit":
            # Like the real one: it only closes its socket.
            self.send("quit", None)


def run_client(kind, host, port):
    client = Client(host, port, kind)
    LINE.came.connect(client.obey)
    client.client.init_connection()
    # The loop of init_connection ends only by an exception.
    tell("polling ended")
    APP.exec_()


# --- servers ------------------------------------------------------------------------------------------------------------


class Server(QObject):
    def __init__(self, server):
        super().__init__()
        self.server = server

    def connected(self):
        return [client["type"] for client in self.server.connected_clients if client["type"] != "server"]

    def obey(self, order):
        server, do = self.server, order["do"]
        if do == "clients":
            tell("clients", types=self.connected())
        elif do == "grab":
            server.grabber_type = order["dim"]
            server.grab_data()
        elif do == "settings":
            values = {child.name(): child.value() for child in server.settings.child("settings_client").children()}
            tell("settings", value=values.get(order["name"]))
        elif do == "set":
            child = server.settings.child("settings_client").child(order["name"])
            child.setValue(order["value"])
            server.commit_settings(child)
        elif do == "infos":
            tell("infos", infos={child.name(): child.value() for child in server.settings.child("infos").children()})
        elif do in ("move_abs", "move_rel"):
            value = order["value"]
            if not IS_OLD:
                value = DataActuator("order", data=value, **({"units": "mm"} if HAS_UNITS else {}))
            getattr(server, do)(value)
        elif do == "move_home":
            server.move_home()
        elif do == "get":
            server.get_actuator_value()
        elif do == "stop":
            server.stop_motion()
        elif do == "close":
            server.close_server()


def run_viewer(port):
    if IS_OLD:
        from pymodaq.daq_viewer.utility_classes import DAQ_Viewer_TCP_server
    else:
        from pymodaq.control_modules.viewer_utility_classes import DAQ_Viewer_TCP_server
    server = DAQ_Viewer_TCP_server(None, None, grabber_type="0D")
    server.settings.child("socket_ip").setValue("127.0.0.1")
    server.settings.child("port_id").setValue(int(port))

    def old_data(arrays):
        tell("data", arrays=[described(values) for values in arrays])

    def new_data(dte):
        items = [
            {
                "name": dwa.name,
                "units": getattr(dwa, "units", None),
                "arrays": [described(values) for values in dwa.data],
                "axes": [
                    {"label": axis.label, "units": axis.units, "index": axis.index, **described(axis.get_data())}
                    for axis in dwa.axes
                ],
            }
            for dwa in dte.data
        ]
        tell("data", items=items)

    if IS_BARE:
        # Left to the plugin by the base class.
        server.data_ready = old_data
    else:
        server.dte_signal.connect(new_data)
    server.emit_status = told
    server.ini_detector()
    serve(server)


def told(status):
    command, details = status.command, attribute(status)
    if command in ("get_actuator_value", "move_done", "check_position"):
        position = details[0]
        value = float(np.atleast_1d(position.data[0] if hasattr(position, "data") and not IS_OLD else position)[0])
        tell("position" if command != "move_done" else "move_done", value=value, units=getattr(position, "units", ""))
    elif command == "x_axis" or command == "y_axis":
        axis = details[0]
        tell(command, label=axis["label"], units=axis["units"], **described(axis["data"]))
    else:
        tell(command, text=str(details)[:300])


def run_move(port):
    if IS_OLD:
        from pymodaq.daq_move.utility_classes import DAQ_Move_TCP_server
    else:
        from pymodaq.control_modules.move_utility_classes import DAQ_Move_TCP_server
    server = DAQ_Move_TCP_server(None, None)
    server.settings.child("socket_ip").setValue("127.0.0.1")
    server.settings.child("port_id").setValue(int(port))
    server.emit_status = told
    server.ini_stage()
    serve(server)


def serve(server):
    keeper = Server(server)
    LINE.came.connect(keeper.obey)
    tell("ready")
    APP.exec_()


def can_send():
    """The line without which the server of 5.x fails at every order (pymodaq.md, "Server loop")."""
    from pymodaq_utils.serialize.mysocket import Socket

    def accept(self):
        connection, address = self.socket.accept()
        return Socket(connection), address

    Socket.accept = accept


def play(role, arguments):
    if role in ("grabber", "actuator"):
        run_client(role.upper(), arguments[0], int(arguments[1]))
    if arguments[1:] == ["mended"]:
        can_send()
    if role == "viewer":
        run_viewer(arguments[0])
    run_move(arguments[0])


if __name__ == "__main__":
    HAS_UNITS = IS_NEW = False
    if not IS_OLD:
        import pymodaq

        version = [int(part) for part in pymodaq.__version__.split(".")[:2]]
        # Units of positions are lost in 4.2 and 4.3, and 4.0 sends numbers.
        IS_NEW, HAS_UNITS = version >= [5, 0], version not in ([4, 0], [4, 2], [4, 3])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for request in sys.stdin:
        request = json.loads(request)
        if os.fork() != 0:
            continue
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        APP = QtWidgets.QApplication([])
        LINE = Line(request["socket"])
        LINE.listen()
        play(request["role"], [str(argument) for argument in request["arguments"]])
