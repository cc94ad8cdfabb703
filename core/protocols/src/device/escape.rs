//! Bytes as text: reads the output of the standard library's `escape_ascii`.

use alloc::string::String;
use alloc::vec::Vec;

/// Bytes that `text` stands for: `
/// `, `\r`, `\t`, `\0`, `\\`, `\"`, `\'`, `\x1b`; everything else stands for itself.
///
/// # Errors
/// The first invalid escape.
pub fn unescape(text: &str) -> Result<Vec<u8>, EscapeError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at + 1..];
        let error = || EscapeError(rest[at..].chars().take(4).collect());
        let (byte, length) = match escape.as_bytes().first() {
            Some(b'n') => (b'\n', 1),
            Some(b'r') => (b'\r', 1),
            Some(b't') => (b'\t', 1),
            Some(b'0') => (0, 1),
            Some(byte @ (b'\\' | b'"' | b'\'')) => (*byte, 1),
            Some(b'x') => {
                let digits = escape.get(1..3).filter(|digits| !digits.starts_with('+'));
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                (byte.ok_or_else(error)?, 3)
            }
            _ => return Err(error()),
        };
        bytes.push(byte);
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// Invalid escape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an escape; expected one of \\n \\r \\t \\0 \\\\ \\\" \\' \\x1b")]
pub struct EscapeError(String);

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn reads_what_is_printed() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unescape(&all.escape_ascii().to_string()), Ok(all));
        assert_eq!(unescape("°\\0C").unwrap(), "°\0C".as_bytes());
    }

    #[test]
    fn names_what_is_no_escape() {
        for (text, escape) in [
            ("a\\", "\\"),
            ("\\q", "\\q"),
            ("\\x+1", "\\x+1"),
            ("\\x1", "\\x1"),
            ("\\xµµ", "\\xµµ"),
        ] {
            assert_eq!(unescape(text), Err(EscapeError(escape.into())));
        }
    }
}
