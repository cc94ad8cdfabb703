"""The clients with coroutines of asyncio in place of their methods:

    async def main():
        device = labwire.aio.DeviceConnection("192.168.1.20:5025")
        volts = float(await device.query("MEAS:VOLT?"))
"""

from . import _clients, _device, _modules
from ._waiting import InAsyncio

__all__ = ["DeviceConnection", "ModuleController", "ObeClient", "OptimizerClient", "ZeissClient"]


class DeviceConnection(InAsyncio, _device.DeviceConnection):
    """`labwire.DeviceConnection` with coroutines."""


class OptimizerClient(InAsyncio, _clients.OptimizerClient):
    """`labwire.OptimizerClient` with coroutines."""


class ObeClient(InAsyncio, _clients.ObeClient):
    """`labwire.ObeClient` with coroutines."""


class ZeissClient(InAsyncio, _clients.ZeissClient):
    """`labwire.ZeissClient` with coroutines."""


class ModuleController(InAsyncio, _modules.ModuleController):
    """`labwire.ModuleController` with coroutines."""
