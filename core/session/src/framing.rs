//! Where one message ends and the next begins.

pub mod decimal_length;
pub mod json_value;
pub mod length32;
pub mod until;
