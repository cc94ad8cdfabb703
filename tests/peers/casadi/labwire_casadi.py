"""Exports CasADi functions as labwire problem files. Copy this file into your project; it needs only casadi.

    import json
    import casadi
    from labwire_casadi import problem

    x, p = casadi.SX.sym("x", 2), casadi.SX.sym("p")
    f = casadi.Function("valley", [x, p], [(p - x[0])**2 + 100*(x[1] - x[0]**2)**2, casadi.sumsqr(x)],
                        ["x", "p"], ["cost", "size"])
    file = problem(f, parameters=["p"], f1={"expressions": "size", "set": {"box": {"max": 1.5}}})
    json.dump(file, open("valley.json", "w"))
"""

import math

import casadi

_OPERATIONS = {getattr(casadi, name): name for name in dir(casadi) if name.startswith("OP_")}


def problem(function, parameters=(), **keys):
    """Return the problem file, as a dictionary, that minimises the first output of `function`.

    function    casadi.Function of SX expressions (for MX: `function.expand()`) with dense inputs. Its inputs become
                variables and parameters of the same names, its outputs names for use in expressions.
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


def graph(function):
    """Return the instructions of `function`. CasADi reuses its registers; here every value has its own index."""
    if not function.is_a("SXFunction"):
        raise TypeError(f"{function.name()} does not consist of SX expressions; use {function.name()}.expand()")
    names_in = function.name_in()
    for name in names_in:
        if not function.sparsity_in(name).is_dense():
            raise ValueError(f"input {name!r} is sparse; expected a dense one")
    instructions, place_of = [], {}
    outputs = [{} for _ in function.name_out()]

    def append(register, instruction):
        place_of[register] = len(instructions)
        instructions.append(instruction)

    for k in range(function.n_instructions()):
        operation = _OPERATIONS[function.instruction_id(k)]
        sources, targets = function.instruction_input(k), function.instruction_output(k)
        if operation == "OP_INPUT":
            append(targets[0], [operation, names_in[sources[0]], sources[1]])
        elif operation == "OP_CONST":
            append(targets[0], [operation, _number(function.instruction_constant(k))])
        elif operation == "OP_OUTPUT":
            outputs[targets[0]][targets[1]] = place_of[sources[0]]
        else:
            append(targets[0], [operation, *(place_of[source] for source in sources)])
    return {
        "instructions": instructions,
        "outputs": {
            name: _elements(function.sparsity_out(name), nonzeros, instructions)
            for name, nonzeros in zip(function.name_out(), outputs)
        },
    }


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
