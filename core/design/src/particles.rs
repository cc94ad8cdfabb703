//! Particles: a probability distribution as weighted points.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use labwire_solve::math::max;
use labwire_solve::random::Random;

use super::exponential::{exp_weight, exp_weights};
use super::model::Points;

/// Number of particles processed at a time: few enough for their values to stay in the fastest cache.
pub(super) const BLOCK: usize = 512;

/// Particles at one time, without their weights. The designer shares them until it moves its own.
#[derive(Clone, Debug)]
pub struct ParticleSnapshot {
    len: usize,
    values: Arc<Vec<f64>>,
}

impl ParticleSnapshot {
    /// Number of particles.
    #[must_use]
    pub fn num_particles(&self) -> usize {
        self.len
    }

    /// Number of parameters.
    #[must_use]
    pub fn num_parameters(&self) -> usize {
        self.values.len() / self.len
    }

    /// Values of one parameter, one per particle.
    ///
    /// # Panics
    /// If there are not so many parameters.
    #[must_use]
    pub fn row(&self, parameter: usize) -> &[f64] {
        &self.values[parameter * self.len..][..self.len]
    }

    pub(super) fn blocks(&self) -> impl Iterator<Item = Points<'_>> {
        blocks(self.len).map(|range| Points::new(&self.values, self.len, range))
    }
}

/// Weighted points, one row per parameter (structure of arrays).
///
/// The log-weights are authoritative, so that no likelihood underflows; the weights, relative to the
/// largest, are kept alongside them.
#[derive(Clone, Debug)]
pub(super) struct Particles {
    len: usize,
    /// Shared with snapshots; changed only when it is not, or in a copy.
    values: Arc<Vec<f64>>,
    /// Log-weights relative to the largest, which is 0.
    log_weights: Vec<f64>,
    weights: Vec<f64>,
    /// Cumulative weight at the end of each block.
    cumulative: Vec<f64>,
    sum_of_squares: f64,
    /// Log-likelihoods of the measurement being taken in; once it is accepted, the previous log-weights.
    scratch: Vec<f64>,
}

impl Particles {
    /// Creates particles of equal weight; `values` has one row of `len` numbers per parameter.
    pub(super) fn new(values: Vec<f64>, len: usize) -> Self {
        let values = Arc::new(values);
        Self::at(&ParticleSnapshot { len, values })
    }

    /// Particles of a snapshot, all of equal weight.
    pub(super) fn at(snapshot: &ParticleSnapshot) -> Self {
        let len = snapshot.len;
        let mut particles = Self {
            len,
            values: snapshot.values.clone(),
            log_weights: vec![0.0; len],
            weights: vec![1.0; len],
            cumulative: Vec::new(),
            sum_of_squares: 0.0,
            scratch: vec![0.0; len],
        };
        particles.level();
        particles
    }

    /// As [`new`](Self::new), with log-weights. `None` if no weight is positive or one is NaN.
    pub(super) fn with_log_weights(values: Vec<f64>, log_weights: &[f64]) -> Option<Self> {
        let mut particles = Self::new(values, log_weights.len());
        particles.scratch.copy_from_slice(log_weights);
        let largest = particles.largest(1.0);
        if !largest.is_finite() || log_weights.iter().any(|weight| weight.is_nan()) {
            return None;
        }
        particles.accept(1.0, largest);
        Some(particles)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn num_parameters(&self) -> usize {
        self.values.len() / self.len
    }

    /// Values of one parameter, one per particle.
    pub(super) fn row(&self, parameter: usize) -> &[f64] {
        &self.values[parameter * self.len..][..self.len]
    }

    pub(super) fn row_mut(&mut self, parameter: usize) -> &mut [f64] {
        &mut Arc::make_mut(&mut self.values)[parameter * self.len..][..self.len]
    }

    /// Values of all parameters, as they are now.
    pub(super) fn snapshot(&self) -> ParticleSnapshot {
        ParticleSnapshot {
            len: self.len,
            values: self.values.clone(),
        }
    }

    /// Weights relative to the largest.
    pub(super) fn weights(&self) -> &[f64] {
        &self.weights
    }

    pub(super) fn log_weights(&self) -> &[f64] {
        &self.log_weights
    }

    /// Sum of [`weights`](Self::weights).
    pub(super) fn total(&self) -> f64 {
        self.cumulative.last().copied().unwrap_or_default()
    }

    /// Sum of the squares of the normalised weights.
    pub(super) fn concentration(&self) -> f64 {
        1.0 / self.effective()
    }

    /// Effective sample size: the number of equally weighted particles that would carry the same
    /// information.
    pub(super) fn effective(&self) -> f64 {
        self.total() * self.total() / self.sum_of_squares
    }

    pub(super) fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        blocks(self.len)
    }

