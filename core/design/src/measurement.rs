//! Measurements that a designer learns from.

use alloc::vec::Vec;

/// Measurement that the designer has taken in.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Measurement {
    /// Setting, one value per knob.
    pub setting: Vec<f64>,
    /// Measured values, one per channel.
    pub values: Vec<f64>,
    /// Standard deviations of the values, one per channel or one for all; `None` if not reported.
    pub sigma: Option<Vec<f64>>,
}
