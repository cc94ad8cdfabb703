"""The examples of the README, as one program; the comment lines that follow a print are what it prints."""

import contextlib
import io
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_examples():
    pytest.importorskip("casadi")
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    expected = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("# ")]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile("\n".join(blocks), str(README), "exec"), {"__name__": "readme"})
    assert printed.getvalue().splitlines() == expected
