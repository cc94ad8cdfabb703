"""labwire: an optimizer for problems as text, a Bayesian experiment designer, and the socket protocols of both.

    import labwire

    problem = labwire.Problem({"variables": {"u": 2}, "parameters": {"p": 1}, "cost": "(u[0] - p)^2 + u[1]^2"})
    solver = labwire.Solver(problem)
    solver.solve([3]).solution    # array([3., 0.])

Arrays are numpy's, of float64; lists and arrays of other real types are converted. All exceptions are `labwire.Error`s.
"""

from ._errors import BusyError, Error, InputError, NoSensitivities, NotSolvedError, TextError
from ._labwire import Designer, Experiment, Problem, Simulator, Solver, __version__
from ._solution import Batch, Progress, Sensitivities, Solution

__all__ = [
    "Batch",
    "BusyError",
    "Designer",
    "Error",
    "Experiment",
    "InputError",
    "NoSensitivities",
    "NotSolvedError",
    "Problem",
    "Progress",
    "Sensitivities",
    "Simulator",
    "Solution",
    "Solver",
    "TextError",
    "__version__",
]
