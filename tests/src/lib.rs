//! What the tests of behaviour share.

pub mod adder;
pub mod device;
pub mod golden;
pub mod host;
pub mod lab;
pub mod peer;
pub mod sim;
