//! What is known of a parameter before the first measurement.

use alloc::string::String;
use alloc::vec::Vec;

use labwire_solve::math::{exp, floor};
use labwire_solve::random::Random;

/// A parameter of the model, to be found out.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What is known of it.
    pub prior: Prior,
}

/// A distribution of one number.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Prior {
    /// Equally likely between two ends.
    Uniform {
        /// The lower end.
        low: f64,
        /// The upper end.
        high: f64,
    },
    /// A normal distribution.
    Normal {
        /// Its mean.
        mean: f64,
        /// Its standard deviation; positive.
        std: f64,
    },
    /// The exponential of a normal distribution.
    LogNormal {
        /// The mean of the logarithm.
        mean: f64,
        /// The standard deviation of the logarithm; positive.
        std: f64,
    },
    /// An exponential distribution.
    Exponential {
        /// Its mean; positive.
        mean: f64,
    },
    /// A gamma distribution; its mean is `shape * scale`.
    Gamma {
        /// Its shape; positive.
        shape: f64,
        /// Its scale; positive.
        scale: f64,
    },
    /// Some values only. The particles keep to them.
    Discrete {
        /// The values.
        values: Vec<f64>,
        /// How likely each is, in any unit.
        weights: Vec<f64>,
    },
    /// Given samples. As many as there are particles are taken as they are; else particles draw from them, the same
    /// place from every parameter, so that samples of several parameters stay together.
    Samples(Vec<f64>),
}

impl Prior {
    /// What is wrong with its numbers, if anything is.
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

    /// Whether the parameter can only have some values, so that particles must not be moved along it.
    pub(super) fn is_discrete(&self) -> bool {
        matches!(self, Self::Discrete { .. })
    }

    /// A value for the particle `particle` of `count`; `place` in [0, 1) is where to look into samples.
    pub(super) fn draw(&self, random: &mut Random, particle: usize, count: usize, place: f64) -> f64 {
        match self {
            Self::Uniform { low, high } => low + (high - low) * random.uniform(),
            Self::Normal { mean, std } => mean + std * random.normal(),
            Self::LogNormal { mean, std } => exp(mean + std * random.normal()),
            Self::Exponential { mean } => mean * random.exponential(),
            Self::Gamma { shape, scale } => scale * random.gamma(*shape),
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
