//! Description of an experiment: settings, unknown parameters, model, noise and design options.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_solve::random::Random;

use super::error::DesignError;
use super::goal::{Targets, Until};
use super::grid::{Grid, Knob};
use super::model::{Model, Points};
use super::noise::{Noise, NoiseShape};
use super::particles::BLOCK;
use super::prior::Parameter;

/// Experiment, read from a file ([`from_json`](Self::from_json)) or built in Rust.
///
/// ```
/// use labwire_design::{Closure, Designer, Experiment, Knob, Parameter, Prior, linspace};
///
/// let knobs = vec![Knob { name: "x".into(), values: linspace(0.0, 1.0, 101) }];
/// let uniform = |name: &str| Parameter {
///     name: name.into(),
///     prior: Prior::Uniform { low: -1.0, high: 1.0 },
/// };
/// let line = Closure::new(|[x]: [f64; 1], [m, b]: [f64; 2]| [m * x + b]);
/// let experiment = Experiment::new(knobs, vec![uniform("m"), uniform("b")], Box::new(line))?;
/// let mut designer = Designer::new(experiment, 1)?;
/// let x = designer.suggest();
/// designer.update(&x, &[0.25], Some(&[0.1]))?;
/// assert!(designer.std()[1] < 0.6);
/// # Ok::<(), labwire_design::DesignError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Experiment {
    /// Name of the experiment.
    pub name: String,
    /// Settings to choose from.
    pub grid: Grid,
    /// Unknown parameters and their priors.
    pub parameters: Vec<Parameter>,
    /// Parameters that depend on earlier ones, by index, in ascending order: each is a function of a draw from its prior,
    /// which is the only number of the setting, and of the parameters before it.
    pub dependent: Vec<(usize, Box<dyn Model>)>,
    /// Constants of the model, for display only: the model already contains them.
    pub constants: Vec<Constant>,
    /// Arguments of a new run and their current values, for display only.
    pub arguments: Vec<(String, f64)>,
    /// Model of the measured values: one output per channel, as a function of setting and parameters.
    pub model: Box<dyn Model>,
    /// Noise of a measurement.
    pub noise: Noise,
    /// Distribution of the noise in units of its standard deviations.
    pub noise_shape: NoiseShape,
    /// Cost of a measurement, in any unit; utilities are divided by it.
    pub cost: Option<Cost>,
    /// Constraints on the parameters: outputs that must not be 0. Their settings are empty. Particles that
    /// violate one are rejected.
    pub constraints: Option<Box<dyn Model>>,
    /// Quantities of interest: if there are any, the utility is what a measurement tells of them.
    pub targets: Option<Targets>,
    /// Rules that end the experiment, for callers: the designer goes on as long as it is asked.
    pub until: Until,
    /// Options of the design.
    pub options: DesignOptions,
}

/// Constant of the model.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Constant {
    /// Name of the constant.
    pub name: String,
    /// Value of the constant.
    pub value: f64,
    /// Whether it was written as a whole number.
    pub is_whole: bool,
}

/// Cost of a measurement.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Cost {
    /// Cost as a function of the next setting followed by the previous one; it has no parameters.
    pub model: Box<dyn Model>,
    /// Whether the cost depends on the previous setting. If so, the first measurement costs 1 at every
    /// setting.
    pub needs_previous: bool,
}

/// Utility of a setting, estimated from the values that `draws` particles predict there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Utility {
    /// Variance of the predicted values over the noise variance, summed over the channels. This is a
    /// linearisation: the information gain is about half the logarithm of 1 plus it.
    #[default]
    VarianceApprox,
    /// As `VarianceApprox`, with the variance of the normal distribution that has the same entropy.
    PseudoUtility,
    /// Exponential of the information gain, minus 1, from the entropy of the predicted values with and
    /// without noise; summed over the channels.
    FullKld,
    /// Squared range of the predicted values over the noise variance, summed over the channels; intended for
    /// two draws.
    MaxMin,
    /// Expected information gain in nats, by nested Monte Carlo over the draws.
    InformationGain,
}

/// Rule that chooses a setting by its utility.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selection {
    /// The setting with the highest utility.
    #[default]
    Optimal,
    /// Random, with probability proportional to the utility raised to the power `pickiness`.
    Good,
    /// Random, with equal probabilities.
    Random,
}

/// Options of the design. Names and defaults are those of OptBayesExpt.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DesignOptions {
    /// `particles`: number of particles that represent the distribution. Default 10,000.
    pub particles: usize,
    /// `draws`: number of particles from which the utility is estimated. Default 30.
    pub draws: usize,
    /// `choke`: exponent of the likelihood, above 0 and at most 1; less than 1 slows learning down. Default
    /// 1.
    pub choke: f64,
    /// `utility`: utility of a setting. Default `variance_approx`.
    pub utility: Utility,
    /// `selection`: rule by which [`suggest`](super::Designer::suggest) chooses. Default `optimal`.
    pub selection: Selection,
    /// `pickiness`: exponent of the utility in a `good` selection. Default 15.
    pub pickiness: f64,
    /// `a_param`: fraction of their distance to the mean that particles keep when they are resampled.
    /// Default 0.98.
    pub a_param: f64,
    /// `scale`: whether particles are contracted towards the mean, which preserves the covariance. Default
    /// true.
    pub scale: bool,
    /// `resample_threshold`: particles are resampled when the effective sample size falls below this
    /// fraction of their number. Default 0.5.
    pub resample_threshold: f64,
    /// `auto_resample`: whether particles are resampled at all. Default true.
    pub auto_resample: bool,
}

