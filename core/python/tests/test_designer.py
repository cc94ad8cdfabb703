"""Designed experiments."""

import pickle
import threading

import numpy as np
import pytest

import labwire

DIP = {
    "name": "resonance dip",
    "newrun": {"lolim": 1.5, "hilim": 3.5, "steps": 201},
    "settings": {"f": {"linspace": ["lolim", "hilim", "steps"]}},
    "parameters": {
        "f0": {"uniform": [1.5, 3.5]},
        "depth": {"uniform": [0.01, 0.1]},
        "width": {"uniform": [0.003, 0.05]},
    },
    "model": "1 - depth/(((f - f0)*2/width)^2 + 1)",
    "noise": 0.005,
    "options": {"particles": 10000, "scale": False},
}


def dip(f, f0, depth, width):
    return 1 - depth / (((f - f0) * 2 / width) ** 2 + 1)


def failing(f, f0, depth, width):
    if np.ndim(f) == 1:
        raise ArithmeticError("no model today")
    return dip(f, f0, depth, width)


def run(experiment, measurements=60, seed=1):
    instrument = labwire.Simulator(labwire.Experiment(DIP), [2.6, 0.04, 0.04], seed=3)
    designer = labwire.Designer(experiment, seed=seed)
    for _ in range(measurements):
        setting = designer.suggest()
        designer.update(setting, instrument.measure(setting))
    return designer


def test_experiment():
    experiment = labwire.Experiment(DIP, steps=5)
    assert experiment.name == "resonance dip" and experiment.channels == 1
    assert experiment.parameters == ["f0", "depth", "width"]
    assert experiment.knobs["f"].tolist() == [1.5, 2, 2.5, 3, 3.5]
    assert experiment.settings.shape == (5, 1)
    assert repr(experiment) == "<labwire.Experiment 'resonance dip': 5 settings, parameters f0, depth, width>"
    with pytest.raises(labwire.TextError, match="no argument `stps`"):
        labwire.Experiment(DIP, stps=5)
    with pytest.raises(labwire.TextError, match="unknown name `f1`"):
        labwire.Experiment({**DIP, "model": "f1"})


def test_a_run_finds_the_dip():
    designer = run(labwire.Experiment(DIP))
    assert abs(designer.mean()[0] - 2.6) < 0.01 and designer.std()[0] < 0.005
    assert designer.particles.shape == (3, 10000) and designer.weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(designer.particles @ designer.weights, designer.mean())
    np.testing.assert_allclose(np.sqrt(np.diag(designer.covariance())), designer.std(), rtol=1e-2)
    low, high = designer.interval(0.95)[0]
    assert low < 2.6 < high
    assert designer.utility().shape == (201,) and len(designer.history) == 60
    setting, values, sigma = designer.history[-1]
    assert setting.shape == values.shape == (1,) and sigma is None
    assert 1 <= designer.effective_sample_size <= 10000 and designer.seed == 1
    assert repr(designer).startswith("<labwire.Designer of 'resonance dip', 60 measurements: f0 = 2.6")


def test_equal_seeds_give_equal_bits():
    one, two = run(labwire.Experiment(DIP), 10), run(labwire.Experiment(DIP), 10)
    assert one.particles.tobytes() == two.particles.tobytes() and one.posterior() == two.posterior()
    drawn = {labwire.Designer(labwire.Experiment(DIP)).seed for _ in range(3)}
    assert len(drawn) == 3 and max(drawn) < 2**53


def test_a_function_is_a_model():
    experiment = labwire.Experiment(DIP, model=dip)
    assert experiment.model is dip
    np.testing.assert_allclose(run(experiment).mean(), run(labwire.Experiment(DIP)).mean(), rtol=1e-6)
    in_place = labwire.Experiment({**DIP, "model": dip})
    assert run(in_place, 5).posterior() == run(experiment, 5).posterior()


def test_functions_with_two_channels():
    settings = {"settings": {"x": [0, 1, 2, 3]}, "parameters": {"a": {"uniform": [0, 1]}, "b": {"uniform": [0, 1]}},
                "noise": 0.1}
    experiment = labwire.Experiment(settings, model=lambda x, a, b: (a * x, b + 0 * x), channels=2)
    designer = labwire.Designer(experiment, seed=1)
    designer.update([3], [1.5, 0.25])
    assert abs(designer.mean()[0] - 0.5) < 0.1 and experiment.channels == 2


