//! Learning from measurements: Bayes' rule on the weights of the particles.

use alloc::format;
use alloc::vec::Vec;

use labwire_solve::math::{all_finite, log_scale};
use labwire_solve::random::Random;

use super::designer::Designer;
use super::error::DesignError;
use super::experiment::{DesignOptions, Noise};
use super::measurement::Measurement;
use super::model::Points;
use super::particles::{BLOCK, Particles};
use super::resampling::Kernel;

/// Largest number of tempering stages of one measurement.
const MAX_STAGES: usize = 8;

impl Designer {
    /// Updates the distribution with a measurement: `values` holds one number per channel, `sigma` their
    /// standard deviations, one per channel or one for all. A setting off the grid is accepted with a
    /// warning.
    ///
    /// A measurement that hardly any particle explains is taken in by stages (tempering): each uses a power
    /// of its likelihood and is followed by resampling. If that does not suffice, because the measurement is
    /// too far from anything the model predicts, its likelihood is reduced to a power that leaves a tenth of
    /// the particles. Both cases add a warning; the distribution never becomes empty.
    ///
    /// # Errors
    /// Wrong lengths, values that are not finite, standard deviations that are not positive or not known, or
    /// a model without a finite value at this setting. The designer is then unchanged.
    pub fn update(
        &mut self,
        setting: &[f64],
        values: &[f64],
        sigma: Option<&[f64]>,
    ) -> Result<(), DesignError> {
        self.check(setting, values, sigma)?;
        self.learn(Measurement {
            setting: setting.into(),
            values: values.into(),
            sigma: sigma.map(<[f64]>::to_vec),
        })
    }

    /// Undoes the last measurement, by replaying all others.
    ///
    /// # Errors
    /// If there is none, or none since the posterior was loaded.
    pub fn undo(&mut self) -> Result<(), DesignError> {
        let (mut designer, history) = self.before_last()?;
        for measurement in history {
            designer.learn(measurement)?;
        }
        *self = designer;
        Ok(())
    }

    /// First half of [`undo`](Self::undo), for callers that spread the work over several calls: a designer
    /// in its initial state, and the measurements that it has to [`learn`](Self::learn).
    ///
    /// # Errors
    /// Those of [`undo`](Self::undo).
    pub fn before_last(&self) -> Result<(Self, Vec<Measurement>), DesignError> {
        let first = self.loaded.as_ref().map_or(0, |loaded| loaded.measurements);
        if self.history.len() <= first {
            return Err(DesignError::NothingToUndo);
        }
        let mut designer = match &self.loaded {
            None => Self::new(self.experiment.clone(), self.seed)?,
            Some(loaded) => {
                let (experiment, random) = (self.experiment.clone(), self.random.clone());
                let particles = loaded.particles.clone();
                let mut designer = Self::with_particles(experiment, self.seed, random, particles);
                designer.resamplings = loaded.resamplings;
                designer
            }
        };
        designer.loaded.clone_from(&self.loaded);
        designer.suggestions = self.suggestions;
        designer.history = self.history[..first].to_vec();
        Ok((designer, self.history[first..self.history.len() - 1].to_vec()))
    }

    fn check(&self, setting: &[f64], values: &[f64], sigma: Option<&[f64]>) -> Result<(), DesignError> {
        let length = |what, expected, found| match expected == found {
            true => Ok(()),
            false => Err(DesignError::Length {
                what,
                expected,
                found,
            }),
        };
        let channels = self.experiment.channels();
        length("the setting", self.experiment.grid.knobs().len(), setting.len())?;
        length("the measurement", channels, values.len())?;
        if !all_finite(setting) {
            return Err(DesignError::NotFinite("the setting"));
        }
        if !all_finite(values) {
            return Err(DesignError::NotFinite("the measurement"));
        }
        match (sigma, &self.experiment.noise) {
            // A reported sigma that is ignored need not be valid.
            (_, Noise::Unknown(_)) => Ok(()),
            (None, Noise::Reported) => Err(DesignError::NoSigma),
            (None, _) => Ok(()),
            (Some(sigma), _) => {
                if sigma.len() != 1 {
                    length("the standard deviations", channels, sigma.len())?;
                }
                match sigma.iter().find(|sigma| !(**sigma > 0.0 && sigma.is_finite())) {
                    Some(wrong) => Err(DesignError::Sigma(*wrong)),
                    None => Ok(()),
                }
            }
        }
    }

    /// Takes in a measurement that [`update`](Self::update) has accepted before.
    ///
    /// # Errors
    /// The errors of [`update`](Self::update) that depend on the model.
    pub fn learn(&mut self, measurement: Measurement) -> Result<(), DesignError> {
        let largest = self.weigh(&measurement);
        if !largest.is_finite() {
            return Err(DesignError::NoLikelihood);
        }
        let number = self.history.len() + 1;
        let mut random = self.random.stream(self.seed, 2 * number as u64 - 1);
        if !self.experiment.grid.contains(&measurement.setting) {
            let setting = &measurement.setting;
            self.warn(format!(
                "measurement {number}: {setting:?} is not on the grid of settings"
            ));
        }
        let &DesignOptions {
            auto_resample,
            resample_threshold,
            ..
        } = &self.experiment.options;
        let count = self.particles.len() as f64;
        let least =
            labwire_solve::math::min(10.0 * (self.particles.num_parameters() + 1) as f64, 0.1 * count);
        self.particles.accept(1.0, largest);
        if auto_resample && self.particles.effective() < least {
            self.particles.revert();
            self.weigh(&measurement);
            self.temper(&measurement, &mut random);
        }
        if auto_resample && self.particles.effective() < resample_threshold * count {
            self.resample(&measurement, &mut random);
        }
        self.history.push(measurement);
        Ok(())
    }

