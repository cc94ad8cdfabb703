//! What a solve may be told to start from.

use serde::Deserialize;
use tsify::Tsify;

/// What a solve starts from, where it is not to be where the last one ended.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct StartOptions {
    /// The decision variables.
    #[tsify(optional)]
    pub initial_guess: Option<Vec<f64>>,
    /// The Lagrange multipliers of all constraints, those of F1 before those of F2.
    #[tsify(optional)]
    pub initial_multipliers: Option<Vec<f64>>,
    /// The penalty of every constraint, positive.
    #[tsify(optional)]
    pub initial_penalty: Option<f64>,
    /// Forget where the last solve ended.
    #[serde(default)]
    pub cold: bool,
}
