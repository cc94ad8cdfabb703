"""Functions of numbers, arrays and CasADi's expressions."""

import casadi as cs
import numpy as np


def is_symbolic(u):
    """Whether `u` is an expression of CasADi, or a list that holds one."""
    if isinstance(u, (list, tuple, np.ndarray)):
        return any(is_symbolic(element) for element in np.ravel(np.array(u, dtype=object)))
    return isinstance(u, (cs.SX, cs.MX))


def is_numeric(u):
    """Whether `u` is a number, or an array or list of numbers."""
    return not is_symbolic(u) and np.asarray(u).dtype.kind in "biuf"


def _vector(u):
    return u if isinstance(u, (cs.SX, cs.MX)) else cs.vertcat(*u)


def fmin(u, v):
    """Smaller of two, entry by entry."""
    return np.fmin(u, v) if is_numeric(u) and is_numeric(v) else cs.fmin(u, v)


def fmax(u, v):
    """Larger of two, entry by entry."""
    return np.fmax(u, v) if is_numeric(u) and is_numeric(v) else cs.fmax(u, v)


def fabs(u):
    """Absolute value, entry by entry."""
    return np.fabs(u) if is_numeric(u) else cs.fabs(u)


def sign(u):
    """Sign, entry by entry."""
    return np.sign(u) if is_numeric(u) else cs.sign(u)


def norm2_squared(u):
    """Sum of squares."""
    return float(np.dot(u, u)) if is_numeric(u) else cs.sumsqr(_vector(u))


def norm2(u):
    """Euclidean norm."""
    return float(np.linalg.norm(u)) if is_numeric(u) else cs.norm_2(_vector(u))


def rosenbrock(u, p):
    """Rosenbrock's function of `u`, with the parameters `p[0]` and `p[1]`."""
    length = u.size(1) if isinstance(u, (cs.SX, cs.MX)) else len(u)
    return sum(p[1] * (u[i + 1] - u[i] ** 2) ** 2 + (p[0] - u[i]) ** 2 for i in range(length - 1))
