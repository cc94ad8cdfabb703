//! Priors: the distributions of the parameters before the first measurement.

use alloc::boxed::Box;
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
    /// Distribution without what is outside of an interval. At least a thousandth of it must be inside.
    Bounded {
        /// Distribution.
        prior: Box<Prior>,
        /// Lower end; negative infinity if there is none.
        low: f64,
        /// Upper end; infinity if there is none.
        high: f64,
    },
    /// Distribution of a number from which, and from earlier parameters, the parameter is computed: see
    /// [`Experiment::dependent`](crate::Experiment::dependent).
    Base(Box<Prior>),
}

/// Number of draws that estimate what bounds leave of a distribution.
const SAMPLES: usize = 4000;
/// Number of draws of which at least one is expected to be inside of the bounds.
const MAX_DRAWS: usize = 100_000;

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
            Self::Bounded { low, high, .. } if !(low < high) => {
                Err("the lower end must be below the upper end")
            }
            Self::Bounded { prior, .. } => match prior.check() {
                Ok(()) if self.inside().len() < SAMPLES / 1000 => {
                    Err("the bounds leave less than a thousandth of the distribution")
                }
                checked => checked,
            },
            Self::Base(prior) => prior.check(),
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
            Self::Bounded { prior, low, high } => {
                let [least, most] = prior.support();
                [math::max(least, *low), math::min(most, *high)]
            }
            // That of the parameter depends on others.
            Self::Base(_) => [f64::NEG_INFINITY, f64::INFINITY],
        }
    }

    /// Whether the distribution, whose ends are `support`, can give this value.
    pub(super) fn includes(&self, [low, high]: [f64; 2], value: f64) -> bool {
        match self {
            Self::Discrete { values, weights } => {
                let mut pairs = values.iter().zip(weights);
                pairs.any(|(known, weight)| *known == value && *weight > 0.0)
            }
            Self::Bounded { prior, .. } => {
                value >= low && value <= high && prior.includes([low, high], value)
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
            Self::Bounded { .. } => {
                let inside = self.inside();
                let count = inside.len() as f64;
                let mean = inside.iter().fold(0.0, |sum, x| sum + x) / count;
                let squares = inside.iter().fold(0.0, |sum, x| sum + (x - mean) * (x - mean));
                Some(sqrt(squares / count))
            }
            _ => None,
        }
    }

    /// Whether the parameter has discrete values, along which particles must not be moved.
    pub(super) fn is_discrete(&self) -> bool {
        match self {
            Self::Discrete { .. } => true,
            Self::Bounded { prior, .. } => prior.is_discrete(),
            _ => false,
        }
    }

    /// Some draws, always the same, that are inside of the bounds.
    fn inside(&self) -> Vec<f64> {
        let Self::Bounded { prior, low, high } = self else {
            return Vec::new();
        };
        let mut random = Random::new(0, 0);
        let draws = (0..SAMPLES).map(|i| prior.draw(&mut random, i, SAMPLES, i as f64 / SAMPLES as f64));
        draws.filter(|value| value >= low && value <= high).collect()
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
            Self::Bounded { prior, low, high } => {
                let mut place = place;
                for _ in 0..MAX_DRAWS {
                    let value = prior.draw(random, particle, count, place);
                    if value >= *low && value <= *high {
                        return value;
                    }
                    place = random.uniform();
                }
                f64::NAN
            }
            Self::Base(prior) => prior.draw(random, particle, count, place),
            Self::Samples(samples) if samples.len() == count => samples[particle],
            Self::Samples(samples) => {
                let index = floor(place * samples.len() as f64) as usize;
                samples[index.min(samples.len() - 1)]
            }
        }
    }
}
