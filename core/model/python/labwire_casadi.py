"""Exports CasADi problems as labwire problem files. Copy this file into your project, or install it with
`pip install ./core/model/python`; it needs only casadi.

From `Opti`, as it would be solved; the variables are those of `opti.x`, the parameters those of `opti.p`:

    import casadi, json
    import labwire_casadi

    opti = casadi.Opti()
    x = opti.variable(2)
    opti.minimize((1 - x[0])**2 + 100*(x[1] - x[0]**2)**2)
    opti.subject_to(casadi.sumsqr(x) <= 1.5)
    json.dump(labwire_casadi.from_opti(opti), open("valley.json", "w"))

From the dictionaries of `nlpsol`, of SX or MX; bounds may be infinite:

    nlp = {"x": x, "p": p, "f": cost, "g": constraints}
    file = labwire_casadi.from_nlp(nlp, lbx=-3, ubx=3, lbg=-casadi.inf, ubg=0, x0=1)

From a function, whose inputs and outputs keep their names:

    x, p = casadi.SX.sym("x", 2), casadi.SX.sym("p")
    f = casadi.Function("valley", [x, p], [(p - x[0])**2 + 100*(x[1] - x[0]**2)**2, casadi.sumsqr(x)],
                        ["x", "p"], ["cost", "size"])
    file = labwire_casadi.problem(f, parameters=["p"], f1={"expressions": "size", "set": {"box": {"max": 1.5}}})
"""

import itertools
import math
import re

import casadi

_OPERATIONS = {getattr(casadi, name): name for name in dir(casadi) if name.startswith("OP_")}


def problem(function, parameters=(), **keys):
    """Return the problem file, as a dictionary, that minimises the first output of `function`.

    function    casadi.Function of SX or MX expressions with dense inputs. Its inputs become variables and parameters of
                the same names, its outputs names for use in expressions. It may call other functions and lookup tables
                (`interpolant`); of integrators "rk" with the option `{"simplify": True}`.
    parameters  names of the inputs that are parameters; all others are decision variables.
    keys        further keys of the file: "constraints", "f1", "f2", "solver", "initial_guess" ...
    """
    inputs = {name: function.numel_in(name) for name in function.name_in()}
    unknown = [name for name in parameters if name not in inputs]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not an input; expected one of {', '.join(inputs)}")
    file = {
        "name": function.name(),
        "variables": {name: length for name, length in inputs.items() if name not in parameters},
        "graph": graph(function),
    }
    if parameters:
        file["parameters"] = {name: inputs[name] for name in inputs if name in parameters}
    return file | keys


def from_opti(opti, **keys):
    """Return the problem file of a `casadi.Opti`, from its initial values (`set_initial`).

    Variables are called "x" and parameters "p", with the elements of `opti.x` and `opti.p` in order: a solution is taken
    apart by `casadi.Function("parts", [opti.x], [...])`, and `opti.debug.value(opti.p)` has the values of the parameters.
    `keys` are further keys of the file, such as "solver".
    """
    if not opti.x.numel():
        raise ValueError("the Opti has no variables")
    outputs = [opti.f, opti.g, opti.lbg, opti.ubg]
    function = casadi.Function("opti", [opti.x, opti.p], outputs).expand()
    x, p = casadi.SX.sym("x", opti.x.numel()), casadi.SX.sym("p", opti.p.numel())
    f, g, lower, upper = function(x, p)
    rows = [row for i in range(g.numel()) for row in _numeric_bounds(g[i], lower[i], upper[i], p)]
    g, lower, upper = zip(*rows) if rows else ((), (), ())
    nlp = {"x": x, "p": p, "f": f, "g": casadi.vertcat(casadi.SX(0, 1), *g)}
    x0 = opti.debug.value(opti.x, opti.initial())
    return from_nlp(nlp, x0=x0, lbg=casadi.DM(lower), ubg=casadi.DM(upper), **keys)


