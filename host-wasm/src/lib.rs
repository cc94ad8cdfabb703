//! labwire's engines and protocols for JavaScript and TypeScript: problems, solver, designer, and the client side of
//! every protocol, bytes in, bytes out.
//!
//! The core of labwire, bit for bit, in a page, a worker or Node.js. Long work is divided into steps of bounded
//! length, so that a page can paint between them. Errors are thrown as `Error`.
#![allow(
    clippy::exhaustive_structs,
    reason = "made for JavaScript, whose objects may have more fields"
)]

#[cfg(feature = "designer")]
mod designer;
#[cfg(feature = "protocols")]
mod device_session;
mod error;
#[cfg(feature = "designer")]
mod experiment;
#[cfg(feature = "designer")]
mod function;
mod js;
#[cfg(feature = "protocols")]
mod obe_session;
#[cfg(feature = "protocols")]
mod open_session;
mod problem;
mod progress;
#[cfg(feature = "protocols")]
mod pymodaq_session;
#[cfg(feature = "protocols")]
mod session;
#[cfg(feature = "protocols")]
mod session_values;
mod solution;
mod solver;
mod start_options;
#[cfg(feature = "protocols")]
mod zeiss_session;

use wasm_bindgen::prelude::*;

#[cfg(feature = "designer")]
pub use designer::{Designer, Simulator};
#[cfg(feature = "protocols")]
pub use device_session::DeviceSession;
#[cfg(feature = "designer")]
pub use experiment::{Experiment, default_experiment, example_experiment};
#[cfg(feature = "protocols")]
pub use obe_session::ObeSession;
#[cfg(feature = "protocols")]
pub use open_session::OpenSession;
pub use problem::{Problem, default_problem};
pub use progress::Progress;
#[cfg(feature = "protocols")]
pub use pymodaq_session::{PymodaqSession, module_settings};
pub use solution::{Sensitivities, Solution};
pub use solver::Solver;
pub use start_options::StartOptions;
#[cfg(feature = "protocols")]
pub use zeiss_session::ZeissSession;

/// Version of this package.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}
