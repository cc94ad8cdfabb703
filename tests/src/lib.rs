//! Parts shared by the tests of behaviour.
#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    missing_debug_implementations,
    reason = "for the programs and tests of this repository alone"
)]

pub mod adder;
pub mod conformance;
pub mod device;
pub mod fuzz;
pub mod golden;
pub mod host;
pub mod lab;
pub mod peer;
pub mod sim;
