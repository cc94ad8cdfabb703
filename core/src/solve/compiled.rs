//! Problems that were compiled from text or built in Rust, as the solver takes them.

use alloc::vec;

use super::functions::{Constraint, Functions, Structure};
use super::settings::Settings;
use super::solver::{Solver, SolverError, Start};
use crate::problem::{BlockKind, Evaluator, Problem};

impl Functions for Evaluator {
    fn forward(&mut self, u: &[f64], g: &mut [f64]) -> f64 {
        Evaluator::forward(self, u, g)
    }

    fn reverse(&mut self, _u: &[f64], y: &[f64], gradient: &mut [f64]) {
        Evaluator::reverse(self, y, gradient);
    }

    fn forward_tangent(&mut self, v: &[f64], rates: &mut [f64]) -> bool {
        Evaluator::forward_tangent(self, v, rates);
        true
    }

    fn reverse_tangent(&mut self, w: &[f64], product: &mut [f64]) {
        Evaluator::reverse_tangent(self, w, product);
    }
}

impl From<&Problem> for Structure {
    fn from(problem: &Problem) -> Self {
        let constraint = |block: &crate::problem::Block| Constraint {
            len: block.range.len(),
            set: block.set.clone(),
            has_multipliers: block.kind != BlockKind::F2Penalty,
        };
        Self {
            num_variables: problem.num_variables(),
            set: problem.set().clone(),
            constraints: problem.blocks().iter().map(constraint).collect(),
        }
    }
}

impl From<&Problem> for Settings {
    /// What the problem asks for, and the defaults where it does not.
    fn from(problem: &Problem) -> Self {
        let asked = problem.options();
        let default = Self::default();
        Self {
            tolerance: asked.tolerance.unwrap_or(default.tolerance),
            delta_tolerance: asked.delta_tolerance.unwrap_or(default.delta_tolerance),
            initial_tolerance: asked.initial_tolerance.unwrap_or(default.initial_tolerance),
            max_inner_iterations: asked.max_inner_iterations.unwrap_or(default.max_inner_iterations),
            max_outer_iterations: asked.max_outer_iterations.unwrap_or(default.max_outer_iterations),
            lbfgs_memory: asked.lbfgs_memory.map(|memory| memory as usize),
            initial_penalty: problem.initial_penalty(),
            max_duration: asked.max_duration,
            ..default
        }
    }
}

impl Start {
    /// A cold start from the problem's own initial guess, or from the origin.
    pub fn for_problem(problem: &Problem) -> Self {
        let origin = || vec![0.0; problem.num_variables()];
        let guess = problem.initial_guess().map_or_else(origin, <[f64]>::to_vec);
        Self {
            fallback: Some(guess.clone()),
            ..Self::cold(guess)
        }
    }

    /// Moves it to the next solve as the problem asks: where an optimal-control problem has its warm starts shifted, the
    /// first stage is dropped and the last repeated.
    pub fn advance(&mut self, problem: &Problem) {
        let Some(stages) = problem.stages().filter(|_| problem.shifts_warm_start()) else {
            return;
        };
        stages.shift_variables(&mut self.u);
        for values in [&mut self.multipliers, &mut self.penalties].into_iter().flatten() {
            stages.shift_constraints(values);
        }
    }
}

impl Solver {
    /// A solver for `problem`, with the settings that it asks for.
    ///
    /// # Errors
    /// As [`Solver::new`].
    pub fn for_problem(problem: &Problem) -> Result<Self, SolverError> {
        Self::new(problem.into(), problem.into())
    }
}