    pub(super) fn points(&self, range: Range<usize>) -> Points<'_> {
        Points::new(&self.values, self.len, range)
    }

    /// Computes the log-likelihood of a measurement for every particle: `likelihood` writes those of a
    /// block. The weights do not change yet. Returns [`largest`](Self::largest) for the full likelihood.
    pub(super) fn evaluate(&mut self, mut likelihood: impl FnMut(Points<'_>, &mut [f64])) -> f64 {
        let mut largest = f64::NEG_INFINITY;
        for range in self.blocks() {
            let points = Points::new(&self.values, self.len, range.clone());
            let logs = &mut self.scratch[range.clone()];
            likelihood(points, logs);
            largest = max(largest, largest_sum(&self.log_weights[range], logs, 1.0));
        }
        largest
    }

    /// Largest log-weight after taking in the evaluated likelihood raised to the power `power`; negative
    /// infinity if no particle would be left.
    pub(super) fn largest(&self, power: f64) -> f64 {
        let blocks = self.blocks().map(|range| {
            let logs = &self.scratch[range.clone()];
            largest_sum(&self.log_weights[range], logs, power)
        });
        blocks.fold(f64::NEG_INFINITY, max)
    }

    /// Effective sample size that [`accept`](Self::accept) would leave; NaN if no particle would be left.
    pub(super) fn effective_after(&self, power: f64, largest: f64) -> f64 {
        let (mut total, mut squares) = (0.0, 0.0);
        for range in self.blocks() {
            let mut weights = [0.0; BLOCK];
            let weights = &mut weights[..range.len()];
            let logs = self.log_weights[range.clone()].iter().zip(&self.scratch[range]);
            for (weight, (old, log)) in weights.iter_mut().zip(logs) {
                *weight = exp_weight(posterior(*old, *log, power) - largest);
            }
            let [sum, sum_of_squares] = sums(weights);
            total += sum;
            squares += sum_of_squares;
        }
        total * total / squares
    }

    /// Multiplies the weights by the evaluated likelihood raised to the power `power`. `largest` is the
    /// result of [`largest`](Self::largest), which must be finite.
    pub(super) fn accept(&mut self, power: f64, largest: f64) {
        core::mem::swap(&mut self.scratch, &mut self.log_weights);
        self.weigh(|log, old| posterior(old, log, power) - largest);
    }

    /// Restores the weights before the last [`accept`](Self::accept) and discards the likelihood.
    pub(super) fn revert(&mut self) {
        core::mem::swap(&mut self.scratch, &mut self.log_weights);
        self.weigh(|log, _| log);
    }

    /// Indices of the particles for which one of the `conditions` outputs, which `evaluate` writes for a block, does not
    /// satisfy `holds`.
    pub(super) fn failing(
        &self,
        conditions: usize,
        holds: impl Fn(usize, f64) -> bool,
        mut evaluate: impl FnMut(Points<'_>, &mut [f64]),
    ) -> Vec<usize> {
        let mut failing = Vec::new();
        let mut outputs = vec![0.0; conditions * BLOCK];
        for range in self.blocks() {
            let outputs = &mut outputs[..conditions * range.len()];
            evaluate(self.points(range.clone()), outputs);
            let fails = |i: &usize| (0..conditions).any(|row| !holds(row, outputs[row * range.len() + i]));
            failing.extend((0..range.len()).filter(fails).map(|i| range.start + i));
        }
        failing
    }

    /// Sets the weights of some particles to 0. Returns false, and leaves all weights, if that would leave no other.
    pub(super) fn discard(&mut self, indices: &[usize]) -> bool {
        self.scratch.fill(0.0);
        for index in indices {
            self.scratch[*index] = f64::NEG_INFINITY;
        }
        let largest = self.largest(1.0);
        let any = largest.is_finite();
        if any {
            self.accept(1.0, largest);
        }
        any
    }

    /// Gives particles the values that their ancestors had: `homes` is from before the resampling.
    pub(super) fn send_home(&mut self, indices: &[usize], ancestors: &[u32], homes: &ParticleSnapshot) {
        let len = self.len;
        for (row, homes) in Arc::make_mut(&mut self.values)
            .chunks_exact_mut(len)
            .zip(homes.values.chunks_exact(len))
        {
            for index in indices {
                row[*index] = homes[ancestors[*index] as usize];
            }
        }
    }

    /// Makes all weights equal.
    pub(super) fn level(&mut self) {
        self.log_weights.fill(0.0);
        self.weights.fill(1.0);
        self.cumulative.clear();
        // Whole numbers are exact.
        self.cumulative
            .extend(self.blocks().map(|range| range.end as f64));
        self.sum_of_squares = self.len as f64;
    }

    /// Index of a particle, drawn by weight.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let target = random.uniform() * self.total();
        let block = self.cumulative.partition_point(|sum| *sum <= target);
        let before = block.checked_sub(1).map_or(0.0, |block| self.cumulative[block]);
        let start = block.min(self.cumulative.len() - 1) * BLOCK;
        let end = self.len.min(start + BLOCK);
        start + place(&self.weights[start..end], target - before)
    }

    /// Computes the weights and their cumulative sums from the log-weights, each of which is first replaced
    /// by `renew` of itself and the number in the scratch.
    #[inline(always)]
    fn weigh(&mut self, renew: impl Fn(f64, f64) -> f64) {
        self.cumulative.clear();
        self.sum_of_squares = 0.0;
        let mut total = 0.0;
        for range in self.blocks() {
            let (logs, old) = (&mut self.log_weights[range.clone()], &self.scratch[range.clone()]);
            let weights = &mut self.weights[range];
            for (log, old) in logs.iter_mut().zip(old) {
                *log = renew(*log, *old);
            }
            exp_weights(logs, weights);
            let [sum, squares] = sums(weights);
            total += sum;
            self.sum_of_squares += squares;
            self.cumulative.push(total);
        }
    }
}

