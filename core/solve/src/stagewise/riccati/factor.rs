//! Cholesky factor of the Hessian of a stage's inputs, of which some are held.

use alloc::vec;
use alloc::vec::Vec;

use crate::math;

/// Pivots below this fraction of their diagonal entry count as not positive.
const SMALLEST_PIVOT: f64 = 1e-12;

/// Cholesky factor of the rows and columns that are free.
#[derive(Clone, Debug)]
pub(super) struct Factor {
    size: usize,
    lower: Vec<f64>,
}

impl Factor {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            lower: vec![0.0; size * size],
        }
    }

    /// Returns the first row whose pivot is not positive, if the matrix is not positive definite there.
    pub(super) fn factorize(
        &mut self,
        is_free: &[bool],
        entry: impl Fn(usize, usize) -> f64,
    ) -> Option<usize> {
        let n = self.size;
        for i in (0..n).filter(|&i| is_free[i]) {
            for j in (0..=i).filter(|&j| is_free[j]) {
                let mut sum = entry(i, j);
                for k in (0..j).filter(|&k| is_free[k]) {
                    sum -= self.lower[i * n + k] * self.lower[j * n + k];
                }
                if i != j {
                    self.lower[i * n + j] = sum / self.lower[j * n + j];
                } else if sum > SMALLEST_PIVOT * entry(i, i).abs() {
                    self.lower[i * n + i] = math::sqrt(sum);
                } else {
                    return Some(i);
                }
            }
        }
        None
    }

    /// Replaces a right-hand side by the solution, where free; elsewhere it must be 0.
    pub(super) fn substitute(&self, is_free: &[bool], b: &mut [f64]) {
        let n = self.size;
        for i in (0..n).filter(|&i| is_free[i]) {
            let mut sum = b[i];
            for k in (0..i).filter(|&k| is_free[k]) {
                sum -= self.lower[i * n + k] * b[k];
            }
            b[i] = sum / self.lower[i * n + i];
        }
        for i in (0..n).rev().filter(|&i| is_free[i]) {
            let mut sum = b[i];
            for k in (i + 1..n).filter(|&k| is_free[k]) {
                sum -= self.lower[k * n + i] * b[k];
            }
            b[i] = sum / self.lower[i * n + i];
        }
    }
}
