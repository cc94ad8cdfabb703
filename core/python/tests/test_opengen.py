"""Programs written for opengen."""

import importlib
import os
import socket
import subprocess
import sys

import pytest

cs = pytest.importorskip("casadi")
import labwire.opengen_compat as og  # noqa: E402

P = [1.0, 50.0]


def rosenbrock(symbol=cs.SX.sym):
    """The first example of OpEn's documentation."""
    u, p = symbol("u", 5), symbol("p", 2)
    phi = og.functions.rosenbrock(u, p)
    c = cs.vertcat(1.5 * u[0] - u[1], og.functions.fmax(0.0, u[2] - u[3] + 0.1))
    bounds = og.constraints.Ball2(None, 1.5)
    return og.builder.Problem(u, p, phi).with_penalty_constraints(c).with_constraints(bounds)


def build(tmp_path, name, problem, **tcp):
    meta = og.config.OptimizerMeta().with_version("0.0.0").with_authors(["P. Sopasakis"]).with_optimizer_name(name)
    build_config = (og.config.BuildConfiguration()
                    .with_build_directory(str(tmp_path))
                    .with_build_mode(og.config.BuildConfiguration.DEBUG_MODE)
                    .with_build_python_bindings()
                    .with_tcp_interface_config(tcp_interface_config=og.config.TcpServerConfiguration(**tcp)))
    solver_config = og.config.SolverConfiguration().with_tolerance(1e-5).with_delta_tolerance(1e-5).with_cbfgs_parameters(
        1.0, 1e-8, 1e-6)
    return og.builder.OpEnOptimizerBuilder(problem, meta, build_config, solver_config).build()


@pytest.mark.parametrize("symbol", [cs.SX.sym, cs.MX.sym])
def test_direct_interface(tmp_path, monkeypatch, symbol):
    name = f"rosenbrock_{symbol.__qualname__.split('.')[0].lower()}"
    build(tmp_path, name, rosenbrock(symbol))
    monkeypatch.syspath_prepend(os.path.join(tmp_path, name))
    solver = importlib.import_module(name).solver()
    result = solver.run(p=P)
    assert result.is_ok() and result.get().exit_status == "Converged"
    u = result.solution
    assert abs(1.5 * u[0] - u[1]) < 1e-4 and u[2] - u[3] + 0.1 < 1e-4
    again = solver.run(P, initial_guess=u, initial_penalty=10.0)
    assert again["cost"] == pytest.approx(result["cost"], abs=1e-5)
    wrong = solver.run([1])
    assert not wrong.is_ok()
    assert (wrong.get().code, wrong.get().message) == (3003, "wrong number of parameters: provided 1, expected 2")
    assert solver.run(P, initial_guess=[1]).get().code == 1600
    wrong = solver.run(P, initial_lagrange_multipliers=[1])
    assert (wrong.code, wrong.message) == (1700, "wrong dimension of Langrange multipliers: provided 1, expected 0")


def test_augmented_lagrangian_and_sets(tmp_path):
    u, p = cs.SX.sym("u", 4), cs.SX.sym("p", 1)
    sets = og.constraints
    product = sets.CartesianProduct([1, 3], [sets.Rectangle([-1, -1], [1, float("inf")]), sets.BallInf(None, 2)])
    problem = og.builder.Problem(u, p, og.functions.norm2_squared(u - p)).with_constraints(product)
    problem.with_aug_lagrangian_constraints(cs.vertcat(u[0] + u[1], u[2]), sets.Rectangle([-1, 0], [1, 1]))
    assert problem.dim_constraints_aug_lagrangian() == 2 and problem.dim_constraints_penalty() == 0
    import labwire
    solution = labwire.Solver(labwire.Problem(problem.file())).solve([3])
    assert solution.converged
    assert solution.solution == pytest.approx([0.5, 0.5, 1, 2], abs=1e-3)
    with pytest.raises(Exception, match="Set C must be convex"):
        problem.with_aug_lagrangian_constraints(u, sets.Sphere2(None, 1))


def test_tcp(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    build(tmp_path, "served", rosenbrock(), bind_port=port)
    manager = og.tcp.OptimizerTcpManager(os.path.join(tmp_path, "served"))
    manager.start()
    try:
        assert manager.ping() == {"Pong": 1}
        response = manager.call(P, initial_guess=[0.1] * 5, initial_y=[], initial_penalty=100)
        assert response.is_ok() and response["exit_status"] == "Converged"
        assert len(response.get().solution) == 5 and response.get().f1_infeasibility == 0
        error = manager.call([1]).get()
        assert (error.code, error.message) == (3003, "wrong number of parameters: provided 1, expected 2")
        second = og.tcp.OptimizerTcpManager(os.path.join(tmp_path, "served"))
        with pytest.raises(Exception, match=str(port)):
            second.start()
    finally:
        manager.kill()
    with pytest.raises(ConnectionRefusedError):
        manager.ping()


def test_install():
    program = "import labwire.opengen_compat; labwire.opengen_compat.install(); import opengen as og; " \
              "from opengen.tcp import OptimizerTcpManager; print(og.constraints.Ball2(None, 2).radius)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "2.0\n"


def test_names_of_the_real_package():
    """What opengen exports is here too, but for what generates code."""
    pytest.importorskip("opengen")
    import opengen

    for module in ("constraints", "functions", "config"):
        real, ours = getattr(opengen, module), getattr(og, module)
        names = {name for name in real.__all__ if name[0] != "_"} - {"SEMVER_PATTERN"}
        missing = {name for name in names if not hasattr(ours, name)}
        assert not missing, (module, missing)
    assert {name for name in vars(opengen.functions) if name[0] != "_"} >= {"rosenbrock", "norm2"}
def test_real_client(tmp_path):
    """opengen's own client calls a server of this process."""
    pytest.importorskip("opengen")
    from opengen.tcp import OptimizerTcpManager

    import labwire
    with labwire.serve(open=labwire.Problem(rosenbrock().file())) as server:
        ip, port = server.address.split(":")
        manager = OptimizerTcpManager(ip=ip, port=int(port))
        assert manager.ping() == {"Pong": 1}
        response = manager.call(P)
        assert response.is_ok() and response["exit_status"] == "Converged"


