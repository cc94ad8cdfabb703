//! Problems that were compiled from text or built in Rust, as the solver takes them.

use alloc::vec;

use labwire_solve::{Constraint, Functions, Settings, Solver, SolverError, Start, Structure};

use super::{BlockKind, Evaluator, Problem};

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
        let constraint = |block: &super::Block| Constraint {
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
        let mut settings = Self::default();
        let set = |setting: &mut f64, asked: Option<f64>| *setting = asked.unwrap_or(*setting);
        set(&mut settings.tolerance, asked.tolerance);
        set(&mut settings.delta_tolerance, asked.delta_tolerance);
        set(&mut settings.initial_tolerance, asked.initial_tolerance);
        let set = |setting: &mut u32, asked: Option<u32>| *setting = asked.unwrap_or(*setting);
        set(&mut settings.max_inner_iterations, asked.max_inner_iterations);
        set(&mut settings.max_outer_iterations, asked.max_outer_iterations);
        settings.lbfgs_memory = asked.lbfgs_memory.map(|memory| memory as usize);
        settings.initial_penalty = problem.initial_penalty();
        settings.max_duration = asked.max_duration;
        settings
    }
}

impl Problem {
    /// A cold start from the problem's own initial guess, or from the origin.
    pub fn start(&self) -> Start {
        let origin = || vec![0.0; self.num_variables()];
        let guess = self.initial_guess().map_or_else(origin, <[f64]>::to_vec);
        Start {
            fallback: Some(guess.clone()),
            ..Start::cold(guess)
        }
    }

    /// Moves a warm start to the next solve as the problem asks: where an optimal-control problem has its warm starts
    /// shifted, the first stage is dropped and the last repeated.
    pub fn advance(&self, start: &mut Start) {
        let Some(stages) = self.stages().filter(|_| self.shifts_warm_start()) else {
            return;
        };
        stages.shift_variables(&mut start.u);
        for values in [&mut start.multipliers, &mut start.penalties]
            .into_iter()
            .flatten()
        {
            stages.shift_constraints(values);
        }
    }

    /// A solver for this problem, with the settings that it asks for.
    ///
    /// # Errors
    /// As [`Solver::new`].
    pub fn solver(&self) -> Result<Solver, SolverError> {
        Solver::new(self.into(), self.into())
    }
}
