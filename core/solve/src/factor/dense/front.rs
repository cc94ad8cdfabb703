//! Elimination of the leading columns of a front, the rest of which is not assembled yet.

use super::{Dense, ZERO_PIVOT};
use crate::factor::Inertia;
use crate::math;

/// Smallest pivot, relative to its column: Duff and Reid (ACM TOMS 9, 1983).
const THRESHOLD: f64 = 0.01;

impl Dense {
    /// Eliminates as many of the first `count` columns as have a stable pivot among themselves. Returns their number;
    /// `inertia` counts their pivots.
    pub(in crate::factor) fn eliminate_front(&mut self, count: usize, inertia: &mut Inertia) -> usize {
        self.begin();
        let mut k = 0;
        while k < count {
            match self.choose_stable_pivot(k, count) {
                None => break,
                Some((first, None)) => {
                    self.swap(k, first);
                    self.eliminate_one(k, inertia);
                    k += 1;
                }
                Some((first, Some(second))) => {
                    self.swap(k, first);
                    let second = if second == k { first } else { second };
                    self.swap(k + 1, second);
                    self.eliminate_two(k, inertia);
                    k += 2;
                }
            }
        }
        k
    }

    fn choose_stable_pivot(&self, k: usize, count: usize) -> Option<(usize, Option<usize>)> {
        for first in k..count {
            let (largest, partner) = self.largest_beside(k, count, first);
            let diagonal = self.at(first, first);
            if diagonal > ZERO_PIVOT && diagonal >= THRESHOLD * largest {
                return Some((first, None));
            }
            if let Some(second) = partner
                && self.is_stable_pair(k, first, second)
            {
                return Some((first, Some(second)));
            }
        }
        None
    }

    /// Largest entry of a column beside its diagonal, and the row of the largest that may become a pivot.
    fn largest_beside(&self, k: usize, count: usize, column: usize) -> (f64, Option<usize>) {
        let (mut largest, mut partner, mut of_partner) = (0.0, None, ZERO_PIVOT);
        for i in (k..self.dimension).filter(|i| *i != column) {
            let size = self.at(i, column);
            largest = math::max(largest, size);
            if i < count && size > of_partner {
                (partner, of_partner) = (Some(i), size);
            }
        }
        (largest, partner)
    }

    fn is_stable_pair(&self, k: usize, first: usize, second: usize) -> bool {
        let (a, b) = (self.value(first, first), self.value(second, second));
        let off = self.value(first, second);
        let determinant = a * b - off * off;
        if !(determinant < 0.0) {
            return false;
        }
        let (mut of_first, mut of_second) = (0.0, 0.0);
        for i in (k..self.dimension).filter(|i| *i != first && *i != second) {
            of_first = math::max(of_first, self.at(i, first));
            of_second = math::max(of_second, self.at(i, second));
        }
        let limit = -determinant / THRESHOLD;
        b.abs() * of_first + off.abs() * of_second <= limit
            && off.abs() * of_first + a.abs() * of_second <= limit
    }

    /// Row of the matrix that a row of the factor stands for.
    pub(in crate::factor) fn place(&self, row: usize) -> usize {
        self.order[row]
    }

    /// The first `len` entries of a row of the lower triangle.
    pub(in crate::factor) fn row(&self, row: usize, len: usize) -> &[f64] {
        &self.entries[row * self.dimension..][..len]
    }

    /// Couplings of the pivots of two with the next row; 0 for a pivot of one.
    pub(in crate::factor) fn couplings(&self) -> &[f64] {
        &self.coupling[..self.dimension]
    }

    /// The factor, row by row: L below the diagonal, and D.
    pub(in crate::factor) fn factor(&self) -> &[f64] {
        &self.entries[..self.dimension * self.dimension]
    }
}
