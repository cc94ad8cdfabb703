//! Likely trouble with a problem: at its start, with its units.

use std::collections::BTreeMap;

use labwire_core::problem::{Evaluator, Problem};
use labwire_core::sets::Set;

use crate::solve::{HUGE, STIFF};

/// Ratio of slopes from which on other units are recommended.
const WIDE: f64 = 1e6;
/// Distance at which slopes on both sides of the start are compared, relative to the size of the variable.
const STEP: f64 = 1e-6;
/// Changes of a slope below this part of the function's value are round-off.
const ROUND_OFF: f64 = 1e-6;
/// Number of variables that are looked at on both sides.
const MOST: usize = 1000;

/// Advice about sets of points.
const FINITE: &str = "variables in a `finite_set`: a solve ends at a point from which no small step leads on, seldom at the best one; \
                      \"integers\" within a box are searched";

/// Lines about likely trouble.
pub(crate) fn trouble(problem: &Problem, parameters: &[f64], start: &[f64]) -> Vec<String> {
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(parameters);
    let mut g = vec![0.0; problem.num_f1() + problem.num_f2()];
    let cost = evaluator.forward(start, &mut g);
    if let Some(line) = not_finite(problem, cost, &g) {
        return vec![line];
    }
    let mut slopes = vec![0.0; start.len()];
    evaluator.reverse(&vec![0.0; g.len()], &mut slopes);
    let mut lines = Vec::new();
    match growth(problem, &evaluator) {
        Some(line) => lines.push(line),
        None => lines.extend(units(problem, &slopes)),
    }
    lines.extend(kink(problem, &mut evaluator, start));
    lines.extend(has_points(problem.set()).then(|| FINITE.to_owned()));
    lines
}

/// Whether variables are in a set of points.
fn has_points(set: &Set) -> bool {
    match set {
        Set::Finite(_) => true,
        Set::Product(parts) => parts.iter().any(|(_, part)| has_points(part)),
        _ => false,
    }
}

fn not_finite(problem: &Problem, cost: f64, g: &[f64]) -> Option<String> {
    let has_free = problem.stages().is_some_and(|stages| stages.num_free() > 0);
    let advice = match has_free {
        true => "start elsewhere: \"initial_guess\" of the inputs, \"guess\" of what is free",
        false => "start elsewhere: \"initial_guess\"",
    };
    if !cost.is_finite() {
        return Some(format!("the cost is {cost} at the start; {advice}"));
    }
    let index = g.iter().position(|value| !value.is_finite())?;
    Some(format!(
        "{} is {} at the start; {advice}",
        problem.constraint_name(index),
        g[index]
    ))
}

/// States that the inputs of the start lead out of all proportion.
fn growth(problem: &Problem, evaluator: &Evaluator) -> Option<String> {
    problem.stages()?;
    let values = evaluator.states().flatten();
    let largest = values.map(|x| x.abs()).fold(0.0, f64::max);
    (largest > HUGE).then(|| format!("from the start, the states grow to {largest:.1e}: {STIFF}"))
}

/// Slopes of very different size.
fn units(problem: &Problem, slopes: &[f64]) -> Option<String> {
    // Of an input the largest of all stages: its units are the same at each.
    let mut largest: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    for (i, slope) in slopes.iter().map(|slope| slope.abs()).enumerate() {
        let name = problem.variable_name(i);
        let name = name.split(" at stage ").next().unwrap_or_default();
        let entry = largest.entry(name.to_owned()).or_insert((i, slope));
        if slope > entry.1 {
            *entry = (i, slope);
        }
    }
    let slopes = largest.values().copied().filter(|(_, slope)| *slope > 0.0);
    let by_size = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
    let least = slopes.clone().min_by(by_size)?;
    let most = slopes.max_by(by_size)?;
    if most.1 < WIDE * least.1 {
        return None;
    }
    Some(format!(
        "magnitudes: the cost changes by {:.0e} per unit of {}, by {:.0e} per unit of {}; choose units in which both matter alike",
        most.1,
        problem.variable_name(most.0),
        least.1,
        problem.variable_name(least.0)
    ))
}

/// A variable in which cost or constraints have different slopes on both sides of the start.
fn kink(problem: &Problem, evaluator: &mut Evaluator, start: &[f64]) -> Option<String> {
    let mut values = |u: &[f64]| {
        let mut values = vec![0.0; problem.num_f1() + problem.num_f2()];
        let cost = evaluator.forward(u, &mut values);
        values.insert(0, cost);
        values
    };
    let here = values(start);
    let mut u = start.to_vec();
    for i in 0..start.len().min(MOST) {
        let mut jumps = |relative: f64| {
            let step = relative * (1.0 + start[i].abs());
            u[i] = start[i] + step;
            let above = values(&u);
            u[i] = start[i] - step;
            let below = values(&u);
            u[i] = start[i];
            let jumps = here.iter().zip(above.iter().zip(&below));
            jumps
                .map(|(here, (above, below))| (above - 2.0 * here + below).abs() / step)
                .collect::<Vec<f64>>()
        };
        // The change of a curved function's slope shrinks with the step, that at a kink does not.
        let (far, near) = (jumps(10.0 * STEP), jumps(STEP));
        let is_kink = |k: &usize| near[*k] > ROUND_OFF * (1.0 + here[*k].abs()) && near[*k] > 0.5 * far[*k];
        if let Some(index) = (0..here.len()).find(is_kink) {
            let function = match index.checked_sub(1) {
                None => "the cost".to_owned(),
                Some(constraint) => problem.constraint_name(constraint),
            };
            let name = problem.variable_name(i);
            return Some(format!(
                "the start is at a kink: {function} has different slopes on both sides of {name} (abs, max, min, if); start elsewhere, or \
                 use a smooth function"
            ));
        }
    }
    None
}
