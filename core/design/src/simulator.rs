//! Simulated instrument for an experiment.

use alloc::vec;
use alloc::vec::Vec;

use labwire_solve::random::Random;

use super::error::DesignError;
use super::experiment::{Experiment, Noise};
use super::model::Points;

/// Instrument that measures an experiment's model at known parameters, with normal noise.
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
        experiment: Experiment,
        truth: Option<Vec<f64>>,
        sigma: Option<f64>,
        seed: u64,
    ) -> Result<Self, DesignError> {
        let mut random = Random::new(seed, u64::MAX);
        let expected = experiment.parameters.len();
        let truth = truth.unwrap_or_else(|| {
            let place = random.uniform();
            let draws = experiment.parameters.iter();
            draws.map(|it| it.prior.draw(&mut random, 0, 0, place)).collect()
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

    /// Values without noise, one per channel.
    pub fn exact(&mut self, setting: &[f64]) -> Vec<f64> {
        let mut values = vec![0.0; self.experiment.channels()];
        let (setting, truth) = (Points::one(setting), Points::one(&self.truth));
        self.experiment.model.evaluate(setting, truth, &mut values);
        values
    }

    /// Standard deviation of the noise, one per channel.
    pub fn sigma(&mut self, setting: &[f64]) -> Vec<f64> {
        let channels = self.experiment.channels();
        match &mut self.experiment.noise {
            Noise::Reported => vec![self.sigma.unwrap_or(1.0); channels],
            Noise::Known(sigma) => sigma.clone(),
            Noise::OfSetting(model) | Noise::Unknown(model) => {
                let mut sigma = vec![0.0; channels];
                model.evaluate(Points::one(setting), Points::one(&self.truth), &mut sigma);
                sigma
            }
        }
    }

    /// Simulated measurement, one value per channel.
    pub fn measure(&mut self, setting: &[f64]) -> Vec<f64> {
        let (mut values, sigma) = (self.exact(setting), self.sigma(setting));
        for (value, sigma) in values.iter_mut().zip(sigma) {
            *value += sigma * self.random.normal();
        }
        values
    }
}
