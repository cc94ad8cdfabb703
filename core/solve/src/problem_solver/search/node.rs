//! Node of the search: bounds of the integers.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::math;
use crate::solver::Start;

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
}

impl Node {
    /// Whether no integer is free.
    pub(super) fn is_leaf(&self) -> bool {
        self.min == self.max
    }

    /// The two parts of the node on both sides of the value that is farthest from an integer, the nearer one last, and that
    /// distance; `None` of a leaf.
    pub(super) fn divide(&self, values: &[f64]) -> Option<([Self; 2], f64)> {
        let place = self.most_fractional(values)?;
        let (min, max) = (self.min[place], self.max[place]);
        let below = math::clamp(math::floor(values[place]), min, max - 1.0);
        let (mut low, mut high) = (self.clone(), self.clone());
        (low.max[place], high.min[place]) = (below, below + 1.0);
        let parts = match values[place] - below < 0.5 {
            true => [high, low],
            false => [low, high],
        };
        Some((parts, distance(values[place])))
    }

    /// The free integer that is farthest from one, of equal ones the first.
    fn most_fractional(&self, values: &[f64]) -> Option<usize> {
        let free = (0..values.len()).filter(|&i| self.min[i] < self.max[i]);
        free.reduce(|best, i| match distance(values[i]) > distance(values[best]) {
            true => i,
            false => best,
        })
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
            ..self.clone()
        }
    }
}

/// Distance from the nearest integer.
fn distance(value: f64) -> f64 {
    (value - math::floor(value + 0.5)).abs()
}
