//! Error replies to what an engine or a store has refused.

use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

use labwire_design::DesignError;
use labwire_protocols::obe::{ErrorReply, code};

pub(super) fn refused(error: &DesignError) -> ErrorReply {
    let code = match error {
        DesignError::NoLikelihood | DesignError::NoNoise => code::NO_LIKELIHOOD,
        DesignError::NothingToUndo => code::NOTHING_TO_UNDO,
        _ => code::INVALID_ARGUMENT,
    };
    ErrorReply::new(code, error.to_string())
}

pub(super) fn unstored(error: String) -> ErrorReply {
    ErrorReply::new(code::STORAGE, error)
}

/// Reply to a request that took longer than the limit `design-time`.
pub(super) fn out_of_time(limit: Duration, advice: &str) -> ErrorReply {
    let text = format!("it took longer than the limit design-time of {limit:?}: {advice}");
    ErrorReply::new(code::OUT_OF_TIME, text)
}