impl Default for DesignOptions {
    fn default() -> Self {
        Self {
            particles: 10_000,
            draws: 30,
            choke: 1.0,
            utility: Utility::default(),
            selection: Selection::default(),
            pickiness: 15.0,
            a_param: 0.98,
            scale: true,
            resample_threshold: 0.5,
            auto_resample: true,
        }
    }
}

impl Experiment {
    /// Creates an experiment with noise reported by each measurement, no costs or constraints, and default
    /// options.
    ///
    /// # Errors
    /// If there are no knobs, a knob has no values, there are no parameters, or a prior is invalid.
    pub fn new(
        knobs: Vec<Knob>,
        parameters: Vec<Parameter>,
        model: Box<dyn Model>,
    ) -> Result<Self, DesignError> {
        let grid = Grid::new(knobs).ok_or_else(|| DesignError::experiment("there are no settings"))?;
        if parameters.is_empty() {
            return Err(DesignError::experiment("there are no parameters"));
        }
        for Parameter { name, prior } in &parameters {
            prior
                .check()
                .map_err(|fault| DesignError::experiment(format!("the prior of {name}: {fault}")))?;
        }
        Ok(Self {
            name: String::from("unnamed"),
            grid,
            parameters,
            dependent: Vec::new(),
            constants: Vec::new(),
            arguments: Vec::new(),
            model,
            noise: Noise::Reported,
            noise_shape: NoiseShape::Normal,
            cost: None,
            constraints: None,
            targets: None,
            until: Until::default(),
            options: DesignOptions::default(),
        })
    }

    /// Checks the experiment, including fields set after [`new`](Self::new).
    pub(super) fn check(&self) -> Result<(), DesignError> {
        let options = &self.options;
        let is_fraction = |number: f64| number > 0.0 && number <= 1.0;
        let (channels, noise) = (
            self.channels(),
            match &self.noise {
                Noise::Known(sigma) => sigma.len(),
                noise => noise.model().map_or(self.channels(), Model::num_outputs),
            },
        );
        let faults = [
            (channels == 0, "the model has no outputs"),
            (
                noise != channels,
                "the noise and the model differ in their number of channels",
            ),
            (
                matches!(&self.noise_shape, NoiseShape::Correlated(it) if it.channels() != channels),
                "the correlation of the noise and the model differ in their number of channels",
            ),
            (
                matches!(self.noise_shape, NoiseShape::StudentT { freedom } if !(freedom > 0.0)),
                "the degrees of freedom must be positive",
            ),
            (
                self.noise.is_count() && self.noise_shape != NoiseShape::Normal,
                "counts have a distribution of their own",
            ),
            (options.particles < 2, "there must be at least two particles"),
            (
                options.particles > u32::MAX as usize,
                "there are more than 2^32 - 1 particles",
            ),
            (options.draws < 1, "there must be at least one draw"),
            (!is_fraction(options.choke), "choke must be above 0 and at most 1"),
            (
                !is_fraction(options.a_param),
                "a_param must be above 0 and at most 1",
            ),
            (options.pickiness.is_nan(), "the pickiness must be a number"),
        ];
        match faults.into_iter().find(|(is_wrong, _)| *is_wrong) {
            Some((_, fault)) => Err(DesignError::experiment(fault)),
            None => Ok(()),
        }
    }

    /// Whether a designer keeps the priors' particles, for doubts about a posterior whose noise is unknown.
    pub(super) fn needs_prior(&self) -> bool {
        matches!(self.noise, Noise::Unknown(_)) && self.options.auto_resample
    }

    /// Memory that a designer of the experiment takes, in bytes; an upper estimate: particles with their weights, twice
    /// while a measurement is taken in, those of the priors where the noise is unknown, the covariance of the parameters, the utility of every setting, the draws, and the
    /// programs of formulas.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let parameters = self.parameters.len();
        let DesignOptions { particles, draws, .. } = self.options;
        let cost = self.cost.as_ref().map(|cost| &*cost.model);
        let constraints = self.constraints.as_deref();
        let targets = self.targets.as_ref().map(|targets| &*targets.model);
        let models = [Some(&*self.model), self.noise.model(), cost, constraints, targets];
        let dependent = self.dependent.iter().map(|(_, model)| Some(&**model));
        let models = models.into_iter().chain(dependent).flatten();
        let programs = models.map(Model::numbers).fold(0, usize::saturating_add);
        let knobs: usize = self.grid.knobs().iter().map(|knob| knob.values.len()).sum();
        let copies = if self.needs_prior() { 3 } else { 2 };
        let numbers = [
            particles.saturating_mul(copies * parameters + 4),
            parameters.saturating_mul(parameters),
            self.grid.len().saturating_add(knobs),
            self.grid.num_indices(),
            draws.saturating_mul(parameters + self.channels()),
            self.channels().saturating_mul(2 * BLOCK),
            programs,
        ];
        let numbers = numbers.into_iter().fold(0, usize::saturating_add);
        numbers.saturating_mul(size_of::<f64>())
    }

    /// Draws parameters from the priors, those of particle number `particle` of `count`. Those that depend on others are
    /// not finite where their priors are none.
    pub(super) fn draw(&mut self, random: &mut Random, particle: usize, count: usize, drawn: &mut [f64]) {
        let place = random.uniform();
        for (value, parameter) in drawn.iter_mut().zip(&self.parameters) {
            *value = parameter.prior.draw(random, particle, count, place);
        }
        for (parameter, model) in &mut self.dependent {
            let (base, mut value) = ([drawn[*parameter]], [f64::NAN]);
            model.evaluate(Points::one(&base), Points::one(drawn), &mut value);
            drawn[*parameter] = value[0];
        }
    }

    /// Number of channels of a measurement.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.model.num_outputs()
    }
}
