//! Units: what is added, compared or given to something has one; errors name both.

use labwire_core::problem::{Problem, TextLimits};

use super::error;

/// Error of a problem with these entries besides its names: `heat` and `loss` in kW and W, `x` in m, `t` in s, `angle` in rad, `y` in
/// no unit that is known; from the key on.
fn refused(entries: &str) -> String {
    let error = error(&file(entries));
    let (_, from_key) = error.split_once(": ").unwrap_or_default();
    from_key.into()
}

fn file(entries: &str) -> String {
    format!(
        "{{\"variables\": {{\"heat\": {{\"unit\": \"kW\"}}, \"x\": {{\"length\": 3, \"unit\": \"m\"}}, \"y\": 1}},\n\
         \"parameters\": {{\"loss\": {{\"unit\": \"W\"}}, \"t\": {{\"unit\": \"s\"}}, \"angle\": {{\"unit\": \"rad\"}}}},\n{entries}}}"
    )
}

fn cost(cost: &str) -> String {
    refused(&format!("\"cost\": \"{cost}\""))
}

fn accept(entries: &str) {
    let file = file(entries);
    if let Err(error) = Problem::from_json(&file, &TextLimits::default()) {
        panic!("{error}");
    }
}

#[test]
fn sums_name_both_terms_and_their_units() {
    for (text, column, message) in [
        ("heat + loss", 16, "a sum of `heat` in kW and `loss` in W"),
        (
            "y + 3*heat - 2*loss",
            22,
            "a difference of `3*heat` in kW and `2*loss` in W",
        ),
        ("heat*(x[0] + t)", 22, "a sum of `x[0]` in m and `t` in s"),
        (
            "x @ x - t*heat",
            17,
            "a difference of `x @ x` in m^2 and `t*heat` in s kW",
        ),
        (
            "sum(i in 0..3, x[i]/t - x[i])",
            33,
            "a difference of `x[i]/t` in m/s and `x[i]` in m",
        ),
        (
            "sqrt(x[0]) + x[0]",
            22,
            "a sum of `sqrt(x[0])` in m^(1/2) and `x[0]` in m",
        ),
        (
            "x[0]^3 + dot(x, x)",
            18,
            "a sum of `x[0]^3` in m^3 and `dot(x, x)` in m^2",
        ),
        ("max(heat, loss)", 11, "`max` of `heat` in kW and `loss` in W"),
        (
            "if(y > 0, heat, loss)",
            11,
            "`if` of `heat` in kW and `loss` in W",
        ),
        (
            "heat*(heat > loss)",
            22,
            "a comparison of `heat` in kW and `loss` in W",
        ),
        (
            "interp(heat, [0, 1], [0, 1]*x[0]) + t",
            45,
            "a sum of `interp(heat, [0, 1], [0, 1]*x[0])` in m and `t` in s",
        ),
        ("sin(heat)", 11, "`sin` of `heat` in kW"),
        ("exp(x[0]/t)", 11, "`exp` of `x[0]/t` in m/s"),
        ("2^heat", 12, "an exponent of `heat` in kW"),
    ] {
        let error = cost(text);
        assert!(
            error.starts_with(&format!("`cost`: {message}\n")),
            "{text}: {error}"
        );
        let caret = error.lines().nth(2).map_or(0, |line| line.chars().count());
        assert_eq!(caret, 5 + column, "{text}: {error}");
    }
    let help = "help: units are compared, never converted: a factor is a name with a \"value\" and a \"unit\" in `let`, here in kW/W";
    assert!(cost("heat + loss").ends_with(help));
}

#[test]
fn what_is_not_known_is_compatible() {
    for text in [
        "heat + y + 3",
        "y*heat + loss*y",
        "heat - 2*heat/5",
        "sin(angle) + angle",
        "sqrt(x[0]^2) + norm2(x) + hypot(x[0], x[1])",
        "exp(x[0]/x[1]) + y^2.5",
        "x[0]*angle/t - x[0]/t",
        "atan2(x[0], x[1]) + 1",
        "huber(x[0], 0.1) - x[0]^2",
        "sum([heat, loss])*y",
        "(heat > 3)*heat + max(heat, 0)",
        "prod(x) + heat",
        "heat^y + loss",
    ] {
        accept(&format!("\"cost\": \"{text}\""));
    }
}

