//! Simulated instrument for an experiment.

use alloc::vec;
use alloc::vec::Vec;

use labwire_solve::math::{clamp, max, sqrt};
use labwire_solve::random::Random;

use super::error::DesignError;
use super::experiment::Experiment;
use super::model::Points;
use super::noise::Noise;

/// Instrument that measures an experiment's model at known parameters, with its noise.
#[derive(Clone, Debug)]
pub struct Simulator {
    experiment: Experiment,
    truth: Vec<f64>,
    sigma: Option<f64>,
    random: Random,
}

impl Simulator {
    /// Creates an instrument with the parameters `truth`; if `None`, they are drawn from the priors. `sigma`
    /// is the standard deviation of noise that the experiment leaves to the measurement, 1 by default.
    ///
    /// # Errors
    /// If `truth` has the wrong length or is not finite.
    pub fn new(
        mut experiment: Experiment,
        truth: Option<Vec<f64>>,
        sigma: Option<f64>,
        seed: u64,
    ) -> Result<Self, DesignError> {
        let mut random = Random::new(seed, u64::MAX);
        let expected = experiment.parameters.len();
        let truth = truth.unwrap_or_else(|| {
            let mut drawn = vec![0.0; expected];
            experiment.draw(&mut random, 0, 0, &mut drawn);
            drawn
        });
        if truth.len() != expected {
            return Err(DesignError::Length {
                what: "the truth",
                expected,
                found: truth.len(),
            });
        }
        if !labwire_solve::math::all_finite(&truth) {
            return Err(DesignError::NotFinite("the truth"));
        }
        Ok(Self {
            experiment,
            truth,
            sigma,
            random,
        })
    }

    /// True parameters.
    #[must_use]
    pub fn truth(&self) -> &[f64] {
        &self.truth
    }

    /// Outputs of the model, one per channel: the values without noise; of binomial counts, their probabilities.
    pub fn exact(&mut self, setting: &[f64]) -> Vec<f64> {
        let mut values = vec![0.0; self.experiment.channels()];
        let (setting, truth) = (Points::one(setting), Points::one(&self.truth));
        self.experiment.model.evaluate(setting, truth, &mut values);
        values
    }

    /// Standard deviation of the noise (of Student's t, its scale), one per channel.
    pub fn sigma(&mut self, setting: &[f64]) -> Vec<f64> {
        let channels = self.experiment.channels();
        match &mut self.experiment.noise {
            Noise::Reported => vec![self.sigma.unwrap_or(1.0); channels],
            Noise::Known(sigma) => sigma.clone(),
            Noise::Poisson => self
                .exact(setting)
                .into_iter()
                .map(|mean| sqrt(max(mean, 0.0)))
                .collect(),
            Noise::Binomial(_) => {
                let trials = self.trials(setting);
                let parts = self.exact(setting).into_iter().zip(trials);
                parts
                    .map(|(p, trials)| sqrt(trials * max(p * (1.0 - p), 0.0)))
                    .collect()
            }
            Noise::OfSetting(model) | Noise::Unknown(model) => {
                let mut sigma = vec![0.0; channels];
                model.evaluate(Points::one(setting), Points::one(&self.truth), &mut sigma);
                sigma
            }
        }
    }

    /// Simulated measurement, one value per channel.
    pub fn measure(&mut self, setting: &[f64]) -> Vec<f64> {
        let mut values = self.exact(setting);
        match self.experiment.noise {
            Noise::Poisson => {
                for value in &mut values {
                    *value = self.random.poisson(max(*value, 0.0));
                }
            }
            Noise::Binomial(_) => {
                for (value, trials) in values.iter_mut().zip(self.trials(setting)) {
                    *value = self.random.binomial(trials, clamp(*value, 0.0, 1.0));
                }
            }
            _ => {
                let sigma = self.sigma(setting);
                let deviates = self.experiment.noise_shape.draw(values.len(), &mut self.random);
                for ((value, sigma), deviate) in values.iter_mut().zip(sigma).zip(deviates) {
                    *value += sigma * deviate;
                }
            }
        }
        values
    }

    /// Number of trials of each channel, where counts are binomial.
    fn trials(&mut self, setting: &[f64]) -> Vec<f64> {
        let mut trials = vec![0.0; self.experiment.channels()];
        if let Noise::Binomial(model) = &mut self.experiment.noise {
            model.evaluate(Points::one(setting), Points::one(&self.truth), &mut trials);
        }
        trials
    }
}
