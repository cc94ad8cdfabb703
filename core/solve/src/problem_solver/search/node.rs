//! Node of the search: bounds of the integers.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::INTEGRAL;
use crate::math;
use crate::solver::Start;

/// Part of the average gain that an integer counts for at least.
const LEAST_GAIN: f64 = 1e-6;

/// Bounds of the integers, and what the node above has found.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) min: Vec<f64>,
    pub(super) max: Vec<f64>,
    /// Least cost that it promises.
    pub(super) bound: f64,
    pub(super) start: Arc<Start>,
    /// Whether other nodes cover it too.
    pub(super) is_candidate: bool,
    /// The bound that the node above does not have.
    pub(super) step: Option<Step>,
}

/// Bound of an integer between which and the value that the node above has found there is a distance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    place: usize,
    side: usize,
    distance: f64,
}

/// Pseudo-costs: by how much the cost has risen per unit of each integer, below and above its value.
#[derive(Clone, Debug)]
pub(super) struct Gains {
    /// Sum and number.
    of_each: Vec<[(f64, f64); 2]>,
    of_all: [(f64, f64); 2],
}

impl Gains {
    pub(super) fn new(num_integers: usize) -> Self {
        Self {
            of_each: alloc::vec![[(0.0, 0.0); 2]; num_integers],
            of_all: [(0.0, 0.0); 2],
        }
    }

    /// Takes the rise of the cost that a step has led to.
    pub(super) fn note(&mut self, step: Step, rise: f64) {
        if !rise.is_finite() {
            return;
        }
        let gain = math::max(rise, 0.0) / step.distance;
        for (sum, count) in [
            &mut self.of_each[step.place][step.side],
            &mut self.of_all[step.side],
        ] {
            (*sum, *count) = (*sum + gain, *count + 1.0);
        }
    }

    /// Product of what the bounds on both sides of a value are expected to raise the cost by; where nothing is known, that of
    /// the distances.
    fn score(&self, place: usize, value: f64) -> f64 {
        let below = value - math::floor(value);
        let expected = |side: usize, distance: f64| {
            let mean = |(sum, count): (f64, f64)| (count > 0.0).then(|| sum / count);
            let average = mean(self.of_all[side]).filter(|gain| *gain > 0.0).unwrap_or(1.0);
            let own = mean(self.of_each[place][side]).unwrap_or(average);
            math::max(own, LEAST_GAIN * average) * distance
        };
        expected(0, below) * expected(1, 1.0 - below)
    }
}

impl Node {
    /// Whether no integer is free.
    pub(super) fn is_leaf(&self) -> bool {
        self.min == self.max
    }

    /// The two parts of the node on both sides of the value that promises most, the nearer one last, and the largest distance
    /// of a value from an integer; `None` of a leaf.
    pub(super) fn divide(&self, values: &[f64], gains: &Gains) -> Option<([Self; 2], f64)> {
        let score = |i: usize| gains.score(i, values[i]);
        let farthest = self.first_of_largest(values, |i| distance(values[i]))?;
        let place = match distance(values[farthest]) > INTEGRAL {
            true => self.first_of_largest(values, score)?,
            false => farthest,
        };
        let (min, max) = (self.min[place], self.max[place]);
        let below = math::clamp(math::floor(values[place]), min, max - 1.0);
        let (mut low, mut high) = (self.clone(), self.clone());
        (low.max[place], high.min[place]) = (below, below + 1.0);
        let step = |side: usize, distance: f64| {
            (distance > INTEGRAL).then_some(Step {
                place,
                side,
                distance,
            })
        };
        low.step = step(0, values[place] - below);
        high.step = step(1, below + 1.0 - values[place]);
        let parts = match values[place] - below < 0.5 {
            true => [high, low],
            false => [low, high],
        };
        Some((parts, distance(values[farthest])))
    }

    /// The free integer for which `of` is largest, of equal ones the first.
    fn first_of_largest(&self, values: &[f64], of: impl Fn(usize) -> f64) -> Option<usize> {
        let free = (0..values.len()).filter(|&i| self.min[i] < self.max[i]);
        free.reduce(|best, i| if of(i) > of(best) { i } else { best })
    }

    /// The node with these integers.
    pub(super) fn candidate(&self, integers: Vec<f64>) -> Self {
        let bounds = self.min.iter().zip(&self.max);
        let clamped = integers.iter().zip(bounds);
        let integers: Vec<f64> = clamped
            .map(|(value, (min, max))| math::clamp(*value, *min, *max))
            .collect();
        Self {
            min: integers.clone(),
            max: integers,
            is_candidate: true,
            step: None,
            ..self.clone()
        }
    }
}

/// Distance from the nearest integer.
fn distance(value: f64) -> f64 {
    (value - math::floor(value + 0.5)).abs()
}
