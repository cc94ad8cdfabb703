//! A solver for `min f(u)` over `u` in U with `g(u)` in D, where the functions are smooth and need not be convex.
//!
//! An augmented Lagrangian method ([`Solver`]) around a quasi-Newton method: projected if U consists of bounds only,
//! proximal (PANOC+ with ZeroFPR's base point) for any other U. With exact second derivatives, Newton steps, and interior-point
//! iterations where constraints are many or the rest is slow. With these, and for problems of stages, the units are the
//! solver's: those of the caller make no difference. "Converged" always means that the unscaled
//! stationarity residual and the violation at the returned point are below their tolerances.
//!
//! Feature `second-derivatives`: Newton steps and interior-point iterations with exact second derivatives,
//! `Solver::with_second_derivatives`. Feature `stages`: the same through the stages of optimal-control problems,
//! `Solver::with_stages`. Feature `serde`: settings, tuning, status and counters can be written and read. All are off by
//! default.
#![forbid(unsafe_code)]
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod compact;
#[cfg(any(feature = "second-derivatives", feature = "stages"))]
mod curvature;
mod derivatives;
mod error;
mod factor;
mod functions;
mod inner;
mod inputs;
#[cfg(feature = "integers")]
mod integers;
#[cfg(any(feature = "second-derivatives", feature = "stages"))]
mod interior;
mod lbfgs;
pub mod math;
mod merit;
mod method;
mod newton;
mod outcome;
mod panoc;
mod parametric;
mod problem_solver;
mod projected;
pub mod random;
mod range;
mod scaling;
#[cfg(feature = "second-derivatives")]
mod second;
mod sensitivity;
pub mod sets;
mod settings;
mod solver;
#[cfg(feature = "stages")]
mod stagewise;
mod states;
mod status;
mod tuning;
mod units;

pub use compact::Compact;
pub use derivatives::{Derivative, DerivativeCheck, check_derivatives};
pub use error::{SolverError, UnfitInteger};
pub use functions::{Constrained, Constraint, Cost, Functions, Structure};
#[cfg(feature = "stages")]
pub use functions::{StageFunctions, StageStructure};
pub use inputs::{InputError, InputVector, StartOptions};
#[cfg(feature = "integers")]
pub use integers::{Integers, integer_bounds};
pub use parametric::{ParametricCost, ParametricProblem};
pub use problem_solver::{NoSensitivities, ProblemSolver, Solution, SolveError};
pub use range::InvalidSetting;
#[cfg(feature = "second-derivatives")]
pub use second::SecondDerivatives;
pub use sensitivity::error::{Part, SensitivityError};
pub use sensitivity::{Differentiation, Sensitivities};
pub use settings::Settings;
pub use solver::{Solver, Start};
pub use status::{Counters, IntegerSearch, Progress, Status, Step, StepKind, StopReason};
pub use tuning::Tuning;
#[cfg(any(feature = "second-derivatives", feature = "stages"))]
pub use units::Magnitudes;

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
