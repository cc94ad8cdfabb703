//! Python's `str`: Unicode text that may hold lone surrogates.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Python `str`. Almost always ordinary text, see [`Text::as_str`]; but `json.loads` accepts `"\ud800"`, and
/// text that was read must be written unchanged.
///
/// Stored as generalised UTF-8, with lone surrogates as the three bytes that UTF-8 forbids.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Vec<u8>);

impl Text {
    /// The text, unless it holds a lone surrogate.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok()
    }

    /// Code points, including surrogates (0xd800..0xe000).
    pub fn code_points(&self) -> impl Iterator<Item = u32> + '_ {
        // Split at the surrogates (0xed followed by at least 0xa0); the text between them is UTF-8.
        let mut rest = self.0.as_slice();
        core::iter::from_fn(move || {
            let (&first, _) = rest.split_first()?;
            let length = match first {
                0..0x80 => 1,
                0x80..0xe0 => 2,
                0xe0..0xf0 => 3,
                _ => 4,
            };
            let (character, after) = rest.split_at_checked(length)?;
            rest = after;
            let low_bits = character[1..]
                .iter()
                .fold(0, |bits, byte| bits << 6 | u32::from(byte & 0x3f));
            let high_bits = match length {
                1 => u32::from(first),
                _ => u32::from(first & (0x7f >> length)) << (6 * (length - 1)),
            };
            Some(high_bits | low_bits)
        })
    }

    /// Whether `part` occurs in the text (Python's `part in text`).
    #[must_use]
    pub fn contains(&self, part: &str) -> bool {
        part.is_empty() || self.0.windows(part.len()).any(|window| window == part.as_bytes())
    }

    /// Appends a code point, which may be a surrogate; values above 0x10ffff are ignored.
    pub(super) fn push(&mut self, code_point: u32) {
        match char::from_u32(code_point) {
            Some(character) => self.push_str(character.encode_utf8(&mut [0; 4])),
            None if code_point <= 0xffff => self.0.extend([
                0xed,
                0x80 | (code_point >> 6 & 0x3f) as u8,
                0x80 | (code_point & 0x3f) as u8,
            ]),
            None => {}
        }
    }

    pub(super) fn push_str(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

/// Lone surrogates are displayed as JSON escapes.
impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        if let Some(text) = self.as_str() {
            return formatter.write_str(text);
        }
        for code_point in self.code_points() {
            match char::from_u32(code_point) {
                Some(character) => formatter.write_char(character)?,
                None => write!(formatter, "\\u{code_point:04x}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn code_points_come_back() {
        let mut text = Text::from("aµ✓😀");
        let plain: Vec<u32> = "aµ✓😀".chars().map(u32::from).collect();
        assert!(text.code_points().eq(plain.iter().copied()));
        assert_eq!(text.as_str(), Some("aµ✓😀"));
        text.push(0xd83d);
        text.push(0x41);
        assert!(text.code_points().eq(plain.into_iter().chain([0xd83d, 0x41])));
        assert_eq!(text.as_str(), None);
        assert_eq!(text.to_string(), "aµ✓😀\\ud83dA");
        assert!(text.contains("✓😀") && !text.contains("b") && text.contains(""));
    }
}