def _numeric_bounds(g, lower, upper, p):
    """Return a constraint with bounds that may depend on `p` as constraints whose bounds are numbers."""

    def number(bound):
        return None if casadi.depends_on(bound, p) else float(casadi.evalf(bound))

    low, high = number(lower), number(upper)
    if low is not None and high is not None:
        return [(g, low, high)]
    # A bound that is a parameter moves to the other side.
    if casadi.is_equal(lower, upper, 2) or (upper - lower).is_zero():
        return [(g - lower, 0.0, 0.0)]
    below = [(g - lower, 0.0, math.inf)] if low != -math.inf else []
    above = [(g - upper, -math.inf, 0.0)] if high != math.inf else []
    return below + above


def from_nlp(nlp, x0=0, lbx=-math.inf, ubx=math.inf, lbg=-math.inf, ubg=math.inf, name="nlp", **keys):
    """Return the problem file of the dictionary that `nlpsol` takes, and of the arguments that its solver takes.

    nlp                     "x", "f", and if need be "p" and "g": SX or MX. Variables are called "x", parameters "p".
    x0, lbx, ubx, lbg, ubg  numbers or vectors; bounds may be infinite.
    keys                    further keys of the file, such as "solver".

    Constraints on one variable alone become bounds. Of the others, those with equal bounds become F2, the rest F1, both
    in their order.
    """
    unknown = [key for key in nlp if key not in ("x", "p", "f", "g")]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not a part of a problem; expected x, p, f, g")
    x = nlp["x"]
    p = nlp.get("p", type(x)(0, 1))
    g = nlp.get("g", type(x)(0, 1))
    f = nlp.get("f", type(x)(0))
    function = casadi.Function(name, [x, p], [f, casadi.vec(g)], ["x", "p"], ["f", "g"]).expand()
    n, m = function.numel_in("x"), function.numel_out("g")
    x = casadi.SX.sym("x", n)
    p = casadi.SX.sym("p", function.numel_in("p"))
    f, g = function(x, p)
    lower, upper = _vector(lbx, n, "lbx"), _vector(ubx, n, "ubx")
    below, above = _vector(lbg, m, "lbg"), _vector(ubg, m, "ubg")
    bounds = _simple_bounds(x, p, g)
    equal, between = [], []
    for i in range(m):
        if i in bounds:
            variable, slope, offset = bounds[i]
            ends = sorted(((below[i] - offset) / slope, (above[i] - offset) / slope))
            lower[variable] = max(lower[variable], ends[0])
            upper[variable] = min(upper[variable], ends[1])
        elif below[i] == above[i]:
            equal.append(i)
        elif below[i] > -math.inf or above[i] < math.inf:
            between.append(i)
    for i, ends in enumerate(zip(lower, upper)):
        if not ends[0] <= ends[1]:
            raise ValueError(f"the bounds of x[{i}] contradict each other: {ends[0]} and {ends[1]}")
    outputs = {"f": f}
    file = {}
    if between:
        outputs["g"] = casadi.vertcat(*(g[i] for i in between))
        file["f1"] = {"expressions": "g", "set": _box([below[i] for i in between], [above[i] for i in between])}
    if equal:
        outputs["h"] = casadi.vertcat(*(g[i] - below[i] for i in equal))
        file["f2"] = [f"h[{i}]" for i in range(len(equal))]
    if any(map(math.isfinite, lower + upper)):
        file["constraints"] = {"x": _box(lower, upper)}
    file["initial_guess"] = _vector(x0, n, "x0")
    inputs = {"x": x} | ({"p": p} if p.numel() else {})
    function = casadi.Function(name, list(inputs.values()), list(outputs.values()), list(inputs), list(outputs))
    return problem(function, parameters=[name for name in inputs if name == "p"], **file | keys)


def _simple_bounds(x, p, g):
    """Return, for each row of `g` that is `slope*x[i] + offset`, i, slope and offset, which are numbers."""
    rows = {}
    jacobian = casadi.jacobian(g, x)
    at = casadi.Function("rows", [x, p], [jacobian, g])
    if not g.numel():
        return rows
    slopes, offsets = at(0, 0)
    for i in range(g.numel()):
        columns = jacobian[i, :].sparsity().get_triplet()[1]
        if len(columns) != 1 or casadi.depends_on(jacobian[i, :], casadi.vertcat(x, p)) or casadi.depends_on(g[i], p):
            continue
        slope, offset = float(slopes[i, columns[0]]), float(offsets[i])
        if slope != 0 and math.isfinite(slope) and math.isfinite(offset):
            rows[i] = (columns[0], slope, offset)
    return rows


