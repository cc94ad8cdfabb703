//! labwire's benchmark problems as closures compiled by rustc, and the programs that measure solvers on them.
#![allow(
    missing_debug_implementations,
    clippy::exhaustive_structs,
    reason = "for the programs and tests of this repository alone"
)]

pub mod experiments;
pub mod expressions;
pub mod problems;
