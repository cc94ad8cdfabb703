//! labwire's benchmark problems as closures compiled by rustc, and the programs that measure solvers on them.

pub mod experiments;
pub mod expressions;
pub mod problems;
