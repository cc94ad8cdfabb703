"""The device drivers of socs against `labwire device emulate`; one line per check."""

import contextlib
import io
import subprocess
import sys
import tempfile

from socs.agents.cryomech_cpa.drivers import PTC
from socs.agents.devantech_dS378.drivers import DS378, RelayStatus
from socs.agents.fls.drivers import DLCSmart
from socs.agents.galil_axis.drivers import GalilAxis
from socs.agents.hwp_pmx.drivers.PMX_ethernet import PMX
from socs.agents.kikusui_pcr500ma.drivers import PCR500MA
from socs.agents.pfeiffer_tpg366.drivers import TPG366
from socs.Lakeshore.Lakeshore372 import LS372
from socs.tcp import TCPInterface

labwire = sys.argv[1]


def check(what, seen, expected):
    passed = expected(seen) if callable(expected) else seen == expected
    print(f"{'ok' if passed else 'FAIL'}: {what}{'' if passed else f', got {seen!r}'}")
    if not passed:
        sys.exit(1)


@contextlib.contextmanager
def device(preset, *options):
    """Emulated device; yields its host and port. The output of the drivers is discarded."""
    command = [labwire, "device", "emulate", "--address", "127.0.0.1:0", "--preset", preset, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = process.stdout.readline().split()[-1]
        host, port = address.rsplit(":", 1)
        yield host, int(port)
    finally:
        process.terminate()
        process.wait()


def quietly(function, *arguments):
    with contextlib.redirect_stdout(io.StringIO()):
        return function(*arguments)


def canned(text):
    file = tempfile.NamedTemporaryFile("w", suffix=".txt")
    file.write(text)
    file.flush()
    return file


with device("raw") as address:
    link = TCPInterface(*address, 2)
    link.send(b"ping")
    check("TCPInterface: echo", link.recv(), b"ping")

with device("modbus") as address:
    compressor = PTC(*address)
    flag, data = compressor.get_data()
    check("PTC: registers are understood", (flag, round(data["Coolant_In_Temp"], 3), data["Operating_State"]),
          (False, 17.5, 0))
    compressor.power("on")
    flag, data = compressor.get_data()
    check("PTC: the motor runs", (flag, data["Operating_State"], data["Motor_Current"]), (False, 3, 14.25))

DS378.__del__ = TCPInterface.__del__  # Theirs names an attribute that does not exist.
with device("opcode") as address:
    board = DS378(*address)
    check("DS378: status", board.get_status()["V_sppl"], 12.0)
    check("DS378: a relay is set", board.set_relay(3, RelayStatus.on), 0)
    check("DS378: relays", board.get_relays()[:4], [0, 0, 1, 0])
    check("DS378: output", board.set_output(2, 1), 0)
    check("DS378: inputs", board.get_inputs(), [0, 1, 0, 0, 0, 0, 0])
    check("DS378: analog", board.get_analog()[0], 512)
    check("DS378: counters", board.get_counters(3), (1, 0))

with device("mnemonic") as address:
    gauges = quietly(TPG366, *address)
    check("TPG366: a pressure", quietly(gauges.read_pressure, 1), 1000.0)
    check("TPG366: all pressures", list(quietly(gauges.read_pressure_all))[1], lambda p: 1900 < p < 2000)

with device("scpi") as address:
    supply = PCR500MA(*address)
    check("PCR500MA: identity", supply.get_idn(), lambda text: text.startswith("labwire,"))
    supply.turn_on()
    check("PCR500MA: output", supply.get_output(), True)
    supply.set_current_limit_ac(2.5)
    check("PCR500MA: current limit", supply.get_current_limit_ac(), 2.5)

with device("scpi") as address:
    supply = PMX(*address)
    check("PMX: on", supply.turn_on()[1], 1)
    check("PMX: no error", supply.check_error()[1], 0)
    check("PMX: off", supply.turn_off()[1], 0)

with canned("*IDN? => LSCI,MODEL372,LSA23JD,1.5\nKRDG? 1 => +102.3E+00\n") as list_file, \
        device("crlf", "--replies", list_file.name) as address:
    bridge = LS372.__new__(LS372)  # Its __init__ asks the configuration of 17 channels.
    TCPInterface.__init__(bridge, *address, 2)
    check("LS372: identity", bridge.msg("*IDN?"), "LSCI,MODEL372,LSA23JD,1.5")
    check("LS372: a temperature", float(bridge.msg("KRDG? 1")), 102.3)

with canned("MG _PRA => 1234.0000\n") as list_file, device("colon", "--replies", list_file.name) as address:
    axis = GalilAxis(*address)
    check("Galil: a position", quietly(axis.galil_command, "MG _PR", "A", None, True), "1234.0000")

with canned("(param-ref 'general:system-label) => \"SAT\"\n") as list_file, \
        device("prompt", "--replies", list_file.name) as address:
    laser = DLCSmart(*address)
    check("DLCSmart: a parameter", quietly(laser.get_system_label), '"SAT"')