    /// Computes the log-likelihood of every particle. Returns the largest resulting log-weight.
    fn weigh(&mut self, measurement: &Measurement) -> f64 {
        let Self {
            experiment,
            particles,
            memory,
            ..
        } = self;
        let channels = experiment.model.num_outputs();
        memory.resize(2 * channels * BLOCK, 0.0);
        let setting = Points::one(&measurement.setting);
        let (values, choke) = (&measurement.values[..], experiment.options.choke);
        let known = known_noise(&mut experiment.noise, measurement, particles);
        let (model, noise) = (&mut experiment.model, &mut experiment.noise);
        particles.evaluate(|particles, logs| {
            let len = particles.len();
            let (outputs, sigmas) = memory.split_at_mut(channels * BLOCK);
            let outputs = &mut outputs[..channels * len];
            model.evaluate(setting, particles, outputs);
            logs.fill(0.0);
            let channels = outputs.chunks_exact(len).zip(values);
            match noise {
                Noise::Unknown(noise) => {
                    let sigmas = &mut sigmas[..outputs.len()];
                    noise.evaluate(setting, particles, sigmas);
                    for ((outputs, value), sigmas) in channels.zip(sigmas.chunks_exact(len)) {
                        for ((log, output), sigma) in logs.iter_mut().zip(outputs).zip(sigmas) {
                            *log += choke * log_likelihood(output - value, *sigma);
                        }
                    }
                }
                _ => {
                    for ((outputs, value), sigma) in channels.zip(&known) {
                        let factor = -0.5 * choke / (sigma * sigma);
                        for (log, output) in logs.iter_mut().zip(outputs) {
                            *log += factor * ((output - value) * (output - value));
                        }
                    }
                }
            }
        })
    }

    /// Tempers the measurement whose likelihood was just computed but not accepted.
    fn temper(&mut self, measurement: &Measurement, random: &mut Random) {
        let number = self.history.len() + 1;
        let target = 0.1 * self.particles.len() as f64;
        let before = (self.particles.clone(), self.resamplings);
        let first = self.power_for(target, 1.0);
        let (mut power, mut left, mut stages) = (first, 1.0, 0);
        while stages < MAX_STAGES {
            let largest = self.particles.largest(power);
            if !largest.is_finite() {
                break;
            }
            self.particles.accept(power, largest);
            stages += 1;
            left -= power;
            if !(left > 0.0) {
                return self.warn(format!(
                    "measurement {number}: hardly any particle fits; taken in by {stages} stages"
                ));
            }
            self.resample(measurement, random);
            self.weigh(measurement);
            power = self.power_for(target, left);
        }
        (self.particles, self.resamplings) = before;
        let largest = self.particles.largest(first);
        self.particles.accept(first, largest);
        self.warn(format!(
            "measurement {number}: {:?} at {:?} is so far from the model's predictions that only {first:.0e} of it \
             counts",
            measurement.values, measurement.setting,
        ));
    }

    /// Power of the likelihood, at most `most`, that leaves an effective sample size of about `target`.
    fn power_for(&self, target: f64, most: f64) -> f64 {
        let suffices = |power| {
            let largest = self.particles.largest(power);
            self.particles.effective_after(power, largest) >= target
        };
        let (mut low, mut high) = (most, most);
        while !suffices(low) && low > 1e-30 {
            high = low;
            low *= 0.125;
        }
        for _ in 0..if low < high { 5 } else { 0 } {
            let middle = labwire_solve::math::sqrt(low * high);
            if suffices(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    fn resample(&mut self, measurement: &Measurement, random: &mut Random) {
        let Self {
            experiment,
            particles,
            memory,
            ..
        } = self;
        let parameters = &experiment.parameters;
        let is_movable: Vec<bool> = parameters.iter().map(|it| !it.prior.is_discrete()).collect();
        let kernel = Kernel {
            a: experiment.options.a_param,
            scale: experiment.options.scale,
            is_movable: &is_movable,
        };
        particles.resample(kernel, random);
        self.resamplings += 1;
        let mut any = true;
        if let Some(constraints) = &mut experiment.constraints {
            any &= particles.restrict(constraints.num_outputs(), memory, |points, outputs| {
                constraints.evaluate(Points::one(&[]), points, outputs);
            });
        }
        if let Noise::Unknown(noise) = &mut experiment.noise {
            let setting = Points::one(&measurement.setting);
            any &= particles.restrict(noise.num_outputs(), memory, |points, outputs| {
                noise.evaluate(setting, points, outputs);
                for output in outputs {
                    *output = if *output > 0.0 { 1.0 } else { 0.0 };
                }
            });
        }
        if !any {
            self.warn(
                "after resampling every particle violates the constraints, which are therefore ignored"
                    .into(),
            );
        }
    }
}

/// Standard deviation of the noise where it does not depend on the parameters, one per channel.
fn known_noise(noise: &mut Noise, measurement: &Measurement, particles: &Particles) -> Vec<f64> {
    let channels = measurement.values.len();
    match (&measurement.sigma, noise) {
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

/// Log-likelihood without its constant; negative infinity if the standard deviation is not positive.
#[inline(always)]
fn log_likelihood(residual: f64, sigma: f64) -> f64 {
    let ratio = residual / sigma;
    let log = -0.5 * ratio * ratio - log_scale(sigma);
    if sigma >= f64::MIN_POSITIVE {
        log
    } else {
        f64::NEG_INFINITY
    }
}