def _vector(values, length, name):
    """Return a list of `length` numbers."""
    values = casadi.DM(values).full().ravel().tolist()
    if len(values) == 1:
        values *= length
    if len(values) != length:
        raise ValueError(f"{name} has {len(values)} elements; expected {length}")
    if any(map(math.isnan, values)):
        raise ValueError(f"{name} has an element that is not a number")
    return values


def _box(lower, upper):
    """Return the set, in which a missing bound is null."""
    finite = [[value if math.isfinite(value) else None for value in values] for values in (lower, upper)]
    return {"box": {"min": finite[0], "max": finite[1]}}


def graph(function):
    """Return the instructions of `function`, and the places of its outputs among them."""
    names_in = function.name_in()
    for name in names_in:
        if not function.sparsity_in(name).is_dense():
            raise ValueError(f"input {name!r} is sparse; expected a dense one")
    recorder = _Recorder()
    inputs = [
        [recorder.append("OP_INPUT", name, i) for i in range(function.numel_in(name))] for name in names_in
    ]
    outputs = recorder.record(function, inputs)
    return {
        "instructions": recorder.instructions,
        "outputs": {
            name: _elements(function.sparsity_out(name), nonzeros, recorder.instructions)
            for name, nonzeros in zip(function.name_out(), outputs)
        },
    }


class _Recorder:
    """Instructions in which every value has its own index. CasADi reuses its registers."""

    def __init__(self):
        self.instructions = []

    def append(self, *instruction):
        self.instructions.append(list(instruction))
        return len(self.instructions) - 1

    def record(self, function, inputs):
        """Append the instructions of `function` for inputs at these places; return the places of its outputs' nonzeros."""
        function = _expanded(function)
        callees = _callees(function)
        place_of, outputs = {}, [[None] * function.nnz_out(i) for i in range(function.n_out())]
        for k in range(function.n_instructions()):
            operation = _OPERATIONS[function.instruction_id(k)]
            sources, targets = function.instruction_input(k), function.instruction_output(k)
            if operation == "OP_INPUT":
                place_of[targets[0]] = inputs[sources[0]][sources[1]]
            elif operation == "OP_CONST":
                place_of[targets[0]] = self.append(operation, _number(function.instruction_constant(k)))
            elif operation == "OP_OUTPUT":
                outputs[targets[0]][targets[1]] = place_of[sources[0]]
            elif operation == "OP_CALL":
                callee, values = next(callees), iter([place_of[source] for source in sources])
                arguments = [list(itertools.islice(values, callee.nnz_in(i))) for i in range(callee.n_in())]
                place_of.update(zip(targets, itertools.chain(*self.record(callee, arguments))))
            else:
                place_of[targets[0]] = self.append(operation, *(place_of[source] for source in sources))
        return outputs


def _callees(function):
    """Yield the functions that the instructions call, in order: CasADi tells their names in the text alone."""
    found = function.find_functions(0)
    by_name = {callee.name(): callee for callee in found}
    if len(by_name) < len(found):
        names = [callee.name() for callee in found]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{function.name()} calls two functions of the name {twice!r}; give them different names")
    for name in re.findall(r"^\[.*\] = (\w+)\(", function.str(True), re.MULTILINE):
        yield by_name[name]


def _expanded(function):
    """Return the function as one of SX expressions."""
    if function.is_a("SXFunction"):
        return function
    if function.is_a("MXFunction"):
        expanded = function.expand()
        if [callee.name() for callee in expanded.find_functions(0)] == [function.name()]:
            raise ValueError(f"{function.name()} was created with the option never_inline; leave it out")
        return expanded
    if function.class_name() in ("LinearInterpolant", "BSplineInterpolant") and function.n_in() == 1:
        return _table(function)
    is_integrator = "dae" in function.get_function()
    hint = "; the integrator 'rk' is, with the option {'simplify': True}" if is_integrator else ""
    raise ValueError(f"{function.name()} is not made of expressions, but a {function.class_name()}{hint}")


