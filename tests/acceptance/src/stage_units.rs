//! The same optimal-control problem in other units.

use std::collections::BTreeMap;

use labwire_core::problem::{Problem, ProblemSolver, Solution, TextLimits};
use labwire_core::random::Random;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::OptimalControl;
use crate::collection::work;
use crate::units::power;

/// Largest relative difference of costs and inputs that are the same.
const SAME: f64 = 1e-4;

/// Units of an optimal-control problem: how much of the new unit is in one of the old.
#[derive(Clone, Debug, PartialEq)]
pub struct StageUnits {
    /// Of each element of a state.
    pub states: Vec<f64>,
    /// Of each element of an input.
    pub inputs: Vec<f64>,
    /// Of the cost.
    pub cost: f64,
    /// Of each path constraint, then of each terminal one.
    pub constraints: Vec<f64>,
}

/// Choice of units.
pub type StageUnitChange = fn(&mut StageUnits, &mut Random);

/// Changes of units: of all states, of all inputs, of one state, of one input, of the cost, and of one constraint.
pub const STAGE_UNIT_CHANGES: [(&str, StageUnitChange); 14] = [
    ("states * 1e3", |units, _| units.states.fill(1e3)),
    ("states * 1e6", |units, _| units.states.fill(1e6)),
    ("states * 1e-3", |units, _| units.states.fill(1e-3)),
    ("inputs * 1e3", |units, _| units.inputs.fill(1e3)),
    ("inputs * 1e-3", |units, _| units.inputs.fill(1e-3)),
    ("one state * 1e6", |units, random| {
        one(&mut units.states, random, 1e6)
    }),
    ("one state * 1e-6", |units, random| {
        one(&mut units.states, random, 1e-6);
    }),
    ("one input * 1e6", |units, random| {
        one(&mut units.inputs, random, 1e6)
    }),
    ("one input * 1e-6", |units, random| {
        one(&mut units.inputs, random, 1e-6);
    }),
    ("each by 1e-3 to 1e3", |units, random| {
        let all = units.states.iter_mut().chain(&mut units.inputs);
        all.chain(&mut units.constraints)
            .for_each(|unit| *unit = power(random, 3));
    }),
    ("cost * 1e-6", |units, _| units.cost = 1e-6),
    ("cost * 1e6", |units, _| units.cost = 1e6),
    ("one constraint * 1e-6", |units, random| {
        one(&mut units.constraints, random, 1e-6);
    }),
    ("one constraint * 1e6", |units, random| {
        one(&mut units.constraints, random, 1e6);
    }),
];

fn one(units: &mut [f64], random: &mut Random, unit: f64) {
    if !units.is_empty() {
        units[random.below(units.len())] = unit;
    }
}

impl StageUnits {
    /// The problem's own.
    #[must_use]
    pub fn own(problem: &OptimalControl) -> Self {
        let file: Value = serde_json::from_str(&problem.text).expect("it is JSON");
        let count = |key: &str| file["ocp"][key].as_array().map_or(0, Vec::len);
        Self {
            states: vec![1.0; count("states")],
            inputs: vec![1.0; count("inputs")],
            cost: 1.0,
            constraints: vec![1.0; count("path_constraints") + count("terminal_constraints")],
        }
    }

    /// Those that `choose` makes of the problem's own, with random numbers of this seed; `None` if they are the same.
    #[must_use]
    pub fn chosen(problem: &OptimalControl, choose: StageUnitChange, seed: u64) -> Option<Self> {
        let own = Self::own(problem);
        let mut units = own.clone();
        choose(&mut units, &mut Random::new(seed, 0));
        (units != own).then_some(units)
    }

