"""labwire: an optimizer for problems as text, a Bayesian experiment designer, and the socket protocols of both.

    import labwire

    problem = labwire.Problem({"variables": {"u": 2}, "parameters": {"p": 1}, "cost": "(u[0] - p)^2 + u[1]^2"})
    solver = labwire.Solver(problem)
    solver.solve([3]).solution    # array([3., 0.])

Arrays are numpy's, of float64; lists and arrays of other real types are converted. All exceptions are `labwire.Error`s.
"""

from . import aio
from ._clients import ObeClient, OptimizerClient, ZeissClient
from ._device import DeviceConnection, DeviceSimulator, DeviceStatus, TCPInterface
from ._display import Convergence
from ._errors import (
    BusyError,
    DeviceError,
    Error,
    InputError,
    NoSensitivities,
    NotConnected,
    NotSolvedError,
    ServerError,
    TextError,
    TimedOut,
)
from ._labwire import Designer, Experiment, Problem, Simulator, Solver, __version__
from ._modules import Axis, Data, Module, ModuleController
from ._servers import Server, serve
from ._solution import Batch, IntegerSearch, Progress, Sensitivities, Solution

__all__ = [
    "Axis",
    "Batch",
    "BusyError",
    "Convergence",
    "Data",
    "Designer",
    "DeviceConnection",
    "DeviceError",
    "DeviceSimulator",
    "DeviceStatus",
    "Error",
    "Experiment",
    "InputError",
    "IntegerSearch",
    "Module",
    "ModuleController",
    "NoSensitivities",
    "NotConnected",
    "NotSolvedError",
    "ObeClient",
    "OptimizerClient",
    "Problem",
    "Progress",
    "Sensitivities",
    "Server",
    "ServerError",
    "Simulator",
    "Solution",
    "Solver",
    "TCPInterface",
    "TextError",
    "TimedOut",
    "ZeissClient",
    "__version__",
    "aio",
    "serve",
]
