"""Problems from CasADi's expressions, and optimizers from problems."""

import json
import os
import shutil

import casadi as cs

from .. import casadi as exporter
from .config import BuildConfiguration, OptimizerMeta, SolverConfiguration
from .constraints import NoConstraints

MODULE = '''"""Optimizer `{name}`, made by labwire.opengen_compat; its problem is in {name}.json beside this file."""

from pathlib import Path

from labwire.opengen_compat.solver import Solver


def solver():
    """Return a new solver."""
    return Solver(Path(__file__).with_name("{name}.json"))
'''


class Problem:
    """min cost(u, p) over u in a set, with F1(u, p) in C and F2(u, p) = 0; all expressions are CasADi's, SX or MX."""

    def __init__(self, u, p, cost):
        self.decision_variables, self.parameter_variables, self.cost_function = u, p, cost
        self.constraints = NoConstraints()
        self.penalty_mapping_f1 = self.alm_set_c = self.penalty_mapping_f2 = None

    def with_constraints(self, u_constraints):
        """Set of the decision variables."""
        self.constraints = u_constraints
        return self

    def with_penalty_constraints(self, penalty_constraints):
        """F2(u, p), which is to be 0."""
        self.penalty_mapping_f2 = penalty_constraints
        return self

    def with_aug_lagrangian_constraints(self, mapping_f1, set_c, set_y=None):
        """F1(u, p), which is to be in the convex set C. labwire needs no set of multipliers."""
        if not set_c.is_convex():
            raise Exception("Set C must be convex")
        self.penalty_mapping_f1, self.alm_set_c = mapping_f1, set_c
        return self

    def dim_decision_variables(self):
        """Number of decision variables."""
        return self.decision_variables.size(1)

    def dim_parameters(self):
        """Number of parameters."""
        return self.parameter_variables.size(1)

    def dim_constraints_penalty(self):
        """Number of components of F2."""
        return 0 if self.penalty_mapping_f2 is None else self.penalty_mapping_f2.size(1)

    def dim_constraints_aug_lagrangian(self):
        """Number of components of F1."""
        return 0 if self.penalty_mapping_f1 is None else self.penalty_mapping_f1.size(1)

    def file(self, name="problem", solver_configuration=None):
        """Return labwire's problem file, as a dictionary."""
        outputs = {"f": self.cost_function}
        keys = (solver_configuration or SolverConfiguration()).problem_keys()
        if self.penalty_mapping_f1 is not None:
            outputs["g"] = self.penalty_mapping_f1
            dimension = self.dim_constraints_aug_lagrangian()
            keys["f1"] = {"expressions": "g", "set": self.alm_set_c.problem_set(dimension)}
        if self.penalty_mapping_f2 is not None:
            outputs["h"] = self.penalty_mapping_f2
            keys["f2"] = [f"h[{i}]" for i in range(self.dim_constraints_penalty())]
        keys["constraints"] = {"u": self.constraints.problem_set(self.dim_decision_variables())}
        inputs = {"u": self.decision_variables} | ({"p": self.parameter_variables} if self.dim_parameters() else {})
        function = cs.Function(name, [*inputs.values()], [*outputs.values()], [*inputs], [*outputs]).expand()
        return exporter.problem(function, parameters=[name for name in inputs if name == "p"], **keys)


class OpEnOptimizerBuilder:
    """Writes the optimizer of a problem into a folder, in the time of writing a file."""

    def __init__(self, problem, metadata=None, build_configuration=None, solver_configuration=None):
        self.problem = problem
        self.metadata = metadata or OptimizerMeta()
        self.build_configuration = build_configuration or BuildConfiguration()
        self.solver_configuration = solver_configuration or SolverConfiguration()

    def with_verbosity_level(self, verbosity_level):
        """Accepted, and of no effect."""
        return self

    def with_problem(self, problem):
        """Problem of the optimizer."""
        self.problem = problem
        return self

    def with_generate_not_build(self, flag):
        """Accepted, and of no effect: nothing is compiled."""
        return self

    def build(self):
        """Write the folder of the optimizer: its problem file, a module that is imported as the generated one, and what
        OptimizerTcpManager needs. Return information about it."""
        name = self.metadata.optimizer_name
        folder = os.path.abspath(os.path.join(self.build_configuration.build_directory, name))
        given = self.build_configuration.given
        if given.get("rebuild"):
            shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, exist_ok=True)
        tcp = given.get("tcp_interface_config")
        address = {"ip": tcp.bind_ip, "port": tcp.bind_port} if tcp else {"ip": "127.0.0.1", "port": 8333}
        details = {"meta": {"optimizer_name": name}, "tcp": address}
        files = {
            f"{name}.json": json.dumps(self.problem.file(name, self.solver_configuration)),
            f"{name}.py": MODULE.format(name=name),
            "optimizer.json": json.dumps(details, indent=2),
        }
        for file, text in files.items():
            with open(os.path.join(folder, file), "w", encoding="utf-8") as stream:
                stream.write(text)
        return {**details, "paths": {"target": folder}}
