"""Solves optimal-control problem files with Ipopt and fatrop, and compares with labwire. One line per problem.

    tests/peers/ocp/run                 the problems that take each of the three less than a second
    tests/peers/ocp/run cart50 quad80   only these
    tests/peers/ocp/run --table         all, as the end of benches/BENCHMARKS.md

Written from the problem files without labwire's code: states and inputs of every stage are variables, the dynamics equations.
"""

import json
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import casadi

PROBLEMS = Path("tests/problems/ocp")
QUICK = ["nav20", "nav50", "nav100", "navobs20", "navobs50", "race20", "race50", "quad20", "newcomer-quad"]
# Problems with one minimum that all methods find.
SAME = {"nav20", "nav50", "nav100", "navobs20", "navobs50", "race20", "race50", "quad20"}
HEAD = """\
## Optimal control beside fatrop and Ipopt

Printed by `tests/peers/ocp/run --table`; fatrop and Ipopt come
with CasADi 3.8.2 and see states and inputs of every stage as variables.

Problem files of `tests/problems/ocp`, from their own start. labwire solves to a residual and a violation of 1e-6, with functions
interpreted, and is judged by `cargo run --release -p labwire-acceptance --bin optimal_control`: the median of up to 15 solves. The peers'
tolerance is 1e-8, their functions run in CasADi's virtual machine, and the shortest of three solves counts. Iterations of labwire that
take no Hessian are quasi-Newton steps. The ratios within a row hold better than the times.
"""
TAIL = """
The cart-poles have many minima; which one is found depends on the method. `optimal_control -- warm` moves each problem's state on by
one stage, disturbs it by up to 1e-3, and solves again from the last solution, 40 times: 2 iterations in the median on every `nav`, `quad` and
`cart` problem, 3 at most on every `race` problem."""
FUNCTIONS = {name: getattr(casadi, name) for name in ("sin", "cos", "tan", "sqrt", "exp", "log", "tanh", "atan2")} | {
    "pi": casadi.pi,
    "norm2": casadi.norm_2,
}


def expression(text, names):
    """The expression of a problem file; numbers may stand for themselves."""
    return casadi.SX(eval(str(text).replace("^", "**"), {"__builtins__": {}}, FUNCTIONS | names))


def named(vectors, values):
    """Numbers or vectors by name."""
    if isinstance(vectors, list):
        return dict(zip(vectors, values))
    rest = iter(values)
    return {name: [next(rest) for _ in range(length)] for name, length in vectors.items()}


def functions(ocp, parameters):
    x = {name: casadi.SX.sym(name) for name in ocp["states"]}
    u = {name: casadi.SX.sym(name) for name in ocp["inputs"]}
    names = x | u | named(ocp.get("parameters", []), parameters)
    for name, text in ocp.get("let", {}).items():
        names[name] = expression(text, names)

    def function(texts):
        values = [expression(text, names) for text in texts]
        return casadi.Function("f", [casadi.vertcat(*x.values()), casadi.vertcat(*u.values())], [casadi.vertcat(*values)])

    dynamics, step = ocp["dynamics"], ocp.get("step", 1)
    if "next" in dynamics:
        advance = function(dynamics["next"])
    else:
        rate = function(dynamics["derivative"])
        a, b = casadi.SX.sym("x", len(x)), casadi.SX.sym("u", len(u))
        k1 = rate(a, b)
        k2 = rate(a + step / 2 * k1, b)
        k3 = rate(a + step / 2 * k2, b)
        k4 = rate(a + step * k3, b)
        rk4 = dynamics.get("integrator", "rk4") == "rk4"
        advance = casadi.Function("next", [a, b], [a + step * (k1 + 2 * k2 + 2 * k3 + k4) / 6 if rk4 else a + step * k1])
    initial = casadi.vertcat(*(expression(text, names) for text in ocp["initial_state"]))
    return function, advance, casadi.evalf(initial)


def vector(bound, length, missing):
    values = bound if isinstance(bound, list) else [bound] * length
    return [missing if value is None else value for value in values]


