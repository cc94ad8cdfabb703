"""Configurations. Methods `with_...` that labwire needs nothing of, such as those about compilers, take what they are given."""


class _Configuration:
    """Keeps what its `with_...` methods are given, and gives it back as attributes."""

    def __init__(self):
        self.given = {}

    def __getattr__(self, name):
        if name.startswith("with_"):
            return lambda *values, **named: self._keep(name[5:], (*values, *named.values()))
        if name != "given" and name in self.given:
            return self.given[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _keep(self, name, values):
        self.given[name] = values[0] if len(values) == 1 else values or True
        return self


class SolverConfiguration(_Configuration):
    """Settings of the solver. Those of OpEn's method that has no counterpart are ignored."""

    def __init__(self):
        super().__init__()
        self.with_tolerance(1e-4).with_delta_tolerance(1e-4).with_max_duration_micros(5_000_000)

    def problem_keys(self):
        """Keys of a problem file."""
        names = ("tolerance", "delta_tolerance", "max_inner_iterations", "max_outer_iterations", "lbfgs_memory")
        solver = {name: self.given[name] for name in names if name in self.given}
        solver["max_duration_ms"] = self.max_duration_micros / 1e3
        penalty = self.given.get("initial_penalty")
        return {"solver": solver} | ({} if penalty is None else {"initial_penalty": float(penalty)})


class BuildConfiguration(_Configuration):
    """Where `build` puts its files: `with_build_directory`; the address of `with_tcp_interface_config`."""

    DEBUG_MODE, RELEASE_MODE = "debug", "release"

    def __init__(self, build_dir="."):
        super().__init__()
        self.with_build_directory(build_dir)


class TcpServerConfiguration:
    """Address of the optimizer's server."""

    def __init__(self, bind_ip="127.0.0.1", bind_port=8333):
        self.bind_ip, self.bind_port = bind_ip, bind_port


class OptimizerMeta(_Configuration):
    """Name of the optimizer, and what else is to be known of it."""

    def __init__(self):
        super().__init__()
        self.with_optimizer_name("open_optimizer")


class RosConfiguration(_Configuration):
    """Accepted, and of no effect."""


class RustAllocator:
    """Accepted, and of no effect."""

    DefaultAllocator, JemAlloc, RpMalloc = range(3)
