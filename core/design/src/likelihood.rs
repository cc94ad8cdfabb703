//! Likelihood of measurements, given each particle.

use alloc::vec::Vec;

use labwire_solve::math::{min, sqrt};

use super::designer::Designer;
use super::experiment::Experiment;
use super::logarithm::log_scale;
use super::measurement::Measurement;
use super::model::{Model, Points};
use super::noise::{Noise, NoiseShape, binomial_deviance, poisson_deviance};
use super::particles::{BLOCK, ParticleSnapshot, Particles};

/// Distance from every prediction at which a measurement is far: this many standard deviations more than the root of the
/// number of values. Normal noise is that large once in 10^7 measurements at most (exp(-FAR^2 / 2), by the concentration
/// of the norm of normal deviates).
const FAR: f64 = 6.0;

/// Agreement of the particles with measurements.
pub(super) struct Fit {
    /// Largest log-weight with the full likelihood.
    pub(super) largest: f64,
    /// Smallest distance of a prediction from the measurements, in standard deviations: the root of the sum of
    /// squares over the values.
    pub(super) nearest: f64,
    /// Whether that is more than noise can explain.
    pub(super) is_far: bool,
}

impl Designer {
    /// Computes the log-likelihood of measurements, taken together, for every particle.
    pub(super) fn weigh(&mut self, measurements: &[Measurement]) -> Fit {
        let Self {
            experiment,
            particles,
            memory,
            ..
        } = self;
        let Experiment {
            model,
            noise,
            noise_shape,
            options,
            ..
        } = experiment;
        memory.resize((2 * model.num_outputs() + 1) * BLOCK, 0.0);
        let known: Vec<Vec<f64>> = measurements
            .iter()
            .map(|measurement| known_noise(noise, measurement, particles))
            .collect();
        let mut nearest = f64::INFINITY;
        let largest = particles.evaluate(|particles, logs| {
            let (squares, memory) = memory.split_at_mut(BLOCK);
            let squares = &mut squares[..particles.len()];
            logs.fill(0.0);
            squares.fill(0.0);
            for (measurement, known) in measurements.iter().zip(&known) {
                add(
                    &mut **model,
                    (noise, noise_shape),
                    known,
                    measurement,
                    particles,
                    memory,
                    [logs, squares],
                );
            }
            nearest = min(nearest, combine(logs, squares, options.choke));
        });
        let nearest = sqrt(nearest);
        let values: usize = measurements.iter().map(|it| it.values.len()).sum();
        Fit {
            largest,
            nearest,
            is_far: nearest > FAR + sqrt(values as f64),
        }
    }
}

/// Adds the logarithms of one over the standard deviations, and the squares of the distances in units of these.
fn add(
    model: &mut dyn Model,
    (noise, shape): (&mut Noise, &NoiseShape),
    known: &[f64],
    measurement: &Measurement,
    particles: Points<'_>,
    memory: &mut [f64],
    [logs, squares]: [&mut [f64]; 2],
) {
    let len = particles.len();
    let size = model.num_outputs() * len;
    let (outputs, sigmas) = memory.split_at_mut(memory.len() / 2);
    let (outputs, sigmas) = (&mut outputs[..size], &mut sigmas[..size]);
    let setting = Points::one(&measurement.setting);
    model.evaluate(setting, particles, outputs);
    let channels = outputs.chunks_exact(len).zip(&measurement.values);
    match noise {
        Noise::Poisson => {
            for (outputs, value) in channels {
                add_deviances(squares, outputs, |mean| poisson_deviance(*value, mean));
            }
        }
        Noise::Binomial(_) => {
            for ((outputs, value), trials) in channels.zip(known) {
                add_deviances(squares, outputs, |p| binomial_deviance(*value, *trials, p));
            }
        }
        noise if *shape != NoiseShape::Normal => {
            if let Noise::Unknown(noise) = noise {
                noise.evaluate(setting, particles, sigmas);
                for (sigma, i) in sigmas.iter().zip((0..len).cycle()) {
                    logs[i] -= log_sigma(*sigma);
                }
            } else {
                for (sigmas, known) in sigmas.chunks_exact_mut(len).zip(known) {
                    sigmas.fill(*known);
                }
            }
            let channels = outputs.chunks_exact_mut(len).zip(sigmas.chunks_exact(len));
            for ((outputs, sigmas), value) in channels.zip(&measurement.values) {
                standardize(outputs, sigmas, *value);
            }
            shape.add_squares(squares, outputs);
        }
        Noise::Unknown(noise) => {
            noise.evaluate(setting, particles, sigmas);
            for ((outputs, value), sigmas) in channels.zip(sigmas.chunks_exact(len)) {
                add_squares(squares, outputs, *value, sigmas.iter().copied());
                for (log, sigma) in logs.iter_mut().zip(sigmas) {
                    *log -= log_sigma(*sigma);
                }
            }
        }
        _ => {
            for ((outputs, value), sigma) in channels.zip(known) {
                add_squares(squares, outputs, *value, core::iter::repeat(*sigma));
            }
        }
    }
}

