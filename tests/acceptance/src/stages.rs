//! Judge of an optimal-control answer, at the states that the solver returned: in unstable dynamics a rollout of the inputs
//! ends elsewhere.

use labwire_core::problem::{BlockKind, Problem, Solution, TextLimits};

use crate::{OptimalControl, Truth};

/// Quality of inputs and states.
#[derive(Clone, Copy, Debug)]
pub struct StagesTruth {
    /// Residual of the optimality conditions in inputs and states, with the solver's multipliers of the path and the
    /// costates that make the residual in the states vanish; violation, defects included; cost.
    pub truth: Truth,
    /// Largest `|x_(t+1) - f(x_t, u_t)|`.
    pub defect: f64,
}

/// Judges the answer `solution`.
///
/// # Panics
/// If a set is not one of bounds.
pub fn judge_stages(problem: &OptimalControl, solution: &Solution) -> StagesTruth {
    let judged = with_states(problem);
    let stages = judged.stages().expect("it is an optimal-control problem");
    let (horizon, num_inputs, num_states) = (stages.horizon, stages.num_inputs(), stages.num_states());
    let mut z = interleave(
        &solution.variables,
        stages.inputs.iter().map(|named| (&named.name, named.len)),
        0..horizon,
    );
    z.extend(interleave(
        &solution.variables,
        stages.states.iter().map(|named| (&named.name, named.len)),
        1..horizon + 1,
    ));

    let (num_f1, m) = (judged.num_f1(), judged.num_f1() + judged.num_f2());
    let mut evaluator = judged.evaluator();
    evaluator.set_parameters(&problem.parameters);
    let mut g = vec![0.0; m];
    let cost = evaluator.forward(&z, &mut g);
    let defect = largest(g[num_f1..].iter().copied());
    let mut y = vec![0.0; m];
    let mut violation = defect;
    for block in judged.blocks().iter().filter(|block| block.kind == BlockKind::F1) {
        let (min, max) = block
            .set
            .bounds(block.range.len())
            .expect("only sets of bounds can be judged");
        for (i, (min, max)) in block.range.clone().zip(min.iter().zip(&max)) {
            violation = violation.max(min - g[i]).max(g[i] - max);
            let claimed = solution.f1_multipliers[i];
            // Only a constraint that is active may push, and only inwards.
            let is_active = if claimed > 0.0 {
                g[i] >= max - ACTIVE
            } else {
                g[i] <= min + ACTIVE
            };
            y[i] = if is_active { claimed } else { 0.0 };
        }
    }
    let mut gradient = vec![0.0; z.len()];
    for t in (0..horizon).rev() {
        let states = horizon * num_inputs + t * num_states..horizon * num_inputs + (t + 1) * num_states;
        evaluator.reverse(&y, &mut gradient);
        for (costate, rate) in y[num_f1 + t * num_states..].iter_mut().zip(&gradient[states]) {
            *costate = -rate;
        }
    }
    evaluator.reverse(&y, &mut gradient);
    let (min, max) = judged
        .set()
        .bounds(z.len())
        .expect("only sets of bounds can be judged");
    let mut residual = 0.0_f64;
    for i in 0..z.len() {
        violation = violation.max(min[i] - z[i]).max(z[i] - max[i]);
        let blocked =
            (gradient[i] > 0.0 && z[i] <= min[i] + ACTIVE) || (gradient[i] < 0.0 && z[i] >= max[i] - ACTIVE);
        if !blocked {
            residual = residual.max(gradient[i].abs());
        }
    }
    let violation_slope = f64::NAN;
    let truth = Truth {
        residual,
        violation,
        violation_slope,
        cost,
    };
    StagesTruth { truth, defect }
}

/// Distance from a bound below which it counts as active.
const ACTIVE: f64 = 1e-4;

/// The problem with its states as variables.
fn with_states(problem: &OptimalControl) -> Problem {
    let text = problem
        .text
        .replacen("\"ocp\": {", "\"ocp\": {\"shooting\": \"multiple\", ", 1);
    Problem::from_json(&text, &TextLimits::default()).expect("the file does not choose how to shoot")
}

/// Vectors `named` of all `stages`, stage by stage.
fn interleave<'a>(
    variables: &std::collections::BTreeMap<String, Vec<f64>>,
    named: impl Iterator<Item = (&'a String, usize)> + Clone,
    stages: std::ops::Range<usize>,
) -> Vec<f64> {
    let of_stage = |t: usize| {
        named
            .clone()
            .flat_map(move |(name, len)| variables[name][t * len..(t + 1) * len].iter().copied())
    };
    stages.flat_map(of_stage).collect()
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    // `f64::max` would drop NaN.
    values.fold(
        0.0,
        |worst, value| if value.abs() <= worst { worst } else { value.abs() },
    )
}