def transcribe(file, parameters):
    """The problem in the order of its stages, as fatrop wants it."""
    ocp, guess = file["ocp"], file.get("initial_guess", 0)
    function, advance, initial = functions(ocp, parameters)
    horizon, num_states, num_inputs = ocp["horizon"], len(ocp["states"]), len(ocp["inputs"])
    bounds = ocp.get("input_bounds", {})
    lower = vector(bounds.get("min"), num_inputs, -casadi.inf)
    upper = vector(bounds.get("max"), num_inputs, casadi.inf)
    stage_cost, terminal_cost = function([ocp.get("stage_cost", 0)]), function([ocp.get("terminal_cost", 0)])
    w, lbx, ubx, x0, g, lbg, ubg, equality, cost = [], [], [], [], [], [], [], [], 0
    no_input = casadi.DM.zeros(num_inputs)

    def constrain(constraints, x, u, stage):
        for constraint in constraints:
            if stage < constraint.get("from", 0):
                continue
            texts = constraint["expression"] if isinstance(constraint["expression"], list) else [constraint["expression"]]
            box = constraint["set"]["box"]
            g.append(function(texts)(x, u))
            lbg.extend(vector(box.get("min"), len(texts), -casadi.inf))
            ubg.extend(vector(box.get("max"), len(texts), casadi.inf))
            equality.extend([False] * len(texts))

    state = casadi.SX.sym("x_0", num_states)
    forecast = initial
    for t in range(horizon + 1):
        w.append(state)
        lbx += [-casadi.inf] * num_states if t else initial.full().ravel().tolist()
        ubx += [casadi.inf] * num_states if t else initial.full().ravel().tolist()
        x0 += forecast.full().ravel().tolist()
        if t == horizon:
            cost += terminal_cost(state, no_input)
            constrain(ocp.get("terminal_constraints", []), state, no_input, t)
            break
        inputs = casadi.SX.sym(f"u_{t}", num_inputs)
        start = vector(guess, num_inputs, 0)
        w.append(inputs)
        lbx, ubx, x0 = lbx + lower, ubx + upper, x0 + start
        cost += stage_cost(state, inputs)
        following = casadi.SX.sym(f"x_{t + 1}", num_states)
        g.append(following - advance(state, inputs))
        lbg, ubg, equality = lbg + [0] * num_states, ubg + [0] * num_states, equality + [True] * num_states
        constrain(ocp.get("path_constraints", []), state, inputs, t)
        forecast, state = advance(forecast, start), following
    nlp = {"x": casadi.vertcat(*w), "f": cost, "g": casadi.vertcat(*g)}
    return nlp, {"x0": x0, "lbx": lbx, "ubx": ubx, "lbg": lbg, "ubg": ubg}, equality


def solve(method, nlp, arguments, equality):
    quiet = {"print_time": False, "error_on_fail": False}
    if method == "ipopt":
        options = quiet | {"ipopt": {"print_level": 0, "sb": "yes", "tol": 1e-8, "max_cpu_time": 20}}
    else:
        options = quiet | {
            "structure_detection": "auto", "equality": equality, "fatrop": {"print_level": 0, "tol": 1e-8, "max_iter": 1000},
        }  # fmt: skip
    try:
        solver = casadi.nlpsol("solver", method, nlp, options)
        # The shortest of three, unless one takes long.
        seconds = []
        while len(seconds) < 3 and sum(seconds) < 1:
            begun = time.perf_counter()
            solution = solver(**arguments)
            seconds.append(time.perf_counter() - begun)
        stats = solver.stats()
        return float(solution["f"]), 1e3 * min(seconds), stats["iter_count"], stats["success"]
    except RuntimeError as error:
        return float("nan"), float("nan"), 0, str(error).splitlines()[-1]


def solve_in_time(method, *problem):
    """As `solve`, in a process of its own that is ended after a minute."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=lambda: sender.send(solve(method, *problem)))
    process.start()
    result = receiver.recv() if receiver.poll(60) else (float("nan"), 6e4, 0, "more than a minute")
    process.kill()
    process.join()
    return result


def labwire(program, names):
    """Milliseconds, iterations, Hessians and cost by name."""
    table = subprocess.run([program, *names], capture_output=True, text=True).stdout
    rows = (line.split() for line in table.splitlines())
    return {
        row[0]: (float(row[2]), int(row[6].split("/")[0]), int(row[4]), float(row[7])) for row in rows if row[0] in names
    }


def table(program, values):
    """One row per problem: time, iterations and cost of each."""
    ours = labwire(program, list(values))
    print(HEAD)
    print("| problem | labwire, ms | iterations (of which Hessians) | cost | fatrop, ms | iterations | cost | Ipopt, ms | iterations | cost |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, parameters in values.items():
        milliseconds, iterations, hessians, cost = ours[name]
        line = f"| {name} | {milliseconds:.3g} | {iterations} ({hessians}) | {cost:.6g} |"
        problem = transcribe(json.load(open(PROBLEMS / f"{name}.json")), parameters)
        for method in ("fatrop", "ipopt"):
            found, milliseconds, iterations, success = solve_in_time(method, *problem)
            line += f" {milliseconds:.3g} | {iterations} | {found:.6g} |" if success is True else f" {success or 'not solved'} | | |"
        print(line, flush=True)
    print(TAIL)


def main():
    program, names = sys.argv[1], sys.argv[2:] or QUICK
    values = {line.split()[0]: [float(word) for word in line.split()[1:]] for line in open(PROBLEMS / "parameters.txt")}
    if names == ["--table"]:
        return table(program, values)
    ours = labwire(program, names)
    failures = 0
    for name in names:
        problem = transcribe(json.load(open(PROBLEMS / f"{name}.json")), values[name])
        milliseconds, _, _, cost = ours[name]
        line, best = f"labwire {milliseconds} ms, cost {cost:.6g}", []
        for method in ("fatrop", "ipopt"):
            found, milliseconds, iterations, success = solve(method, *problem)
            line += f"; {method} {milliseconds:.1f} ms, {iterations} iterations, cost {found:.6g}"
            if success is True:
                best.append(found)
            else:
                line += f" ({success or 'failed'})"
        ok = name not in SAME or all(abs(cost - other) <= 1e-5 * (1 + abs(other)) for other in best)
        failures += not ok
        print(f"{'ok  ' if ok else 'FAIL'} {name}: {line}", flush=True)
    sys.exit(failures > 0)


main()
