"""Pictures for notebooks."""

import xml.etree.ElementTree as ElementTree

import pytest
from test_designer import DIP

import labwire

SVG = "{http://www.w3.org/2000/svg}"


def lines(text):
    """The numbers of points of all curves."""
    return [len(line.get("points").split()) for line in ElementTree.fromstring(text).iter(SVG + "polyline")]


def test_solution_and_convergence(heating):
    record = labwire.Convergence()
    solution = labwire.Solver(heating).solve([5, 16], cold=True, progress=record)
    assert lines(solution._repr_svg_()) == [6]
    assert len(lines(record._repr_svg_())) == 2
    assert len(record.cost) == len(record.residual) == len(record.evaluations) > 0
    assert record.evaluations[-1] <= solution.evaluations


def test_posterior():
    designer = labwire.Designer(labwire.Experiment(DIP), seed=1)
    text = designer._repr_svg_()
    assert lines(text) == [120, 120, 120] and "f0 = " in text


@pytest.mark.parametrize("curves", [{}, {"<a & b>": []}, {"one": [(1, 1)]}, {"bad": [(0, float("nan")), (1, float("inf"))]}])
def test_odd_curves(curves):
    from labwire._display import panel, picture

    ElementTree.fromstring(picture([panel("<title>", "x", curves), panel("t", "x", curves, is_logarithmic=True)]))
