"""Many solves at once."""

import signal
import time

import numpy as np
import pytest
from test_threads import run

import labwire


def rows(count):
    return np.column_stack([np.linspace(-5, 10, count), np.linspace(14, 18, count)])


def test_a_batch_is_its_solves(heating):
    solver = labwire.Solver(heating)
    p = rows(50)
    batch = solver.solve_batch(p)
    assert len(batch) == 50 and batch.solution.shape == (50, 6) and batch.evaluations.dtype == np.int64
    for i, row in enumerate(p):
        single = solver.solve(row, cold=True)
        assert batch.solution[i].tolist() == single.solution.tolist()
        assert batch.multipliers[i].tolist() == single.multipliers.tolist()
        assert (batch.status[i], batch.cost[i], batch.evaluations[i]) == (single.status, single.cost, single.evaluations)
    assert batch.converged.all() and repr(batch) == "<labwire.Batch of 50 solves, 50 converged>"
    for threads in (1, 3, 100):
        assert solver.solve_batch(p, threads=threads).solution.tolist() == batch.solution.tolist()


def test_shapes(heating):
    solver = labwire.Solver(heating)
    expected = solver.solve_batch(rows(20)).solution.tolist()
    assert solver.solve_batch(rows(20).tolist()).solution.tolist() == expected
    assert solver.solve_batch(np.asfortranarray(rows(20))).solution.tolist() == expected
    assert solver.solve_batch(rows(40)[::2]).solution.shape == (20, 6)
    empty = solver.solve_batch(np.zeros((0, 2)))
    assert len(empty) == 0 and empty.solution.shape == (0, 6)
    warm = solver.solve_batch(rows(20), initial_guesses=np.array(expected))
    assert warm.evaluations.sum() < solver.solve_batch(rows(20)).evaluations.sum()


@pytest.mark.parametrize(
    "p, options, text",
    [
        ([1, 2], {}, r"parameters: expected 2 dimensions, found shape \(2,\)"),
        (np.zeros((4, 3)), {}, r"parameters: found shape \(4, 3\), expected \(4, 2\)"),
        (np.zeros((4, 2)), {"initial_guesses": np.zeros((3, 6))}, r"initial guesses: found shape \(3, 6\), expected \(4, 6\)"),
        ([[1, 2], [1, float("nan")], [float("inf"), 0]], {}, "row 1: parameters: entry 1 is NaN"),
    ],
)
def test_what_does_not_fit(heating, p, options, text):
    with pytest.raises(labwire.InputError, match=text):
        labwire.Solver(heating).solve_batch(p, **options)


def test_keyboard_interrupt():
    process = run("""
        solver = labwire.Solver(endless)
        print("solving", flush=True)
        try:
            solver.solve_batch([[]]*100)
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert process.stdout.readline() == "solving\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("interrupted\n", "", 0)