fn blocks(len: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    (0..len)
        .step_by(BLOCK)
        .map(move |start| start..len.min(start + BLOCK))
}

/// Index of the weight that `target`, which is not negative, falls on when all lie end to end; the last positive one if it
/// falls on none. Most weights are passed over by sums of several; where rounding may decide, the sum is that of one after
/// the other.
fn place(weights: &[f64], target: f64) -> usize {
    // Above the rounding errors of either sum.
    let margin = 1e-12 * target;
    let (mut left, mut passed) = (target, 0);
    for [a, b, c, d, e, f, g, h] in weights.as_chunks::<LANES>().0 {
        let sum = ((a + e) + (b + f)) + ((c + g) + (d + h));
        if left - sum < margin {
            break;
        }
        left -= sum;
        passed += LANES;
    }
    for (i, weight) in weights.iter().enumerate().skip(passed) {
        if left < weight + margin {
            if left >= margin && left + margin < *weight {
                return i;
            }
            break;
        }
        left -= weight;
    }
    place_one_by_one(weights, target)
}

fn place_one_by_one(weights: &[f64], target: f64) -> usize {
    let (mut left, mut place) = (target, 0);
    for (i, weight) in weights.iter().enumerate() {
        if *weight > 0.0 {
            place = i;
            if left < *weight {
                break;
            }
            left -= weight;
        }
    }
    place
}

/// Log-weight times a power of the likelihood; negative infinity if the likelihood is NaN.
#[inline(always)]
fn posterior(log_weight: f64, log_likelihood: f64, power: f64) -> f64 {
    let sum = log_weight + power * log_likelihood;
    if sum >= f64::NEG_INFINITY {
        sum
    } else {
        f64::NEG_INFINITY
    }
}

const LANES: usize = 8;

/// Largest of the sums; computed in lanes, which does not change the maximum.
fn largest_sum(log_weights: &[f64], logs: &[f64], power: f64) -> f64 {
    let mut largest = [f64::NEG_INFINITY; LANES];
    let (weight_blocks, weight_rest) = log_weights.as_chunks::<LANES>();
    let (log_blocks, log_rest) = logs.as_chunks::<LANES>();
    for (weights, logs) in weight_blocks.iter().zip(log_blocks) {
        for lane in 0..LANES {
            largest[lane] = max(largest[lane], posterior(weights[lane], logs[lane], power));
        }
    }
    for (weight, log) in weight_rest.iter().zip(log_rest) {
        largest[0] = max(largest[0], posterior(*weight, *log, power));
    }
    largest.into_iter().fold(f64::NEG_INFINITY, max)
}

/// Sum of the weights and sum of their squares, in a fixed order that vectorises.
fn sums(weights: &[f64]) -> [f64; 2] {
    let mut sums = [0.0; LANES];
    let (blocks, rest) = weights.as_chunks::<LANES>();
    for block in blocks {
        for lane in 0..LANES {
            sums[lane] += block[lane];
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    let sum = ((a + e) + (b + f)) + ((c + g) + (d + h));
    [
        rest.iter().fold(sum, |sum, weight| sum + weight),
        labwire_solve::math::norm_squared(weights),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On random targets and on the bounds between the weights.
    #[test]
    fn places_are_those_of_one_after_the_other() {
        let mut random = Random::new(4, 0);
        for round in 0..200 {
            let count = 1 + random.below(BLOCK);
            let weights: Vec<f64> = (0..count)
                .map(|_| match (round % 4, random.below(3)) {
                    (0, _) => 1.0,
                    (1, 0) => 0.0,
                    (2, _) => exp_weight(-40.0 * random.uniform()),
                    _ => random.uniform(),
                })
                .collect();
            let mut sum = 0.0;
            for weight in &weights {
                let targets = [sum, sum * (1.0 + 1e-15), sum + random.uniform() * weight];
                for target in targets {
                    let expected = place_one_by_one(&weights, target);
                    assert_eq!(place(&weights, target), expected, "{round} {target:e}");
                }
                sum += weight;
            }
        }
    }
}