    /// The problem in these units: its states and inputs, with `_in_units` after their names, are the old ones times their
    /// units.
    ///
    /// # Panics
    /// If the problem is not of the form of the benchmark.
    #[must_use]
    pub fn express(&self, problem: &OptimalControl) -> OptimalControl {
        let mut file: Map<String, Value> = serde_json::from_str(&problem.text).expect("it is an object");
        let mut whole: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(&problem.text).expect("it is an object");
        let mut ocp: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(whole["ocp"].get()).expect("it is an object");
        let values = file["ocp"].as_object_mut().expect("it is an object");
        let rename = |names: &Value| -> Vec<String> {
            let names = names.as_array().expect("a list of names");
            let names = names.iter().map(|name| name.as_str().expect("a name").to_owned());
            names.collect()
        };
        let (states, inputs) = (rename(&values["states"]), rename(&values["inputs"]));
        let new = |names: &[String]| -> Value {
            let names: Vec<String> = names.iter().map(|name| format!("{name}_in_units")).collect();
            json!(names)
        };
        // Definitions refer to earlier ones: the old variables come first.
        let units = self.states.iter().chain(&self.inputs);
        let old: Vec<String> = states
            .iter()
            .chain(&inputs)
            .zip(units)
            .map(|(name, unit)| format!("\"{name}\": \"{name}_in_units/{unit:e}\""))
            .collect();
        let rest = ocp.get("let").map_or("{}", |rest| rest.get()).trim();
        let rest = rest.strip_prefix('{').expect("`let` is an object").trim_start();
        let comma = if rest.starts_with('}') { "" } else { ", " };
        let definitions = format!("{{{}{comma}{rest}", old.join(", "));
        let raw = |text: String| RawValue::from_string(text).expect("it is JSON");
        ocp.insert("let".into(), raw(definitions));

        scale_all(&mut values["initial_state"], &self.states);
        for (_, map) in values["dynamics"].as_object_mut().expect("an object") {
            if map.is_array() {
                scale_all(map, &self.states);
            }
        }
        for key in ["stage_cost", "terminal_cost"] {
            if let Some(cost) = values.get_mut(key) {
                scale(cost, self.cost);
            }
        }
        for (_, bounds) in values["input_bounds"].as_object_mut().expect("an object") {
            scale_bounds(bounds, &self.inputs);
        }
        let mut constraints = self.constraints.iter();
        for key in ["path_constraints", "terminal_constraints"] {
            for constraint in values
                .get_mut(key)
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                let unit = constraints.next().expect("each constraint has a unit");
                scale(&mut constraint["expression"], *unit);
                let set = constraint["set"]["box"]
                    .as_object_mut()
                    .expect("the set is a box");
                set.values_mut().for_each(|bound| scale_bounds(bound, &[*unit]));
            }
        }
        let horizon = values["horizon"].as_u64().expect("a number") as usize;
        values["states"] = new(&states);
        values["inputs"] = new(&inputs);
        for (key, value) in values.iter().filter(|(key, _)| *key != "let") {
            ocp.insert(key.clone(), raw(value.to_string()));
        }
        if let Some(guess) = file.get("initial_guess") {
            let guess = guess.as_f64().expect("one guess for all inputs");
            let of_stage = self.inputs.iter().map(|unit| guess * unit);
            let all: Vec<f64> = of_stage.cycle().take(horizon * self.inputs.len()).collect();
            whole.insert("initial_guess".into(), raw(json!(all).to_string()));
        }
        whole.insert(
            "ocp".into(),
            raw(serde_json::to_string(&ocp).expect("it can be written")),
        );
        let text = serde_json::to_string(&whole).expect("it can be written");
        let expressed = Problem::from_json(&text, &TextLimits::default());
        OptimalControl {
            problem: expressed.unwrap_or_else(|error| panic!("{text}: {error}")),
            text,
            name: problem.name.clone(),
            parameters: problem.parameters.clone(),
        }
    }
}

/// In what the solution differs from `own`, that in the problem's own units: 0 and a text if it has another cost or other
/// inputs, 1 if it has another status, 2 if it takes more than twice the evaluations.
///
/// # Panics
/// As [`StageUnits::express`].
#[must_use]
pub fn same_in_stage_units(
    problem: &OptimalControl,
    own: &Solution,
    units: &StageUnits,
) -> Option<(usize, String)> {
    let expressed = units.express(problem);
    let mut solver = ProblemSolver::new(&expressed.problem).expect("the settings are valid");
    let solution = solver.solve(&expressed.parameters).expect("the parameters fit");
    let (took, needed) = (work(&solution.counters), work(&own.counters));
    let text = |what: String| {
        let status = solution.status.name();
        format!("{}: {what}, {status} after {took} evaluations", problem.name)
    };
    let cost = solution.cost / units.cost;
    let size = own.u.iter().fold(0.0_f64, |size, u| size.max(u.abs()));
    let back = solution.u.iter().zip(units.inputs.iter().cycle());
    let distance = back.zip(&own.u).fold(0.0_f64, |worst, ((u, unit), own)| {
        worst.max((u / unit - own).abs() / size)
    });
    let higher = (cost - own.cost).abs() / own.cost.abs().max(1.0);
    if !(higher <= SAME && distance <= LARGE * SAME) {
        let what = format!(
            "cost {cost:e} for {:e}, inputs differ by {distance:.1e}",
            own.cost
        );
        return Some((0, text(what)));
    }
    if solution.status != own.status {
        return Some((1, text("another status".into())));
    }
    let ratio = took / needed;
    (ratio > 2.0).then(|| (2, text(format!("{ratio:.1} times the evaluations"))))
}

/// Difference of the inputs, relative to that of the costs: the cost is flat along some.
const LARGE: f64 = 100.0;

fn scale(expression: &mut Value, unit: f64) {
    let text = match &*expression {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    *expression = json!(format!("{unit:e}*({text})"));
}

fn scale_all(expressions: &mut Value, units: &[f64]) {
    let expressions = expressions.as_array_mut().expect("a list of expressions");
    for (expression, unit) in expressions.iter_mut().zip(units) {
        scale(expression, *unit);
    }
}

/// Scales a bound, one for all or a list.
fn scale_bounds(bounds: &mut Value, units: &[f64]) {
    let number = |value: &Value| value.as_f64().expect("a bound is a number");
    let scaled: Vec<f64> = match bounds.as_array() {
        Some(list) => list
            .iter()
            .zip(units)
            .map(|(bound, unit)| number(bound) * unit)
            .collect(),
        None => units.iter().map(|unit| number(bounds) * unit).collect(),
    };
    *bounds = match scaled.as_slice() {
        [bound] => json!(bound),
        _ => json!(scaled),
    };
}
