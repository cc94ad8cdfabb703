//! Sequential Bayesian experiment design: chooses the next measurement and learns from the previous ones.
//!
//! A [`Designer`] keeps a probability distribution of the parameters of a model. It suggests the setting at
//! which a measurement is expected to be most informative, learns from the value measured there, and so on:
//! a few hundred measurements then give what a scan needs several times as many for. The methods are those
//! of OptBayesExpt (McMichael, Blakley and Dushenko, J. Res. NIST 126, 126002 (2021), doi
//! 10.6028/jres.126.002), with log-likelihoods, systematic resampling, two-pass moments and a seed.
//!
//! ```
//! use labwire_design::{DEFAULT_EXPERIMENT, DesignLimits, Designer, Experiment, Simulator};
//!
//! let experiment = Experiment::from_json(DEFAULT_EXPERIMENT, &[], &DesignLimits::default())?;
//! let mut instrument = Simulator::new(experiment.clone(), Some(vec![2.6, 0.02, 0.04]), None, 1)?;
//! let mut designer = Designer::new(experiment, 1)?;
//! for _ in 0..100 {
//!     let setting = designer.suggest();
//!     let values = instrument.measure(&setting);
//!     designer.update(&setting, &values, None)?;
//! }
//! assert!((designer.mean()[0] - 2.6).abs() < 0.01 && designer.std()[0] < 0.003, "{:?}", designer.std());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod annealing;
mod averages;
mod cost;
mod designer;
mod doubt;
mod dynamics;
mod ending;
mod entropy;
mod error;
mod experiment;
mod exponential;
mod file;
mod formula;
mod goal;
mod grid;
mod inputs;
pub mod keys;
mod learning;
mod likelihood;
mod limits;
mod logarithm;
mod measurement;
mod model;
mod moments;
mod noise;
mod outside;
mod particles;
mod posterior;
mod prior;
mod reconsider;
mod resampling;
mod rounding;
mod simulator;
mod support;
mod utility;

pub use averages::{Average, averages};
pub use designer::{Designer, Drawing};
pub use entropy::differential_entropy;
pub use error::DesignError;
pub use experiment::{Constant, Cost, DesignOptions, Experiment, Selection, Utility};
pub use goal::{Targets, Until};
pub use grid::{Grid, Knob, linspace, logspace};
pub use limits::DesignLimits;
pub use measurement::Measurement;
pub use model::{Closure, Model, Points};
pub use noise::{Correlation, Noise, NoiseShape};
pub use outside::{ModelProgram, Outside};
pub use particles::ParticleSnapshot;
pub use prior::{Parameter, Prior};
pub use rounding::rounded;
pub use simulator::Simulator;
pub use utility::UtilityScan;

/// Default experiment: the resonance dip of OptBayesExpt's server demo.
pub const DEFAULT_EXPERIMENT: &str = include_str!("../experiments/dip.json");

/// Built-in experiments, by name.
pub const EXPERIMENTS: [(&str, &str); 5] = [
    ("dip", DEFAULT_EXPERIMENT),
    ("coil", include_str!("../experiments/coil.json")),
    ("line", include_str!("../experiments/line.json")),
    ("lorentzian", include_str!("../experiments/lorentzian.json")),
    ("rabi", include_str!("../experiments/rabi.json")),
];

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
