//! Where one message ends and the next begins.

pub mod json_value;
