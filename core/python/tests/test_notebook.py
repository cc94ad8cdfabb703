"""The notebook of the book: run again, it shows what it showed."""

import os
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[3] / "core/book/src/first-hour/notebook.ipynb"


def shown(notebook):
    """What each cell printed, and the kinds and texts of what it displayed."""
    cells = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    displayed = [[output for output in outputs if "data" in output] for outputs in cells]
    return [
        ("".join(output.get("text", "") for output in outputs), [(sorted(it.data), it.data["text/plain"]) for it in shows])
        for outputs, shows in zip(cells, displayed)
    ]


def test_notebook():
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    expected = shown(notebook)
    assert any(printed for printed, _ in expected) and any(displayed for _, displayed in expected)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", coalesce_streams=True).execute()
    if os.environ.get("UPDATE_BOOK"):
        for cell in notebook.cells:
            cell.metadata = {}
        nbformat.write(notebook, NOTEBOOK)
    else:
        assert shown(notebook) == expected
