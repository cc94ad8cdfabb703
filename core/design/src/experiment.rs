//! What an experiment is: settings, parameters sought, model, noise, and how to design.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::error::DesignError;
use super::grid::{Grid, Knob};
use super::model::Model;
use super::prior::Parameter;

/// An experiment, from a file ([`from_json`](Self::from_json)) or put together in Rust.
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
pub struct Experiment {
    /// Its name.
    pub name: String,
    /// The settings that are designed with.
    pub grid: Grid,
    /// What is sought.
    pub parameters: Vec<Parameter>,
    /// The constants of the model, for those who ask; the model has them already.
    pub constants: Vec<Constant>,
    /// What a new run may set, and what it is now; for those who ask.
    pub arguments: Vec<(String, f64)>,
    /// What is measured at a setting, given the parameters: an output for each channel.
    pub model: Box<dyn Model>,
    /// The noise of a measurement.
    pub noise: Noise,
    /// What a measurement costs, in any unit; utilities are divided by it.
    pub cost: Option<Cost>,
    /// Outputs that must not be 0, as functions of the parameters; its settings are empty. Particles elsewhere are
    /// not allowed.
    pub constraints: Option<Box<dyn Model>>,
    /// How to design.
    pub options: DesignOptions,
}

/// A number of the model's that is not sought.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// It was written as a whole number.
    pub is_whole: bool,
}

/// How large the noise of a measurement is: standard deviations of a normal distribution, one for each channel.
#[derive(Clone, Debug)]
pub enum Noise {
    /// Each measurement brings its own. For the utility it is 1 in every channel.
    Reported,
    /// This, unless a measurement brings its own.
    Known(Vec<f64>),
    /// A function of the setting, unless a measurement brings its own.
    OfSetting(Box<dyn Model>),
    /// A function of setting and parameters: the noise is itself to be found out, and what a measurement brings does
    /// not count. A particle for which it is not positive has no likelihood.
    Unknown(Box<dyn Model>),
}

/// What a measurement costs.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Its settings are those of the next measurement, then those of the last one; it has no parameters.
    pub model: Box<dyn Model>,
    /// It depends on the last setting. Then the first measurement costs 1 wherever it is.
    pub needs_previous: bool,
}

/// What makes a setting useful. `n_draws` particles say what would be measured there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Utility {
    /// The variance of what would be measured over the noise variance, added up over channels. It is linearised: the
    /// information gain is about half the logarithm of 1 plus it.
    #[default]
    VarianceApprox,
    /// The same with the variance that a normal distribution of the same entropy would have.
    PseudoUtility,
    /// The exponential of the information gain, minus 1, by the entropy of what would be measured with and without
    /// noise; added up over channels.
    FullKld,
    /// The square of the range of what would be measured over the noise variance, added up over channels; meant for
    /// two draws.
    MaxMin,
    /// The expected information gain in nats, by nested Monte Carlo over the draws.
    InformationGain,
}

/// How a setting is chosen by its utility.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// The most useful one.
    #[default]
    Optimal,
    /// Drawn with a probability proportional to utility to the power of `pickiness`.
    Good,
    /// Any.
    Random,
}

/// How to design. The names and defaults are OptBayesExpt's.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DesignOptions {
    /// `particles`: how many points stand for the distribution. Default 10,000.
    pub particles: usize,
    /// `draws`: how many of them the utility is estimated from. Default 30.
    pub draws: usize,
    /// `choke`: the power of the likelihood that counts, up to 1; less than 1 slows learning down. Default 1.
    pub choke: f64,
    /// `utility`. Default `variance_approx`.
    pub utility: Utility,
    /// `selection`: what [`suggest`](super::Designer::suggest) does. Default `optimal`.
    pub selection: Selection,
    /// `pickiness`: the power of the utility in a good selection. Default 15.
    pub pickiness: f64,
    /// `a_param`: how much of their distance to the mean particles keep when they are resampled. Default 0.98.
    pub a_param: f64,
    /// `scale`: whether they are drawn towards the mean at all, which keeps the covariance what it is. Default true.
    pub scale: bool,
    /// `resample_threshold`: resampling is due when the effective sample size falls below this fraction of the
    /// particles. Default 0.5.
    pub resample_threshold: f64,
    /// `auto_resample`: whether it happens at all. Default true.
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
    /// An experiment with noise that each measurement reports, without costs and constraints, and with default options.
    ///
    /// # Errors
    /// When there are no knobs, a knob has no values, there are no parameters, or a prior makes no sense.
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
            constants: Vec::new(),
            arguments: Vec::new(),
            model,
            noise: Noise::Reported,
            cost: None,
            constraints: None,
            options: DesignOptions::default(),
        })
    }

    /// What is wrong with it, if anything is: with fields set after [`new`](Self::new), too.
    pub(super) fn check(&self) -> Result<(), DesignError> {
        let options = &self.options;
        let is_fraction = |number: f64| number > 0.0 && number <= 1.0;
        let (channels, noise) = (
            self.channels(),
            match &self.noise {
                Noise::Known(sigma) => sigma.len(),
                Noise::OfSetting(model) | Noise::Unknown(model) => model.num_outputs(),
                Noise::Reported => self.channels(),
            },
        );
        let faults = [
            (channels == 0, "the model has no outputs"),
            (
                noise != channels,
                "the noise has not as many channels as the model",
            ),
            (options.particles < 2, "there must be at least two particles"),
            (
                options.particles > u32::MAX as usize,
                "there are too many particles",
            ),
            (options.draws < 1, "there must be at least one draw"),
            (
                !is_fraction(options.choke),
                "choke must be above 0, and at most 1",
            ),
            (
                !is_fraction(options.a_param),
                "a_param must be above 0, and at most 1",
            ),
            (options.pickiness.is_nan(), "the pickiness must be a number"),
        ];
        match faults.into_iter().find(|(is_wrong, _)| *is_wrong) {
            Some((_, fault)) => Err(DesignError::experiment(fault)),
            None => Ok(()),
        }
    }

    /// The number of channels of a measurement.
    pub fn channels(&self) -> usize {
        self.model.num_outputs()
    }
}
