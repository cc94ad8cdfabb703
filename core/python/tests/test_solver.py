"""Solves: results, starts, limits, inputs that do not fit."""

import gc
import pickle

import numpy as np
import pytest

import labwire

SOLUTION = [3.0, 2.03613492026545, 1.60191466363074, 1.5935233216964653, 1.590974230653838, 1.466685383875841]


def test_solution(heating):
    solution = labwire.Solver(heating).solve(np.array([5.0, 16.0]))
    assert solution.converged and solution.status == "converged"
    assert solution.solution.dtype == np.float64
    np.testing.assert_allclose(solution.solution, SOLUTION, atol=1e-6)
    assert solution.variables["power"].tolist() == solution.solution.tolist()
    assert solution.cost == pytest.approx(15.148627939452837)
    assert solution.residual < 1e-5 and solution.violation == 0
    assert solution.multipliers.tolist() == [0] and solution.f2_multipliers.shape == (0,)
    assert solution.constraints.shape == solution.penalties.shape == (1,)
    assert solution.outer_iterations >= 1 and solution.evaluations >= 1 and solution.solve_time > 0
    assert repr(solution).startswith("<labwire.Solution converged: cost 15.1486, residual")
    copy = pickle.loads(pickle.dumps(solution))
    assert copy.solution.tolist() == solution.solution.tolist() and copy.cost == solution.cost


@pytest.mark.parametrize(
    "p",
    [
        [5, 16],
        (5.0, 16),
        np.array([5, 16]),
        np.array([5, 16], dtype=np.float32),
        np.array([5, 16], dtype=">f8"),
        np.array([5, 0, 16, 0], dtype=float)[::2],
        np.array([[5, 1], [16, 1]], dtype=float)[:, 0],
        {"inside": 16, "outside": [5]},
    ],
    ids=lambda p: f"{type(p).__name__}-{getattr(p, 'dtype', '')}-{getattr(p, 'strides', '')}",
)
def test_parameters_of_every_kind(heating, p):
    np.testing.assert_allclose(labwire.Solver(heating).solve(p).solution, SOLUTION, atol=1e-6)


@pytest.mark.parametrize(
    "p, text",
    [
        ([5], "wrong number of parameters: provided 1, expected 2"),
        (None, "wrong number of parameters: provided 0, expected 2"),
        ([5, np.nan], "parameters: entry 1 is NaN, expected a finite number"),
        ([5, np.inf], "parameters: entry 1 is inf, expected a finite number"),
        (np.zeros((2, 1)), r"parameters: expected 1 dimension, found shape \(2, 1\)"),
        ([5, 16j], "parameters: expected an array of real numbers, not of complex128"),
        (["5", "x"], "parameters: expected an array of real numbers, not of <U1"),
        ([[5], [1, 2]], "parameters: expected an array of real numbers"),
        ({"outside": 5}, "parameters: 'inside' is missing"),
        ({"outside": 5, "inside": [1, 2]}, "inside: provided 2, expected 1"),
        ({"outsid": 5}, "parameters: unknown name 'outsid', expected outside, inside"),
        (object(), "parameters: expected an array of real numbers, not of object"),
    ],
)
def test_parameters_that_do_not_fit(heating, p, text):
    solver = labwire.Solver(heating)
    with pytest.raises(labwire.InputError, match=text) as caught:
        solver.solve(p)
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, labwire.Error)
    assert solver.solve([5, 16]).converged


@pytest.mark.parametrize(
    "options, text",
    [
        ({"initial_guess": [1, 2]}, "initial guess has incompatible dimensions: provided 2, expected 6"),
        ({"initial_guess": [1, 2, 3, 4, 5, np.nan]}, "initial guess: entry 5 is NaN"),
        ({"multipliers": [1, 2]}, "wrong dimension of Lagrange multipliers: provided 2, expected 1"),
        ({"f2_multipliers": [1]}, "wrong dimension of Lagrange multipliers of F2: provided 1, expected 0"),
        ({"penalty": -1}, "initial penalty is -1, expected a positive, finite number"),
        ({"max_duration": -1}, "max_duration is -1, expected a number of seconds, at least 0"),
        ({"max_duration": float("nan")}, "max_duration is NaN"),
    ],
)
def test_options_that_do_not_fit(heating, options, text):
    with pytest.raises(labwire.InputError, match=text):
        labwire.Solver(heating).solve([5, 16], **options)


def test_wrong_types_are_type_errors(heating):
    with pytest.raises(TypeError):
        labwire.Solver("heating")
    with pytest.raises(TypeError):
        labwire.Solver(heating).solve([5, 16], penalty="much")
    with pytest.raises(TypeError):
        labwire.Solver(heating, tolerence=1e-3)


