//! Priors: the distributions of the parameters before the first measurement.

use alloc::string::String;
use alloc::vec::Vec;

use labwire_solve::math::{self, clamp, exp, floor, sqrt};
use labwire_solve::random::Random;

/// Unknown parameter of the model.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Parameter {
    /// Name of the parameter.
    pub name: String,
    /// Distribution before the first measurement.
    pub prior: Prior,
}

/// Distribution of one number.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Prior {
    /// Uniform distribution.
    Uniform {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Normal distribution.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation; positive.
        std: f64,
    },
    /// Log-normal distribution: the exponential of a normal distribution.
    LogNormal {
        /// Mean of the logarithm.
        mean: f64,
        /// Standard deviation of the logarithm; positive.
        std: f64,
    },
    /// Exponential distribution.
    Exponential {
        /// Mean; positive.
        mean: f64,
    },
    /// Gamma distribution; its mean is `shape * scale`.
    Gamma {
        /// Shape; positive.
        shape: f64,
        /// Scale; positive.
        scale: f64,
    },
    /// Discrete distribution. Resampling never moves particles off the values.
    Discrete {
        /// Values.
        values: Vec<f64>,
        /// Relative probability of each value; need not be normalised.
        weights: Vec<f64>,
    },
    /// Given samples. If there are as many as particles, they are used in order; otherwise the particles
    /// draw from them, at the same index for every parameter, so that joint samples stay together.
    Samples(Vec<f64>),
}

impl Prior {
    /// Checks the numbers of the distribution.
    ///
    /// # Errors
    /// The rule that they break.
    pub fn check(&self) -> Result<(), &'static str> {
        let finite = |numbers: &[f64]| labwire_solve::math::all_finite(numbers);
        let positive = |number: f64| number > 0.0 && number.is_finite();
        match self {
            Self::Uniform { low, high } if !finite(&[*low, *high, *high - *low]) || low >= high => {
                Err("the lower end must be below the upper end")
            }
            Self::Normal { mean, std } | Self::LogNormal { mean, std }
                if !mean.is_finite() || !positive(*std) =>
            {
                Err("the standard deviation must be positive")
            }
            Self::Exponential { mean } if !positive(*mean) => Err("the mean must be positive"),
            Self::Gamma { shape, scale } if !positive(*shape) || !positive(*scale) => {
                Err("shape and scale must be positive")
            }
            Self::Discrete { values, weights } => {
                if values.is_empty() || !finite(values) {
                    Err("there must be values, and they must be finite")
                } else if weights.len() != values.len() {
                    Err("there must be as many weights as values")
                } else if !finite(weights)
                    || weights.iter().any(|weight| *weight < 0.0)
                    || !positive(weights.iter().sum())
                {
                    Err("weights must not be negative, and one must be positive")
                } else {
                    Ok(())
                }
            }
            Self::Samples(samples) if samples.is_empty() || !finite(samples) => {
                Err("there must be samples, and they must be finite")
            }
            _ => Ok(()),
        }
    }

    /// Ends of the support: the smallest and the largest value that the distribution can give. Between two samples, any
    /// value is possible.
    #[must_use]
    pub fn support(&self) -> [f64; 2] {
        match self {
            Self::Uniform { low, high } => [*low, *high],
            Self::Normal { .. } => [f64::NEG_INFINITY, f64::INFINITY],
            Self::Exponential { .. } => [0.0, f64::INFINITY],
            // The density at 0 itself is 0, or infinite.
            Self::LogNormal { .. } | Self::Gamma { .. } => [f64::MIN_POSITIVE, f64::INFINITY],
            Self::Discrete { values, .. } | Self::Samples(values) => {
                let ends = [f64::INFINITY, f64::NEG_INFINITY];
                let values = values.iter();
                values.fold(ends, |[low, high], value| {
                    [math::min(low, *value), math::max(high, *value)]
                })
            }
        }
    }

    /// Whether the distribution, whose ends are `support`, can give this value.
    pub(super) fn includes(&self, [low, high]: [f64; 2], value: f64) -> bool {
        match self {
            Self::Discrete { values, weights } => {
                let mut pairs = values.iter().zip(weights);
                pairs.any(|(known, weight)| *known == value && *weight > 0.0)
            }
            _ => value >= low && value <= high,
        }
    }

    /// Standard deviation, where the density ends in a step at an end of the support: there a truth outside of the prior
    /// shows as a posterior that leans against the step.
    pub(super) fn spread_between_steps(&self) -> Option<f64> {
        match self {
            Self::Uniform { low, high } => Some((high - low) / sqrt(12.0)),
            Self::Exponential { mean } => Some(*mean),
            _ => None,
        }
    }

    /// Whether the parameter has discrete values, along which particles must not be moved.
    pub(super) fn is_discrete(&self) -> bool {
        matches!(self, Self::Discrete { .. })
    }

    /// Value of particle number `particle` of `count`; `place` in [0, 1) is the relative index into samples.
    pub(super) fn draw(&self, random: &mut Random, particle: usize, count: usize, place: f64) -> f64 {
        match self {
            // Rounding may lead beyond the end.
            Self::Uniform { low, high } => clamp(low + (high - low) * random.uniform(), *low, *high),
            Self::Normal { mean, std } => mean + std * random.normal(),
            Self::LogNormal { mean, std } => math::max(exp(mean + std * random.normal()), f64::MIN_POSITIVE),
            Self::Exponential { mean } => mean * random.exponential(),
            Self::Gamma { shape, scale } => math::max(scale * random.gamma(*shape), f64::MIN_POSITIVE),
            Self::Discrete { values, weights } => {
                let mut left = random.uniform() * weights.iter().sum::<f64>();
                let mut drawn = f64::NAN;
                for (value, weight) in values.iter().zip(weights) {
                    if *weight > 0.0 {
                        drawn = *value;
                        if left < *weight {
                            break;
                        }
                        left -= weight;
                    }
                }
                drawn
            }
            Self::Samples(samples) if samples.len() == count => samples[particle],
            Self::Samples(samples) => {
                let index = floor(place * samples.len() as f64) as usize;
                samples[index.min(samples.len() - 1)]
            }
        }
    }
}
