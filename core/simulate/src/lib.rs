//! Simulated instruments: cameras and stages for PyMoDAQ, lab devices behind their dialects, and their
//! faults.
#![forbid(unsafe_code)]
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "device")]
pub mod devices;
#[cfg(feature = "device")]
mod emulator;
#[cfg(feature = "pymodaq")]
mod hardware;

#[cfg(feature = "device")]
pub use emulator::{Behaviour, Canned, CannedError, Emulator, Fault, FaultError, FaultRule, Faults};
#[cfg(feature = "pymodaq")]
pub use hardware::*;

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
