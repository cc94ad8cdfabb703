"""Pictures for notebooks, as SVG."""

from __future__ import annotations

import math
from html import escape

from ._labwire import rounded

COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 220, 70, 130, 28, 34


class Convergence:
    """Record of a solve, which a notebook draws: `solver.solve(p, progress=record)`.

    `evaluations`, `residual`, `violation` and `cost` are lists with an entry for every iteration.
    """

    def __init__(self):
        self.evaluations, self.residual, self.violation, self.cost = [], [], [], []

    def __call__(self, progress):
        for name, values in vars(self).items():
            values.append(getattr(progress, name))

    def __repr__(self):
        last = f", residual {self.residual[-1]:.1e}, violation {self.violation[-1]:.1e}" if self.residual else ""
        return f"<labwire.Convergence of {len(self.residual)} iterations{last}>"

    def _repr_svg_(self):
        curves = {name: list(zip(self.evaluations, getattr(self, name))) for name in ("residual", "violation")}
        return picture([panel("convergence", "evaluations", curves, is_logarithmic=True)])


def solution(variables):
    """Draw the variables of a solution by index: of an optimal-control problem, its trajectories."""
    curves = {name: list(enumerate(map(float, values))) for name, values in variables.items()}
    return picture([panel("solution", "index", curves)])


def posterior(designer):
    """Draw the distribution of each parameter of a designer, as a histogram."""
    import numpy as np

    panels = []
    weights = designer.weights
    for name, values in zip(designer.experiment.parameters, designer.particles):
        heights, edges = np.histogram(values, bins=60, weights=weights, density=True)
        steps = [point for i, height in enumerate(heights) for point in ((edges[i], height), (edges[i + 1], height))]
        mean = float(values @ weights)
        std = float(np.sqrt(weights @ (values - mean) ** 2))
        title = f"{name} = {rounded(mean, std)} \N{PLUS-MINUS SIGN} {rounded(std, std)}"
        panels.append(panel(title, name, {"density": steps}))
    return picture(panels)


def picture(panels):
    """One SVG of panels, one below the other."""
    height = HEIGHT * len(panels)
    body = "".join(f'<g transform="translate(0,{HEIGHT * i})">{part}</g>' for i, part in enumerate(panels))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
            f'font-family="sans-serif" font-size="12"><rect width="{WIDTH}" height="{height}" fill="white"/>{body}</svg>')


def panel(title, label, curves, is_logarithmic=False):
    """Curves of points (x, y), by name, with axes."""
    shown = {}
    for name, points in curves.items():
        points = [(x, math.log10(y) if is_logarithmic else y) for x, y in points if not is_logarithmic or y > 0]
        shown[name] = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    low_x, high_x = _range([x for points in shown.values() for x, _ in points])
    low_y, high_y = _range([y for points in shown.values() for _, y in points])
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def place(x, y):
        return (f"{LEFT + (x - low_x) / (high_x - low_x) * (right - LEFT):.1f},"
                f"{bottom - (y - low_y) / (high_y - low_y) * (bottom - TOP):.1f}")

    parts = [f'<text x="{LEFT}" y="18" font-weight="bold">{escape(title)}</text>',
             f'<rect x="{LEFT}" y="{TOP}" width="{right - LEFT}" height="{bottom - TOP}" fill="none" stroke="#999"/>',
             f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(label)}</text>']
    for x, anchor, value in ((LEFT, "start", low_x), (right, "end", high_x)):
        parts.append(f'<text x="{x}" y="{bottom + 14}" text-anchor="{anchor}">{value:.4g}</text>')
    for y, value in ((bottom, low_y), (TOP + 10, high_y)):
        text = f"1e{value:.0f}" if is_logarithmic else f"{value:.4g}"
        parts.append(f'<text x="{LEFT - 6}" y="{y}" text-anchor="end">{text}</text>')
    for i, (name, points) in enumerate(shown.items()):
        colour = COLOURS[i % len(COLOURS)]
        line = " ".join(place(x, y) for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{right + 8}" y="{TOP + 12 + 15 * i}" fill="{colour}">{escape(name)}</text>')
    return "".join(parts)


def _range(values):
    """Smallest and largest value, apart from each other."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if low < high else (low - 0.5, high + 0.5)
