//! Posteriors that are computed anew: where the noise is unknown, readings that are equal make it seem so small that others
//! do not count.

use alloc::format;
use alloc::vec::Vec;

use labwire_solve::random::Random;

use super::designer::Designer;
use super::doubt::{OBJECTION, TOO_MUCH};
use super::likelihood::{least_noise, with_noise_below};
use super::measurement::Measurement;
use super::noise::Noise;
use super::particles::Particles;

/// Largest number of stages of a posterior that is computed anew.
const MAX_STAGES: usize = 24;
/// Largest number of likelihoods of one stage; if there are more, the last measurements are taken.
const MAX_LIKELIHOODS: usize = 10_000_000;
/// Multiple of the least noise of the prior's particles that is still at the end of the prior.
const NEAR_THE_LEAST: f64 = 1.5;

impl Designer {
    /// Takes notice of a measurement that counts or does not. Where too many do not count that the priors explain, the
    /// posterior is computed anew: the priors' particles take in all measurements together.
    pub(super) fn reconsider(&mut self, measurement: &Measurement, counts: bool, random: &mut Random) {
        let Some(prior) = &self.prior else {
            return;
        };
        if counts {
            self.doubt.balance -= i64::from(self.doubt.balance > 0);
            return;
        }
        let prior = Particles::at(prior);
        let posterior = core::mem::replace(&mut self.particles, prior);
        let is_explained = !self.weigh(core::slice::from_ref(measurement)).is_far;
        self.particles = posterior;
        if !is_explained {
            return self.doubt.excluded.push(self.history.len());
        }
        self.doubt.balance += OBJECTION;
        if self.doubt.balance < TOO_MUCH {
            return;
        }
        let why = "so many do not count that the noise must be larger than it seemed";
        if self.compute_anew(why, measurement, true, random) {
            (self.doubt.balance, self.far_in_a_row) = (0, 0);
        } else {
            // As many again before the next attempt.
            self.doubt.balance = -OBJECTION * (self.history.len() as i64 + 1);
        }
    }

    /// Lets the priors' particles, if they are known, take in all measurements, the last of which is not in the history yet;
    /// the oldest are left out if there are too many and they `may_be_left_out`. Returns whether the particles then explain
    /// the last one; otherwise they are as before.
    pub(super) fn compute_anew(
        &mut self,
        why: &str,
        last: &Measurement,
        may_be_left_out: bool,
        random: &mut Random,
    ) -> bool {
        let Some(prior) = &self.prior else {
            return false;
        };
        let number = self.history.len() + 1;
        let history = self.history.iter().enumerate();
        let counted = history.filter(|(index, _)| !self.doubt.excluded.contains(index));
        let counted = counted.map(|(_, measurement)| measurement).chain([last]);
        let mut measurements: Vec<Measurement> = counted.cloned().collect();
        let most = (MAX_LIKELIHOODS / prior.num_particles()).max(1);
        if measurements.len() > most {
            if !may_be_left_out {
                return false;
            }
            measurements.drain(..measurements.len() - most);
        }
        let before = (self.particles.clone(), self.resamplings);
        self.particles = Particles::at(prior);
        self.weigh(&measurements);
        let first = self.power_for(self.enough(), 1.0);
        let is_whole = self.anneal(&measurements, first, MAX_STAGES, random).is_some();
        if !is_whole || self.weigh(core::slice::from_ref(last)).is_far {
            (self.particles, self.resamplings) = before;
            return false;
        }
        self.warn(format!(
            "measurement {number}: {why}; computed anew from the priors and {} measurements",
            measurements.len()
        ));
        true
    }

    /// Warns of noise that is as small as the priors allow at a setting: readings were equal, which says nothing of noise
    /// below their resolution.
    pub(super) fn note_least_noise(&mut self, setting: &[f64]) {
        let (Some(prior), Noise::Unknown(noise)) = (&self.prior, &mut self.experiment.noise) else {
            return;
        };
        let mut least = least_noise(&mut **noise, setting, Some(prior));
        for least in &mut least {
            *least *= NEAR_THE_LEAST;
        }
        let below = with_noise_below(&mut **noise, setting, &least, &self.particles).len();
        let is_least = 2 * below > self.particles.len();
        if is_least && !self.doubt.is_least {
            self.warn(format!(
                "measurement {}: the noise at {setting:?} is below {:.1e}, as small as its prior allows: readings that are \
                 equal do not tell how small it is; let its prior begin at the resolution of the readings",
                self.history.len() + 1,
                least.iter().fold(0.0, |most, least| labwire_solve::math::max(most, *least)),
            ));
        }
        self.doubt.is_least = is_least;
    }
}
