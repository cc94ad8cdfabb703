//! Limited-memory BFGS on a changing set of free coordinates.

use alloc::vec;
use alloc::vec::Vec;

use crate::math;

/// Pairs of steps and gradient differences. The pairs are stored unmodified; quantities that depend on the free
/// coordinates are recomputed when the mask changes.
#[derive(Clone, Debug)]
pub(crate) struct Lbfgs {
    pairs: Vec<Pair>,
    alpha: Vec<f64>,
    /// Indices of the pairs that have curvature, newest first.
    usable: Vec<usize>,
    /// Index of the next pair.
    head: usize,
    count: usize,
    /// 1 for a free coordinate, 0 for another.
    mask: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Pair {
    step: Vec<f64>,
    difference: Vec<f64>,
    /// The same with zeros where a coordinate is not free.
    free_step: Vec<f64>,
    free_difference: Vec<f64>,
    /// `1 / (y.s)` on the mask; 0 for a pair without curvature there.
    rho: f64,
    /// `(y.s) / (y.y)` on the mask.
    scale: f64,
}

impl Lbfgs {
    pub(crate) fn new(dimension: usize, memory: usize) -> Self {
        let zeros = vec![0.0; dimension];
        let pair = Pair {
            step: zeros.clone(),
            difference: zeros.clone(),
            free_step: zeros.clone(),
            free_difference: zeros,
            rho: 0.0,
            scale: 0.0,
        };
        Self {
            pairs: vec![pair; memory],
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
        let pair = &mut self.pairs[self.head];
        for (i, (s, y)) in pair.step.iter_mut().zip(&mut pair.difference).enumerate() {
            (*s, *y) = write(i);
        }
        pair.weigh(&self.mask);
        let length = match pair.scale > 0.0 {
            true => pair.scale,
            false => math::sqrt(math::norm_squared(&pair.step) / math::norm_squared(&pair.difference)),
        };
        self.head += 1;
        if self.head == self.pairs.len() {
            self.head = 0;
        }
        self.count = (self.count + 1).min(self.pairs.len());
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
            for pair in &mut self.pairs[..self.count] {
                pair.weigh(&self.mask);
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
        // Each pass over q ends with the product that the next one needs first.
        let mut product = math::dot(&self.pairs[newest].free_step, q);
        for (k, (&index, alpha)) in self.usable.iter().zip(&mut self.alpha).enumerate() {
            let pair = &self.pairs[index];
            *alpha = pair.rho * product;
            let next = self.usable.get(k + 1).unwrap_or(&oldest);
            product = math::add_then_dot(q, -*alpha, &pair.free_difference, &self.pairs[*next].free_step);
        }
        let scale = self.pairs[newest].scale;
        q.iter_mut().for_each(|q| *q *= scale);
        product = math::dot(&self.pairs[oldest].free_difference, q);
        for (k, (&index, alpha)) in self.usable.iter().zip(&self.alpha).enumerate().rev() {
            let pair = &self.pairs[index];
            let beta = pair.rho * product;
            let next = self.usable[k.saturating_sub(1)];
            product = math::add_then_dot(
                q,
                alpha - beta,
                &pair.free_step,
                &self.pairs[next].free_difference,
            );
        }
        true
    }

    /// Lists the pairs that have curvature on the mask, newest first.
    fn list_usable(&mut self) {
        self.usable.clear();
        let (before, after) = self.pairs[..self.count].split_at(self.head.min(self.count));
        let newest_first = before.iter().enumerate().rev().chain(
            after
                .iter()
                .enumerate()
                .rev()
                .map(|(i, pair)| (before.len() + i, pair)),
        );
        for (index, pair) in newest_first {
            if pair.rho > 0.0 {
                self.usable.push(index);
            }
        }
    }
}

impl Pair {
    /// Computes the quantities that depend on the free coordinates.
    fn weigh(&mut self, mask: &[f64]) {
        let free = self.free_step.iter_mut().zip(&mut self.free_difference);
        let full = self.step.iter().zip(&self.difference);
        for (((free_s, free_y), (s, y)), mask) in free.zip(full).zip(mask) {
            (*free_s, *free_y) = (mask * s, mask * y);
        }
        let ys = math::dot(&self.free_step, &self.free_difference);
        let yy = math::norm_squared(&self.free_difference);
        let ss = math::norm_squared(&self.free_step);
        let has_curvature = ys > f64::EPSILON * ss && ys.is_finite() && yy.is_finite();
        self.rho = if has_curvature { 1.0 / ys } else { 0.0 };
        self.scale = if has_curvature { ys / yy } else { 0.0 };
    }
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
