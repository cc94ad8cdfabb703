"""Clients of servers: OpEn's, OptBayesExpt's, ZEISS INSPECT's. Devices are in `_device`."""

from __future__ import annotations

import json
import os

from ._labwire import OpenCalls, obe_call, zeiss_call, zeiss_elements, zeiss_image
from ._source import _plain
from ._waiting import Blocking


class OptimizerClient(Blocking):
    """Client of an OpEn server, labwire's or OpEn's own. `address` is "host:port", `timeout` the longest wait in seconds.

    Raises ServerError for error replies, NotConnected where there is no reply.
    """

    def __init__(self, address="127.0.0.1:4598", *, timeout=60.0):
        self.address = address
        self._calls = OpenCalls(address, timeout)

    def ping(self, number=1):
        """Return the number, from the server."""
        return self._finish(self._calls.ping(number))

    def run(self, parameter, *, initial_guess=None, multipliers=None, penalty=None, problem=None, max_solve_time=None,
            sensitivities=False):
        """Solve for a vector of parameters; return the reply as a dictionary. `problem` names one of several, `max_solve_time`
        is in seconds."""
        request = {
            "parameter": _list(parameter),
            "initial_guess": _list(initial_guess),
            "initial_lagrange_multipliers": _list(multipliers),
            "initial_penalty": penalty,
            "problem": problem,
            "max_solve_time_ms": None if max_solve_time is None else 1e3 * max_solve_time,
            "sensitivities": sensitivities or None,
        }
        return self._finish(self._calls.run(json.dumps(request, default=_plain)), json.loads)

    def kill(self):
        """End the server."""
        return self._finish(self._calls.kill(1))


class ObeClient(Blocking):
    """Client of an OptBayesExpt server, labwire's or the original. `address` is "host:port", `timeout` the longest wait in
    seconds."""

    def __init__(self, address="127.0.0.1:61981", *, timeout=60.0):
        self.address, self.timeout = address, timeout

    def tcpcmd(self, command, **arguments):
        """Send a command, or a message (a dictionary); return the reply. An error reply is a ServerError."""
        message = {"command": command, **arguments} if isinstance(command, str) else command
        text = json.dumps(message, default=_plain).encode()
        return self._finish(obe_call(self.address, self.timeout, text), _reply)

    def __getattr__(self, command):
        if command.startswith("_"):
            raise AttributeError(command)
        return lambda **arguments: self.tcpcmd(command, **arguments)


class ZeissClient(Blocking):
    """Client of ZEISS INSPECT's script, or of a server in its place. `address` is "host:port", `timeout` the longest wait in
    seconds."""

    def __init__(self, address="127.0.0.1:7000", *, timeout=60.0):
        self.address, self.timeout = address, timeout

    def image(self, file, series, focal_length=50.0):
        """Have an image imported into a measurement series; the focal length is in mm. Return the answer."""
        request = zeiss_image(os.fspath(file), series, focal_length)
        return self._finish(zeiss_call(self.address, self.timeout, request))

    def elements(self, file, *, new_stage=False):
        """Have elements imported into the clipboard, or into a new stage. Return the answer."""
        request = zeiss_elements(os.fspath(file), new_stage)
        return self._finish(zeiss_call(self.address, self.timeout, request))


def _list(values):
    return None if values is None else [float(value) for value in values]


def _reply(text):
    from ._errors import ServerError

    reply = json.loads(text)
    if isinstance(reply, dict) and isinstance(reply.get("error"), dict):
        raise ServerError(f"{reply['error'].get('code')}: {reply['error'].get('message')}", reply["error"].get("code"))
    return reply