#[test]
fn definitions_have_units() {
    accept(
        "\"let\": {\"W_per_kW\": {\"value\": 1000, \"unit\": \"W/kW\"}}, \"cost\": \"W_per_kW*heat - loss\"",
    );
    accept(
        "\"let\": {\"half(a)\": \"a/2\", \"plus(a, b)\": \"a + b\"}, \"cost\": \"plus(heat, half(heat)) + y*plus(x[0], x[1])\"",
    );
    accept(
        "\"let\": {\"n\": 2, \"speeds\": {\"value\": [1, 2], \"unit\": \"m/s\"}}, \"cost\": \"speeds[0]*t + x[0] + heat*n*y\"",
    );
    for (entries, message) in [
        (
            "\"let\": {\"speed\": {\"value\": \"x/t\", \"unit\": \"m\"}}, \"cost\": 1",
            "`let.speed.value`: `x/t` is in m/s, `unit` in m\n",
        ),
        (
            "\"let\": {\"speed\": \"x/t\"}, \"cost\": \"speed[0] + heat\"",
            "`cost`: a sum of `speed[0]` in m/s and `heat` in kW\n",
        ),
        (
            "\"let\": {\"plus(a, b)\": \"a + b\"}, \"cost\": \"plus(heat, loss)\"",
            "`let.plus(a, b)`: a sum of `a` in kW and `b` in W\n",
        ),
        (
            "\"let\": {\"speed\": {\"unit\": \"m\"}}, \"cost\": 1",
            "`let.speed`: the key `csv` is missing\n",
        ),
        (
            "\"let\": {\"speed\": {\"value\": 1, \"csv\": \"a.csv\"}}, \"cost\": 1",
            "`let.speed.csv`: give either `value` or `csv`\n",
        ),
    ] {
        let error = refused(entries);
        assert!(error.starts_with(message), "{entries}: {error}");
    }
}

#[test]
fn bounds_and_constraints_have_the_unit_of_what_they_bound() {
    accept(
        "\"cost\": 1, \"constraints\": {\"heat\": {\"box\": {\"min\": \"y_least\", \"max\": 5}}}, \"let\": {\"y_least\": 3}",
    );
    accept(
        "\"cost\": 1, \"f1\": [{\"expression\": \"x[0] <= 3\", \"unit\": \"m\"}, \"loss*y == heat\", \"1 <= heat <= 2\"]",
    );
    for (entries, message) in [
        (
            "\"constraints\": {\"heat\": {\"box\": {\"min\": 0, \"max\": \"loss\"}}}",
            "`constraints.heat.box.max`: `loss` is in W, `heat` in kW\n",
        ),
        (
            "\"constraints\": {\"x\": {\"box\": {\"min\": [0, null, \"t\"]}}}",
            "`constraints.x.box.min[2]`: `t` is in s, `x` in m\n",
        ),
        (
            "\"f1\": [\"heat <= loss\"]",
            "`f1[0]`: a comparison of `heat` in kW and `loss` in W\n",
        ),
        (
            "\"f2\": [\"0 <= heat <= loss\"]",
            "`f2[0]`: a comparison of `heat` in kW and `loss` in W\n",
        ),
        (
            "\"f1\": [{\"name\": \"cap\", \"expression\": [\"y <= 3\", \"x[0] <= 3\"], \"unit\": \"kW\"}]",
            "`f1[0].expression[1]`: `x[0] <= 3` is in m, `unit` in kW\n",
        ),
        (
            "\"f1\": [{\"expression\": \"heat <= 3\", \"scale\": 2, \"soft\": {\"l2\": 1}}]",
            "`f1[0].scale`: a soft constraint is a part of the cost: leave out `scale`\n",
        ),
    ] {
        let error = refused(&format!("\"cost\": 1, {entries}"));
        assert!(error.starts_with(message), "{entries}: {error}");
    }
}

