//! What the tests of behaviour share.

pub mod golden;
pub mod sim;
