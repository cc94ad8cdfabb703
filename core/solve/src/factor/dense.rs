//! Dense `L D L^T` with the pivots of Bunch and Kaufman (Math. Comp. 31, 1977).

#[cfg(feature = "second-derivatives")]
mod front;

use alloc::vec;
use alloc::vec::Vec;

use super::Inertia;
use crate::math;

/// Growth of entries against size of pivots: (1 + sqrt 17) / 8.
const ALPHA: f64 = 0.640_388_203_202_208;
/// Pivot, relative to the entries of the equilibrated matrix, that counts as 0: round-off.
const ZERO_PIVOT: f64 = 1e-15;

/// Symmetric matrix of changing dimension, and its factorisation. All memory is allocated once.
#[derive(Clone, Debug)]
pub(crate) struct Dense {
    dimension: usize,
    /// Lower triangle, row by row with `dimension` entries a row; then L below the diagonal, and D.
    entries: Vec<f64>,
    /// Subdiagonal of D: not 0 at the first row of a pivot of two.
    coupling: Vec<f64>,
    /// Row of the matrix that each row of L stands for.
    order: Vec<usize>,
    scale: Vec<f64>,
    column: Vec<f64>,
    second: Vec<f64>,
}

impl Dense {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            dimension: 0,
            entries: vec![0.0; capacity * capacity],
            coupling: vec![0.0; capacity],
            order: vec![0; capacity],
            scale: vec![0.0; capacity],
            column: vec![0.0; capacity],
            second: vec![0.0; capacity],
        }
    }

    /// Numbers that it holds.
    #[cfg(feature = "second-derivatives")]
    pub(crate) fn memory(&self) -> usize {
        self.entries.len()
    }

    /// Starts a matrix of zeros.
    pub(crate) fn clear(&mut self, dimension: usize) {
        self.dimension = dimension;
        self.entries[..dimension * dimension].fill(0.0);
    }

    /// Adds to an entry and to its mirror image.
    pub(crate) fn add(&mut self, i: usize, j: usize, value: f64) {
        let (row, column) = if i >= j { (i, j) } else { (j, i) };
        self.entries[row * self.dimension + column] += value;
    }

    /// Factorises. Entries that are not finite count as vanishing eigenvalues.
    pub(crate) fn factorize(&mut self) -> Inertia {
        let n = self.dimension;
        let mut inertia = Inertia::default();
        if !math::all_finite(&self.entries[..n * n]) {
            inertia.zero = n;
            return inertia;
        }
        self.equilibrate();
        self.eliminate_all(&mut inertia);
        inertia
    }

    /// Eliminates every column as it is, without equilibration.
    pub(super) fn eliminate_all(&mut self, inertia: &mut Inertia) {
        self.begin();
        let mut k = 0;
        while k < self.dimension {
            let (pivot, width) = self.choose_pivot(k);
            self.swap(k + width - 1, pivot);
            if width == 1 {
                self.eliminate_one(k, inertia);
            } else {
                self.eliminate_two(k, inertia);
            }
            k += width;
        }
    }

    fn begin(&mut self) {
        let n = self.dimension;
        self.coupling[..n].fill(0.0);
        for (i, place) in self.order[..n].iter_mut().enumerate() {
            *place = i;
        }
    }

    /// Solves in place.
    pub(crate) fn solve(&mut self, x: &mut [f64]) {
        let n = self.dimension;
        for i in 0..n {
            self.column[i] = x[self.order[i]] * self.scale[self.order[i]];
        }
        for i in 0..n {
            let row = &self.entries[i * n..i * n + i];
            let known = math::dot(row, &self.column[..i]);
            self.column[i] -= known;
        }
        let (entries, coupling) = (&self.entries, &self.coupling[..n]);
        Self::divide_by(|i| entries[i * n + i], coupling, &mut self.column[..n]);
        for i in (0..n).rev() {
            let value = self.column[i];
            let row = &self.entries[i * n..i * n + i];
            math::add(&mut self.column[..i], -value, row);
        }
        for i in 0..n {
            x[self.order[i]] = self.column[i] * self.scale[self.order[i]];
        }
    }

    /// Size of the smallest pivot of the equilibrated matrix, of one row or two.
    pub(crate) fn smallest_pivot(&self) -> f64 {
        let n = self.dimension;
        let (mut smallest, mut k) = (f64::INFINITY, 0);
        while k < n {
            let off = self.coupling[k];
            let a = self.entries[k * n + k];
            let size = if off == 0.0 {
                a.abs()
            } else {
                let b = self.entries[(k + 1) * n + k + 1];
                math::sqrt((off * off - a * b).abs())
            };
            smallest = math::min(smallest, size);
            k += if off == 0.0 { 1 } else { 2 };
        }
        smallest
    }

    /// Solves with the diagonal blocks, given their diagonal and couplings.
    pub(super) fn divide_by(diagonal: impl Fn(usize) -> f64, coupling: &[f64], x: &mut [f64]) {
        let mut k = 0;
        while k < x.len() {
            let off = coupling[k];
            let a = diagonal(k);
            if off == 0.0 {
                x[k] = if a == 0.0 { 0.0 } else { x[k] / a };
                k += 1;
                continue;
            }
            let b = diagonal(k + 1);
            let (first, second) = (x[k] / off, x[k + 1] / off);
            let (a, b) = (a / off, b / off);
            let determinant = a * b - 1.0;
            x[k] = (b * first - second) / determinant;
            x[k + 1] = (a * second - first) / determinant;
            k += 2;
        }
    }

    /// Scales rows and columns so that the largest entry of each is about 1: the units of variables and constraints
    /// then have no influence on the choice of pivots.
    fn equilibrate(&mut self) {
        let n = self.dimension;
        self.scale[..n].fill(1.0);
        for _ in 0..3 {
            self.column[..n].fill(0.0);
            for i in 0..n {
                for j in 0..=i {
                    let size = self.entries[i * n + j].abs() * self.scale[i] * self.scale[j];
                    self.column[i] = math::max(self.column[i], size);
                    self.column[j] = math::max(self.column[j], size);
                }
            }
            for (scale, largest) in self.scale[..n].iter_mut().zip(&self.column) {
                if *largest > 0.0 {
                    *scale /= math::sqrt(*largest);
                }
            }
        }
        for i in 0..n {
            for j in 0..=i {
                self.entries[i * n + j] *= self.scale[i] * self.scale[j];
            }
        }
    }

    fn value(&self, i: usize, j: usize) -> f64 {
        let (row, column) = if i >= j { (i, j) } else { (j, i) };
        self.entries[row * self.dimension + column]
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        self.value(i, j).abs()
    }

    /// Row to be swapped in, and number of rows of the pivot.
    fn choose_pivot(&self, k: usize) -> (usize, usize) {
        let n = self.dimension;
        let diagonal = self.at(k, k);
        let (mut largest, mut place) = (0.0, k);
        for i in k + 1..n {
            if self.at(i, k) > largest {
                (largest, place) = (self.at(i, k), i);
            }
        }
        if diagonal >= ALPHA * largest {
            return (k, 1);
        }
        let mut row_largest = 0.0;
        for j in (k..n).filter(|j| *j != place) {
            row_largest = math::max(row_largest, self.at(place, j));
        }
        if diagonal * row_largest >= ALPHA * largest * largest {
            (k, 1)
        } else if self.at(place, place) >= ALPHA * row_largest {
            (place, 1)
        } else {
            (place, 2)
        }
    }

    /// Exchanges two rows and columns, i <= j.
    fn swap(&mut self, i: usize, j: usize) {
        if i == j {
            return;
        }
        let n = self.dimension;
        self.order.swap(i, j);
        for k in 0..i {
            self.entries.swap(i * n + k, j * n + k);
        }
        for k in i + 1..j {
            self.entries.swap(k * n + i, j * n + k);
        }
        for k in j + 1..n {
            self.entries.swap(k * n + i, k * n + j);
        }
        self.entries.swap(i * n + i, j * n + j);
    }

    fn eliminate_one(&mut self, k: usize, inertia: &mut Inertia) {
        let n = self.dimension;
        let pivot = self.entries[k * n + k];
        if pivot.abs() <= ZERO_PIVOT {
            inertia.zero += 1;
            self.entries[k * n + k] = 0.0;
            for i in k + 1..n {
                self.entries[i * n + k] = 0.0;
            }
            return;
        }
        if pivot > 0.0 {
            inertia.positive += 1;
        } else {
            inertia.negative += 1;
        }
        for i in k + 1..n {
            self.column[i] = self.entries[i * n + k];
        }
        for i in k + 1..n {
            let factor = self.column[i] / pivot;
            if factor != 0.0 {
                let row = &mut self.entries[i * n + k + 1..=i * n + i];
                math::add(row, -factor, &self.column[k + 1..=i]);
            }
            self.entries[i * n + k] = factor;
        }
    }

    fn eliminate_two(&mut self, k: usize, inertia: &mut Inertia) {
        let n = self.dimension;
        let (a, b) = (self.entries[k * n + k], self.entries[(k + 1) * n + k + 1]);
        let off = self.entries[(k + 1) * n + k];
        // The choice of this pivot implies a negative determinant.
        inertia.positive += 1;
        inertia.negative += 1;
        let (ratio_a, ratio_b) = (a / off, b / off);
        let determinant = (ratio_a * ratio_b - 1.0) * off;
        for i in k + 2..n {
            self.column[i] = self.entries[i * n + k];
            self.second[i] = self.entries[i * n + k + 1];
        }
        for i in k + 2..n {
            let (x, y) = (self.column[i], self.second[i]);
            let first = (ratio_b * x - y) / determinant;
            let second = (ratio_a * y - x) / determinant;
            let row = &mut self.entries[i * n + k + 2..=i * n + i];
            math::add(row, -first, &self.column[k + 2..=i]);
            math::add(row, -second, &self.second[k + 2..=i]);
            self.entries[i * n + k] = first;
            self.entries[i * n + k + 1] = second;
        }
        self.coupling[k] = off;
        self.entries[(k + 1) * n + k] = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn factorize(matrix: &[Vec<f64>]) -> (Dense, Inertia) {
        let n = matrix.len();
        let mut factor = Dense::new(n);
        factor.clear(n);
        for (i, row) in matrix.iter().enumerate() {
            for (j, entry) in row[..=i].iter().enumerate() {
                factor.add(j, i, *entry);
            }
        }
        let inertia = factor.factorize();
        (factor, inertia)
    }

    proptest! {
        /// `A = B S B^T` has the signs of S, for any regular B.
        #[test]
        fn solves_and_counts(
            entries in prop::collection::vec(-1.0..1.0, 49),
            signs in prop::collection::vec(prop::bool::ANY, 7),
            powers in prop::collection::vec(-6..6, 7),
        ) {
            let n = 7;
            let b = |i: usize, j: usize| entries[i * n + j] + if i == j { 4.0 } else { 0.0 };
            let sign = |k: usize| if signs[k] { 1.0 } else { -1.0 };
            let unit = |i: usize| 10.0_f64.powi(powers[i]);
            let entry = |i, j| unit(i) * unit(j) * (0..n).map(|k| b(i, k) * sign(k) * b(j, k)).sum::<f64>();
            let matrix: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect();
            let (mut factor, inertia) = factorize(&matrix);
            prop_assert_eq!(inertia.positive, signs.iter().filter(|sign| **sign).count());
            prop_assert_eq!((inertia.positive + inertia.negative, inertia.zero), (n, 0));
            let expected: Vec<f64> = (0..n).map(|i| (1.0 + i as f64) / unit(i)).collect();
            let mut x: Vec<f64> = matrix.iter().map(|row| math::dot(row, &expected)).collect();
            factor.solve(&mut x);
            for (x, expected) in x.iter().zip(&expected) {
                prop_assert!((x / expected - 1.0).abs() < 1e-9, "{} {}", x, expected);
            }
        }
    }

    #[test]
    fn sees_what_is_singular() {
        let matrix = [vec![1.0, 2.0, 0.0], vec![2.0, 4.0, 0.0], vec![0.0, 0.0, -3.0]];
        let (_, inertia) = factorize(&matrix);
        assert_eq!((inertia.positive, inertia.negative, inertia.zero), (1, 1, 1));
        let (_, inertia) = factorize(&[vec![f64::NAN]]);
        assert_eq!(inertia.zero, 1);
        let (mut factor, inertia) = factorize(&[vec![0.0, 2.0], vec![2.0, 0.0]]);
        assert_eq!((inertia.positive, inertia.negative), (1, 1));
        let mut x = [2.0, 6.0];
        factor.solve(&mut x);
        assert_eq!(x, [3.0, 1.0]);
    }
}
