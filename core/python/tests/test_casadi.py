"""Problems of CasADi."""

import numpy as np
import pytest

import labwire

casadi = pytest.importorskip("casadi")


def test_opti():
    opti = casadi.Opti()
    x, p = opti.variable(2), opti.parameter()
    opti.minimize((p - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2)
    opti.subject_to(casadi.sumsqr(x) <= 1.5)
    solution = labwire.Solver(labwire.Problem(opti)).solve([1])
    assert solution.converged
    opti.set_value(p, 1)
    opti.solver("ipopt", {"print_time": False, "ipopt.print_level": 0, "ipopt.sb": "yes"})
    np.testing.assert_allclose(solution.solution, opti.solve().value(opti.x), atol=1e-4)


def test_dictionary_of_nlpsol():
    x = casadi.SX.sym("x", 2)
    nlp = {"x": x, "f": casadi.sumsqr(x - 3), "g": x[0] + x[1]}
    problem = labwire.Problem(nlp, lbg=-casadi.inf, ubg=2, x0=1)
    np.testing.assert_allclose(labwire.Solver(problem).solve().solution, [1, 1], atol=1e-4)


def test_function():
    x, p = casadi.SX.sym("x", 2), casadi.SX.sym("p")
    function = casadi.Function("bowl", [x, p], [casadi.sumsqr(x - p)], ["x", "p"], ["cost"])
    problem = labwire.Problem(function, parameters=["p"])
    assert (problem.name, problem.variables, problem.parameters) == ("bowl", {"x": 2}, {"p": 1})
    np.testing.assert_allclose(labwire.Solver(problem).solve([4]).solution, [4, 4], atol=1e-4)


def test_what_does_not_fit():
    with pytest.raises(TypeError, match="only for problems of CasADi"):
        labwire.Problem({"variables": {"u": 1}, "cost": "u[0]"}, lbg=0)
    with pytest.raises(ValueError, match="the Opti has no variables"):
        labwire.Problem(casadi.Opti())
