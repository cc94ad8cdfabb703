//! labwire's engines for JavaScript and TypeScript: load a problem file, solve it in steps.
//!
//! The core of labwire, bit for bit, in a page, a worker or Node.js. Long work is cut into steps of bounded length, so
//! that a page paints between them. What goes wrong is thrown as an `Error`.

mod error;
mod problem;
mod progress;
mod solution;
mod solver;
mod start_options;

use wasm_bindgen::prelude::*;

pub use problem::{Problem, default_problem};
pub use progress::Progress;
pub use solution::Solution;
pub use solver::Solver;
pub use start_options::StartOptions;

/// The version of this package.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}
