"""Servers in this process, on threads of their own."""

from __future__ import annotations

import json
import math
import secrets
import time

from . import _labwire
from ._labwire import Experiment, Problem
from ._modules import Module, ModuleController
from ._solution import Solution
from ._waiting import Blocking


class Server(Blocking):
    """A server on a port of this process; `address` is its "host:port". It ends with `stop`, with the block of `with`, when a
    client says so (Kill, `done`), or when nothing refers to it any more."""

    def __init__(self, listening):
        self._listening = listening
        self._modules = []
        self.address = listening.address

    def stop(self):
        """Answer what has been asked, and end."""
        for module in self._modules:
            module.stop()
        self._finish(self._listening.stop())

    def wait(self):
        """Wait for the end."""
        self._finish(self._listening.wait())

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()

    def __repr__(self):
        return f"<labwire.Server at {self.address}>"


def serve(*, open=None, obe=None, zeiss=None, pymodaq=None, address="127.0.0.1:0", seed=None, folder=None):
    """Serve one protocol in this process, on threads of its own; return the Server. Give one of:

    open   OpEn's protocol: a Problem, or a function of the request (a dictionary with "parameter" ...) that returns a Solution,
           or the reply as a dictionary ("solution", "cost", "exit_status" ...)
    obe    OptBayesExpt's protocol: an Experiment whose model is a formula (with `seed`, and a `folder` for posteriors), or a
           function of the message (a dictionary with "command") that returns the reply
    zeiss  ZEISS INSPECT's protocol: a function of the request ("image" or "elements") and its parameters that returns whether
           the file was imported
    pymodaq  PyMoDAQ's protocol, for modules and those who use them, such as `ModuleController`: a dictionary of names and
           hardware, as Module takes it, of modules that this process has; others may connect
           (for devices there is DeviceSimulator)

    An exception of a function is an error reply with its text; `sys.unraisablehook` sees it too.
    """
    given = [name for name, value in (("open", open), ("obe", obe), ("zeiss", zeiss), ("pymodaq", pymodaq))
             if value is not None]
    if len(given) != 1:
        raise TypeError(f"expected one of open, obe, zeiss and pymodaq, found {', '.join(given) or 'none'}")
    if pymodaq is not None:
        return _serve_modules(address, pymodaq)
    if isinstance(open, Problem):
        listening = _labwire.serve_problem(address, open)
    elif open is not None:
        listening = _labwire.serve_open(address, _answering(open, _run_reply))
    elif isinstance(obe, Experiment):
        if obe.model is not None:
            raise TypeError("the model of a served experiment must be a formula")
        seed = secrets.randbits(53) if seed is None else seed
        listening = _labwire.serve_experiment(address, obe.text, seed, folder)
    elif obe is not None:
        listening = _labwire.serve_obe(address, _answering(obe, lambda reply: reply))
    else:
        listening = _labwire.serve_zeiss(address, _importing(zeiss))
    return Server(Server._finish(listening))


def _serve_modules(address, modules):
    server = Server(Server._finish(_labwire.serve_modules(address)))
    try:
        for name, hardware in modules.items():
            server._modules.append(Module(hardware, server.address, name=name))
        controller = ModuleController(server.address)
        while len(controller.modules()) < len(modules):
            time.sleep(0.005)
    except BaseException:
        server.stop()
        raise
    return server


def _answering(function, reply):
    from ._source import _plain

    if not callable(function):
        raise TypeError(f"expected a function, not {type(function).__name__}")
    return lambda text: json.dumps(reply(function(json.loads(text))), default=_plain)


def _importing(function):
    def answer(text):
        (name, parameters), = json.loads(text).items()
        return function(name, parameters)

    return answer


_STATUS = {"converged": "Converged", "stationary": "Converged", "time limit": "NotConvergedOutOfTime"}


def _run_reply(result):
    """OpEn's reply from a Solution, or from what there is of one."""
    if isinstance(result, Solution):
        return {
            "exit_status": _STATUS.get(result.status, "NotConvergedIterations"),
            "num_outer_iterations": result.outer_iterations,
            "num_inner_iterations": result.inner_iterations,
            "last_problem_norm_fpr": result.residual,
            "delta_y_norm_over_c": result.f1_distance,
            "f2_norm": result.f2_norm,
            "solve_time_ms": 1e3 * result.solve_time,
            "penalty": max(result.penalties, default=0.0),
            "solution": result.solution,
            "lagrange_multipliers": result.multipliers,
            "cost": result.cost,
            "max_constraint_violation": result.violation,
            "kkt_residual": result.residual,
            "evaluations": result.evaluations,
            "f2_lagrange_multipliers": result.f2_multipliers,
            "status": result.status,
        }
    zeros = dict.fromkeys(("last_problem_norm_fpr", "delta_y_norm_over_c", "f2_norm", "solve_time_ms", "penalty", "cost",
                           "max_constraint_violation", "kkt_residual"), 0.0)
    counts = dict.fromkeys(("num_outer_iterations", "num_inner_iterations", "evaluations"), 0)
    reply = {"exit_status": "Converged", **zeros, **counts, **result}
    wrong = [name for name, value in reply.items() if isinstance(value, float) and not math.isfinite(value)]
    if wrong:
        raise ValueError(f"{wrong[0]} is {reply[wrong[0]]}, expected a finite number")
    return reply
