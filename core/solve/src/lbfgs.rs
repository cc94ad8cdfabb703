//! Limited-memory BFGS on a changing set of free coordinates.

use alloc::vec;
use alloc::vec::Vec;

use crate::math;

/// Pairs of steps and gradient differences. The pairs are stored unmodified; quantities that depend on the free
/// coordinates are recomputed when the mask changes.
#[derive(Clone, Debug)]
pub(crate) struct Lbfgs {
    dimension: usize,
    /// Step and difference of each pair, one after the other. In one block, which is given back whole.
    pairs: Vec<f64>,
    /// The same with zeros where a coordinate is not free.
    free_pairs: Vec<f64>,
    weights: Vec<Weights>,
    alpha: Vec<f64>,
    /// Indices of the pairs that have curvature, newest first.
    usable: Vec<usize>,
    /// Index of the next pair.
    head: usize,
    count: usize,
    /// 1 for a free coordinate, 0 for another.
    mask: Vec<f64>,
}

/// Of a pair on the mask.
#[derive(Clone, Copy, Debug, Default)]
struct Weights {
    /// `1 / (y.s)`; 0 without curvature.
    rho: f64,
    /// `(y.s) / (y.y)`.
    scale: f64,
}

impl Lbfgs {
    pub(crate) fn new(dimension: usize, memory: usize) -> Self {
        Self {
            dimension,
            pairs: vec![0.0; 2 * dimension * memory],
            free_pairs: vec![0.0; 2 * dimension * memory],
            weights: vec![Weights::default(); memory],
            alpha: vec![0.0; memory],
            usable: Vec::with_capacity(memory),
            head: 0,
            count: 0,
            mask: vec![1.0; dimension],
        }
    }

    pub(crate) fn clear(&mut self) {
        self.count = 0;
        self.head = 0;
    }

    /// Stores a pair in place of the oldest; `write(i)` gives component `i` of the step and of the difference.
    /// Returns the length of gradient step that suits the curvature along it, whatever its sign; `None` where it is
    /// flat.
    pub(crate) fn push(&mut self, write: impl Fn(usize) -> (f64, f64)) -> Option<f64> {
        let index = self.head;
        let range = 2 * self.dimension * index..2 * self.dimension * (index + 1);
        let (step, difference) = self.pairs[range].split_at_mut(self.dimension);
        for (i, (s, y)) in step.iter_mut().zip(difference.iter_mut()).enumerate() {
            (*s, *y) = write(i);
        }
        self.weigh(index);
        let length = match self.weights[index].scale {
            scale if scale > 0.0 => scale,
            _ => {
                let (step, difference) = pair(&self.pairs, self.dimension, index);
                math::sqrt(math::norm_squared(step) / math::norm_squared(difference))
            }
        };
        self.head += 1;
        if self.head == self.weights.len() {
            self.head = 0;
        }
        self.count = (self.count + 1).min(self.weights.len());
        length.is_finite().then_some(length)
    }

    /// Sets the free coordinates: those that are not clipped.
    pub(crate) fn set_mask(&mut self, is_clipped: &[bool]) {
        let mut changed = false;
        for (entry, is_clipped) in self.mask.iter_mut().zip(is_clipped) {
            let value = if *is_clipped { 0.0 } else { 1.0 };
            changed |= *entry != value;
            *entry = value;
        }
        if changed {
            // Those that were stored since the last `clear` come first.
            for index in 0..self.count {
                self.weigh(index);
            }
        }
    }

