//! Moments of the particle distribution: means, covariances, intervals.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use labwire_solve::math::{dot, log, max, sqrt};

use super::particles::{BLOCK, Particles};

/// Relative rounding error of a variance given other parameters.
const ROUNDING: f64 = 1e-14;

/// Symmetric matrix, by rows.
pub(super) type Matrix = Vec<Vec<f64>>;

/// Number of parameters whose sums are computed side by side.
const ABREAST: usize = 3;

impl Particles {
    /// Mean of each parameter, summed about a first estimate, so that a large mean costs no precision.
    pub(super) fn mean(&self) -> Vec<f64> {
        let estimate = |about: &[f64]| -> Vec<f64> {
            let sums = self.weighted_sums(about, |weight, distance| weight * distance);
            let terms = about.iter().zip(sums);
            terms.map(|(about, sum)| about + sum / self.total()).collect()
        };
        estimate(&estimate(&vec![0.0; self.num_parameters()]))
    }

    /// Sums over the particles of a term of the weight and the distance from `origin`, one per parameter.
    fn weighted_sums(&self, origin: &[f64], term: impl Fn(f64, f64) -> f64 + Copy) -> Vec<f64> {
        let mut sums = vec![0.0; origin.len()];
        for range in self.blocks() {
            self.add_block(&self.weights()[range.clone()], range, origin, &mut sums, term);
        }
        sums
    }

    /// Adds to `sums` those over a block of particles, of a term of the entry of `factors` and the distance from `origin`,
    /// for the first parameters.
    fn add_block(
        &self,
        factors: &[f64],
        range: Range<usize>,
        origin: &[f64],
        sums: &mut [f64],
        term: impl Fn(f64, f64) -> f64 + Copy,
    ) {
        let row = |parameter| &self.row(parameter)[range.clone()];
        let groups = origin.chunks(ABREAST).zip(sums.chunks_mut(ABREAST));
        for (i, (origin, sums)) in groups.enumerate() {
            let first = ABREAST * i;
            match (origin, sums) {
                ([a, b, c], [of_a, of_b, of_c]) => {
                    let rows = [row(first), row(first + 1), row(first + 2)];
                    let [a, b, c] = block_sums(factors, rows, [*a, *b, *c], term);
                    *of_a += a;
                    *of_b += b;
                    *of_c += c;
                }
                (origin, sums) => {
                    for (k, (origin, sum)) in origin.iter().zip(sums).enumerate() {
                        let [of_block] = block_sums(factors, [row(first + k)], [*origin], term);
                        *sum += of_block;
                    }
                }
            }
        }
    }

    /// Second moments about `mean`: weighted sums of products of distances, over the sum of the weights.
    fn second_moments(&self, mean: &[f64]) -> Matrix {
        let count = mean.len();
        let mut sums = vec![vec![0.0; count]; count];
        for range in self.blocks() {
            for (i, sums) in sums.iter_mut().enumerate() {
                let mut weighted = [0.0; BLOCK];
                let weighted = &mut weighted[..range.len()];
                let terms = self.weights()[range.clone()]
                    .iter()
                    .zip(&self.row(i)[range.clone()]);
                for (product, (weight, value)) in weighted.iter_mut().zip(terms) {
                    *product = weight * (value - mean[i]);
                }
                let product = |weighted, distance| weighted * distance;
                self.add_block(weighted, range.clone(), &mean[..=i], sums, product);
            }
        }
        let total = self.total();
        for i in 0..count {
            for j in 0..=i {
                sums[i][j] /= total;
                sums[j][i] = sums[i][j];
            }
        }
        sums
    }

    /// Standard deviation (of the population) of each parameter: as OptBayesExpt's `getstd`, but in two
    /// passes, because a single pass loses every digit of 2.87e9 +- 10.
    pub(super) fn std(&self) -> Vec<f64> {
        self.std_about(&self.mean())
    }

    /// [`std`](Self::std) where the mean is known.
    pub(super) fn std_about(&self, mean: &[f64]) -> Vec<f64> {
        let squares = self.weighted_sums(mean, |weight, distance| weight * distance * distance);
        squares.iter().map(|sum| sqrt(sum / self.total())).collect()
    }

    /// Covariance matrix of the parameters, normalised by 1 minus the sum of the squared weights, as NumPy's
    /// `cov` with `aweights` and OptBayesExpt's `getcov`.
    pub(super) fn covariance(&self) -> Matrix {
        self.covariance_about(&self.mean())
    }

    /// [`covariance`](Self::covariance) where the mean is known.
    pub(super) fn covariance_about(&self, mean: &[f64]) -> Matrix {
        let mut covariance = self.second_moments(mean);
        let rest = 1.0 - self.concentration();
        for entry in covariance.iter_mut().flatten() {
            *entry /= rest;
        }
        covariance
    }

    /// Central credible interval of each parameter: `probability` inside, equal probabilities below and
    /// above.
    pub(super) fn intervals(&self, probability: f64) -> Vec<[f64; 2]> {
        let tail = 0.5 * (1.0 - probability) * self.total();
        let mut order: Vec<(f64, f64)> = Vec::with_capacity(self.len());
        (0..self.num_parameters())
            .map(|parameter| {
                order.clear();
                let pairs = self
                    .row(parameter)
                    .iter()
                    .copied()
                    .zip(self.weights().iter().copied());
                order.extend(pairs.filter(|(_, weight)| *weight > 0.0));
                order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
                [reach(order.iter(), tail), reach(order.iter().rev(), tail)]
            })
            .collect()
    }

