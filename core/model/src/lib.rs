//! Parametric problems: from text, or from Rust, to something that a solver evaluates.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod expression;
pub mod problem;
pub mod text;
