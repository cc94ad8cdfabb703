//! Limited-memory BFGS on a changing set of free coordinates.

use alloc::vec;
use alloc::vec::Vec;

use crate::math;

/// Pairs of steps and gradient differences. The pairs are stored unmodified; quantities that depend on the free
/// coordinates are recomputed when the mask changes.
#[derive(Clone, Debug)]
pub(crate) struct Lbfgs {
    dimension: usize,
    memory: usize,
    steps: Vec<f64>,
    differences: Vec<f64>,
    /// Steps with zeros where a coordinate is not free.
    free_steps: Vec<f64>,
    free_differences: Vec<f64>,
    /// `1 / (y.s)` on the mask; 0 for a pair without curvature there.
    rho: Vec<f64>,
    /// `(y.s) / (y.y)` on the mask.
    scale: Vec<f64>,
    alpha: Vec<f64>,
    /// Slots of the pairs that have curvature, newest first.
    usable: Vec<usize>,
    /// Slot of the next pair.
    head: usize,
    count: usize,
    /// 1 for a free coordinate, 0 for another.
    mask: Vec<f64>,
}

impl Lbfgs {
    pub(crate) fn new(dimension: usize, memory: usize) -> Self {
        Self {
            dimension,
            memory,
            steps: vec![0.0; dimension * memory],
            differences: vec![0.0; dimension * memory],
            free_steps: vec![0.0; dimension * memory],
            free_differences: vec![0.0; dimension * memory],
            rho: vec![0.0; memory],
            scale: vec![0.0; memory],
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
        let start = self.head * self.dimension;
        let steps = &mut self.steps[start..start + self.dimension];
        let differences = &mut self.differences[start..start + self.dimension];
        for (i, (s, y)) in steps.iter_mut().zip(differences.iter_mut()).enumerate() {
            (*s, *y) = write(i);
        }
        let length = math::sqrt(math::norm_squared(steps) / math::norm_squared(differences));
        self.weigh(self.head);
        let scale = self.scale[self.head];
        self.head = (self.head + 1) % self.memory;
        self.count = (self.count + 1).min(self.memory);
        let length = if scale > 0.0 { scale } else { length };
        length.is_finite().then_some(length)
    }

    /// Sets the free coordinates.
    pub(crate) fn set_mask(&mut self, is_free: impl Fn(usize) -> bool) {
        let mut changed = false;
        for (i, entry) in self.mask.iter_mut().enumerate() {
            let value = if is_free(i) { 1.0 } else { 0.0 };
            changed |= *entry != value;
            *entry = value;
        }
        if changed {
            for age in 0..self.count {
                self.weigh(self.slot(age));
            }
        }
    }

    /// Replaces `q` by `H q` on the free coordinates; `q` must be zero elsewhere. Returns false, with `q` unchanged,
    /// if no pair has curvature there.
    pub(crate) fn apply(&mut self, q: &mut [f64]) -> bool {
        self.usable.clear();
        for age in 0..self.count {
            let slot = self.slot(age);
            if self.rho[slot] > 0.0 {
                self.usable.push(slot);
            }
        }
        let (Some(&newest), Some(&oldest)) = (self.usable.first(), self.usable.last()) else {
            return false;
        };
        // Each pass over q ends with the product that the next one needs first.
        let mut product = math::dot(self.pair(&self.free_steps, newest), q);
        for (k, &slot) in self.usable.iter().enumerate() {
            let alpha = self.rho[slot] * product;
            self.alpha[slot] = alpha;
            let next = self.usable.get(k + 1).unwrap_or(&oldest);
            product = math::add_then_dot(
                q,
                -alpha,
                self.pair(&self.free_differences, slot),
                self.pair(&self.free_steps, *next),
            );
        }
        let scale = self.scale[newest];
        q.iter_mut().for_each(|q| *q *= scale);
        product = math::dot(self.pair(&self.free_differences, oldest), q);
        for k in (0..self.usable.len()).rev() {
            let slot = self.usable[k];
            let beta = self.rho[slot] * product;
            let next = self.usable[k.saturating_sub(1)];
            product = math::add_then_dot(
                q,
                self.alpha[slot] - beta,
                self.pair(&self.free_steps, slot),
                self.pair(&self.free_differences, next),
            );
        }
        true
    }

    /// Slot of the pair of this age, 0 being the newest.
    fn slot(&self, age: usize) -> usize {
        // At most one turn around: cheaper than a remainder, which would slow the two loops down.
        let slot = self.head + self.memory - 1 - age;
        if slot >= self.memory {
            slot - self.memory
        } else {
            slot
        }
    }

    fn pair<'a>(&self, vectors: &'a [f64], slot: usize) -> &'a [f64] {
        &vectors[slot * self.dimension..(slot + 1) * self.dimension]
    }

    /// Computes the quantities of a pair that depend on the free coordinates.
    fn weigh(&mut self, slot: usize) {
        let range = slot * self.dimension..(slot + 1) * self.dimension;
        let free_steps = &mut self.free_steps[range.clone()];
        let free_differences = &mut self.free_differences[range.clone()];
        let (steps, differences) = (&self.steps[range.clone()], &self.differences[range]);
        for (i, mask) in self.mask.iter().enumerate() {
            free_steps[i] = mask * steps[i];
            free_differences[i] = mask * differences[i];
        }
        let ys = math::dot(free_steps, free_differences);
        let yy = math::norm_squared(free_differences);
        let ss = math::norm_squared(free_steps);
        let has_curvature = ys > f64::EPSILON * ss && ys.is_finite() && yy.is_finite();
        self.rho[slot] = if has_curvature { 1.0 / ys } else { 0.0 };
        self.scale[slot] = if has_curvature { ys / yy } else { 0.0 };
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
        lbfgs.set_mask(|i| i != 1);
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
