//! What the settings of a batch tell of each other's measurements.

use alloc::vec;
use alloc::vec::Vec;

use labwire_solve::math;

/// Contraction of an ensemble by a measurement: `I - factor w w^T` in the space of the draws.
#[derive(Clone, Debug)]
pub(super) struct Contraction {
    weights: Vec<f64>,
    factor: f64,
}

impl Contraction {
    /// Contraction by a measurement with these predictions and this noise variance; `None` if it tells nothing.
    pub(super) fn new<'a>(predictions: impl Iterator<Item = &'a f64> + Clone, noise: f64) -> Option<Self> {
        let count = predictions.clone().count() as f64;
        let mean = predictions.clone().fold(0.0, |sum, y| sum + y) / count;
        let mut weights: Vec<f64> = predictions.map(|y| y - mean).collect();
        let squares = math::norm_squared(&weights);
        let scale = math::sqrt(squares + count * noise);
        weights.iter_mut().for_each(|weight| *weight /= scale);
        let known = squares / (scale * scale);
        let factor = (1.0 - math::sqrt(1.0 - known)) / known;
        (known > 0.0 && factor.is_finite()).then_some(Self { weights, factor })
    }

    /// Contracts columns: `values` has a row of `len` per draw.
    pub(super) fn apply(&self, values: &mut [f64], len: usize) {
        let mut sums = vec![0.0; len];
        for (row, weight) in values.chunks_exact(len).zip(&self.weights) {
            math::add(&mut sums, *weight, row);
        }
        for (row, weight) in values.chunks_exact_mut(len).zip(&self.weights) {
            math::add(row, -self.factor * weight, &sums);
        }
    }
}
