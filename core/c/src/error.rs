//! Codes and texts of failures.

use core::ffi::{CStr, c_char};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Kind of a failure.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "C knows no other")]
pub enum labwire_code {
    /// It has worked.
    Ok = 0,
    /// A pointer is NULL.
    NullPointer = 1,
    /// An array has the wrong length.
    WrongLength = 2,
    /// A text is not UTF-8.
    NotUtf8 = 3,
    /// A problem, an experiment, a posterior or a request is invalid.
    InvalidText = 4,
    /// A number is out of range.
    InvalidValue = 5,
    /// The call makes no sense now, such as that for the result of a solve that has not ended.
    WrongState = 6,
    /// The array for a text is too small.
    BufferTooSmall = 7,
    /// A fault of the library. The object may only be freed.
    Internal = 8,
}

/// Bytes of the text of a failure, with its NUL.
pub const LABWIRE_MESSAGE_SIZE: usize = 1024;

/// Description of a failure.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "its size is part of the interface")]
pub struct labwire_error {
    /// Kind.
    pub code: labwire_code,
    /// What is wrong, and what was expected; a long text is cut.
    pub message: [c_char; LABWIRE_MESSAGE_SIZE],
}

/// Failure on its way to C.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: labwire_code,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: labwire_code, message: impl Display) -> Self {
        let message = message.to_string();
        Self { code, message }
    }

    pub(crate) fn invalid_text(error: impl Display) -> Self {
        Self::new(labwire_code::InvalidText, error)
    }

    pub(crate) fn invalid_value(error: impl Display) -> Self {
        Self::new(labwire_code::InvalidValue, error)
    }

    pub(crate) fn wrong_state(error: impl Display) -> Self {
        Self::new(labwire_code::WrongState, error)
    }
}

/// Does `work`, and describes its failure in `error`, which is NULL or valid.
pub(crate) unsafe fn run(
    error: *mut labwire_error,
    work: impl FnOnce() -> Result<(), Failure>,
) -> labwire_code {
    // Whoever has called from C cannot be unwound through. What the object has become is unknown then.
    let done = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("unknown reason");
        Err(Failure::new(
            labwire_code::Internal,
            format_args!("fault of labwire: {text}"),
        ))
    });
    let Failure { code, message } = match done {
        Ok(()) => Failure::new(labwire_code::Ok, ""),
        Err(failure) => failure,
    };
    // SAFETY: the caller says so.
    if let Some(error) = unsafe { error.as_mut() } {
        error.code = code;
        error.message = [0; LABWIRE_MESSAGE_SIZE];
        // The last byte stays 0, and no character is cut.
        let mut end = message.len().min(LABWIRE_MESSAGE_SIZE - 1);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        for (place, byte) in error.message.iter_mut().zip(&message.as_bytes()[..end]) {
            *place = *byte as c_char;
        }
    }
    code
}

/// Name of a code, such as "wrong length".
#[unsafe(no_mangle)]
pub extern "C" fn labwire_code_name(code: i32) -> *const c_char {
    let name: &CStr = match code {
        0 => c"ok",
        1 => c"null pointer",
        2 => c"wrong length",
        3 => c"not UTF-8",
        4 => c"invalid text",
        5 => c"invalid value",
        6 => c"wrong state",
        7 => c"buffer too small",
        8 => c"internal",
        _ => c"unknown",
    };
    name.as_ptr()
}
