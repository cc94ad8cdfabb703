//! Parts shared by the tests of behaviour.

pub mod adder;
pub mod conformance;
pub mod device;
pub mod fuzz;
pub mod golden;
pub mod host;
pub mod lab;
pub mod peer;
pub mod sim;
