//! The benchmark problems of labwire as closures compiled by rustc, and what measures solvers on them.

pub mod experiments;
pub mod expressions;
pub mod problems;
