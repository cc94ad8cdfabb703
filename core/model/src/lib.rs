//! Parametric problems: read from text or built in Rust, and compiled for evaluation by a solver.
#![forbid(unsafe_code)]
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod expression;
pub mod problem;
pub mod text;

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
