//! The socket protocols of optimizers and lab instruments, both roles of each, without I/O.
#![forbid(unsafe_code)]
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "device")]
pub mod device;
#[cfg(feature = "obe")]
pub mod obe;
#[cfg(feature = "open")]
pub mod open;
#[cfg(feature = "pymodaq")]
pub mod pymodaq;
#[cfg(any(feature = "obe", feature = "open", feature = "zeiss"))]
mod unanswered;
#[cfg(feature = "zeiss")]
pub mod zeiss;

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
