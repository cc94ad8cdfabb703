//! Learning from measurements: Bayes' rule on the weights of the particles.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use labwire_solve::math::{all_finite, floor, max, min};
use labwire_solve::random::Random;

use super::designer::Designer;
use super::error::DesignError;
use super::experiment::DesignOptions;
use super::likelihood::{Fit, trials_at};
use super::measurement::Measurement;
use super::model::Points;
use super::noise::Noise;

/// Number of measurements after which the ends of the priors are looked at even without resampling.
const MEASUREMENTS_PER_CHECK: usize = 10;

impl Designer {
    /// Updates the distribution with a measurement: `values` holds one number per channel, `sigma` their
    /// standard deviations, one per channel or one for all. A setting off the grid is accepted with a
    /// warning.
    ///
    /// A measurement that hardly any particle explains is taken in by stages (tempering): each uses a power
    /// of its likelihood and is followed by resampling. One that is still far from every prediction after this does
    /// not count, so that a single wrong reading costs nothing; one for which eight stages do not suffice counts as far
    /// as a tenth of the particles explain it. Each of these cases adds a warning, and so does any measurement that
    /// is far from every prediction, and a posterior that leans against the end of a prior: then the truth may
    /// be outside of it.
    ///
    /// Where the noise is unknown, equal readings would make it smaller and smaller: it stays at least as large as it is in
    /// one of the prior's particles, with a warning. A measurement that is far from every prediction does not count at first.
    /// If the priors explain such measurements, and there are several in a row or one in four, the posterior is
    /// computed anew from the priors, with all measurements together; so it is instead of being taken in by stages.
    ///
    /// # Errors
    /// Wrong lengths, values that are not finite or stand for "no number" (SCPI's 9.9E37, -9.9E37 and 9.91E37),
    /// standard deviations that are not positive or not known, or a model without a finite value at this
    /// setting. The designer is then unchanged.
    pub fn update(
        &mut self,
        setting: &[f64],
        values: &[f64],
        sigma: Option<&[f64]>,
    ) -> Result<(), DesignError> {
        self.update_if(setting, values, sigma, |_| Ok(()))
    }

    /// As [`update`](Self::update), if `commit` succeeds, which is called once the measurement is known to be acceptable:
    /// a log can hold exactly the measurements that were taken in.
    ///
    /// # Errors
    /// Those of [`update`](Self::update), and that of `commit`. The designer is then unchanged.
    pub fn update_if<E: From<DesignError>>(
        &mut self,
        setting: &[f64],
        values: &[f64],
        sigma: Option<&[f64]>,
        commit: impl FnOnce(&Measurement) -> Result<(), E>,
    ) -> Result<(), E> {
        self.check(setting, values, sigma)?;
        self.check_counts(setting, values)?;
        let measurement = Measurement {
            setting: setting.into(),
            values: values.into(),
            sigma: sigma.map(<[f64]>::to_vec),
        };
        let fit = self.fit(&measurement)?;
        commit(&measurement)?;
        self.accept(measurement, &fit);
        Ok(())
    }