/// Standard deviation of the noise where it does not depend on the parameters, one per channel; of counts, the numbers of
/// trials.
fn known_noise(noise: &mut Noise, measurement: &Measurement, particles: &Particles) -> Vec<f64> {
    let channels = measurement.values.len();
    match (&measurement.sigma, noise) {
        (_, Noise::Binomial(trials)) => trials_at(&mut **trials, &measurement.setting, particles),
        (_, Noise::Poisson) => Vec::new(),
        (Some(sigma), _) if sigma.len() == 1 => alloc::vec![sigma[0]; channels],
        (Some(sigma), _) => sigma.clone(),
        (None, Noise::Known(sigma)) => sigma.clone(),
        (None, Noise::OfSetting(model)) => {
            let mut sigma = alloc::vec![0.0; channels];
            model.evaluate(
                Points::one(&measurement.setting),
                particles.points(0..1),
                &mut sigma,
            );
            sigma
        }
        (None, Noise::Reported | Noise::Unknown(_)) => Vec::new(),
    }
}

/// Number of trials of each channel at a setting.
pub(super) fn trials_at(trials: &mut dyn Model, setting: &[f64], particles: &Particles) -> Vec<f64> {
    let mut counts = alloc::vec![0.0; trials.num_outputs()];
    trials.evaluate(Points::one(setting), particles.points(0..1), &mut counts);
    counts
}

fn add_deviances(squares: &mut [f64], outputs: &[f64], deviance: impl Fn(f64) -> f64) {
    for (square, output) in squares.iter_mut().zip(outputs) {
        *square += deviance(*output);
    }
}

/// Least noise of the prior's particles at a setting, one number per channel: how likely less is, they cannot tell. 0
/// if there is no such particle.
pub(super) fn least_noise(
    noise: &mut dyn Model,
    setting: &[f64],
    prior: Option<&ParticleSnapshot>,
) -> Vec<f64> {
    let mut least = alloc::vec![f64::INFINITY; noise.num_outputs()];
    let mut sigmas = alloc::vec![0.0; noise.num_outputs() * BLOCK];
    for points in prior.iter().flat_map(|prior| prior.blocks()) {
        let sigmas = &mut sigmas[..least.len() * points.len()];
        noise.evaluate(Points::one(setting), points, sigmas);
        for (least, sigmas) in least.iter_mut().zip(sigmas.chunks_exact(points.len())) {
            let possible = sigmas.iter().filter(|sigma| **sigma >= f64::MIN_POSITIVE);
            *least = possible.fold(*least, |least, sigma| min(least, *sigma));
        }
    }
    for least in &mut least {
        if !least.is_finite() {
            *least = 0.0;
        }
    }
    least
}

/// Particles with less noise at a setting than `least` in some channel, or none, in ascending order.
pub(super) fn with_noise_below(
    noise: &mut dyn Model,
    setting: &[f64],
    least: &[f64],
    particles: &Particles,
) -> Vec<usize> {
    let suffices = |channel: usize, sigma| sigma > 0.0 && sigma >= least[channel];
    particles.failing(noise.num_outputs(), suffices, |points, sigmas| {
        noise.evaluate(Points::one(setting), points, sigmas);
    })
}

/// Adds the squares of the residuals in units of the noise. Where that is not positive, the result is infinite.
#[inline(always)]
fn add_squares(squares: &mut [f64], outputs: &[f64], value: f64, sigmas: impl Iterator<Item = f64>) {
    for ((square, output), sigma) in squares.iter_mut().zip(outputs).zip(sigmas) {
        let ratio = (output - value) / sigma;
        *square += if sigma >= f64::MIN_POSITIVE {
            ratio * ratio
        } else {
            f64::INFINITY
        };
    }
}

/// Replaces predictions by their distances from a value in units of the noise; infinite where that is not positive.
fn standardize(outputs: &mut [f64], sigmas: &[f64], value: f64) {
    for (output, sigma) in outputs.iter_mut().zip(sigmas) {
        *output = if *sigma >= f64::MIN_POSITIVE {
            (*output - value) / sigma
        } else {
            f64::INFINITY
        };
    }
}

/// Logarithm of a standard deviation; infinite if it is not positive.
#[inline(always)]
fn log_sigma(sigma: f64) -> f64 {
    if sigma >= f64::MIN_POSITIVE {
        log_scale(sigma)
    } else {
        f64::INFINITY
    }
}

/// Computes the log-likelihoods, to the power `choke`, of noise whose logarithms are in `logs` with opposite signs. Returns
/// the smallest sum of squares, NaN passed over; computed in lanes, which does not change it.
fn combine(logs: &mut [f64], squares: &[f64], choke: f64) -> f64 {
    const LANES: usize = 8;
    let mut least = [f64::INFINITY; LANES];
    let (blocks, rest) = logs.as_chunks_mut::<LANES>();
    let (square_blocks, square_rest) = squares.as_chunks::<LANES>();
    for (logs, squares) in blocks.iter_mut().zip(square_blocks) {
        for lane in 0..LANES {
            logs[lane] = choke * (logs[lane] - 0.5 * squares[lane]);
            least[lane] = min(least[lane], squares[lane]);
        }
    }
    for (log, square) in rest.iter_mut().zip(square_rest) {
        *log = choke * (*log - 0.5 * square);
        least[0] = min(least[0], *square);
    }
    least.into_iter().fold(f64::INFINITY, min)
}
