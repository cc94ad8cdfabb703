//! A run with its particles.

use alloc::string::String;

use labwire_design::Designer;

/// Run with its particles.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) number: u64,
    /// Text of its experiment.
    pub(super) text: String,
    pub(super) designer: Designer,
}
