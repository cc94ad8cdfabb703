//! Goals of an experiment: quantities that are to become known, and rules that end it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::model::Model;

/// Quantities of interest: their variances count in the utility, instead of those of all parameters.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Targets {
    /// Names of the quantities.
    pub names: Vec<String>,
    /// Quantities as a function of the parameters, an output each; its settings are empty.
    pub model: Box<dyn Model>,
}

/// Rules that end an experiment. It ends when one of them holds.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Until {
    /// Standard deviations of parameters and targets, by name: reached when all are at most as large.
    pub std: Vec<(String, f64)>,
    /// Cost of all measurements. Without a cost of settings, each costs 1.
    pub cost: Option<f64>,
    /// Number of measurements.
    pub measurements: Option<usize>,
}
