"""Programs written for optbayesexpt, which is on no package index: its facts are in tests of the core; here, its interface."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from labwire.optbayesexpt_compat import MeasurementSimulator, OptBayesExpt, OptBayesExptNoiseParameter, Socket


def lorentz(sets, pars, cons):
    (x,), (x0, a, b), (d,) = sets, pars, cons
    return b + a / (((x - x0) / d) ** 2 + 1)


def test_find_peak():
    """demos/find_peak/sequentialLorentzian.py, shorter."""
    random = np.random.default_rng(1)
    n = 5000
    priors = (random.uniform(2, 4, n), random.uniform(-2000, -400, n), random.normal(50000, 1000, n))
    obe = OptBayesExpt(lorentz, (np.linspace(1.5, 4.5, 200),), priors, (0.1,), scale=False, seed=1)
    simulator = MeasurementSimulator(lorentz, (3.1, -1200, 50200), (0.1,), 500, seed=2)
    for _ in range(100):
        setting = obe.opt_setting()
        obe.pdf_update((setting, simulator.simdata(setting), 500))
    assert abs(obe.mean()[0] - 3.1) < 0.05 and obe.std()[0] < 0.03
    assert obe.particles.shape == (3, n) and obe.n_particles == n and obe.covariance().shape == (3, 3)
    assert obe.allsettings.shape == (1, 200) and obe.utility().shape == (200,)
    assert obe.allsettings[0, obe.last_setting_index] == setting[0]
    assert obe.eval_over_all_settings((3.1, -1200, 50200)).shape == (200,)
    assert obe.randdraw(7).shape == (3, 7)
    assert len(obe.good_setting()) == len(obe.random_setting()) == len(obe.get_setting()) == 1


def test_weights_of_the_original():
    """Eight particles, two measurements: the weights that optbayesexpt 1.2.0 computes."""
    priors = (np.linspace(2.1, 3.9, 8), np.linspace(-2000, -600, 8), np.linspace(49000, 51000, 8))
    obe = OptBayesExpt(lorentz, ([2.5, 3.0],), priors, (0.1,), auto_resample=False, seed=1)
    obe.pdf_update(((3.0,), 49800, 500))
    _, weights = obe.pdf_update(((2.5,), 49300, 500))
    expected = [0.10480639135454463, 0.14917157878720358, 0.32586203075978365, 0.24214200571843428, 0.15043789425925652,
                0.025269162761072574, 0.002204911489115786, 0.00010602487058893758]
    np.testing.assert_allclose(weights, expected, rtol=1e-9)
    np.testing.assert_allclose(obe.std(), [0.3257778826117229, 253.3827975868974, 361.9754251238249], rtol=1e-9)


def test_unknown_noise():
    """demos/line_plus_noise, shorter."""
    random = np.random.default_rng(1)
    priors = (random.uniform(-1, 1, 5000), random.uniform(-1, 1, 5000), random.exponential(0.1, 5000))

    def line(sets, pars, cons):
        return pars[0] * sets[0] + pars[1]

    obe = OptBayesExptNoiseParameter(line, (np.linspace(0, 1, 101),), priors, (), noise_parameter_index=2, seed=1)
    simulator = MeasurementSimulator(line, (-0.3, -0.45, 0.2), (), 0.2, seed=2)
    for _ in range(100):
        setting = obe.opt_setting()
        obe.pdf_update((setting, simulator.simdata(setting)))
    assert np.all(np.abs(obe.mean() - (-0.3, -0.45, 0.2)) < 4 * obe.std())


def test_wrong_names():
    with pytest.raises(SyntaxError):
        OptBayesExpt(lorentz, ([1, 2],), ([1, 2], [1, 2], [1, 2]), (0.1,), selection_method="best")
    with pytest.raises(Exception, match="Invalid role"):
        Socket("waiter")


def test_socket_in_both_roles():
    server = Socket("server", port=0)

    def serve():
        for _ in range(2):
            server.send({"got": server.receive()})
        server.close()

    thread = threading.Thread(target=serve)
    thread.start()
    client = Socket("client", port=server.port)
    assert client.tcpcmd({"command": "ready"}) == {"got": {"command": "ready"}}
    assert client.tcpcmd({"x": np.array([1.5, np.inf])}) == {"got": {"x": [1.5, np.inf]}}
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_socket_with_the_server_of_labwire(tmp_path):
    process = subprocess.Popen([sys.executable, "-m", "labwire", "serve", "--only", "obe", "--obe", "127.0.0.1:0", "--obe-dir",
                                str(tmp_path)], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    client = Socket("client", port=int(process.stdout.readline().split()[1].rpartition(":")[2]))
    assert client.tcpcmd({"command": "newrun", "seed": 1}) == "OK"
    assert len(client.tcpcmd({"command": "optset"})) == 1
    assert client.tcpcmd({"command": "done"}) == "OK"
    assert process.wait(timeout=30) == 0
    process.stdout.close()
