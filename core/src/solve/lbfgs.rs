//! Limited-memory BFGS on a changing set of free coordinates.

use alloc::vec;
use alloc::vec::Vec;

use crate::math;

/// Pairs of steps and gradient differences. The pairs are kept raw; what they say about the free coordinates is
/// worked out when the mask changes.
#[derive(Clone, Debug)]
pub(crate) struct Lbfgs {
    dimension: usize,
    memory: usize,
    steps: Vec<f64>,
    differences: Vec<f64>,
    /// `1 / (y.s)` on the mask; 0 for a pair without curvature there.
    rho: Vec<f64>,
    /// `(y.s) / (y.y)` on the mask.
    scale: Vec<f64>,
    alpha: Vec<f64>,
    /// Where the next pair goes.
    head: usize,
    count: usize,
    /// 1 for a free coordinate, 0 for another.
    mask: Vec<f64>,
    all_free: bool,
}

impl Lbfgs {
    pub(crate) fn new(dimension: usize, memory: usize) -> Self {
        Self {
            dimension,
            memory,
            steps: vec![0.0; dimension * memory],
            differences: vec![0.0; dimension * memory],
            rho: vec![0.0; memory],
            scale: vec![0.0; memory],
            alpha: vec![0.0; memory],
            head: 0,
            count: 0,
            mask: vec![1.0; dimension],
            all_free: true,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.count = 0;
        self.head = 0;
    }

    /// Remembers a pair, in place of the oldest; `write(i)` gives component `i` of the step and of the difference.
    pub(crate) fn push(&mut self, write: impl Fn(usize) -> (f64, f64)) {
        let start = self.head * self.dimension;
        let steps = &mut self.steps[start..start + self.dimension];
        let differences = &mut self.differences[start..start + self.dimension];
        for (i, (s, y)) in steps.iter_mut().zip(differences).enumerate() {
            (*s, *y) = write(i);
        }
        self.weigh(self.head);
        self.head = (self.head + 1) % self.memory;
        self.count = (self.count + 1).min(self.memory);
    }

    /// Sets which coordinates are free.
    pub(crate) fn set_mask(&mut self, is_free: impl Fn(usize) -> bool) {
        let mut changed = false;
        self.all_free = true;
        for (i, entry) in self.mask.iter_mut().enumerate() {
            let value = if is_free(i) { 1.0 } else { 0.0 };
            self.all_free &= value == 1.0;
            changed |= *entry != value;
            *entry = value;
        }
        if changed {
            for age in 0..self.count {
                self.weigh(self.slot(age));
            }
        }
    }

    /// Turns `q` into `H q` on the free coordinates, where `q` is zero elsewhere. False, and `q` untouched, when
    /// no pair has curvature there.
    pub(crate) fn apply(&mut self, q: &mut [f64]) -> bool {
        let Some(newest) = (0..self.count)
            .map(|age| self.slot(age))
            .find(|&slot| self.rho[slot] > 0.0)
        else {
            return false;
        };
        for age in 0..self.count {
            let slot = self.slot(age);
            if self.rho[slot] > 0.0 {
                let alpha = self.rho[slot] * math::dot(self.pair(&self.steps, slot), q);
                self.alpha[slot] = alpha;
                self.add(q, -alpha, self.pair(&self.differences, slot));
            }
        }
        let scale = self.scale[newest];
        q.iter_mut().for_each(|q| *q *= scale);
        for age in (0..self.count).rev() {
            let slot = self.slot(age);
            if self.rho[slot] > 0.0 {
                let beta = self.rho[slot] * math::dot(self.pair(&self.differences, slot), q);
                self.add(q, self.alpha[slot] - beta, self.pair(&self.steps, slot));
            }
        }
        true
    }

    /// The slot of the pair of this age, 0 being the newest.
    fn slot(&self, age: usize) -> usize {
        // At most one turn around: cheaper than a remainder, which the two loops would feel.
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

    /// `q += factor * vector` on the mask.
    fn add(&self, q: &mut [f64], factor: f64, vector: &[f64]) {
        if self.all_free {
            for (q, v) in q.iter_mut().zip(vector) {
                *q += factor * v;
            }
        } else {
            for ((q, v), m) in q.iter_mut().zip(vector).zip(&self.mask) {
                *q += factor * (m * v);
            }
        }
    }

    /// Works out what a pair says about the free coordinates.
    fn weigh(&mut self, slot: usize) {
        let (steps, differences) = (self.pair(&self.steps, slot), self.pair(&self.differences, slot));
        let (mut ys, mut yy, mut ss) = (0.0, 0.0, 0.0);
        for ((s, y), m) in steps.iter().zip(differences).zip(&self.mask) {
            let (s, y) = (m * s, m * y);
            ys += s * y;
            yy += y * y;
            ss += s * s;
        }
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
