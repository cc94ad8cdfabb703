import pytest

import labwire

HEATING = {
    "name": "heating",
    "variables": {"power": 6},
    "parameters": {"outside": 1, "inside": 1},
    "let": {
        "cooling": "0.8",
        "temperature(t)": "outside[0] + (inside[0] - outside[0])*cooling^t + sum(s in 0..t, 2*cooling^(t-1-s)*power[s])",
    },
    "cost": "sum(t in 0..6, power[t] + 0.1*power[t]^2 + (temperature(t+1) - 21)^2)",
    "constraints": {"power": {"box": {"min": 0, "max": 3}}},
    "f1": {"expressions": ["temperature(6)"], "set": {"box": {"min": 20, "max": 22}}},
}

# Takes minutes: a valley in 5,000 dimensions, without second derivatives.
ENDLESS = {
    "name": "endless",
    "variables": {"u": 5000},
    "cost": "sum(i in 0..4999, 100*(u[i+1] - u[i]^2)^2 + (1 - u[i])^2)",
    "constraints": {"u": {"ball2": {"radius": 1000}}},
    "solver": {"tolerance": 1e-300, "max_inner_iterations": 4000000000, "max_outer_iterations": 4000000000},
}


@pytest.fixture
def heating():
    return labwire.Problem(HEATING)


@pytest.fixture
def endless():
    return labwire.Problem(ENDLESS)
