"""The direct interface: `solver().run(p)`."""

from .. import InputError, Problem
from .. import Solver as Engine

# OpEn's numbers of errors, by the beginning of labwire's text.
_CODES = {"initial guess": 1600, "wrong dimension of Lagrange": 1700, "Lagrange multipliers": 1700,
          "wrong number of parameters": 3003, "parameters": 3003}
# labwire's outcomes in OpEn's words; all others mean that it did not converge.
_STATUS = {"converged": "Converged", "stationary": "Converged", "time limit": "NotConvergedOutOfTime"}


class SolverStatus:
    """Result of a solve, with the names of OpEn."""

    def __init__(self, solution):
        self.exit_status = _STATUS.get(solution.status, "NotConvergedIterations")
        self.num_outer_iterations = solution.outer_iterations
        self.num_inner_iterations = solution.inner_iterations
        self.last_problem_norm_fpr = solution.residual
        self.f1_infeasibility = solution.f1_distance
        self.f2_norm = solution.f2_norm
        self.solve_time_ms = 1e3 * solution.solve_time
        self.penalty = max(solution.penalties, default=0.0)
        self.solution = solution.solution.tolist()
        self.lagrange_multipliers = solution.multipliers.tolist()
        self.cost = solution.cost

    def __repr__(self):
        return f"SolverStatus({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class SolverError:
    """Reason why a solve was refused: a number of OpEn, and a text."""

    def __init__(self, code, message):
        self.code, self.message = code, message

    def __repr__(self):
        return f"SolverError(code={self.code}, message={self.message!r})"


class SolverResponse:
    """A status or an error: `is_ok` tells which, `get` returns it, and its fields are also attributes and items of this."""

    def __init__(self, response):
        self._response = response

    def is_ok(self):
        """Whether the problem was solved."""
        return isinstance(self._response, SolverStatus)

    def get(self):
        """The SolverStatus or the SolverError."""
        return self._response

    def __getattr__(self, name):
        return getattr(self._response, name)

    def __getitem__(self, name):
        return getattr(self._response, name)

    def __repr__(self):
        return f"SolverResponse({self._response!r})"


class Solver:
    """Solver of a problem file."""

    def __init__(self, path):
        self._solver = Engine(Problem(path))

    def run(self, p, initial_guess=None, initial_lagrange_multipliers=None, initial_penalty=None, initial_y=None):
        """Solve for the parameters `p`, from the origin or the initial guess; return a SolverResponse."""
        y = initial_y if initial_lagrange_multipliers is None else initial_lagrange_multipliers
        try:
            solution = self._solver.solve(p, initial_guess=initial_guess, multipliers=y, penalty=initial_penalty, cold=True)
        except InputError as error:
            return SolverResponse(SolverError(_code(str(error)), _words(str(error))))
        if solution.status == "not finite":
            text = "problem solution failed: non-finite computation: initial PANOC cost or gradient is non-finite"
            return SolverResponse(SolverError(2000, text))
        return SolverResponse(SolverStatus(solution))


def _code(text):
    return next((code for beginning, code in _CODES.items() if text.startswith(beginning)), 2000)


def _words(text):
    """The text with OpEn's spelling, which programs compare with."""
    return text.replace("wrong dimension of Lagrange", "wrong dimension of Langrange")