    /// Undoes the last measurement, by replaying all others. The next suggestion is the one before it.
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
                designer.doubt = loaded.doubt.clone();
                designer.prior.clone_from(&self.prior);
                designer
            }
        };
        designer.loaded.clone_from(&self.loaded);
        designer.history = self.history[..first].to_vec();
        designer.count_costs();
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
        numbers("the setting", setting)?;
        numbers("the measurement", values)?;
        match (sigma, &self.experiment.noise) {
            // A reported sigma that is ignored need not be valid.
            (_, noise) if !noise.can_be_reported() => Ok(()),
            (None, Noise::Reported) => Err(DesignError::NoSigma),
            (None, _) => Ok(()),
            (Some(sigma), _) => {
                if sigma.len() != 1 {
                    length("the standard deviations", channels, sigma.len())?;
                }
                match sigma.iter().find(|sigma| !(**sigma > 0.0 && sigma.is_finite())) {
                    Some(wrong) => Err(DesignError::Sigma(*wrong)),
                    None => numbers("the standard deviations", sigma),
                }
            }
        }
    }

    /// Refuses counts that are not whole, negative, or more than the trials.
    fn check_counts(&mut self, setting: &[f64], values: &[f64]) -> Result<(), DesignError> {
        let mut trials = Vec::new();
        match &mut self.experiment.noise {
            Noise::Poisson => {}
            Noise::Binomial(model) => trials = trials_at(&mut **model, setting, &self.particles),
            _ => return Ok(()),
        }
        let most = trials.into_iter().chain(core::iter::repeat(f64::INFINITY));
        let mut pairs = values.iter().zip(most);
        match pairs.find(|(count, most)| !(**count >= 0.0 && **count <= *most && floor(**count) == **count)) {
            None => Ok(()),
            Some((count, most)) => Err(DesignError::Count { count: *count, most }),
        }
    }

    /// Takes in a measurement that [`update`](Self::update) has accepted before.
    ///
    /// # Errors
    /// The errors of [`update`](Self::update) that depend on the model.
    pub fn learn(&mut self, measurement: Measurement) -> Result<(), DesignError> {
        let fit = self.fit(&measurement)?;
        self.accept(measurement, &fit);
        Ok(())
    }

    /// Computes the likelihood of a measurement that can be taken in.
    fn fit(&mut self, measurement: &Measurement) -> Result<Fit, DesignError> {
        let fit = self.weigh(core::slice::from_ref(measurement));
        if let Some(fault) = self.experiment.model.fault() {
            return Err(DesignError::Model(fault));
        }
        match fit.largest.is_finite() {
            true => Ok(fit),
            false if self.is_noiseless(&measurement.setting) => Err(DesignError::NoNoise),
            false => Err(DesignError::NoLikelihood),
        }
    }

    /// Whether a channel has no noise at a setting, whatever the parameters.
    fn is_noiseless(&mut self, setting: &[f64]) -> bool {
        let channels = self.experiment.channels();
        let (Noise::OfSetting(model) | Noise::Unknown(model)) = &mut self.experiment.noise else {
            return false;
        };
        let mut largest = vec![0.0; channels];
        for block in self.particles.blocks() {
            let mut sigmas = vec![0.0; channels * block.len()];
            let len = block.len();
            model.evaluate(Points::one(setting), self.particles.points(block), &mut sigmas);
            for (largest, row) in largest.iter_mut().zip(sigmas.chunks_exact(len)) {
                *largest = row.iter().fold(*largest, |most, sigma| max(most, *sigma));
            }
        }
        largest.contains(&0.0)
    }

    /// Takes in the measurement whose likelihood was just computed.
    fn accept(&mut self, measurement: Measurement, fit: &Fit) {
        let Fit { nearest, is_far, .. } = *fit;
        let number = self.history.len() + 1;
        let mut random = self.random.stream(self.seed, 2 * number as u64 - 1);
        if !self.experiment.grid.contains(&measurement.setting) {
            let setting = &measurement.setting;
            self.warn(format!(
                "measurement {number}: {setting:?} is not on the grid of settings"
            ));
        }
        let resamplings = self.resamplings;
        let counts = self.take_in(&measurement, fit, &mut random);
        self.note_distance(&measurement, is_far.then_some(nearest), counts);
        self.reconsider(&measurement, counts, &mut random);
        let DesignOptions {
            auto_resample,
            resample_threshold,
            ..
        } = self.experiment.options;
        if auto_resample && self.particles.effective() < resample_threshold * self.particles.len() as f64 {
            self.resample(&measurement, &mut random);
        }
        if self.resamplings > resamplings || number.is_multiple_of(MEASUREMENTS_PER_CHECK) {
            self.note_ends();
            self.note_least_noise(&measurement.setting);
        }
        self.spent += self.cost_of(self.history.len(), &measurement);
        self.history.push(measurement);
        self.suggestions = 0;
    }

    /// Applies the likelihood that was just computed. Returns whether it counts.
    fn take_in(&mut self, measurement: &Measurement, fit: &Fit, random: &mut Random) -> bool {
        let count = self.particles.len() as f64;
        let least = min(10.0 * (self.particles.num_parameters() + 1) as f64, 0.1 * count);
        self.particles.accept(1.0, fit.largest);
        if self.particles.effective() >= least {
            return true;
        }
        match (self.experiment.options.auto_resample, fit.is_far) {
            // Stages would drag a few particles along until their noise explains it. It is an objection instead.
            (true, true) if self.prior.is_some() => {
                self.particles.revert();
                false
            }
            (true, _) => {
                self.particles.revert();
                if self.compute_anew("hardly any particle fits", measurement, false, random) {
                    return true;
                }
                self.weigh(core::slice::from_ref(measurement));
                self.temper(measurement, fit.is_far, random)
            }
            (false, true) => {
                self.particles.revert();
                false
            }
            (false, false) => {
                let (number, left) = (self.history.len() + 1, self.particles.effective());
                self.warn(format!(
                    "measurement {number}: {left:.1} of {count} particles are left, and auto_resample is off"
                ));
                true
            }
        }
    }

    /// Warns of a measurement that is at least `distance` standard deviations from every prediction.
    fn note_distance(&mut self, measurement: &Measurement, distance: Option<f64>, counts: bool) {
        let Some(distance) = distance else {
            self.far_in_a_row = 0;
            return;
        };
        self.far_in_a_row += 1;
        let Measurement { setting, values, .. } = measurement;
        let (number, in_a_row) = (self.history.len() + 1, self.far_in_a_row);
        let mut warning = format!(
            "measurement {number}: {values:?} at {setting:?} is {} standard deviations from the nearest prediction",
            rounded(distance)
        );
        if !counts {
            warning.push_str(" and does not count");
        }
        if in_a_row >= 3 {
            warning.push_str(&format!(
                "; {in_a_row} in a row: the truth may be outside of the priors, the model may not fit, or the noise may \
                 be larger than stated"
            ));
        }
        self.warn(warning);
    }

    /// Warns of parameters whose posterior leans against the end of their prior: its mean is within 1.1 standard
    /// deviations of the end. For a normal distribution that the end cuts off, this means that the untruncated
    /// mean is more than two standard deviations outside.
    fn note_ends(&mut self) {
        let mean = self.particles.mean();
        let std = self.particles.std_about(&mean);
        let number = self.history.len() + 1;
        for (parameter, (mean, std)) in mean.into_iter().zip(std).enumerate() {
            let prior = &self.experiment.parameters[parameter].prior;
            let Some(spread) = prior.spread_between_steps() else {
                continue;
            };
            for (side, end) in prior.support().into_iter().enumerate() {
                let distance = (mean - end).abs();
                let leans = std < 0.2 * spread && distance < 1.1 * std;
                if leans && !self.leans[parameter][side] {
                    let name = &self.experiment.parameters[parameter].name;
                    self.warn(format!(
                        "measurement {number}: {name} is {mean:.3e} +- {std:.0e}, at the end {end} of its prior: the \
                         truth may be outside of it"
                    ));
                }
                self.leans[parameter][side] = leans || self.leans[parameter][side] && distance < 1.3 * std;
            }
        }
    }
}

fn numbers(what: &'static str, numbers: &[f64]) -> Result<(), DesignError> {
    if !all_finite(numbers) {
        return Err(DesignError::NotFinite(what));
    }
    match numbers.iter().find(|number| is_no_number(**number)) {
        Some(value) => Err(DesignError::NoNumber { what, value: *value }),
        None => Ok(()),
    }
}

/// Whether a reading is one of those by which instruments say that there is none (SCPI 1999, 7.2.1.4 and 7.2.1.5), in
/// 64 bits or rounded to 32.
fn is_no_number(number: f64) -> bool {
    const OVERFLOW: f32 = 9.9e37;
    const NOT_A_NUMBER: f32 = 9.91e37;
    [OVERFLOW, NOT_A_NUMBER].contains(&(number as f32).abs())
}

/// Number with at most three digits.
fn rounded(number: f64) -> String {
    match number {
        number if number < 1e4 => format!("{number:.0}"),
        number => format!("{number:.0e}"),
    }
}