    /// Replaces `q` by `H q` on the free coordinates; `q` must be zero elsewhere. Returns false, with `q` unchanged,
    /// if no pair has curvature there.
    pub(crate) fn apply(&mut self, q: &mut [f64]) -> bool {
        self.list_usable();
        let (Some(&newest), Some(&oldest)) = (self.usable.first(), self.usable.last()) else {
            return false;
        };
        let free = |index| pair(&self.free_pairs, self.dimension, index);
        // Each pass over q ends with the product that the next one needs first.
        let (mut step, mut difference) = free(newest);
        let mut product = math::dot(step, q);
        for (k, (&index, alpha)) in self.usable.iter().zip(&mut self.alpha).enumerate() {
            *alpha = self.weights[index].rho * product;
            let next = free(*self.usable.get(k + 1).unwrap_or(&oldest));
            product = math::add_then_dot(q, -*alpha, difference, next.0);
            (step, difference) = next;
        }
        let scale = self.weights[newest].scale;
        q.iter_mut().for_each(|q| *q *= scale);
        product = math::dot(difference, q);
        for (k, (&index, alpha)) in self.usable.iter().zip(&self.alpha).enumerate().rev() {
            let beta = self.weights[index].rho * product;
            let next = free(self.usable[k.saturating_sub(1)]);
            product = math::add_then_dot(q, alpha - beta, step, next.1);
            step = next.0;
        }
        true
    }

    /// Lists the pairs that have curvature on the mask, newest first.
    fn list_usable(&mut self) {
        self.usable.clear();
        let newest_first = (0..self.head).rev().chain((self.head..self.count).rev());
        for index in newest_first {
            if self.weights[index].rho > 0.0 {
                self.usable.push(index);
            }
        }
    }

    /// Computes the quantities of a pair that depend on the free coordinates.
    fn weigh(&mut self, index: usize) {
        let range = 2 * self.dimension * index..2 * self.dimension * (index + 1);
        let (step, difference) = pair(&self.pairs, self.dimension, index);
        let (free_step, free_difference) = self.free_pairs[range].split_at_mut(self.dimension);
        for (i, mask) in self.mask.iter().enumerate() {
            free_step[i] = mask * step[i];
            free_difference[i] = mask * difference[i];
        }
        let ys = math::dot(free_step, free_difference);
        let yy = math::norm_squared(free_difference);
        let ss = math::norm_squared(free_step);
        let has_curvature = ys > f64::EPSILON * ss && ys.is_finite() && yy.is_finite();
        self.weights[index] = match has_curvature {
            true => Weights {
                rho: 1.0 / ys,
                scale: ys / yy,
            },
            false => Weights::default(),
        };
    }
}

/// Step and difference of a pair.
fn pair(pairs: &[f64], dimension: usize, index: usize) -> (&[f64], &[f64]) {
    pairs[2 * dimension * index..2 * dimension * (index + 1)].split_at(dimension)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a quadratic, pairs along every axis give the inverse Hessian exactly, on the mask.
    #[test]
    fn inverts_a_diagonal_hessian() {
        let hessian = [1.0, 10.0, 100.0];
        let mut lbfgs = Lbfgs::new(3, 5);
        for axis in [2, 0, 1] {
            lbfgs.push(|i| if i == axis { (1.0, hessian[i]) } else { (0.0, 0.0) });
        }
        let mut q = [3.0, 20.0, 100.0];
        assert!(lbfgs.apply(&mut q));
        for (q, expected) in q.iter().zip([3.0, 2.0, 1.0]) {
            assert!((q - expected).abs() < 1e-12);
        }
        lbfgs.set_mask(&[false, true, false]);
        let mut q = [3.0, 0.0, 100.0];
        assert!(lbfgs.apply(&mut q));
        assert_eq!((q[0], q[1], q[2]), (3.0, 0.0, 1.0));
    }

    #[test]
    fn forgets_the_oldest_and_what_has_no_curvature() {
        let mut lbfgs = Lbfgs::new(1, 2);
        let mut q = [1.0];
        assert!(!lbfgs.apply(&mut q));
        lbfgs.push(|_| (1.0, -1.0));
        assert!(!lbfgs.apply(&mut q));
        lbfgs.push(|_| (1.0, 2.0));
        lbfgs.push(|_| (1.0, 4.0));
        assert!(lbfgs.apply(&mut q));
        assert_eq!(q, [0.25]);
        lbfgs.clear();
        assert!(!lbfgs.apply(&mut q));
    }
}
