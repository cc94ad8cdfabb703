"""The command `labwire` of the wheel."""

import json
import signal
import subprocess
import sys
import time

import pytest
from conftest import ENDLESS, HEATING


def labwire(*arguments, **options):
    return subprocess.run([sys.executable, "-m", "labwire", *arguments], capture_output=True, text=True, timeout=60, **options)


def test_it_solves(tmp_path):
    path = tmp_path / "heating.json"
    path.write_text(json.dumps(HEATING))
    solved = labwire("solve", str(path), "-p", "5,16", "--json")
    assert solved.returncode == 0 and json.loads(solved.stdout)["exit_status"] == "Converged"
    refused = labwire("solve", str(path), "-p", "5")
    assert refused.returncode == 65 and "wrong number of parameters" in refused.stderr
    assert labwire("sovle").returncode == 64
    assert labwire("--version").stdout.startswith("labwire ")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for another process")
def test_ctrl_c(tmp_path):
    path = tmp_path / "endless.json"
    path.write_text(json.dumps(ENDLESS))
    process = subprocess.Popen([sys.executable, "-m", "labwire", "solve", str(path)])
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == -signal.SIGINT


def test_it_serves():
    process = subprocess.Popen([sys.executable, "-m", "labwire", "serve", "--only", "open", "--open", "127.0.0.1:0"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = [process.stdout.readline() for _ in range(2)]
    address = lines[1].split()[1]
    assert " answers " in labwire("open", "--address", address, "ping").stdout
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