#[test]
fn what_names_say_is_checked() {
    for (variable, message) in [
        (
            "{\"unit\": \"m2\"}",
            "`variables.v.unit`: a symbol has no digit after `m`\n",
        ),
        (
            "{\"unit\": \"EUR/kW h\"}",
            "`variables.v.unit`: whether this factor is above or below the slash is not clear\n",
        ),
        (
            "{\"unit\": \"100 kW\"}",
            "`variables.v.unit`: a unit has no factor but 1: nothing is converted\n",
        ),
        (
            "{\"unit\": 1}",
            "`variables.v.unit`: expected a unit (a string), found a number\n",
        ),
        (
            "{\"scale\": 0}",
            "`variables.v.scale`: expected a positive number, found 0\n",
        ),
        (
            "{\"scale\": -1e3}",
            "`variables.v.scale`: expected a positive number, found -1000\n",
        ),
        (
            "{\"scale\": \"1\"}",
            "`variables.v.scale`: expected a positive number, found a string\n",
        ),
        (
            "{\"label\": 3}",
            "`variables.v.label`: expected a name (a string), found a number\n",
        ),
        ("{\"units\": \"m\"}", "`variables.v`: unknown key `units`\n"),
        (
            "{\"length\": 0}",
            "`variables.v.length`: expected a whole number from 1",
        ),
    ] {
        let error = error(&format!(
            "{{\"variables\": {{\"v\": {variable}}}, \"cost\": \"v\"}}"
        ));
        let (_, from_key) = error.split_once(": ").unwrap_or_default();
        assert!(from_key.starts_with(message), "{variable}: {error}");
    }
    let error =
        error("{\"variables\": {\"v\": 1}, \"parameters\": {\"p\": {\"scale\": 3}}, \"cost\": \"v\"}");
    assert!(error.contains("`parameters.p`: unknown key `scale`"), "{error}");
}

const PLANT: &str = r#"{"ocp": {
"horizon": 3,
"step": {"value": 0.5, "unit": "h"},
"states": {"energy": {"unit": "kW h"}, "angle": 1},
"inputs": {"heat": {"unit": "kW"}},
"previous": "heat",
"parameters": {"price": {"per_stage": 1, "unit": "EUR/(kW h)"}, "start": {"unit": "kW h"}},
"data": {"demand": {"values": [6, 7, 8], "unit": "kW"}},
"let": {"loss": {"value": 0.1, "unit": "1/h"}},
"initial_state": ["start", 0],
"dynamics": {"derivative": ["heat - demand - loss*energy", "angle"]},
"stage_cost": "price*heat*t + price*heat_previous*t",
"terminal_cost": 0,
"input_bounds": {"max": "demand"},
"path_constraints": ["heat - heat_previous <= 3"]
}}"#;

#[test]
fn stages_have_units() {
    if let Err(error) = Problem::from_json(PLANT, &TextLimits::default()) {
        panic!("{error}");
    }
    for (from, to, message) in [
        (
            "\"unit\": \"h\"",
            "\"unit\": \"s\"",
            "`heat - demand - loss*energy` is in kW, the derivative of `energy` with respect to time in kW h/s\n",
        ),
        ("\"angle\"]}", "\"t\"]}, \"horizon_variables\": [\"t\"]", ""),
        (
            "{\"derivative\"",
            "{\"next\"",
            "`heat - demand - loss*energy` is in kW, `energy` in kW h\n",
        ),
        (
            "[\"start\", 0]",
            "[\"price\", 0]",
            "`price` is in EUR/(kW h), `energy` in kW h\n",
        ),
        (
            "\"max\": \"demand\"",
            "\"max\": \"demand*t\"",
            "`demand*t` is in kW h, `heat` in kW\n",
        ),
        (
            "heat_previous <= 3",
            "energy <= 3",
            "a difference of `heat` in kW and `energy` in kW h\n",
        ),
        (
            "\"terminal_cost\": 0",
            "\"terminal_cost\": \"energy\"",
            "`energy` is in kW h, the other costs in EUR\n",
        ),
        ("{\"value\": 0.5,", "{\"valu\": 0.5,", "unknown key `valu`\n"),
        (
            "{\"value\": 0.5, \"unit\"",
            "{\"unit\"",
            "the key `value` is missing\n",
        ),
        ("{\"values\": [6, 7, 8],", "{", "the key `values` is missing\n"),
        (
            "\"per_stage\": 1, \"unit\"",
            "\"per_stage\": 1, \"length\": 2, \"unit\"",
            "`per_stage` is the length: leave out `length`\n",
        ),
        (
            "\"per_stage\": 1, \"unit\"",
            "\"at_end\": true, \"unit\"",
            "the key `per_stage` is missing\n",
        ),
    ] {
        assert!(PLANT.contains(from), "{from}");
        let file = PLANT.replace(from, to);
        match Problem::from_json(&file, &TextLimits::default()) {
            Ok(_) => assert_eq!(message, "", "{to} was accepted"),
            Err(error) => assert!(
                !message.is_empty() && error.to_string().contains(message),
                "{to}: {error}"
            ),
        }
    }
}

