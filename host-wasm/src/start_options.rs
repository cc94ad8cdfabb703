//! Options of the start of a solve.

use labwire_core::problem::{self, Problem};
use serde::Deserialize;
use tsify::Tsify;

/// Starting point of a solve, where it is not to be the result of the previous one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct StartOptions {
    /// Decision variables.
    #[tsify(optional)]
    pub initial_guess: Option<Vec<f64>>,
    /// Lagrange multipliers of all constraints, those of F1 before those of F2.
    #[tsify(optional)]
    pub initial_multipliers: Option<Vec<f64>>,
    /// Penalty of every constraint, positive.
    #[tsify(optional)]
    pub initial_penalty: Option<f64>,
    /// Whether to ignore the result of the previous solve.
    #[serde(default)]
    pub cold: bool,
}

impl StartOptions {
    pub(crate) fn for_problem(&self, problem: &Problem) -> problem::StartOptions<'_> {
        let mut options = problem::StartOptions::default();
        options.initial_guess = self.initial_guess.as_deref();
        if let Some(multipliers) = self.initial_multipliers.as_deref() {
            let (f1, f2) = multipliers.split_at(problem.num_f1().min(multipliers.len()));
            (options.f1_multipliers, options.f2_multipliers) = (Some(f1), Some(f2));
        }
        options.penalty = self.initial_penalty;
        options.is_cold = self.cold;
        options
    }
}
