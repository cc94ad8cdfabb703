"""Exports CasADi functions and compares their values in labwire and CasADi. One line per check."""

import json
import math
import random
import subprocess
import sys

import casadi
from labwire_casadi import from_nlp, from_opti, problem

LABWIRE = sys.argv[1]
SEED = 7
failures = 0


def report(name, ok):
    global failures
    failures += not ok
    print(f"{'ok  ' if ok else 'FAIL'} {name}")


def report_difference(name, error, limit=1e-12):
    report(f"{name}: largest relative difference {error:.1e}", error <= limit)


def labwire(*arguments, file):
    done = subprocess.run([LABWIRE, *arguments], input=json.dumps(file), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"FAIL: labwire {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def numbers(values):
    return ",".join(repr(float(value)) for value in values)


def evaluate(file, x, p, y):
    """Cost, constraints and the gradient of the Lagrangian as labwire computes them."""
    arguments = ["check", "-", "--at", numbers(x)]
    arguments += [f"--parameter={numbers(p)}"] if p else []
    arguments += [f"--multipliers={numbers(y)}"] if y else []
    lines = [line.split(None, 1) for line in labwire(*arguments, file=file).splitlines()]
    found = {words[0]: json.loads(words[1]) for words in lines if words[0] in ("cost", "g", "gradient")}
    return [found["cost"]], found["g"], found["gradient"]


def difference(found, expected):
    assert len(found) == len(expected), (len(found), len(expected))
    return max((abs(a - b) / (1 + abs(b)) for a, b in zip(found, expected)), default=0.0)


def compare(name, function, file, points):
    """function: (x, p) -> (cost, g), at points (x, p)."""
    x, p = casadi.MX.sym("x", function.numel_in(0)), casadi.MX.sym("p", function.numel_in(1))
    cost, g = function(x, p)
    y = casadi.MX.sym("y", g.numel())
    gradient = casadi.gradient(cost + casadi.dot(y, g), x)
    everything = casadi.Function("everything", [x, p, y], [cost, g, gradient])
    generator, error = random.Random(SEED), 0.0
    for x, p in points:
        y = [generator.uniform(-1, 1) for _ in range(everything.numel_in(2))]
        expected = [output.full().ravel().tolist() for output in everything(x, p, y)]
        found = evaluate(file, x, p, y)
        error = max([error, *map(difference, found, expected)])
    report_difference(f"{name}: cost, constraints and gradient at {len(points)} points", error)


def navobs20():
    horizon, step, length = 20, 0.1, 0.5
    u, z0 = casadi.SX.sym("u", 2 * horizon), casadi.SX.sym("z0", 3)
    x, y, theta = z0[0], z0[1], z0[2]
    cost, g = 0, []
    for t in range(horizon):
        ux, uy = u[2 * t], u[2 * t + 1]
        w = (uy * casadi.cos(theta) - ux * casadi.sin(theta)) / length
        cost += 10 * ((x - 1) ** 2 + (y - 1) ** 2) + 0.1 * theta**2 + ux**2 + uy**2
        x, y, theta = (
            x + step * (ux + length * casadi.sin(theta) * w),
            y + step * (uy - length * casadi.cos(theta) * w),
            theta + step * w,
        )
        g.append(0.4**2 - (x - 0.1) ** 2 - (y - 1.4) ** 2)
    cost += 200 * ((x - 1) ** 2 + (y - 1) ** 2) + 2 * theta**2
    return casadi.Function("navobs20", [u, z0], [cost, casadi.vertcat(*g)], ["u", "z0"], ["cost", "g"])


def hs100():
    x, p = casadi.SX.sym("x", 7), casadi.SX.sym("p", 0)
    cost = (
        (x[0] - 10) ** 2 + 5 * (x[1] - 12) ** 2 + x[2] ** 4 + 3 * (x[3] - 11) ** 2 + 10 * x[4] ** 6
        + 7 * x[5] ** 2 + x[6] ** 4 - 4 * x[5] * x[6] - 10 * x[5] - 8 * x[6]
    )
    g = casadi.vertcat(
        127 - 2 * x[0] ** 2 - 3 * x[1] ** 4 - x[2] - 4 * x[3] ** 2 - 5 * x[4],
        282 - 7 * x[0] - 3 * x[1] - 10 * x[2] ** 2 - x[3] + x[4],
        196 - 23 * x[0] - x[1] ** 2 - 6 * x[5] ** 2 + 8 * x[6],
        -4 * x[0] ** 2 - x[1] ** 2 + 3 * x[0] * x[1] - 2 * x[2] ** 2 - 5 * x[5] + 11 * x[6],
    )
    return casadi.Function("HS100", [x, p], [cost, g], ["x", "p"], ["cost", "g"])


def every_operation():
    """One constraint for each operation of the exporter's format."""
    x, p = casadi.SX.sym("x", 2), casadi.SX.sym("p", 1)
    a, b = x[0], x[1]
    g = [
        -a, casadi.fabs(a), casadi.sign(a) * b, casadi.floor(a) * b, casadi.ceil(a) * b, casadi.sqrt(b + 2), a**2, a + a,
        1 / b, casadi.exp(a), casadi.expm1(a), casadi.log(b + 2), casadi.log1p(b + 2), casadi.sin(a), casadi.cos(a),
        casadi.tan(a), casadi.asin(a / 3), casadi.acos(a / 3), casadi.atan(a), casadi.sinh(a), casadi.cosh(a),
        casadi.tanh(a), casadi.asinh(a), casadi.acosh(b + 3), casadi.atanh(a / 3), casadi.erf(a), a + b, a - b, a * b,
        a / b, (b + 2) ** a, (b + 2) ** 2.5, (b + 2) ** p, casadi.atan2(a, b), casadi.hypot(a, b), casadi.fmin(a, b),
        casadi.fmax(a, b), casadi.if_else(a < b, a, b * b), casadi.if_else(a <= b, a, b * b),
        casadi.if_else(casadi.logic_and(a < b, a > -b), a * b, 1), casadi.if_else(casadi.logic_or(a < b, a > 0.5), a * b, 1),
        casadi.if_else(casadi.logic_not(a < b), a * b, 1), casadi.if_else(a == b, 1, a), casadi.if_else(a != b, 2 * b, a),
        casadi.copysign(a, b), a**-2, casadi.fmin(casadi.inf, a), casadi.fmod(3 * a, b + 2),
    ]  # fmt: skip
    # The last component is zero by structure.
    g = casadi.vertcat(*g, casadi.SX(1, 1))
    return casadi.Function("operations", [x, p], [a * b, g], ["x", "p"], ["cost", "g"])


def every_call():
    """Functions that call others: of both kinds of expressions, lookup tables and an integrator."""
    x, p, s = casadi.MX.sym("x", 2), casadi.MX.sym("p", 1), casadi.SX.sym("s")
    pair = casadi.Function("pair", [s], [casadi.sin(s), casadi.vertcat(casadi.cos(s), s)], {"never_inline": True})
    nested = casadi.Function("nested", [p], [pair(p)[0] * pair(2 * p)[1][0]])
    axes, values = [[-2, -1, 0.5, 1, 2.5], [-2, 0, 1, 2]], [math.sin(3 * i) for i in range(20)]
    tables = [
        casadi.interpolant(f"{kind}{len(grid)}", kind, grid, values[: math.prod(map(len, grid))])
        for kind in ("linear", "bspline")
        for grid in (axes[:1], axes)
    ]
    calls = [table(x[: table.numel_in(0)]) for table in tables]
    calls += [tables[0](tables[2](x[1])), nested(x[0]), pair(x[1])[1]]
    state, torque = casadi.MX.sym("state", 2), casadi.MX.sym("torque")
    dae = {"x": state, "u": torque, "ode": casadi.vertcat(state[1], torque - casadi.sin(state[0]))}
    step = casadi.integrator("step", "rk", dae, 0, 0.3, {"simplify": True, "number_of_finite_elements": 2})
    calls.append(step(x0=x, u=p)["xf"])
    return casadi.Function("calls", [x, p], [x[0] * tables[1](x), casadi.vertcat(*calls)], ["x", "p"], ["cost", "g"])


QUIET = {"print_time": False, "ipopt": {"print_level": 0, "sb": "yes", "tol": 1e-9}}


def pendulum(horizon=20, step=0.1):
    """A pendulum that is swung up, as one writes it with Opti: all states are variables, the dynamics equations."""
    opti = casadi.Opti()
    x, u, start = opti.variable(2, horizon + 1), opti.variable(1, horizon), opti.parameter(2)

    def rate(x, u):
        return casadi.vertcat(x[1], u - 9.81 * casadi.sin(x[0]) - 0.1 * x[1])

    for t in range(horizon):
        k1 = rate(x[:, t], u[t])
        k2 = rate(x[:, t] + step / 2 * k1, u[t])
        k3 = rate(x[:, t] + step / 2 * k2, u[t])
        k4 = rate(x[:, t] + step * k3, u[t])
        opti.subject_to(x[:, t + 1] == x[:, t] + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    opti.subject_to(x[:, 0] == start)
    opti.subject_to(opti.bounded(-5, u, 5))
    opti.minimize(0.1 * casadi.sumsqr(u) + casadi.sumsqr(x[0, :] - casadi.pi) + 0.1 * casadi.sumsqr(x[1, :]))
    opti.set_value(start, [2.5, 0])
    return opti


def bounds_of_all_kinds():
    """An Opti with equations, constraints on one variable, and bounds that are parameters."""
    opti = casadi.Opti()
    x, p = opti.variable(3), opti.parameter()
    opti.minimize(casadi.sumsqr(x - casadi.vertcat(2, 0, -1)))
    opti.subject_to(opti.bounded(p, x[0] * x[1], 3))
    opti.subject_to(x[1] >= p)
    opti.subject_to(casadi.sum1(x) == p)
    opti.subject_to(2 * x[2] - 1 <= 4)
    opti.set_initial(x, [2, 1, -1])
    opti.set_value(p, 0.5)
    return opti


def compare_opti(name, opti):
    file = from_opti(opti, solver={"tolerance": 1e-6, "delta_tolerance": 1e-6})
    parameters = numbers(casadi.DM(opti.debug.value(opti.p)).full().ravel())
    reply = json.loads(labwire("solve", "-", "--json", f"--parameter={parameters}", file=file))
    opti.solver("ipopt", QUIET)
    solution = opti.solve()
    cost, point = solution.value(opti.f), casadi.DM(solution.value(opti.x)).full().ravel()
    report(f"{name}: {reply['status']} after {reply['evaluations']} evaluations", reply["exit_status"] == "Converged")
    report_difference(f"{name}: optimum", abs(reply["cost"] - cost) / (1 + abs(cost)), 1e-5)
    report_difference(f"{name}: solution", difference(reply["solution"], point), 1e-3)
    return reply


def compare_nlpsol(name, nlp, arguments):
    file = from_nlp(nlp, **arguments, solver={"tolerance": 1e-6, "delta_tolerance": 1e-6})
    reply = json.loads(labwire("solve", "-", "--json", file=file))
    solution = casadi.nlpsol("solver", "ipopt", nlp, QUIET)(**arguments)
    cost = float(solution["f"])
    report(f"{name}: {reply['status']} after {reply['evaluations']} evaluations", reply["exit_status"] == "Converged")
    report_difference(f"{name}: optimum", abs(reply["cost"] - cost) / (1 + abs(cost)), 1e-5)


def main():
    generator = random.Random(SEED)

    def points(n, p, count=5):
        return [([generator.uniform(-1.4, 1.4) for _ in range(n)], p) for _ in range(count)]

    at_most_zero = {"expressions": "g", "set": {"box": {"max": 0}}}
    at_least_zero = {"expressions": "g", "set": {"box": {"min": 0}}}

    function = navobs20()
    file = problem(
        function,
        parameters=["z0"],
        f1=at_most_zero,
        constraints={"u": {"box": {"min": -3, "max": 3}}},
        initial_guess=1,
        solver={"tolerance": 1e-6, "delta_tolerance": 1e-6},
    )
    compare("navobs20", function, file, points(40, [-1.0, 2.0, 0.0]))
    reply = json.loads(labwire("solve", "-", "--json", "--parameter=-1,2,0", file=file))
    report_difference("navobs20: optimum", abs(reply["cost"] - 227.10395) / 227, 1e-6)

    function = hs100()
    # An input of no elements is neither variable nor parameter.
    without_parameters = casadi.Function("HS100", function.sx_in()[:1], function(*function.sx_in()), ["x"], ["cost", "g"])
    file = problem(without_parameters, f1=at_least_zero, initial_guess=[1, 2, 0, 4, 0, 1, 1])
    compare("HS100", function, file, points(7, []))
    reply = json.loads(labwire("solve", "-", "--json", file=file))
    report_difference("HS100: optimum", abs(reply["cost"] - 680.6300573) / 680, 1e-6)

    function = every_operation()
    file = problem(function, parameters=["p"], f1=at_most_zero)
    used = sorted({instruction[0] for instruction in file["graph"]["instructions"]})
    compare(f"{len(used)} operations", function, file, points(2, [1.3], 20))

    reply = compare_opti("pendulum from Opti", pendulum())
    work = reply["evaluations"] + reply["hessian_evaluations"]
    report(f"pendulum from Opti: {work} evaluations and Hessians", work <= 30)
    compare_opti("Opti with bounds that are parameters", bounds_of_all_kinds())
    for kind in (casadi.SX, casadi.MX):
        x = kind.sym("x", 4)
        nlp = {
            "x": x,
            "f": x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
            "g": casadi.vertcat(casadi.sumsqr(x), x[0] * x[1] * x[2] * x[3], x[0] + x[1], 3 - x[3]),
        }
        bounds = {"lbx": 1, "ubx": [5, casadi.inf, 5, 5], "x0": [1, 5, 5, 1]}
        bounds |= {"lbg": [40, 25, -casadi.inf, -casadi.inf], "ubg": [40, casadi.inf, casadi.inf, 2.5]}
        compare_nlpsol(f"HS071 from nlpsol's dictionary of {kind.__name__}", nlp, bounds)
    try:
        from_nlp({"x": x, "f": x[0]}, lbx=1, ubx=0)
        report("bounds that contradict each other are exported", False)
    except ValueError as error:
        report(f"bounds that contradict each other are refused: {error}", True)

    function = every_call()
    file = problem(function, parameters=["p"], f1=at_most_zero)
    compare("calls, lookup tables and an integrator", function, file, points(2, [1.3], 20))

    x = casadi.MX.sym("x", 2)
    dae = {"x": x, "ode": casadi.vertcat(x[1], -x[0])}
    step = casadi.integrator("step", "cvodes", dae, 0, 0.1)
    function = casadi.Function("swing", [x], [casadi.sumsqr(step(x0=x)["xf"])], ["x"], ["cost"])
    try:
        problem(function)
        report("a call of CVODES is exported", False)
    except ValueError as error:
        report(f"a call of CVODES is refused: {error}", True)
    sys.exit(failures > 0)


main()