#[test]
fn unknowns_of_equations_have_units() {
    let file = |guess: &str, equation: &str| {
        PLANT.replace(
            "\"let\":",
            &format!(
                "\"algebraic\": {{\"flow\": {{\"equation\": \"{equation}\", \"guess\": \"{guess}\", \"unit\": \"kW\"}}}}, \"let\":"
            ),
        )
    };
    let accepted = file("heat", "flow + 0.1*flow == heat");
    if let Err(error) = Problem::from_json(&accepted, &TextLimits::default()) {
        panic!("{error}");
    }
    let refused = error(&file("heat", "flow == energy"));
    assert!(
        refused.contains("a comparison of `flow` in kW and `energy` in kW h"),
        "{refused}"
    );
    let refused = error(&file("energy", "flow == heat"));
    assert!(refused.contains("`energy` is in kW h, `flow` in kW"), "{refused}");
}

/// A price is the cost over the violation, or over its square; a plain number is of any unit.
#[test]
fn prices_of_slacks_have_units() {
    let file = |price: &str, unit: &str, cost: &str| {
        file(&format!(
            "\"let\": {{\"rate\": {{\"value\": 3, \"unit\": \"{unit}\"}}, \"cheap\": {{\"value\": 2, \"unit\": \"EUR/kW\"}}}}, \
             \"cost\": \"{cost}\",\n\"f1\": [{{\"expression\": \"heat <= 4\", \"soft\": {{{price}}}}}]"
        ))
    };
    for (price, unit) in [
        ("\"l1\": \"rate\"", "EUR/kW"),
        ("\"l2\": \"2*rate\"", "EUR/kW^2"),
        ("\"l1\": 5", "s"),
        ("\"l1\": \"y_free\", \"l2\": \"rate\"", "EUR/kW^2"),
    ] {
        let text = file(&price.replace("y_free", "cheap"), unit, "cheap*heat");
        if let Err(error) = Problem::from_json(&text, &TextLimits::default()) {
            panic!("{error}");
        }
    }
    for (price, unit, message) in [
        (
            "\"l1\": \"rate\"",
            "EUR/W",
            "`rate` is in EUR/W, the cost over the violation in EUR/kW\n",
        ),
        (
            "\"l2\": \"rate\"",
            "EUR/kW",
            "`rate` is in EUR/kW, the cost over the violation in EUR/kW^2\n",
        ),
    ] {
        let found = error(&file(price, unit, "cheap*heat"));
        assert!(found.contains(message), "{found}");
    }
}

/// Branches and bodies that are never expanded cost no more than the limits allow, and cannot call themselves for ever.
#[test]
fn checks_end() {
    accept("\"let\": {\"f(i)\": \"if(0, g(i) + f(i), heat)\", \"g(i)\": \"3*i\"}, \"cost\": \"f(0)\"");
    let mut definitions = String::from("\"d0(i)\": \"heat\"");
    for i in 1..25 {
        definitions += &format!(", \"d{i}(j)\": \"d{0}(j) + d{0}(j)\"", i - 1);
    }
    let mut limits = TextLimits::default();
    limits.expansion_steps = 10_000;
    let text = file(&format!(
        "\"let\": {{{definitions}}}, \"cost\": \"sum(i in 0..0, d24(i))\""
    ));
    let error = Problem::from_json(&text, &limits).unwrap_err().to_string();
    assert!(
        error.contains("takes more than 10000 steps (limit `expansion-steps`)"),
        "{error}"
    );
}
