//! Noise of measurements.

use alloc::boxed::Box;
use alloc::vec::Vec;

use labwire_solve::math::{all_finite, clamp, log1p, sqrt};
use labwire_solve::random::Random;

use super::model::Model;
use super::moments::cholesky;

/// Noise of a measurement: standard deviations, one per channel, or counts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Noise {
    /// Reported with each measurement. The utility assumes 1 in every channel.
    Reported,
    /// Constant, unless a measurement reports its own.
    Known(Vec<f64>),
    /// Function of the setting, unless a measurement reports its own.
    OfSetting(Box<dyn Model>),
    /// Function of setting and parameters. The noise is itself unknown, and values reported with a
    /// measurement are ignored. A particle with a noise that is not positive has likelihood 0.
    Unknown(Box<dyn Model>),
    /// Counts with a Poisson distribution, of which the model gives the mean; below 0, it counts as 0. Values reported with
    /// a measurement are ignored.
    Poisson,
    /// Counts with a binomial distribution, of which the model gives the probability, beyond 0 or 1 the nearest of
    /// these, and this function of the setting the number of trials. Values reported with a measurement are ignored.
    Binomial(Box<dyn Model>),
}

impl Noise {
    /// Function that is evaluated for the noise.
    pub(super) fn model(&self) -> Option<&dyn Model> {
        match self {
            Self::OfSetting(model) | Self::Unknown(model) | Self::Binomial(model) => Some(&**model),
            Self::Reported | Self::Known(_) | Self::Poisson => None,
        }
    }

    /// Whether a measurement is a count.
    pub(super) fn is_count(&self) -> bool {
        matches!(self, Self::Poisson | Self::Binomial(_))
    }

    /// Whether standard deviations that are reported with a measurement count.
    #[must_use]
    pub fn can_be_reported(&self) -> bool {
        !self.is_count() && !matches!(self, Self::Unknown(_))
    }
}

/// Distribution of the noise in units of its standard deviations; counts have none.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum NoiseShape {
    /// Independent normal distributions.
    #[default]
    Normal,
    /// Student's t distribution, for measurements with outliers: the standard deviations are its scale.
    StudentT {
        /// Degrees of freedom; positive.
        freedom: f64,
    },
    /// Normal distribution with correlations between the channels.
    Correlated(Correlation),
}

/// Correlation matrix of the noise of the channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    /// Lower triangular factor, whose product with its transpose is the matrix.
    factor: Vec<Vec<f64>>,
}

impl Correlation {
    /// Correlation with this matrix, by rows. `None` if it is not square, symmetric and positive definite, with ones on the
    /// diagonal.
    #[must_use]
    pub fn new(matrix: &[Vec<f64>]) -> Option<Self> {
        let n = matrix.len();
        if matrix.iter().any(|row| row.len() != n || !all_finite(row)) {
            return None;
        }
        let is_near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let mut pairs = (0..n).flat_map(|i| (0..=i).map(move |j| (i, j)));
        if !pairs.all(|(i, j)| is_near(matrix[i][j], matrix[j][i]) && (i != j || is_near(matrix[i][i], 1.0)))
        {
            return None;
        }
        let factor = cholesky(&matrix.to_vec());
        (0..n).all(|i| factor[i][i] > 0.0).then_some(Self { factor })
    }

    /// Regression of number `i` on those before it: their weights, and the standard deviation of the rest.
    pub(super) fn regression(&self, i: usize) -> (Vec<f64>, f64) {
        let mut weights = self.factor[i][..i].to_vec();
        for j in (0..i).rev() {
            weights[j] /= self.factor[j][j];
            let (before, from) = weights.split_at_mut(j);
            for (weight, factor) in before.iter_mut().zip(&self.factor[j]) {
                *weight -= from[0] * factor;
            }
        }
        (weights, self.factor[i][i])
    }

    /// Number of channels.
    pub(super) fn channels(&self) -> usize {
        self.factor.len()
    }

    /// Replaces residuals in units of the noise, one row of `len` per channel, by independent ones.
    pub(super) fn whiten(&self, residuals: &mut [f64], len: usize) {
        for (i, factors) in self.factor.iter().enumerate() {
            let (known, own) = residuals.split_at_mut(i * len);
            let own = &mut own[..len];
            for (known, factor) in known.chunks_exact(len).zip(factors) {
                for (own, known) in own.iter_mut().zip(known) {
                    *own -= factor * known;
                }
            }
            own.iter_mut().for_each(|own| *own /= factors[i]);
        }
    }

    /// Replaces independent deviates, one per channel, by correlated ones.
    fn colour(&self, deviates: &mut [f64]) {
        for (i, factors) in self.factor.iter().enumerate().rev() {
            deviates[i] = labwire_solve::math::dot(&factors[..=i], &deviates[..=i]);
        }
    }
}

impl NoiseShape {
    /// Deviates in units of the standard deviations, one per channel.
    pub(super) fn draw(&self, channels: usize, random: &mut Random) -> Vec<f64> {
        let mut deviates: Vec<f64> = (0..channels).map(|_| random.normal()).collect();
        match self {
            Self::Normal => {}
            Self::StudentT { freedom } => {
                for deviate in &mut deviates {
                    *deviate /= sqrt(random.gamma(0.5 * freedom) * 2.0 / freedom);
                }
            }
            Self::Correlated(correlation) => correlation.colour(&mut deviates),
        }
        deviates
    }

    /// Adds twice the negative logarithm of the density of residuals, one row of `squares.len()` per channel, in units of
    /// the noise. The residuals are lost.
    pub(super) fn add_squares(&self, squares: &mut [f64], residuals: &mut [f64]) {
        let len = squares.len();
        if let Self::Correlated(correlation) = self {
            correlation.whiten(residuals, len);
        }
        for residuals in residuals.chunks_exact(len) {
            for (square, residual) in squares.iter_mut().zip(residuals) {
                let of_normal = residual * residual;
                *square += match self {
                    Self::StudentT { freedom } => (freedom + 1.0) * log1p(of_normal / freedom),
                    _ => of_normal,
                };
            }
        }
    }

    /// Variance of the normal distribution that tells as much of its mean.
    pub(super) fn equivalent_variance(&self) -> f64 {
        match self {
            Self::StudentT { freedom } => (freedom + 3.0) / (freedom + 1.0),
            _ => 1.0,
        }
    }
}

/// Deviance of a count from its Poisson mean: twice the logarithm of the largest likelihood over that of the mean.
pub(super) fn poisson_deviance(count: f64, mean: f64) -> f64 {
    let mean = if mean < 0.0 { 0.0 } else { mean };
    2.0 * (relative_entropy(count, mean) + (mean - count))
}

/// Deviance of a count from its binomial distribution.
pub(super) fn binomial_deviance(count: f64, trials: f64, probability: f64) -> f64 {
    let hits = trials * clamp(probability, 0.0, 1.0);
    2.0 * (relative_entropy(count, hits) + relative_entropy(trials - count, trials - hits))
}

/// `count * log(count / mean)`, 0 if there are none.
fn relative_entropy(count: f64, mean: f64) -> f64 {
    match count > 0.0 {
        true => count * labwire_solve::math::log(count / mean),
        // NaN stays.
        false => 0.0 * mean,
    }
}