    /// Entropy, in nats, of a normal distribution with this covariance: an upper bound on the entropy of the
    /// distribution. A standard deviation, given the others, that is lost in rounding counts as the least that is not.
    pub(super) fn entropy(&self) -> f64 {
        let moments = self.second_moments(&self.mean());
        let constant = log(2.0 * core::f64::consts::PI * core::f64::consts::E);
        let factor = cholesky(&moments);
        (0..factor.len()).fold(0.0, |sum, i| {
            let least = sqrt(ROUNDING * moments[i][i]);
            sum + 0.5 * constant + log(max(factor[i][i], least))
        })
    }
}

/// Sums of terms of a factor and a distance from an origin, one per row: each in the order of [`dot`], but side by side,
/// because a sum alone waits for each of its additions.
#[inline(always)]
fn block_sums<const K: usize>(
    factors: &[f64],
    rows: [&[f64]; K],
    origin: [f64; K],
    term: impl Fn(f64, f64) -> f64,
) -> [f64; K] {
    const LANES: usize = 4;
    let mut sums = [[0.0; LANES]; K];
    let (blocks, rest) = factors.as_chunks::<LANES>();
    let split = rows.map(|row| row[..factors.len()].as_chunks::<LANES>());
    for (i, factors) in blocks.iter().enumerate() {
        for k in 0..K {
            let values = &split[k].0[i];
            for lane in 0..LANES {
                sums[k][lane] += term(factors[lane], values[lane] - origin[k]);
            }
        }
    }
    core::array::from_fn(|k| {
        let [a, b, c, d] = sums[k];
        let rest = rest.iter().zip(split[k].1);
        let rest = rest.fold(0.0, |sum, (factor, value)| sum + term(*factor, value - origin[k]));
        (a + c) + (b + d) + rest
    })
}

/// First value at which the cumulative weight exceeds `target`.
fn reach<'a>(values: impl Iterator<Item = &'a (f64, f64)>, target: f64) -> f64 {
    let (mut sum, mut reached) = (0.0, f64::NAN);
    for (value, weight) in values {
        reached = *value;
        sum += weight;
        if sum > target {
            break;
        }
    }
    reached
}

/// Lower triangular L with L L^T = `matrix`, which is positive semidefinite. A column without remaining
/// variance is 0.
pub(super) fn cholesky(matrix: &Matrix) -> Matrix {
    let n = matrix.len();
    let mut factor = vec![vec![0.0; n]; n];
    for j in 0..n {
        let pivot = matrix[j][j] - dot(&factor[j][..j], &factor[j][..j]);
        // A pivot within rounding error of 0 means no variance.
        if !(pivot > ROUNDING * matrix[j][j]) {
            continue;
        }
        factor[j][j] = sqrt(pivot);
        for i in j + 1..n {
            factor[i][j] = (matrix[i][j] - dot(&factor[i][..j], &factor[j][..j])) / factor[j][j];
        }
    }
    factor
}

#[cfg(test)]
mod tests {
    use super::*;
    use labwire_solve::random::Random;

    /// Problem F1 of the reference problems, with figures from NumPy: four particles, before and after a
    /// measurement.
    #[test]
    fn four_particles_have_the_known_moments() {
        let values = vec![0.0, 1.0, 2.0, 3.0, 1.0, 3.0, 2.0, 4.0];
        let particles = Particles::new(values, 4);
        assert_eq!(particles.mean(), [1.5, 2.5]);
        assert_eq!(particles.std(), [1.118_033_988_749_895; 2]);
        let covariance = particles.covariance();
        assert!((covariance[0][0] - 5.0 / 3.0).abs() < 1e-15);
        assert!((covariance[0][1] - 4.0 / 3.0).abs() < 1e-15);
        assert_eq!(particles.effective(), 4.0);
    }

    #[test]
    fn large_means_keep_their_small_deviations() {
        let mut random = Random::new(3, 0);
        let values = (0..20_000).map(|_| 2.87e9 + 10.0 * random.normal()).collect();
        let particles = Particles::new(values, 20_000);
        assert!((particles.mean()[0] - 2.87e9).abs() < 0.3);
        assert!((particles.std()[0] - 10.0).abs() < 0.2);
        let [low, high] = particles.intervals(0.95)[0];
        assert!((low - (2.87e9 - 19.6)).abs() < 1.0 && (high - (2.87e9 + 19.6)).abs() < 1.0);
        let normal = 0.5 * log(2.0 * core::f64::consts::PI * core::f64::consts::E * 100.0);
        assert!((particles.entropy() - normal).abs() < 0.02);
    }

    #[test]
    fn the_factor_gives_the_matrix_back() {
        let matrix = vec![vec![4.0, 2.0, 0.0], vec![2.0, 5.0, 0.0], vec![0.0, 0.0, 0.0]];
        let factor = cholesky(&matrix);
        for i in 0..3 {
            for j in 0..3 {
                assert!((dot(&factor[i], &factor[j]) - matrix[i][j]).abs() < 1e-15);
            }
        }
    }
}
