"""Problems: from what they are read, and what is wrong with them."""

import json
import pickle

import numpy as np
import pytest
from conftest import HEATING

import labwire


def test_text_dictionary_and_path_give_the_same_problem(tmp_path, heating):
    path = tmp_path / "heating.json"
    path.write_text(json.dumps(HEATING))
    for source in (json.dumps(HEATING), json.dumps(HEATING).encode(), path, str(path)):
        problem = labwire.Problem(source)
        assert problem.name == "heating"
        assert problem.variables == {"power": 6}
        assert list(problem.parameters.items()) == [("outside", 1), ("inside", 1)]
        assert (problem.num_variables, problem.num_parameters, problem.num_f1, problem.num_f2) == (6, 2, 1, 0)
        assert str(problem) == str(heating)
    assert "power" in str(heating)
    assert repr(heating) == "<labwire.Problem 'heating': 6 variables, 2 parameters, 1 + 0 constraints>"


def test_dictionaries_may_hold_numpy_numbers():
    box = {"min": np.zeros(2, dtype=np.float32), "max": [np.int64(1), 2]}
    problem = labwire.Problem({"variables": {"u": np.int32(2)}, "cost": "u[0]", "constraints": {"u": {"box": box}},
                               "initial_guess": np.array([0.5, 0.25])})
    assert problem.initial_guess.tolist() == [0.5, 0.25]
    with pytest.raises(TypeError, match="of type set"):
        labwire.Problem({"variables": {1, 2}})


def test_units_and_labels_of_what_has_them():
    problem = labwire.Problem(
        {
            "variables": {"heat": {"length": 2, "unit": "kW", "label": "heat pump"}, "valve": 1},
            "parameters": {"price": {"length": 1, "unit": "1/kW"}},
            "cost": "price * (heat[0] + heat[1]) + valve^2",
        }
    )
    assert problem.units == {"price": "1/kW", "heat": "kW"}
    assert problem.labels == {"heat": "heat pump"}


def test_faults_have_their_place():
    with pytest.raises(labwire.TextError) as caught:
        labwire.Problem('{"variables": {"u": 2},\n "cost": "u[0]^2 + uu[1]^2"}')
    error = caught.value
    assert (error.path, error.line, error.column) == ("cost", 2, 20)
    assert error.message == "unknown name `uu`"
    assert error.help == "did you mean `u`?"
    assert str(error).startswith("line 2, column 20: `cost`: unknown name `uu`")
    assert isinstance(error, ValueError) and isinstance(error, labwire.Error)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.help) == (str(error), error.help)


def test_other_sources_are_refused():
    with pytest.raises(TypeError, match="not int"):
        labwire.Problem(3)
    with pytest.raises(FileNotFoundError):
        labwire.Problem("no such file.json")


def test_problems_can_be_pickled_and_compared(heating):
    copy = pickle.loads(pickle.dumps(heating))
    assert copy == heating and hash(copy) == hash(heating) and copy.text == heating.text
    assert copy != labwire.Problem('{"variables": {"u": 1}, "cost": "u[0]"}')
