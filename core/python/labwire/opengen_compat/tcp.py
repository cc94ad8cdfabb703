"""The client of an optimizer's server, and the server of a folder that `build` wrote."""

import json
import os
import socket
import subprocess
import sys
import time

from .solver import SolverError, SolverResponse, SolverStatus

__all__ = ["OptimizerTcpManager", "SolverError", "SolverResponse", "SolverStatus"]


class OptimizerTcpManager:
    """OptimizerTcpManager(path), OptimizerTcpManager(path, ip, port): of a folder that `build` wrote, whose server `start`
    starts; OptimizerTcpManager(ip=..., port=...): of a server that runs already, labwire's or OpEn's."""

    def __init__(self, optimizer_path=None, ip=None, port=None):
        self._path, self._server = optimizer_path, None
        if optimizer_path is not None:
            with open(os.path.join(optimizer_path, "optimizer.json"), encoding="utf-8") as file:
                self.details = json.load(file)
            tcp = self.details["tcp"]
            tcp["ip"], tcp["port"] = ip or tcp["ip"], port or tcp["port"]
        elif ip is not None and port is not None:
            self.details = {"tcp": {"ip": ip, "port": port}}
        else:
            raise Exception("Illegal arguments")

    @property
    def _address(self):
        ip = self.details["tcp"]["ip"]
        return "127.0.0.1" if ip == "0.0.0.0" else ip, self.details["tcp"]["port"]

    def _request(self, message):
        with socket.create_connection(self._address, timeout=10) as connection:
            # A solve takes what it takes.
            connection.settimeout(None)
            connection.sendall(json.dumps(message).encode())
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as stream:
                return stream.read()

    def start(self):
        """Start the server of the folder, as a process; return once it answers."""
        if self._path is None:
            raise Exception("No optimizer path provided - cannot start a remote server")
        ip, port = self.details["tcp"]["ip"], self.details["tcp"]["port"]
        with socket.socket() as probe:
            if probe.connect_ex(self._address) == 0:
                raise Exception(f"Port {port} not available")
        problem = os.path.join(self._path, self.details["meta"]["optimizer_name"] + ".json")
        command = [sys.executable, "-m", "labwire", "serve", "--only", "open", "--open", f"{ip}:{port}", "--problem", problem]
        self._server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while True:
            if self._server.poll() is not None:
                raise Exception(self._server.communicate()[1].strip() or f"Port {port} not available")
            try:
                self.ping()
                return
            except OSError:
                time.sleep(0.02)

    def ping(self):
        """Ping the server, which answers {"Pong": 1}."""
        return json.loads(self._request({"Ping": 1}))

    def kill(self):
        """End the server."""
        self._request({"Kill": 1})
        if self._server is not None:
            self._server.communicate()
            self._server = None

    def call(self, p, initial_guess=None, initial_y=None, initial_penalty=None, buffer_len=4096, max_data_size=1048576):
        """Solve for the parameters `p`; return a SolverResponse."""
        request = {"parameter": _list(p)}
        for name, values in (("initial_guess", initial_guess), ("initial_lagrange_multipliers", initial_y)):
            if values is not None:
                request[name] = _list(values)
        if initial_penalty is not None:
            request["initial_penalty"] = float(initial_penalty)
        reply = json.loads(self._request({"Run": request}))
        if reply.get("type") == "Error":
            return SolverResponse(SolverError(reply["code"], reply["message"]))
        return SolverResponse(_status(reply))


def _list(values):
    return [float(value) for value in values]


def _status(reply):
    """The reply with opengen's names."""
    status = SolverStatus.__new__(SolverStatus)
    vars(status).update(reply, f1_infeasibility=reply["delta_y_norm_over_c"])
    return status
