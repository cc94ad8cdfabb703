"""What Python adds to a solve, and how well a batch uses the processors: `python core/python/benches/speed.py`.

The problem is `nav20` of tests/problems/ocp: a trailer, 20 steps, solved again and again for a state that moves a little.
"""

import os
import time
from pathlib import Path

import numpy as np

import labwire

NAV20 = Path(__file__).parents[3] / "tests/problems/ocp/nav20.json"


def overhead(problem, count=5000):
    """Time of a warm call in excess of the time of its solve, in seconds: median and 90th percentile."""
    solver = labwire.Solver(problem)
    state = np.array([-1.0, 2.0, 0.0])
    excess = []
    for i in range(count):
        state[0] = -1 + 1e-3 * np.sin(i)
        begun = time.perf_counter()
        solution = solver.solve(state)
        excess.append(time.perf_counter() - begun - solution.solve_time)
    return np.percentile(excess, [50, 90])


def batch(problem, count=10_000):
    """Time of a batch, and the share of the processors' time that it used."""
    solver = labwire.Solver(problem)
    random = np.random.default_rng(1)
    states = random.uniform([-2, -2, -3], [2, 2, 3], (count, 3))
    begun, used = time.perf_counter(), time.process_time()
    result = solver.solve_batch(states)
    wall = time.perf_counter() - begun
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return wall, (time.process_time() - used) / wall / cores, result.converged.sum(), result.solve_time.sum() / wall


def main():
    problem = labwire.Problem(NAV20)
    median, most = overhead(problem)
    print(f"a warm call of nav20 takes {1e6 * median:.1f} us more than its solve (90th percentile {1e6 * most:.1f} us)")
    wall, share, converged, at_once = batch(problem)
    print(f"10,000 solves in {wall:.2f} s, {converged} converged; {100 * share:.0f} % of the processors; {at_once:.2f} solves at once")


if __name__ == "__main__":
    main()
