//! Messages after a length of ten decimal digits, as OptBayesExpt sends them: `0000000020{"command": "ready"}`.

use alloc::format;
use alloc::vec::Vec;

use super::{FrameError, Framing};

/// Number of bytes of the length.
pub const HEAD: usize = 10;

/// Ten bytes that are not a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LengthError {
    /// Not a number.
    #[error("the first {HEAD} bytes of a message must be its length in decimal digits")]
    Malformed,
    /// A number below zero.
    #[error("the length of a message must not be negative")]
    Negative,
    /// A body whose length needs more than ten digits.
    #[error("a message of {0} bytes is longer than {HEAD} digits can say")]
    TooLong(usize),
}

/// Framing of messages preceded by their length.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name")]
pub struct DecimalLength;

impl Framing for DecimalLength {
    fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        Ok(end(bytes)?)
    }

    fn envelope(&self) -> (usize, usize) {
        (HEAD, 0)
    }
}

/// End of the message at the start of `bytes`, once its head is complete. It may lie beyond `bytes`.
///
/// The length counts the bytes of the body. It is parsed like Python's `int()`: white space around it, a sign, and
/// single underscores between digits are allowed.
///
/// # Errors
/// If the head is not a length; the start of the next message is then unknown.
pub fn end(bytes: &[u8]) -> Result<Option<usize>, LengthError> {
    let Some(head) = bytes.first_chunk::<HEAD>() else {
        return Ok(None);
    };
    let text = head.trim_ascii_start();
    // Python counts the vertical tab as white space, `trim_ascii` does not.
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let stop = text
        .iter()
        .rposition(|byte| !is_space(byte))
        .map_or(start, |at| at + 1);
    let (is_negative, digits) = match &text[start..stop] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let mut length: u64 = 0;
    for part in digits.split(|&byte| byte == b'_') {
        if part.is_empty() || !part.iter().all(u8::is_ascii_digit) {
            return Err(LengthError::Malformed);
        }
        length = part
            .iter()
            .fold(length, |length, digit| length * 10 + u64::from(digit - b'0'));
    }
    if is_negative && length > 0 {
        return Err(LengthError::Negative);
    }
    // A length beyond the address space is treated as the largest one: no limit admits either.
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(Some(length.saturating_add(HEAD)))
}

/// Appends `body`, preceded by its length.
///
/// # Errors
/// If the length of the body has more than ten digits; nothing is appended.
pub fn put(output: &mut Vec<u8>, body: &[u8]) -> Result<(), LengthError> {
    let head = format!("{:010}", body.len());
    if head.len() > HEAD {
        return Err(LengthError::TooLong(body.len()));
    }
    output.extend_from_slice(head.as_bytes());
    output.extend_from_slice(body);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in CPython's `int(bytes)`.
    #[test]
    fn reads_lengths_as_python_does() {
        for (head, length) in [
            (&b"0000000020"[..], Ok(Some(30))),
            (b"        20", Ok(Some(30))),
            (b"20        ", Ok(Some(30))),
            (b"\t\n\x0b\x0c\r 20\n ", Ok(Some(30))),
            (b"+0000_0020", Ok(Some(30))),
            (b"9999999999", Ok(Some(10_000_000_009))),
            (b"-000000000", Ok(Some(10))),
            (b"-000000001", Err(LengthError::Negative)),
            (b"00000000xx", Err(LengthError::Malformed)),
            (b"          ", Err(LengthError::Malformed)),
            (b"        + ", Err(LengthError::Malformed)),
            (b"_000000020", Err(LengthError::Malformed)),
            (b"000000020_", Err(LengthError::Malformed)),
            (b"0000__0020", Err(LengthError::Malformed)),
            (b"0000 00020", Err(LengthError::Malformed)),
            (b"+-00000020", Err(LengthError::Malformed)),
            (b"0x00000020", Err(LengthError::Malformed)),
            (b"00000020.0", Err(LengthError::Malformed)),
            (b"000000020\0", Err(LengthError::Malformed)),
            (b"000000020", Ok(None)),
        ] {
            assert_eq!(end(head), length, "{head:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn comes_back(body: Vec<u8>, rest: Vec<u8>) {
            let mut bytes = Vec::new();
            put(&mut bytes, &body).unwrap();
            let message = bytes.len();
            bytes.extend(rest);
            assert_eq!(end(&bytes), Ok(Some(message)));
            assert_eq!(&bytes[HEAD..message], body);
            for cut in 0..HEAD {
                assert_eq!(end(&bytes[..cut]), Ok(None));
            }
        }
    }
}
