//! The same problem in other units.

use serde_json::{Map, Value, json, value::RawValue};
use std::collections::BTreeMap;

use labwire_core::problem::{Problem, ProblemSolver, Solution, TextLimits};
use labwire_core::random::Random;
use labwire_core::solve::Status;

use crate::collection::work;
use crate::{KnownProblem, Row};

/// Largest relative difference of solutions that are the same.
const SAME: f64 = 1e-4;

/// Units of a problem: how much of the new unit is in one of the old.
#[derive(Clone, Debug, PartialEq)]
pub struct Units {
    /// Of each variable.
    pub variables: Vec<f64>,
    /// Of the cost.
    pub cost: f64,
    /// Of each constraint: F1, then F2.
    pub constraints: Vec<f64>,
}

impl Units {
    /// The problem's own.
    #[must_use]
    pub fn own(problem: &Problem) -> Self {
        Self {
            variables: vec![1.0; problem.num_variables()],
            cost: 1.0,
            constraints: vec![1.0; problem.num_f1() + problem.num_f2()],
        }
    }

    /// Those that `choose` makes of the problem's own, with random numbers of this seed; `None` if they are the same.
    #[must_use]
    pub fn chosen(problem: &Problem, choose: UnitChange, seed: u64) -> Option<Self> {
        let own = Self::own(problem);
        let mut units = own.clone();
        choose(&mut units, &mut Random::new(seed, 0));
        (units != own).then_some(units)
    }

