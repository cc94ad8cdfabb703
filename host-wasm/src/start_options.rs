//! Options of the start of a solve.

use js_sys::Object;
use labwire_core::problem::{self, Problem};
use serde::Deserialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::*;

use crate::js::type_error;

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

/// Keys in JavaScript.
const KEYS: [&str; 4] = ["initialGuess", "initialMultipliers", "initialPenalty", "cold"];

impl StartOptions {
    /// Options from an object of JavaScript.
    ///
    /// # Errors
    /// TypeError if it has other keys, or values of other types.
    pub(crate) fn from_js(options: &Ts<Self>) -> Result<Self, JsValue> {
        for key in Object::keys(&Object::from(options.js_value())).iter() {
            let key = key.as_string().unwrap_or_default();
            if !KEYS.contains(&key.as_str()) {
                return Err(type_error("options", format!("there is no option `{key}`")));
            }
        }
        options.to_rust().map_err(|error| type_error("options", error))
    }

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
