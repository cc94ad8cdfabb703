//! Framings: the boundaries of messages in a byte stream.

#[cfg(feature = "framings")]
pub mod decimal_length;
pub mod json_value;
#[cfg(feature = "framings")]
pub mod length32;
#[cfg(feature = "framings")]
pub mod lines;
mod reader;
#[cfg(feature = "framings")]
pub mod until;

use alloc::string::ToString;

use super::{CloseReason, Limit};
pub use reader::FrameReader;

/// Division of a byte stream into frames, each of which holds one message.
pub trait Framing {
    /// Length of the frame at the start of `bytes`, as soon as it is known; it may exceed the bytes received.
    ///
    /// It is called with more and more bytes of the same frame until it returns the length, and remembers how far it has
    /// searched, so that no byte is examined twice. Then it starts again with the next frame, of which there may be no
    /// byte yet: a framing whose lengths depend on the first byte returns `None` then.
    ///
    /// # Errors
    /// If the bytes do not begin with a frame; the start of the next one is then unknown.
    fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, FrameError>;

    /// Number of bytes at the start of `bytes`, after a frame, that belong to no frame.
    fn gap(&self, _bytes: &[u8]) -> usize {
        0
    }

    /// Number of bytes of a frame before its message, and after it.
    fn envelope(&self) -> (usize, usize) {
        (0, 0)
    }
}

/// Bytes that a [`FrameReader`] cannot divide into messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The message is longer than this.
    #[error("limit {limit} of {0} exceeded", limit = Limit::MessageBytes)]
    TooLong(usize),
    /// The byte at this offset of the frame cannot continue a JSON value.
    #[error("the byte at offset {0} cannot continue a JSON value")]
    Malformed(usize),
    /// The byte at this offset of the frame is not valid UTF-8 at its position.
    #[error("the byte at offset {0} is not valid UTF-8")]
    InvalidUtf8(usize),
    /// The frame does not begin with its length.
    #[cfg(feature = "framings")]
    #[error(transparent)]
    Length(#[from] decimal_length::LengthError),
}

impl From<FrameError> for CloseReason {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::TooLong(limit) => Self::exceeded(Limit::MessageBytes, limit),
            _ => Self::PeerMisbehaved(error.to_string()),
        }
    }
}
