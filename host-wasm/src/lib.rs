//! labwire's engines and protocols for JavaScript and TypeScript: problems, solver, designer, and the client side of
//! every protocol, bytes in, bytes out.
//!
//! The core of labwire, bit for bit, in a page, a worker or Node.js. Long work is divided into steps of bounded
//! length, so that a page can paint between them. Errors are thrown as `Error`.
#![allow(
    clippy::exhaustive_structs,
    reason = "made for JavaScript, whose objects may have more fields"
)]

mod designer;
mod device_session;
mod error;
mod experiment;
mod js;
mod obe_session;
mod open_session;
mod problem;
mod progress;
mod pymodaq_session;
mod session;
mod solution;
mod solver;
mod start_options;
mod zeiss_session;

use wasm_bindgen::prelude::*;

pub use designer::{Designer, Simulator};
pub use device_session::DeviceSession;
pub use experiment::{Experiment, default_experiment, example_experiment};
pub use obe_session::ObeSession;
pub use open_session::OpenSession;
pub use problem::{Problem, default_problem};
pub use progress::Progress;
pub use pymodaq_session::{PymodaqSession, module_settings};
pub use solution::{Sensitivities, Solution};
pub use solver::Solver;
pub use start_options::StartOptions;
pub use zeiss_session::ZeissSession;

/// Version of this package.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}
