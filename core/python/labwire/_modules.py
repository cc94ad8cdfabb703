"""PyMoDAQ modules, detectors and actuators: clients of their server, and modules of this process."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ._errors import DeviceError
from ._labwire import connect_module, pymodaq_call
from ._waiting import Blocking

if TYPE_CHECKING:
    import numpy as np


@dataclass
class Axis:
    """Coordinates along one dimension of data."""

    label: str
    units: str
    index: int
    """Dimension of the data, from 0."""
    data: np.ndarray
    """Coordinates, in the axis's units."""


@dataclass
class Data:
    """What a detector has measured: arrays of one shape, such as channels, with the axes of their dimensions."""

    name: str
    units: str
    timestamp: float
    """Seconds since 1970; for a Module, the time of the grab takes its place."""
    labels: list[str]
    """Names of the arrays."""
    arrays: list[np.ndarray]
    """The arrays, with the dtypes that the module sent."""
    axes: list[Axis] = field(default_factory=list)


class ModuleController(Blocking):
    """Controls the PyMoDAQ modules of labwire's server from this process: `labwire serve --only pymodaq`.

    `address` is "host:port", `timeout` the longest wait in seconds, such as for the end of a move. A module that refuses is a
    DeviceError.
    """

    def __init__(self, address="127.0.0.1:6341", *, timeout=60.0):
        self.address, self.timeout = address, timeout

    def modules(self):
        """Descriptions of all modules: a list of dictionaries with "module", "kind", "state" ..."""
        return self._finish(pymodaq_call(self.address, self.timeout, [], "list"))

    def grab(self, module, dim=None):
        """Have a detector measure; `dim` is "0D", "1D", "2D" or "ND", by default that of its last data. Return a list of Data."""
        return self._ask(module, "grab", _data, text=dim)

    def last(self, module):
        """The latest data of a detector: a list of Data."""
        return self._ask(module, "last", _data)

    def move_abs(self, module, value):
        """Move an actuator to a position, in its units; return the position."""
        return self._ask(module, "move_abs", _position, value)

    def move_rel(self, module, value):
        """Move an actuator by a distance, in its units; return the position."""
        return self._ask(module, "move_rel", _position, value)

    def home(self, module):
        """Move an actuator to its home position; return the position."""
        return self._ask(module, "home", _position)

    def position(self, module):
        """Position of an actuator, in its units."""
        return self._ask(module, "position", _position)

    def stop(self, module):
        """Stop an actuator."""
        return self._ask(module, "stop", lambda answer: None)

    def settings(self, module):
        """Settings of a module, as XML."""
        return self._ask(module, "settings", lambda answer: answer["settings"])

    def set(self, module, path, value):
        """Change a setting; `path` is the names of its groups and its own, as a list or joined by "/". Return whether the module
        has confirmed it."""
        path = path.split("/") if isinstance(path, str) else list(path)
        return self._ask(module, "set", lambda answer: answer["confirmed"], text=str(value), path=path)

    def _ask(self, module, name, then, value=None, text=None, path=()):
        def only(answers):
            if not answers:
                raise DeviceError(f"{self.address}: no answer of {module}")
            if "error" in answers[0]:
                raise DeviceError(f"{answers[0]['module']}: {answers[0]['error']}")
            return then(answers[0])

        return self._finish(pymodaq_call(self.address, self.timeout, [module], name, value, text, list(path)), only)


class Module(Blocking):
    """A detector or an actuator of this process, connected to a server of PyMoDAQ modules, again and again if need be. It ends with
    `stop`, with the block of `with`, or when nothing refers to it any more.

    `hardware` is for a detector a function of the wanted dimensionality ("0D", "1D", "2D" or "ND", which it may ignore) that returns
    an array, a list of arrays (channels), a Data or a list of Data; it may block. For an actuator it is an object with
    `position()`, at once, and `move_to(position)`, which may block until it is there, and perhaps with `home()`, `stop()` and
    `units`, a text. All are called by threads of labwire's. The text of an exception goes to the server as the reason why there
    are no data; an exception of a move ends it, and the server learns the position. `sys.unraisablehook` sees either.

    `address` is the server's "host:port", `name` a proposal to labwire's server, and `generation` the server's release of
    PyMoDAQ, such as "4.4"; labwire's server speaks all.
    """

    def __init__(self, hardware, address="127.0.0.1:6341", *, name=None, generation="g4"):
        self._module = self._finish(connect_module(address, generation, name, secrets.randbits(32), _Hardware(hardware)))
        self.address = address

    def stop(self):
        """Leave the server, and end."""
        self._finish(self._module.stop())

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()


class _Hardware:
    """What the extension calls."""

    grab = position = move_to = home = stop = None
    units = ""

    def __init__(self, hardware):
        if callable(getattr(hardware, "move_to", None)) and callable(getattr(hardware, "position", None)):
            self.position = lambda: float(hardware.position())
            self.move_to = hardware.move_to
            self.home, self.stop = getattr(hardware, "home", None), getattr(hardware, "stop", None)
            self.units = getattr(hardware, "units", "")
        elif callable(hardware):
            self.grab = lambda dim: _parts(hardware(dim))
        else:
            raise TypeError(f"expected a function, or an object with position and move_to, not {type(hardware).__name__}")


def _parts(result):
    """What the extension takes of a detector's result."""
    items = list(result) if isinstance(result, (list, tuple)) else [result]
    if not any(isinstance(item, Data) for item in items):
        items = [Data("", "", 0.0, [f"CH{i:02}" for i in range(len(items))], items)]
    return [
        (item.name, item.units, list(item.labels), [_raw(array) for array in item.arrays],
         [(axis.label, axis.units, axis.index, _raw(axis.data)) for axis in item.axes])
        for item in items
    ]


def _raw(array):
    import numpy as np

    array = np.asarray(array)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"expected an array of numbers, found dtype {array.dtype}")
    return array.dtype.str, array.shape, array.tobytes()


def _position(answer):
    return answer.get("position")


def _data(answer):
    return [
        Data(part["name"], part["units"], part["timestamp"], part["labels"], [_array(*raw) for raw in part["arrays"]],
             [Axis(label, units, index, _array(*raw)) for label, units, index, raw in part["axes"]])
        for part in answer["data"]
    ]


def _array(dtype, shape, data):
    import numpy as np

    return np.frombuffer(data, dtype=dtype).reshape(shape)
