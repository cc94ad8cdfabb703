"""The algorithm of McMichael, Blakley and Dushenko (J. Res. NIST 126, 126002) in plain NumPy: what labwire is timed
beside. Weighted particles, likelihood, Liu-West resampling with multinomial draws, utility from 30 draws over all settings.
"""

import sys
import time

import numpy

SETTINGS, DRAWS, CYCLES = 200, 30, 500
A_PARAM, TRUTH, SIGMA = 0.98, (3.1, -1200.0, 50200.0), 500.0


def model(x, parameters):
    x0, a, b = parameters
    return b + a / (((x - x0) / 0.1) ** 2 + 1)


def run(count, cycles):
    rng = numpy.random.default_rng(1)
    x = numpy.linspace(1.5, 4.5, SETTINGS)
    particles = numpy.array([rng.uniform(2, 4, count), rng.uniform(-2000, -400, count), rng.normal(50000, 1000, count)])
    weights = numpy.full(count, 1 / count)
    times, plain, resampled = [], [], []
    for _ in range(cycles):
        start = time.perf_counter()
        draws = particles[:, rng.choice(count, DRAWS, p=weights)]
        utility = model(x, draws[:, :, None]).var(axis=0) / SIGMA**2
        setting = x[numpy.argmax(utility)]
        suggested = time.perf_counter() - start
        y = model(setting, TRUTH) + SIGMA * rng.normal()
        start = time.perf_counter()
        weights = weights * numpy.exp(-0.5 * ((model(setting, particles) - y) / SIGMA) ** 2)
        weights /= weights.sum()
        is_due = 1 / (weights**2).sum() < 0.5 * count
        if is_due:
            covariance = numpy.cov(particles, aweights=weights)
            particles = particles[:, rng.choice(count, count, p=weights)]
            particles = particles + rng.multivariate_normal(numpy.zeros(3), (1 - A_PARAM**2) * covariance, count).T
            weights = numpy.full(count, 1 / count)
        updated = time.perf_counter() - start
        times.append(suggested + updated)
        (resampled if is_due else plain).append(updated)
    mean = weights @ particles[0]
    std = numpy.sqrt(weights @ (particles[0] - mean) ** 2)
    print(f"{count:8} particles, {SETTINGS} settings, {DRAWS} draws, NumPy    cycle {1e3 * numpy.median(times):6.3f} ms median "
          f"{1e3 * numpy.mean(times):6.3f} ms mean; update {1e3 * numpy.median(plain):6.3f}, {len(resampled):2} times with "
          f"resampling {1e3 * numpy.median(resampled or [0]):6.3f}; x0 +- {std:.4f}")


for number in sys.argv[1:] or ["1000", "10000", "50000", "100000"]:
    run(int(number), CYCLES)
