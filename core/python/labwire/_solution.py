"""Results of solves. The extension fills them in, in the order of their fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy takes a tenth of a second, which the command `labwire` does not need
    import numpy as np


@dataclass
class IntegerSearch:
    """What is known of the solutions in integers."""

    nodes: int
    """Number of nodes: of solves without that condition."""
    best: float | None
    """Cost of the best solution, if one is known."""
    bound: float | None
    """Cost that no solution is below, if one is known."""
    gap: float | None
    """Largest part of its cost by which another solution may be better than the best, if that is known."""
    is_global: bool
    """Whether the bound holds for all solutions; otherwise it is made of local minima."""


@dataclass
class Solution:
    """Result of a solve, for n decision variables, m1 components of F1 and m2 of F2. Without convergence, the best point
    seen, by feasibility first and cost second."""

    status: str
    """Outcome: "converged", "stationary", "iteration limit", "time limit", "not finite", "locally infeasible", "unbounded
    below", "no progress in double precision" or "cancelled"."""
    solution: np.ndarray
    """Decision variables u, shape (n,)."""
    variables: dict[str, np.ndarray]
    """Decision variables by name; of an optimal-control problem each input over the stages, and each state over the stages
    and at the end."""
    cost: float
    """Cost f."""
    residual: float
    """Unscaled stationarity residual, in the infinity norm."""
    violation: float
    """Largest violation of a constraint, in its units."""
    f1_distance: float
    """2-norm of the distance of F1 from its set C."""
    f2_norm: float
    """2-norm of F2."""
    constraints: np.ndarray
    """Values of F1, then of F2 (of a component `max(0, h)` the value of h), shape (m1 + m2,)."""
    multipliers: np.ndarray
    """Lagrange multipliers of F1, shape (m1,)."""
    f2_multipliers: np.ndarray
    """Lagrange multipliers of F2, shape (m2,)."""
    penalties: np.ndarray
    """Penalties of F1, then of F2, shape (m1 + m2,)."""
    infeasible_constraints: list[str]
    """Names of the constraints that cannot be satisfied, such as "F1[0]", if the problem is locally infeasible."""
    outer_iterations: int
    """Iterations of the multipliers."""
    inner_iterations: int
    """Iterations, over all inner problems."""
    evaluations: int
    """Evaluations of cost, constraints and gradient."""
    hessian_products: int
    """Products of a vector with the Hessian of the augmented Lagrangian."""
    hessian_evaluations: int
    """Exact Hessians of the Lagrangian."""
    cold_restarts: int
    """Solves that were started again."""
    solve_time: float
    """Time from start to end, in seconds."""
    integers: IntegerSearch | None = None
    """Search for integers, of a problem with such variables."""

    @property
    def converged(self):
        """Whether residual and violation are below their tolerances."""
        return self.status == "converged"

    def _repr_svg_(self):
        from ._display import solution

        return solution(self.variables)

    def __repr__(self):
        return (
            f"<labwire.Solution {self.status}: cost {self.cost:.6g}, residual {self.residual:.1e}, "
            f"violation {self.violation:.1e}, {self.evaluations} evaluations, {1e3 * self.solve_time:.3g} ms>"
        )


@dataclass
class Batch:
    """Results of k solves, one entry or row each; see Solution for what the fields are."""

    status: list[str]
    """Outcomes."""
    solution: np.ndarray
    """Decision variables, shape (k, n)."""
    cost: np.ndarray
    """Costs, shape (k,)."""
    residual: np.ndarray
    """Unscaled stationarity residuals, shape (k,)."""
    violation: np.ndarray
    """Largest violations, shape (k,)."""
    multipliers: np.ndarray
    """Lagrange multipliers of F1, shape (k, m1)."""
    f2_multipliers: np.ndarray
    """Lagrange multipliers of F2, shape (k, m2)."""
    evaluations: np.ndarray
    """Numbers of evaluations, of int64, shape (k,)."""
    solve_time: np.ndarray
    """Times in seconds, shape (k,)."""

    @property
    def converged(self):
        """Which solves converged, of bool, shape (k,)."""
        import numpy as np

        return np.array([status == "converged" for status in self.status], dtype=bool)

    def __len__(self):
        return len(self.status)

    def __repr__(self):
        return f"<labwire.Batch of {len(self)} solves, {self.converged.sum()} converged>"


@dataclass
class Sensitivities:
    """Derivatives of a solution with respect to the parameters, a column per parameter."""

    solution: np.ndarray
    """Of the decision variables, shape (n, parameters)."""
    multipliers: np.ndarray
    """Of the Lagrange multipliers of F1, then of F2, shape (m1 + m2, parameters)."""


@dataclass
class Progress:
    """State of a running solve."""

    outer_iterations: int
    inner_iterations: int
    evaluations: int
    cost: float
    """Cost f."""
    residual: float
    """Unscaled stationarity residual of the current inner problem."""
    violation: float
    """Largest violation of the constraints."""
    penalty: float
    """Largest penalty."""
    step: str
    """Kind of the last step, such as "Newton"; empty before the first."""
    integers: IntegerSearch | None = None
    """Search for integers so far, of a problem with such variables."""
