"""Client of a server of PyMoDAQ modules: detectors and actuators."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ._errors import DeviceError
from ._labwire import pymodaq_call
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
    """Seconds since 1970."""
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