    /// The problem in these units: its variables `v` are the old ones times their units.
    ///
    /// # Panics
    /// If the problem is not of the form of the collections.
    #[must_use]
    pub fn express(&self, known: &KnownProblem) -> Problem {
        let mut file: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(&known.text).expect("it is an object");
        let raw = |text: String| RawValue::from_string(text).expect("it is JSON");
        let written = |value: &Value| raw(value.to_string());
        let n = self.variables.len();
        // Definitions refer to earlier ones: the old variables come first.
        let old: Vec<String> = self
            .variables
            .iter()
            .enumerate()
            .map(|(i, unit)| format!("v[{i}]/{unit:e}"))
            .collect();
        let first = format!("\"x\": \"[{}]\"", old.join(", "));
        let rest = file.get("let").map_or("{}", |rest| rest.get()).trim();
        let rest = rest.strip_prefix('{').expect("`let` is an object").trim_start();
        let comma = if rest.starts_with('}') { "" } else { ", " };
        file.insert("let".into(), raw(format!("{{{first}{comma}{rest}")));
        file.insert("variables".into(), written(&json!({"v": n})));
        let value = |file: &BTreeMap<String, Box<RawValue>>, key: &str| -> Option<Value> {
            file.get(key)
                .map(|raw| serde_json::from_str(raw.get()).expect("it is JSON"))
        };
        let cost = value(&file, "cost").expect("there is a cost");
        let cost = format!("{:e}*({})", self.cost, cost.as_str().expect("the cost is a text"));
        file.insert("cost".into(), written(&json!(cost)));
        if let Some(mut guess) = value(&file, "initial_guess") {
            scale(&mut guess, &self.variables);
            file.insert("initial_guess".into(), written(&guess));
        }
        if let Some(mut constraints) = value(&file, "constraints") {
            let map = constraints.as_object_mut().expect("an object");
            if let Some(mut set) = map.remove("x") {
                scale_box(&mut set, &self.variables);
                map.insert("v".into(), set);
            }
            file.insert("constraints".into(), written(&constraints));
        }
        let num_f1 = known.problem.num_f1();
        let (f1_units, f2_units) = self.constraints.split_at(num_f1);
        if let Some(mut f1) = value(&file, "f1") {
            scale_expressions(&mut f1["expressions"], f1_units);
            scale_box(&mut f1["set"], f1_units);
            file.insert("f1".into(), written(&f1));
        }
        if let Some(mut f2) = value(&file, "f2") {
            scale_expressions(&mut f2, f2_units);
            file.insert("f2".into(), written(&f2));
        }
        let text = serde_json::to_string(&file).expect("it can be written");
        Problem::from_json(&text, &TextLimits::default()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }
}

/// Choice of units.
pub type UnitChange = fn(&mut Units, &mut Random);

/// Changes of units: of all variables, of each by its own power of ten, of the cost, and of one constraint.
pub const UNIT_CHANGES: [(&str, UnitChange); 13] = [
    ("variables * 1e-6", |units, _| units.variables.fill(1e-6)),
    ("variables * 1e-3", |units, _| units.variables.fill(1e-3)),
    ("variables * 1e3", |units, _| units.variables.fill(1e3)),
    ("variables * 1e6", |units, _| units.variables.fill(1e6)),
    ("each variable by 1e-3 to 1e3", |units, random| {
        units
            .variables
            .iter_mut()
            .for_each(|unit| *unit = power(random, 3));
    }),
    ("cost * 1e-6", |units, _| units.cost = 1e-6),
    ("cost * 1e-3", |units, _| units.cost = 1e-3),
    ("cost * 1e3", |units, _| units.cost = 1e3),
    ("cost * 1e6", |units, _| units.cost = 1e6),
    ("one constraint * 1e-6", |units, random| one(units, random, 1e-6)),
    ("one constraint * 1e-3", |units, random| one(units, random, 1e-3)),
    ("one constraint * 1e3", |units, random| one(units, random, 1e3)),
    ("one constraint * 1e6", |units, random| one(units, random, 1e6)),
];

/// A power of ten, at most `largest` in size.
pub(crate) fn power(random: &mut Random, largest: i32) -> f64 {
    let exponent = random.below(2 * largest as usize + 1) as i32 - largest;
    10_f64.powi(exponent)
}

fn one(units: &mut Units, random: &mut Random, unit: f64) {
    if !units.constraints.is_empty() {
        let i = random.below(units.constraints.len());
        units.constraints[i] = unit;
    }
}

/// In what the problem of `row` differs in these units: 0 and a text if it has another solution, 1 if it has another
/// status, 2 if it takes more than twice the evaluations. "No progress in double precision" is the same status as any where
/// that is true: where the residual is round-off of a variable.
///
/// # Panics
/// As [`Units::express`].
#[must_use]
pub fn same_in_units(row: &Row, units: &Units) -> Option<(usize, String)> {
    let problem = units.express(&row.known);
    let mut solver = ProblemSolver::new(&problem).expect("the settings are valid");
    let solution = solver.solve(&[]).expect("there are no parameters");
    let own = &row.solution;
    let text = |what: String| {
        let (name, status) = (problem.name(), solution.status.name());
        format!(
            "{name}: {what}, {status} after {} evaluations",
            work(&solution.counters)
        )
    };
    let size = own.u.iter().fold(1.0_f64, |size, u| size.max(u.abs()));
    let back: Vec<f64> = solution
        .u
        .iter()
        .zip(&units.variables)
        .map(|(u, unit)| u / unit)
        .collect();
    let distance = back
        .iter()
        .zip(&own.u)
        .fold(0.0_f64, |worst, (u, own)| worst.max((u - own).abs() / size));
    let cost = solution.cost / units.cost;
    let higher = (cost - own.cost).abs() / own.cost.abs().max(1.0);
    // Where many points have the lowest cost, any of them will do.
    let is_same = higher <= SAME && (distance <= SAME || row.truth_at(&back).is_kkt_point(SAME));
    if !is_same {
        let what = format!(
            "cost {cost:e} for {:e}, variables differ by {distance:.1e}",
            own.cost
        );
        return Some((0, text(what)));
    }
    if solution.status != own.status && !is_round_off(&problem, &solution) {
        return Some((1, text("another status".into())));
    }
    let ratio = work(&solution.counters) / work(&own.counters);
    (ratio > 2.0).then(|| (2, text(format!("{ratio:.1} times the evaluations"))))
}

/// Whether the solve ended feasible and for lack of digits: a change of one variable by four units of its round-off changes
/// the gradient of the Lagrangian by as much as is left of it.
fn is_round_off(problem: &Problem, solution: &Solution) -> bool {
    if solution.status != Status::Stalled || solution.violation > problem.settings().delta_tolerance {
        return false;
    }
    let multipliers = [&*solution.f1_multipliers, &solution.f2_multipliers].concat();
    let mut functions = problem.evaluator();
    let mut gradient_at = |u: &[f64]| {
        let mut gradient = vec![0.0; u.len()];
        functions.forward(u, &mut vec![0.0; multipliers.len()]);
        functions.reverse(&multipliers, &mut gradient);
        gradient
    };
    let at = gradient_at(&solution.u);
    (0..at.len()).any(|i| {
        let mut u = solution.u.clone();
        u[i] += 4.0 * f64::EPSILON * u[i];
        let changes = gradient_at(&u);
        let changes = changes.iter().zip(&at).map(|(next, at)| (next - at).abs());
        changes.fold(0.0, f64::max) >= solution.residual
    })
}

fn scale_expressions(expressions: &mut Value, units: &[f64]) {
    let expressions = expressions.as_array_mut().expect("a list of expressions");
    for (expression, unit) in expressions.iter_mut().zip(units) {
        *expression = json!(format!("{unit:e}*({})", expression.as_str().expect("a text")));
    }
}

fn scale_box(set: &mut Value, units: &[f64]) {
    let bounds: &mut Map<String, Value> = set["box"].as_object_mut().expect("the set is a box");
    bounds.values_mut().for_each(|bound| scale(bound, units));
}

fn scale(numbers: &mut Value, units: &[f64]) {
    let numbers = numbers.as_array_mut().expect("a list of numbers");
    for (number, unit) in numbers.iter_mut().zip(units) {
        if let Some(value) = number.as_f64() {
            *number = json!(value * unit);
        }
    }
}
