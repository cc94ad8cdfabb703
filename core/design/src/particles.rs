//! A probability distribution as weighted points: the particles.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use labwire_solve::math::{exp_weight, max};
use labwire_solve::random::Random;

use super::model::Points;

/// How many particles are worked on at a time: their numbers stay in the processor's nearest memory.
pub(super) const BLOCK: usize = 512;

/// Weighted points, one row a parameter (structure of arrays).
///
/// What counts is the logarithm of the weights, so that no likelihood is too small. The weights themselves, relative to
/// the largest, are kept beside it.
#[derive(Clone, Debug)]
pub(super) struct Particles {
    len: usize,
    values: Vec<f64>,
    /// Relative to the largest, which is 0.
    log_weights: Vec<f64>,
    weights: Vec<f64>,
    /// The sum of the weights up to the end of each block.
    cumulative: Vec<f64>,
    sum_of_squares: f64,
    /// Log-likelihoods of the measurement that is being taken in; the log-weights before it, afterwards.
    scratch: Vec<f64>,
}

impl Particles {
    /// Particles of equal weight; `values` has one row of `len` for each parameter.
    pub(super) fn new(values: Vec<f64>, len: usize) -> Self {
        let mut particles = Self {
            len,
            values,
            log_weights: vec![0.0; len],
            weights: vec![1.0; len],
            cumulative: Vec::new(),
            sum_of_squares: 0.0,
            scratch: vec![0.0; len],
        };
        particles.level();
        particles
    }

    /// As [`new`](Self::new), with logarithms of weights. `None` if no weight is positive or one is no number.
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

    /// One parameter of all particles.
    pub(super) fn row(&self, parameter: usize) -> &[f64] {
        &self.values[parameter * self.len..][..self.len]
    }

    pub(super) fn row_mut(&mut self, parameter: usize) -> &mut [f64] {
        &mut self.values[parameter * self.len..][..self.len]
    }

    /// Weights relative to the largest.
    pub(super) fn weights(&self) -> &[f64] {
        &self.weights
    }

    pub(super) fn log_weights(&self) -> &[f64] {
        &self.log_weights
    }

    /// The sum of [`weights`](Self::weights).
    pub(super) fn total(&self) -> f64 {
        self.cumulative.last().copied().unwrap_or_default()
    }

    /// The sum of the squares of the weights, were their sum 1.
    pub(super) fn concentration(&self) -> f64 {
        1.0 / self.effective()
    }

    /// The effective sample size: how many particles of equal weight would tell as much.
    pub(super) fn effective(&self) -> f64 {
        self.total() * self.total() / self.sum_of_squares
    }

    pub(super) fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let len = self.len;
        (0..len)
            .step_by(BLOCK)
            .map(move |start| start..len.min(start + BLOCK))
    }

    pub(super) fn points(&self, range: Range<usize>) -> Points<'_> {
        Points::new(&self.values, self.len, range)
    }

    /// Computes the log-likelihood of a measurement for every particle: `likelihood` writes those of a block. Weights
    /// do not change yet. Returns what [`largest`](Self::largest) does for the whole likelihood.
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

    /// The largest log-weight after the likelihood that was evaluated, to the power of `power`, is taken in; minus
    /// infinity if no particle is left then.
    pub(super) fn largest(&self, power: f64) -> f64 {
        let blocks = self.blocks().map(|range| {
            let logs = &self.scratch[range.clone()];
            largest_sum(&self.log_weights[range], logs, power)
        });
        blocks.fold(f64::NEG_INFINITY, max)
    }

    /// The effective sample size that [`accept`](Self::accept) would leave; NaN for none.
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

    /// Takes in the likelihood that was evaluated, to the power of `power`. `largest` is what
    /// [`largest`](Self::largest) says, and is finite.
    pub(super) fn accept(&mut self, power: f64, largest: f64) {
        core::mem::swap(&mut self.scratch, &mut self.log_weights);
        self.weigh(|log, old| posterior(old, log, power) - largest);
    }

    /// Takes back what [`accept`](Self::accept) has just done, but for the weights, and forgets the likelihood: what comes
    /// next is another [`evaluate`](Self::evaluate) and `accept`.
    pub(super) fn revert(&mut self) {
        core::mem::swap(&mut self.scratch, &mut self.log_weights);
    }

    /// Takes particles out of the distribution: those for which one of `conditions` outputs, which `evaluate` writes for
    /// a block, is 0 or NaN. If that would leave none, all stay and the answer is false.
    pub(super) fn restrict(
        &mut self,
        conditions: usize,
        memory: &mut Vec<f64>,
        mut evaluate: impl FnMut(Points<'_>, &mut [f64]),
    ) -> bool {
        memory.resize(memory.len().max(conditions * BLOCK), 0.0);
        let largest = self.evaluate(|points, logs| {
            let outputs = &mut memory[..conditions * logs.len()];
            evaluate(points, outputs);
            logs.fill(0.0);
            for row in outputs.chunks_exact(logs.len()) {
                for (log, output) in logs.iter_mut().zip(row) {
                    if !(output.abs() > 0.0) {
                        *log = f64::NEG_INFINITY;
                    }
                }
            }
        });
        let any = largest.is_finite();
        if any {
            self.accept(1.0, largest);
        }
        any
    }

    /// Makes all weights equal.
    pub(super) fn level(&mut self) {
        self.weigh(|_, _| 0.0);
    }

    /// A particle, drawn by weight.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let target = random.uniform() * self.total();
        let block = self.cumulative.partition_point(|sum| *sum <= target);
        let before = block.checked_sub(1).map_or(0.0, |block| self.cumulative[block]);
        let start = block.min(self.cumulative.len() - 1) * BLOCK;
        let (mut left, mut drawn) = (target - before, start);
        for (i, weight) in self.weights[start..].iter().take(BLOCK).enumerate() {
            if *weight > 0.0 {
                drawn = start + i;
                if left < *weight {
                    break;
                }
                left -= weight;
            }
        }
        drawn
    }

    /// Weights and their sums from the logarithms, after each of these has become what `renew` makes of it and of the
    /// number in the scratch.
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
            for (weight, log) in weights.iter_mut().zip(&*logs) {
                *weight = exp_weight(*log);
            }
            let [sum, squares] = sums(weights);
            total += sum;
            self.sum_of_squares += squares;
            self.cumulative.push(total);
        }
    }
}

/// A log-weight times a likelihood to some power; no weight where the likelihood is no number.
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

/// The largest of the sums; in lanes, which does not change what is largest.
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

/// The sum of weights and of their squares, in a fixed order that vectorises.
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
