"""Sets, as opengen calls them; `problem_set` is what a problem file has for them."""

import numpy as np


def _numbers(values):
    return None if values is None else np.ravel(np.asarray(values, dtype=float)).tolist()


def _bounds(values):
    return [value if np.isfinite(value) else None for value in values]


class Constraint:
    """A set. `problem_set(dimension)` returns it as problem files write it."""

    convex = True

    def is_convex(self):
        """Whether the set is convex."""
        return self.convex


class NoConstraints(Constraint):
    """The whole space."""

    def problem_set(self, dimension):
        return "all"


class Zero(Constraint):
    """The origin alone."""

    def problem_set(self, dimension):
        return "zero"


class Rectangle(Constraint):
    """Box: xmin <= u <= xmax; None is no bound."""

    def __init__(self, xmin=None, xmax=None):
        if xmin is None and xmax is None:
            raise Exception("At least one of xmin and xmax must be not None")
        if xmin is not None and xmax is not None:
            if len(xmin) != len(xmax):
                raise Exception("incompatible dimensions of xmin and xmax")
            if any(low > high for low, high in zip(xmin, xmax)):
                raise Exception("xmin must be <= xmax")
        self.xmin, self.xmax = _numbers(xmin), _numbers(xmax)

    def problem_set(self, dimension):
        bounds = {"min": self.xmin, "max": self.xmax}
        return {"box": {name: _bounds(values) for name, values in bounds.items() if values is not None}}


class _Ball(Constraint):
    name = ""

    def __init__(self, center=None, radius=1.0):
        if radius <= 0:
            raise Exception("The radius must be a positive number")
        self.center, self.radius = _numbers(center), float(radius)

    def problem_set(self, dimension):
        center = {} if self.center is None else {"center": self.center}
        return {self.name: {"radius": self.radius, **center}}


class Ball1(_Ball):
    """Ball of the 1-norm."""

    name = "ball1"


class Ball2(_Ball):
    """Ball of the Euclidean norm."""

    name = "ball2"


class BallInf(_Ball):
    """Ball of the infinity norm."""

    name = "ball_inf"


class Sphere2(_Ball):
    """Sphere of the Euclidean norm."""

    name, convex = "sphere2", False


class Simplex(Constraint):
    """Entries that are not negative, with the sum `alpha`."""

    def __init__(self, alpha=1.0):
        self.alpha = float(alpha)

    def problem_set(self, dimension):
        return {"simplex": {"alpha": self.alpha}}


class SecondOrderCone(Constraint):
    """(y, t) with |y| <= a*t."""

    def __init__(self, a=1.0):
        self.a = float(a)

    def problem_set(self, dimension):
        return {"second_order_cone": {"alpha": self.a}}


class Halfspace(Constraint):
    """normal_vector'u <= offset."""

    def __init__(self, normal_vector, offset):
        self.normal_vector, self.offset = _numbers(normal_vector), float(offset)

    def problem_set(self, dimension):
        return {"halfspace": {"normal": self.normal_vector, "offset": self.offset}}


class AffineSpace(Constraint):
    """A u = b."""

    def __init__(self, A, b):
        self.matrix_a, self.vector_b = np.asarray(A, dtype=float), _numbers(b)

    def problem_set(self, dimension):
        rows = self.matrix_a.reshape(len(self.vector_b), dimension).tolist()
        return {"affine_space": {"A": rows, "b": self.vector_b}}


class FiniteSet(Constraint):
    """Finitely many points."""

    convex = False

    def __init__(self, points=None):
        self.points = [_numbers(point) for point in points or []]

    def problem_set(self, dimension):
        return {"finite_set": {"points": self.points}}


class CartesianProduct(Constraint):
    """Product of sets; `segments` are the last indices of their entries."""

    def __init__(self, segments, constraints):
        if len(segments) != len(constraints) or any(b <= a for a, b in zip([-1, *segments], segments)):
            raise Exception("there must be as many segments as constraints, and they must increase")
        self.segments, self.constraints = list(segments), list(constraints)

    def is_convex(self):
        """Whether all factors are convex."""
        return all(factor.is_convex() for factor in self.constraints)

    def problem_set(self, dimension):
        product, start = {}, 0
        for last, factor in zip(self.segments, self.constraints):
            product[f"{start}..{last + 1}"] = factor.problem_set(last + 1 - start)
            start = last + 1
        return {"product": product}
