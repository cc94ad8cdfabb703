//! Measurements that hardly any particle explains: taken in by stages, each a power of the likelihood and a resampling.

use alloc::format;
use alloc::vec::Vec;

use labwire_solve::math::sqrt;
use labwire_solve::random::Random;

use super::designer::{Designer, count_one};
use super::experiment::Experiment;
use super::likelihood::{least_noise, with_noise_below};
use super::measurement::Measurement;
use super::model::Points;
use super::noise::Noise;
use super::particles::Particles;
use super::resampling::Kernel;

/// Largest number of tempering stages of one measurement.
const MAX_STAGES: usize = 8;
/// Least power of a likelihood that is tried.
const LEAST_POWER: f64 = 1e-30;

/// Likelihood that was taken in as a whole.
pub(super) struct Annealed {
    stages: usize,
    /// Whether, after a stage, the nearest prediction was no longer far from the measurements.
    is_near: bool,
}

impl Designer {
    /// Tempers the measurement whose likelihood was just computed but not accepted. Returns whether it counts.
    pub(super) fn temper(&mut self, measurement: &Measurement, is_far: bool, random: &mut Random) -> bool {
        let number = self.history.len() + 1;
        let before = (self.particles.clone(), self.resamplings);
        let first = self.power_for(self.enough(), 1.0);
        match self.anneal(core::slice::from_ref(measurement), first, MAX_STAGES, random) {
            // Otherwise all that the particles did was to gather where they could come nearest to it.
            Some(annealed) if annealed.is_near || !is_far => {
                let stages = annealed.stages;
                self.warn(format!(
                    "measurement {number}: hardly any particle fits; taken in by {stages} stages"
                ));
                return true;
            }
            _ => (self.particles, self.resamplings) = before,
        }
        match first {
            Some(share) if !is_far => {
                self.particles.accept(share, self.particles.largest(share));
                self.warn(format!(
                    "measurement {number}: so few particles explain {:?} at {:?} that only {share:.0e} of it counts",
                    measurement.values, measurement.setting,
                ));
                true
            }
            _ => false,
        }
    }

    /// Takes in the likelihood of measurements that was just computed but not accepted, by at most `most` stages, of
    /// which `first` is the first power. `None`, and particles of no use, if that does not suffice.
    pub(super) fn anneal(
        &mut self,
        measurements: &[Measurement],
        first: Option<f64>,
        most: usize,
        random: &mut Random,
    ) -> Option<Annealed> {
        let last = measurements.last()?;
        let (mut power, mut left, mut stages, mut is_near) = (first, 1.0, 0, false);
        while let Some(share) = power
            && stages < most
        {
            self.particles.accept(share, self.particles.largest(share));
            stages += 1;
            left -= share;
            if !(left > 0.0) {
                return Some(Annealed { stages, is_near });
            }
            self.resample(last, random);
            is_near = !self.weigh(measurements).is_far;
            power = self.power_for(self.enough(), left);
        }
        None
    }

    /// Effective sample size that a stage leaves.
    pub(super) fn enough(&self) -> f64 {
        0.1 * self.particles.len() as f64
    }

    /// Power of the likelihood, at most `most`, that leaves an effective sample size of about `target`; `None` if there
    /// is no such power.
    pub(super) fn power_for(&self, target: f64, most: f64) -> Option<f64> {
        let suffices = |power| {
            let largest = self.particles.largest(power);
            largest.is_finite() && self.particles.effective_after(power, largest) >= target
        };
        let (mut low, mut high) = (most, most);
        while !suffices(low) {
            if low < LEAST_POWER {
                return None;
            }
            high = low;
            low *= 0.125;
        }
        for _ in 0..if low < high { 5 } else { 0 } {
            let middle = sqrt(low * high);
            if suffices(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(low)
    }

    pub(super) fn resample(&mut self, measurement: &Measurement, random: &mut Random) {
        let Self {
            experiment,
            particles,
            prior,
            ..
        } = self;
        let parameters = &experiment.parameters;
        let is_movable: Vec<bool> = parameters.iter().map(|it| !it.prior.is_discrete()).collect();
        let support: Vec<[f64; 2]> = parameters.iter().map(|it| it.prior.support()).collect();
        let kernel = Kernel {
            a: experiment.options.a_param,
            scale: experiment.options.scale,
            is_movable: &is_movable,
            support: &support,
        };
        let is_restricted = experiment.constraints.is_some() || matches!(experiment.noise, Noise::Unknown(_));
        let homes = is_restricted.then(|| particles.snapshot());
        let ancestors = particles.resample(kernel, random);
        count_one(&mut self.resamplings);
        if let Some(homes) = homes {
            let mut failing = failing(experiment, particles);
            if let Noise::Unknown(noise) = &mut experiment.noise {
                let setting = &measurement.setting;
                let least = least_noise(&mut **noise, setting, prior.as_ref());
                failing.extend(with_noise_below(&mut **noise, setting, &least, particles));
            }
            particles.send_home(&failing, &ancestors, &homes);
        }
    }
}

/// Particles that violate a constraint, in ascending order.
pub(super) fn failing(experiment: &mut Experiment, particles: &Particles) -> Vec<usize> {
    let Some(constraints) = &mut experiment.constraints else {
        return Vec::new();
    };
    let holds = |_, output: f64| output.abs() > 0.0;
    particles.failing(constraints.num_outputs(), holds, |points, outputs| {
        constraints.evaluate(Points::one(&[]), points, outputs);
    })
}
