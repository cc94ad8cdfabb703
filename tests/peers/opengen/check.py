"""Calls the optimizer at the address given with opengen's OptimizerTcpManager; one line per check."""

import math
import sys

from opengen.tcp import OptimizerTcpManager

ip, port = sys.argv[1].rsplit(":", 1)
server = OptimizerTcpManager(ip=ip, port=int(port))

# The embedded problem at p = (1, 50), from the list of reference problems.
OPTIMUM = (0.0211229, 0.0316843, -0.0314985, 0.0685015, 0.0046925)
P = [1.0, 50.0]


def check(what, passed, seen=""):
    print(f"{'ok' if passed else 'FAIL'}: {what} {seen if not passed else ''}".rstrip())
    if not passed:
        sys.exit(1)


def solved(what, parameters, **given):
    response = server.call(parameters, **given)
    check(what, response.is_ok() and response["exit_status"] == "Converged", response.get())
    return response


def failed(what, code, text, parameters, **given):
    response = server.call(parameters, **given)
    error = response.get()
    passed = not response.is_ok() and error.code == code and error.message == text
    check(f"{what}: {code}", passed, vars(error))


def near(a, b, tolerance=1e-4):
    return len(a) == len(b) and all(abs(x - y) < tolerance for x, y in zip(a, b))


check("ping", server.ping() == {"Pong": 1})

cold = solved("call", P)
check("the optimum", near(cold["solution"], OPTIMUM), cold["solution"])
check("the cost there", abs(cold["cost"] - 4.1570012325) < 1e-4, cold["cost"])
fields = ("num_outer_iterations num_inner_iterations last_problem_norm_fpr f1_infeasibility f2_norm "
          "solve_time_ms penalty lagrange_multipliers").split()
check("every field is there", all(cold[name] is not None for name in fields))
check("two multipliers", len(cold["lagrange_multipliers"]) == 2)

warm = solved("call again, warm", P)
check("at most 3 inner iterations", warm["num_inner_iterations"] <= 3, warm["num_inner_iterations"])

guess = [0.1, 0.2, 0.3, 0.2, 0.1]
solved("call with an initial guess", P, initial_guess=guess)
solved("call with multipliers", P, initial_y=warm["lagrange_multipliers"])
solved("call with a penalty", P, initial_penalty=10.0)
all_given = solved("call with all of them", P, initial_guess=guess, initial_y=[0.0, 0.0], initial_penalty=100.0)
check("the same optimum", near(all_given["solution"], OPTIMUM), all_given["solution"])
solved("call with whole numbers", [1, 50])

failed("a wrong guess", 1600, "initial guess has incompatible dimensions: provided 2, expected 5", P,
       initial_guess=[0.0, 0.0])
failed("wrong multipliers", 1700, "wrong dimension of Langrange multipliers: provided 1, expected 2", P,
       initial_y=[0.0])
failed("wrong parameters", 3003, "wrong number of parameters: provided 1, expected 2", [1.0])
failed("not a number", 1000, "invalid request: expected ident at line 1 column 26", [math.nan, 1.0])
failed("parameters that overflow", 2000,
       "problem solution failed: non-finite computation: initial PANOC cost or gradient is non-finite", [1e308, 1e308])

for penalty in (0.0, -1.0):
    response = server.call(P, initial_penalty=penalty)
    check(f"a penalty of {penalty} is an error", not response.is_ok(), vars(response.get()))
response = server.call(P, initial_guess=[1e200] * 5)
check("a guess of 1e200 is answered", response.get() is not None)
response = server.call(P, initial_y=[1e300, 1e300])
check("multipliers of 1e300 are answered", response.get() is not None)
after = solved("and the next call is unharmed", P)
check("the same optimum again", near(after["solution"], OPTIMUM), after["solution"])

check("kill", server.kill() is None)
