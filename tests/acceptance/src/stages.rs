//! Judge of an optimal-control answer, at the states that the solver returned: in unstable dynamics a rollout of the inputs
//! ends elsewhere.

use labwire_core::problem::{BlockKind, Evaluator, Problem, Solution, TextLimits};
use labwire_core::solve::Functions;
use nalgebra::{DMatrix, DVector};

use crate::{OptimalControl, Truth};

/// Quality of inputs and states.
#[derive(Clone, Copy, Debug)]
pub struct StagesTruth {
    /// Residual of the optimality conditions in inputs and states, with the solver's multipliers of the path; violation,
    /// defects included; cost. The costates are those that make the residual in the states vanish; if they amplify it too
    /// much, as those of unstable dynamics do, those of the least squares.
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
    for i in 0..z.len() {
        violation = violation.max(min[i] - z[i]).max(z[i] - max[i]);
    }
    let residual_of = |gradient: &[f64]| {
        largest((0..z.len()).map(|i| {
            let blocked = (gradient[i] > 0.0 && z[i] <= min[i] + ACTIVE)
                || (gradient[i] < 0.0 && z[i] >= max[i] - ACTIVE);
            if blocked { 0.0 } else { gradient[i] }
        }))
    };
    let mut residual = residual_of(&gradient);
    if !(residual <= SMALL_RESIDUAL) {
        let free: Vec<usize> = (0..z.len())
            .filter(|&i| z[i] > min[i] + ACTIVE && z[i] < max[i] - ACTIVE)
            .collect();
        find_costates(&mut evaluator, &free, &mut y, num_f1);
        evaluator.reverse(&y, &mut gradient);
        residual = residual_of(&gradient);
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

/// Residual that needs no better costates.
const SMALL_RESIDUAL: f64 = 1e-6;

/// Distance from a bound below which it counts as active.
const ACTIVE: f64 = 1e-4;

/// Writes those costates to `y` from `first` on which make the sum of the squared residuals of the variables `free` least.
fn find_costates(evaluator: &mut Evaluator, free: &[usize], y: &mut [f64], first: usize) {
    let mut gradient = vec![0.0; evaluator.num_variables()];
    let mut slopes = |y: &[f64]| {
        evaluator.reverse(y, &mut gradient);
        DVector::from_iterator(free.len(), free.iter().map(|&i| gradient[i]))
    };
    y[first..].fill(0.0);
    let constant = slopes(y);
    let mut rates = DMatrix::zeros(free.len(), y.len() - first);
    for (column, mut rate) in rates.column_iter_mut().enumerate() {
        y[first + column] = 1.0;
        rate.copy_from(&(slopes(y) - &constant));
        y[first + column] = 0.0;
    }
    let factors = rates.qr();
    let mut right = -constant;
    factors.q_tr_mul(&mut right);
    let upper = factors.unpack_r();
    let costates = upper.solve_upper_triangular(&right.rows(0, upper.ncols()).into_owned());
    y[first..].copy_from_slice(
        costates
            .expect("the equations of the states are independent")
            .as_slice(),
    );
}

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
