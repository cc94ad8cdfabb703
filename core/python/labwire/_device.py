"""Connections to lab devices, and emulated ones."""

from __future__ import annotations

from dataclasses import dataclass

from ._labwire import Device, EmulatedDevice
from ._waiting import Blocking


@dataclass
class DeviceStatus:
    """State of a connection to a device, and its counters since it was made."""

    state: str
    """"disconnected", "connecting", "connected", or "backoff" before the next attempt."""
    degraded: str | None
    """Reason why the device is unusable; None while it is well."""
    attempts: int
    """Attempts to connect."""
    connections: int
    """Attempts that succeeded."""
    connections_lost: int
    """Connections that ended unintentionally."""
    requests: int
    """Requests accepted."""
    failures: int
    """Requests that failed."""
    answers: int
    """Answers delivered."""
    bytes_sent: int
    """Bytes handed to the network."""
    bytes_received: int
    """Bytes received."""
    round_trip: float
    """Time of the last answer, in seconds."""


class DeviceConnection(Blocking):
    """Connection to a lab device, which is made again whenever it is lost. Every query gets its own answer, or an exception
    that says whether the device may have received it.

    address           "host:port"; without a port, the usual one of the preset
    preset            framing of the device, with options, such as "scpi,end=crlf,echo"; `labwire device presets` lists them
    timeout           time limit of a request, in seconds
    connect_timeout   time limit of an attempt to connect, in seconds
    minimum_interval  shortest time between two attempts to connect, in seconds
    answer_bytes      longest answer
    alone             time for which an answer must stay alone, in seconds, so that a part is not taken for the whole

    Threads may share it. `labwire.aio.DeviceConnection` has the same methods as coroutines. Raises TimedOut, NotConnected (both
    are ConnectionErrors) and DeviceError.
    """

    def __init__(self, address, preset="scpi", *, timeout=10.0, connect_timeout=10.0, minimum_interval=0.1,
                 answer_bytes=1 << 20, alone=0.0):
        self.address = address
        self._device = Device(address, preset, timeout, connect_timeout, minimum_interval, answer_bytes, alone)

    def query(self, command):
        """Ask, and return the answer without its framing: as text if `command` is text, as bytes if it is bytes."""
        then = (lambda answer: answer.decode(errors="replace")) if isinstance(command, str) else None
        return self._finish(self._device.query(_bytes(command)), then)

    def send(self, command):
        """Send a command that sets something; wait for its acknowledgement where devices of this kind send one."""
        return self._finish(self._device.send(_bytes(command)), lambda _: None)

    def write(self, message):
        """Send bytes as they are, without framing."""
        return self._finish(self._device.write(_bytes(message)), lambda _: None)

    def read(self, until=None):
        """Receive bytes that nobody asked for with `query`: up to a delimiter (bytes), of a length (a number), or any."""
        if isinstance(until, int):
            return self._finish(self._device.read(None, until))
        return self._finish(self._device.read(None if until is None else _bytes(until), None))

    def status(self):
        """The DeviceStatus."""
        return self._finish(self._device.status(), lambda parts: DeviceStatus(parts[0], parts[1], *parts[2], parts[3]))

    @property
    def degraded(self):
        """Reason why the device is unusable; None while it is well."""
        return self._device.degraded

    def __repr__(self):
        return f"<labwire.{type(self).__name__} to {self.address}: {self.degraded or 'well'}>"


class TCPInterface(Blocking):
    """In place of `socs.tcp.TCPInterface`: the same methods and exceptions (ConnectionError), with a connection that is made
    again by itself, and never sends a message twice or returns the answer to an earlier one after a time-out."""

    def __init__(self, ip_address, port, timeout):
        self.ip_address, self.port, self.timeout = ip_address, int(port), timeout
        self._device = Device(f"{ip_address}:{self.port}", "raw", timeout, timeout, 0.1, 1 << 20, 0.0)
        self._unread = b""
        # The first attempt to connect belongs to this call, as there.
        while self._finish(self._device.status())[0] in ("disconnected", "connecting"):
            pass

    def send(self, msg):
        """Send a message (bytes)."""
        self._unread = b""
        self._finish(self._device.write(_bytes(msg)))

    def recv(self, bufsize=4096, reset_on_error=False):
        """Receive at most `bufsize` bytes, within the time-out."""
        data = self._unread or self._finish(self._device.read(None, None))
        self._unread = data[bufsize:]
        return data[:bufsize]


class DeviceSimulator(Blocking):
    """Emulated device on a port of this machine.

    preset   kind of device; without `respond` it behaves as one
    respond  function of each command (bytes) that returns the answer (bytes), or None for a command that is carried out
             without one; if it raises, the device refuses
    faults   such as ["drop-after=3", "delay=0.1@0.5"]
    address  "127.0.0.1:0": any free port; `address` tells which
    """

    def __init__(self, preset="scpi", respond=None, *, address="127.0.0.1:0", faults=(), seed=0):
        self._emulated = self._finish(EmulatedDevice.start(address, preset, list(faults), seed, respond))
        self.address = self._emulated.address

    def stop(self):
        """Close the port and its connections."""
        self._finish(self._emulated.stop())

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()


def _bytes(text):
    if isinstance(text, str):
        return text.encode()
    if isinstance(text, (bytes, bytearray, memoryview)):
        return bytes(text)
    raise TypeError(f"expected text or bytes, not {type(text).__name__}")
