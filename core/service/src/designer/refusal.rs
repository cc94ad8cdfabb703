//! Error replies to what an engine or a store has refused.

use alloc::string::{String, ToString};

use labwire_design::DesignError;
use labwire_protocols::obe::{ErrorReply, code};

pub(super) fn refused(error: &DesignError) -> ErrorReply {
    let code = match error {
        DesignError::NoLikelihood => code::NO_LIKELIHOOD,
        DesignError::NothingToUndo => code::NOTHING_TO_UNDO,
        _ => code::INVALID_ARGUMENT,
    };
    ErrorReply::new(code, error.to_string())
}

pub(super) fn unstored(error: String) -> ErrorReply {
    ErrorReply::new(code::STORAGE, error)
}
