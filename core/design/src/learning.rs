//! Learning from measurements: Bayes' rule on the weights of the particles.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_solve::math::{all_finite, log_scale, min, sqrt};
use labwire_solve::random::Random;

use super::designer::Designer;
use super::error::DesignError;
use super::experiment::{DesignOptions, Experiment, Noise};
use super::measurement::Measurement;
use super::model::Points;
use super::particles::{BLOCK, Particles};
use super::resampling::Kernel;

/// Largest number of tempering stages of one measurement.
const MAX_STAGES: usize = 8;
/// Least power of a likelihood that is tried.
const LEAST_POWER: f64 = 1e-30;
/// Number of measurements after which the ends of the priors are looked at even without resampling.
const MEASUREMENTS_PER_CHECK: usize = 10;
/// Distance from every prediction at which a measurement is far: this many standard deviations more than the root of the
/// number of channels. Normal noise is that large once in 10^7 measurements at most (exp(-FAR^2 / 2), by the concentration
/// of the norm of normal deviates).
const FAR: f64 = 6.0;

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
                designer
            }
        };
        designer.loaded.clone_from(&self.loaded);
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
        numbers("the setting", setting)?;
        numbers("the measurement", values)?;
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
                    None => numbers("the standard deviations", sigma),
                }
            }
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
        let fit = self.weigh(measurement);
        match fit.largest.is_finite() {
            true => Ok(fit),
            false => Err(DesignError::NoLikelihood),
        }
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
        let counts = self.take_in(&measurement, is_far, &mut random);
        self.note_distance(&measurement, is_far.then_some(nearest), counts);
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
        }
        self.history.push(measurement);
        self.suggestions = 0;
    }

    /// Applies the likelihood that was just computed. Returns whether it counts.
    fn take_in(&mut self, measurement: &Measurement, is_far: bool, random: &mut Random) -> bool {
        let count = self.particles.len() as f64;
        let least = min(10.0 * (self.particles.num_parameters() + 1) as f64, 0.1 * count);
        let largest = self.particles.largest(1.0);
        self.particles.accept(1.0, largest);
        if self.particles.effective() >= least {
            return true;
        }
        match (self.experiment.options.auto_resample, is_far) {
            (true, _) => {
                self.particles.revert();
                self.weigh(measurement);
                self.temper(measurement, is_far, random)
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

    /// Computes the log-likelihood of every particle.
    fn weigh(&mut self, measurement: &Measurement) -> Fit {
        let Self {
            experiment,
            particles,
            memory,
            ..
        } = self;
        let channels = experiment.model.num_outputs();
        memory.resize((2 * channels + 1) * BLOCK, 0.0);
        let setting = Points::one(&measurement.setting);
        let (values, choke) = (&measurement.values[..], experiment.options.choke);
        let known = known_noise(&mut experiment.noise, measurement, particles);
        let (model, noise) = (&mut experiment.model, &mut experiment.noise);
        let mut nearest = f64::INFINITY;
        let largest = particles.evaluate(|particles, logs| {
            let len = particles.len();
            let (outputs, memory) = memory.split_at_mut(channels * BLOCK);
            let (sigmas, squares) = memory.split_at_mut(channels * BLOCK);
            let (outputs, squares) = (&mut outputs[..channels * len], &mut squares[..len]);
            model.evaluate(setting, particles, outputs);
            logs.fill(0.0);
            squares.fill(0.0);
            let channels = outputs.chunks_exact(len).zip(values);
            match noise {
                Noise::Unknown(noise) => {
                    let sigmas = &mut sigmas[..outputs.len()];
                    noise.evaluate(setting, particles, sigmas);
                    for ((outputs, value), sigmas) in channels.zip(sigmas.chunks_exact(len)) {
                        add_squares(squares, outputs, *value, sigmas.iter().copied());
                        for (log, sigma) in logs.iter_mut().zip(sigmas) {
                            *log -= log_sigma(*sigma);
                        }
                    }
                }
                _ => {
                    for ((outputs, value), sigma) in channels.zip(&known) {
                        add_squares(squares, outputs, *value, core::iter::repeat(*sigma));
                    }
                }
            }
            for (log, square) in logs.iter_mut().zip(&*squares) {
                *log = choke * (*log - 0.5 * square);
            }
            nearest = min(nearest, least(squares));
        });
        let nearest = sqrt(nearest);
        Fit {
            largest,
            nearest,
            is_far: nearest > FAR + sqrt(values.len() as f64),
        }
    }

    /// Tempers the measurement whose likelihood was just computed but not accepted. Returns whether it counts.
    fn temper(&mut self, measurement: &Measurement, is_far: bool, random: &mut Random) -> bool {
        let number = self.history.len() + 1;
        let target = 0.1 * self.particles.len() as f64;
        let before = (self.particles.clone(), self.resamplings);
        let first = self.power_for(target, 1.0);
        let (mut power, mut left, mut stages, mut is_still_far) = (first, 1.0, 0, is_far);
        while let Some(share) = power
            && stages < MAX_STAGES
        {
            self.particles.accept(share, self.particles.largest(share));
            stages += 1;
            left -= share;
            if !(left > 0.0) {
                // Otherwise all that the particles did was to gather where they could come nearest to it.
                if is_far && is_still_far {
                    break;
                }
                self.warn(format!(
                    "measurement {number}: hardly any particle fits; taken in by {stages} stages"
                ));
                return true;
            }
            self.resample(measurement, random);
            is_still_far = self.weigh(measurement).is_far;
            power = self.power_for(target, left);
        }
        (self.particles, self.resamplings) = before;
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

    /// Power of the likelihood, at most `most`, that leaves an effective sample size of about `target`; `None` if there
    /// is no such power.
    fn power_for(&self, target: f64, most: f64) -> Option<f64> {
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

    fn resample(&mut self, measurement: &Measurement, random: &mut Random) {
        let Self {
            experiment,
            particles,
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
        self.resamplings += 1;
        if let Some(homes) = homes {
            let mut failing = failing(experiment, particles);
            if let Noise::Unknown(noise) = &mut experiment.noise {
                let setting = Points::one(&measurement.setting);
                let is_positive = |sigma| sigma > 0.0;
                failing.extend(
                    particles.failing(noise.num_outputs(), is_positive, |points, outputs| {
                        noise.evaluate(setting, points, outputs);
                    }),
                );
            }
            particles.send_home(&failing, &ancestors, &homes);
        }
    }

    /// Warns of parameters whose posterior leans against the end of their prior: its mean is within 1.1 standard
    /// deviations of the end. For a normal distribution that the end cuts off, this means that the untruncated
    /// mean is more than two standard deviations outside.
    fn note_ends(&mut self) {
        let (mean, std) = (self.particles.mean(), self.particles.std());
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

/// Agreement of the particles with a measurement.
struct Fit {
    /// Largest log-weight with the full likelihood.
    largest: f64,
    /// Smallest distance of a prediction from the measurement, in standard deviations: the root of the sum of
    /// squares over the channels.
    nearest: f64,
    /// Whether that is more than noise can explain.
    is_far: bool,
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

/// Particles that violate a constraint, in ascending order.
pub(super) fn failing(experiment: &mut Experiment, particles: &Particles) -> Vec<usize> {
    let Some(constraints) = &mut experiment.constraints else {
        return Vec::new();
    };
    let holds = |output: f64| output.abs() > 0.0;
    particles.failing(constraints.num_outputs(), holds, |points, outputs| {
        constraints.evaluate(Points::one(&[]), points, outputs);
    })
}

/// Number with at most three digits.
fn rounded(number: f64) -> String {
    match number {
        number if number < 1e4 => format!("{number:.0}"),
        number => format!("{number:.0e}"),
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

/// Logarithm of a standard deviation; infinite if it is not positive.
#[inline(always)]
fn log_sigma(sigma: f64) -> f64 {
    if sigma >= f64::MIN_POSITIVE {
        log_scale(sigma)
    } else {
        f64::INFINITY
    }
}

/// Smallest number, NaN passed over; computed in lanes, which does not change it.
fn least(numbers: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut least = [f64::INFINITY; LANES];
    let (blocks, rest) = numbers.as_chunks::<LANES>();
    for block in blocks {
        for lane in 0..LANES {
            least[lane] = min(least[lane], block[lane]);
        }
    }
    let least = least.into_iter().chain(rest.iter().copied());
    least.fold(f64::INFINITY, min)
}