def test_settings(heating):
    assert labwire.Solver(heating, tolerance=1e-9).solve([5, 16]).residual < 1e-9
    assert labwire.Solver(heating, max_duration=60).solve([5, 16]).converged
    with pytest.raises(labwire.InputError, match="tolerance"):
        labwire.Solver(heating, tolerance=0)
    with pytest.raises(labwire.InputError, match="lbfgs_memory"):
        labwire.Solver(heating, lbfgs_memory=100000)


def test_warm_cold_and_given_starts(heating):
    solver = labwire.Solver(heating)
    first = solver.solve([5, 16])
    assert solver.solve([5, 16]).evaluations < first.evaluations
    cold = solver.solve([5, 16], cold=True)
    assert cold.evaluations == first.evaluations and cold.solution.tolist() == first.solution.tolist()
    given = labwire.Solver(heating).solve([5, 16], initial_guess=first.solution, multipliers=first.multipliers)
    assert given.evaluations < first.evaluations


def test_time_limit(endless):
    solution = labwire.Solver(endless).solve(max_duration=0.05)
    assert solution.status == "time limit" and not solution.converged
    assert np.isfinite(solution.solution).all()


def test_infeasible_constraints_are_named():
    problem = labwire.Problem({"variables": {"u": 1}, "cost": "u[0]", "constraints": {"u": {"box": {"min": 0, "max": 1}}},
                               "f1": {"expressions": ["u[0]"], "set": {"box": {"min": 2, "max": 3}}}})
    solution = labwire.Solver(problem).solve()
    assert solution.status == "locally infeasible" and solution.infeasible_constraints == ["F1[0]"]


def test_sensitivities(heating):
    solver = labwire.Solver(heating)
    with pytest.raises(labwire.NoSensitivities):
        solver.sensitivities()
    solver.solve([5, 16])
    sensitivities = solver.sensitivities()
    assert sensitivities.solution.shape == (6, 2) and sensitivities.multipliers.shape == (1, 2)
    np.testing.assert_allclose(sensitivities.solution[1], [-0.17758816007030834, -0.31231224295829346], rtol=1e-6)
    assert sensitivities.solution[0].tolist() == [0, 0]


def test_progress(heating):
    seen = []
    solution = labwire.Solver(heating).solve([5, 16], cold=True, progress=seen.append)
    assert solution.converged and seen
    assert seen[-1].inner_iterations == solution.inner_iterations
    assert all(isinstance(progress, labwire.Progress) for progress in seen)


def test_progress_may_end_the_solve(endless):
    count = 0

    def progress(state):
        nonlocal count
        count += 1
        return count < 5

    assert labwire.Solver(endless).solve(progress=progress).status == "cancelled"
    assert count == 5


def test_progress_that_raises(endless, heating):
    solver = labwire.Solver(endless)
    with pytest.raises(ZeroDivisionError):
        solver.solve(progress=lambda state: 1 / 0)
    # The solver is as good as before.
    assert solver.solve(max_duration=0.01).status == "time limit"


def test_progress_that_solves_with_the_same_solver(endless):
    solver = labwire.Solver(endless)
    with pytest.raises(labwire.BusyError, match="a solve is running already"):
        solver.solve(progress=lambda state: solver.solve())


def test_results_outlive_their_solver(heating):
    solution = labwire.Solver(heating).solve([5, 16])
    values = solution.solution
    del solution
    gc.collect()
    np.testing.assert_allclose(values, SOLUTION, atol=1e-6)
    values[0] = 7  # its own memory


def test_integers():
    relay = {
        "ocp": {
            "horizon": 8,
            "states": ["T"],
            "inputs": ["on"],
            "parameters": ["T0", "out"],
            "initial_state": ["T0"],
            "dynamics": {"next": ["T+0.2*(out-T)+4*on"]},
            "stage_cost": "(T-21)^2+0.01*on",
            "terminal_cost": "(T-21)^2",
            "input_bounds": {"min": 0, "max": 1},
            "integers": ["on"],
        }
    }
    seen = []
    solution = labwire.Solver(labwire.Problem(relay)).solve([15.0, 5.0], progress=seen.append)
    assert solution.converged and set(solution.solution) <= {0.0, 1.0}
    assert isinstance(solution.integers, labwire.IntegerSearch) and solution.integers.is_global
    assert solution.integers.gap < 1e-6 and solution.integers.best == solution.cost
    assert seen[-1].integers.nodes <= solution.integers.nodes
    limited = labwire.Solver(labwire.Problem(relay | {"solver": {"max_nodes": 1}})).solve([15.0, 5.0])
    assert limited.status == "iteration limit" and limited.integers.gap > 0
    assert labwire.Solver(labwire.Problem(relay)).solve_batch(np.array([[15.0, 5.0]] * 3)).converged.all()