@pytest.mark.parametrize(
    "model, error, text",
    [
        (lambda f, a: 1 / 0, ZeroDivisionError, "division"),
        (lambda f: f, TypeError, "positional argument"),
        (lambda f, a: "one", labwire.InputError, "something else than numbers"),
        (lambda f, a: np.zeros(7), labwire.InputError, r"something else than numbers, or \d+ of them"),
        (lambda f, a: None, labwire.InputError, "the model has no finite value"),
        (lambda f, a: f * 0 + a * np.nan, labwire.InputError, "the model has no finite value"),
    ],
)
def test_models_that_fail(model, error, text):
    source = {"settings": {"f": [1, 2]}, "parameters": {"a": {"uniform": [0, 1]}}, "noise": 1}
    designer = labwire.Designer(labwire.Experiment(source, model=model), seed=1)
    before = designer.posterior()
    with pytest.raises(error, match=text):
        designer.update([1], [1])
    assert designer.posterior() == before


def test_a_model_that_raises_in_a_suggestion():
    designer = labwire.Designer(labwire.Experiment(DIP, model=failing), seed=1)
    for suggest in (designer.suggest, designer.good_setting, designer.utility):
        with pytest.raises(ArithmeticError, match="no model today"):
            suggest()
    designer.update([2], [1])
    assert len(designer.history) == 1


def test_a_model_that_uses_its_designer():
    source = {"settings": {"f": [1, 2]}, "parameters": {"a": {"uniform": [0, 1]}}, "noise": 1}
    designer = labwire.Designer(labwire.Experiment(source, model=lambda f, a: designer.mean()), seed=1)
    with pytest.raises(labwire.BusyError, match="at work"):
        designer.suggest()


@pytest.mark.parametrize(
    "arguments, text",
    [
        (([1, 2], [1]), "the setting"),
        (([1], [1, 2]), "the measurement"),
        (([1], [np.nan]), "finite"),
        (([1], [9.9e37]), "what instruments send instead"),
        (([1], [1], -1), "a standard deviation must be a positive number, not -1"),
        (([1], [1], [1, 2]), "the standard deviations"),
        ((["a"], [1]), "setting: expected an array of real numbers"),
    ],
)
def test_measurements_that_do_not_fit(arguments, text):
    designer = labwire.Designer(labwire.Experiment(DIP), seed=1)
    with pytest.raises(labwire.InputError, match=text):
        designer.update(*arguments)
    assert not designer.history


def test_undo_save_load_pickle(tmp_path):
    experiment = labwire.Experiment(DIP, steps=21)
    designer = run(experiment, 5)
    designer.update([2.0], [1.0])
    designer.undo()
    assert len(designer.history) == 5
    with pytest.raises(labwire.InputError, match="no measurement to undo"):
        labwire.Designer(experiment).undo()
    designer.save(tmp_path / "posterior.json")
    next_setting = designer.suggest().tolist()
    loaded = labwire.Designer.load(experiment, tmp_path / "posterior.json")
    assert [file.name for file in tmp_path.iterdir()] == ["posterior.json"]
    pickled = pickle.loads(pickle.dumps(loaded))
    assert pickled.experiment.knobs["f"].shape == (21,)
    for copy in (loaded, pickled):
        assert copy.suggest().tolist() == next_setting
    with pytest.raises(labwire.InputError, match="not a posterior file"):
        labwire.Designer.from_posterior(experiment, "{}")
    with pytest.raises(FileNotFoundError):
        labwire.Designer.load(experiment, tmp_path / "none")
    assert pickle.loads(pickle.dumps(labwire.Experiment(DIP, model=dip))).model is dip


def test_threads_with_a_function(tmp_path):
    results = []
    threads = [threading.Thread(target=lambda: results.append(run(labwire.Experiment(DIP, model=dip), 5).posterior()))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(results)) == 1 and len(results) == 4


def test_simulator():
    experiment = labwire.Experiment(DIP)
    assert labwire.Simulator(experiment, seed=1).truth.shape == (3,)
    one, two = (labwire.Simulator(experiment, [2.6, 0.04, 0.04], seed=5) for _ in range(2))
    assert [one.measure([2.6])[0] for _ in range(3)] == [two.measure([2.6])[0] for _ in range(3)]
    with pytest.raises(labwire.InputError, match="truth"):
        labwire.Simulator(experiment, [1])
    with pytest.raises(labwire.InputError, match="the setting has 2 numbers, expected 1"):
        one.measure([1, 2])
