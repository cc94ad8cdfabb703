//! Options of the start of a solve.

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