def _table(function):
    """Return a lookup table as a function of SX expressions. CasADi tells its data in generated code alone."""
    generator = casadi.CodeGenerator("table")
    generator.add(function)
    code = generator.dump()
    arrays = {
        name: [float(number) for number in numbers.split(",")]
        for name, numbers in re.findall(r"static const casadi_\w+ (\w+)\[\d+\]\s*=\s*\{([^}]*)\}", code)
    }
    call = re.search(r"(?<=\s)\S*(?:interpn|nd_boor_eval\))\((.*?), *iw, *w\);", code)
    names = [name.strip() for name in call[1].split(",")]
    axes = int(names[1])
    if function.numel_in(0) != axes:
        raise ValueError(f"the lookup table {function.name()} takes many points at once; expected one")
    x = casadi.SX.sym("x", axes)
    places = [int(place) for place in arrays[names[3]]]
    knots = [arrays[names[2]][start:end] for start, end in zip(places, places[1:])]
    if function.class_name() == "LinearInterpolant":
        weights, values = [_linear_weights(x[k], knots[k]) for k in range(axes)], arrays[names[4]]
    else:
        degrees, values = [int(degree) for degree in arrays[names[4]]], arrays[names[6]]
        weights = [_spline_weights(x[k], knots[k], degrees[k]) for k in range(axes)]
    # The first axis varies fastest, but for the outputs of a point.
    outputs = function.numel_out(0)
    rows = [casadi.SX(casadi.DM(values[i::outputs])).T for i in range(outputs)]
    for weight in weights:
        rows = [row.reshape((len(weight), -1)).T @ casadi.vertcat(*weight) for row in rows]
    return casadi.Function(function.name(), [x], [casadi.vertcat(*rows)])


def _linear_weights(x, knots):
    """Return the weights of the values at the knots; beyond the last ones, the last pieces go on."""
    last, weights = len(knots) - 1, []
    for i, knot in enumerate(knots):
        left = (x - knots[i - 1]) / (knot - knots[i - 1]) if i > 0 else None
        right = (knots[i + 1] - x) / (knots[i + 1] - knot) if i < last else None
        if left is not None and i > 1:
            left = casadi.fmax(left, 0)
        if right is not None and i < last - 1:
            right = casadi.fmax(right, 0)
        both = left is not None and right is not None
        weights.append(casadi.if_else(x < knot, left, right) if both else right if left is None else left)
    return weights


def _spline_weights(x, knots, degree):
    """Return the B-splines of a degree, by the recursion of Cox and de Boor; 0 beyond the knots, as CasADi's."""
    ends = [i for i in range(len(knots) - 1) if knots[i] < knots[i + 1]]
    splines = [casadi.SX(0)] * (len(knots) - 1)
    for i in ends:
        is_below = x <= knots[i + 1] if i == ends[-1] else x < knots[i + 1]
        splines[i] = casadi.if_else(casadi.logic_and(x >= knots[i], is_below), 1, 0)
    for k in range(1, degree + 1):
        for i in range(len(splines) - k):
            rising, falling = knots[i + k] - knots[i], knots[i + k + 1] - knots[i + 1]
            up = (x - knots[i]) / rising * splines[i] if rising else 0
            down = (knots[i + k + 1] - x) / falling * splines[i + 1] if falling else 0
            splines[i] = up + down
    return splines[: len(knots) - 1 - degree]


def _elements(sparsity, nonzeros, instructions):
    """Return the indices of all elements, column by column. Structural zeros have no instruction yet."""
    rows, columns = sparsity.get_triplet()
    elements = [None] * sparsity.numel()
    for k, (row, column) in enumerate(zip(rows, columns)):
        elements[row + column * sparsity.size1()] = nonzeros[k]
    if None in elements:
        zero = len(instructions)
        instructions.append(["OP_CONST", 0])
        elements = [zero if element is None else element for element in elements]
    return elements


def _number(value):
    """Return a number that JSON can express, or the name of any other."""
    if math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
