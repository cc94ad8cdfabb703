//! Measurements that a designer learns from.

use alloc::vec::Vec;

/// A measurement that was taken in.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The setting, a number for each knob.
    pub setting: Vec<f64>,
    /// The values, one for each channel.
    pub values: Vec<f64>,
    /// Their standard deviations, one for each channel or one for all; nothing if they were not reported.
    pub sigma: Option<Vec<f64>>,
}
