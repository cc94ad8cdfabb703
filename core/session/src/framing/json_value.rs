//! Scanner that finds the end of a JSON value in a stream, and the first byte that cannot belong to one.

use super::{FrameError, Framing};

/// Deepest nesting of arrays and objects that is accepted (serde_json's own recursion limit).
pub const MAX_DEPTH: u32 = 127;

/// Result of [`Scanner::scan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a reader has to heed every result")]
pub enum Scan {
    /// More bytes are needed.
    Incomplete,
    /// The value ended after this number of bytes of this call.
    Complete(usize),
    /// The byte at this offset of this call cannot continue a JSON value.
    Malformed(usize),
    /// The byte at this offset of this call is not valid UTF-8 at its position.
    InvalidUtf8(usize),
}

/// Resumable scanner for one JSON value (RFC 8259) with leading white space.
///
/// It examines each byte once and needs no memory of its own, so that a peer that sends byte by byte costs no more
/// than any other. It checks syntax, not meaning: `1e999` passes here and is refused when it is parsed.
#[derive(Clone, Debug)]
pub struct Scanner {
    state: State,
    depth: u32,
    /// One bit per level, the innermost lowest: 1 for an object, 0 for an array.
    objects: u128,
    utf8: Utf8,
}

/// Framing of consecutive JSON values.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// Whether white space before a value is skipped; otherwise it belongs to the value.
    pub skips_space: bool,
    scanner: Scanner,
    scanned: usize,
}

impl Framing for Values {
    fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        let from = self.scanned;
        match self.scanner.scan(&bytes[from.min(bytes.len())..]) {
            Scan::Incomplete => {
                self.scanned = bytes.len();
                Ok(None)
            }
            Scan::Complete(count) => {
                self.scanner = Scanner::new();
                self.scanned = 0;
                Ok(Some(from + count))
            }
            Scan::Malformed(at) => Err(FrameError::Malformed(from + at)),
            Scan::InvalidUtf8(at) => Err(FrameError::InvalidUtf8(from + at)),
        }
    }

    fn gap(&self, bytes: &[u8]) -> usize {
        let is_space = |byte: &&u8| self.skips_space && b" \t\r\n".contains(byte);
        bytes.iter().take_while(is_space).count()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value must follow.
    Value,
    /// `[` was read: a value or `]`.
    FirstItem,
    /// `{` was read: a key or `}`.
    FirstKey,
    /// `,` was read in an object: a key.
    Key,
    /// A key ended: `:`.
    Colon,
    /// A value ended inside a container: `,` or the container's end.
    AfterValue,
    Text {
        key: bool,
    },
    Escape {
        key: bool,
    },
    Hex {
        key: bool,
        left: u8,
    },
    /// Inside `true`, `false` or `null`; the rest of the word.
    Word(&'static [u8]),
    Minus,
    LeadingZero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
    Done,
}

/// Number of missing continuation bytes, and range of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Utf8 {
    left: u8,
    low: u8,
    high: u8,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// Creates a scanner at the start of a value.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: State::Value,
            depth: 0,
            objects: 0,
            utf8: Utf8 {
                left: 0,
                low: 0,
                high: 0,
            },
        }
    }

    /// Scans more bytes. After [`Scan::Complete`] or an error the scanner must not be used again.
    pub fn scan(&mut self, bytes: &[u8]) -> Scan {
        for (offset, &byte) in bytes.iter().enumerate() {
            if byte >= 0x80 || self.utf8.left > 0 {
                if !self.utf8.push(byte) {
                    return Scan::InvalidUtf8(offset);
                }
                if matches!(self.state, State::Text { .. }) {
                    continue;
                }
                return Scan::Malformed(offset);
            }
            match self.push(byte) {
                Step::On => {}
                Step::End => return Scan::Complete(offset + 1),
                Step::EndBefore => return Scan::Complete(offset),
                Step::Bad => return Scan::Malformed(offset),
            }
        }
        Scan::Incomplete
    }

    /// Whether the bytes so far form a complete value at the end of the stream, which is only possible for a number.
    #[must_use]
    pub fn is_complete_at_end(&self) -> bool {
        let number_ended = matches!(
            self.state,
            State::LeadingZero | State::Integer | State::Fraction | State::ExponentDigits
        );
        self.state == State::Done || (self.depth == 0 && number_ended)
    }

    /// Whether only white space was read.
    #[must_use]
    pub fn is_at_start(&self) -> bool {
        self.depth == 0 && self.state == State::Value
    }

    fn push(&mut self, byte: u8) -> Step {
        let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        match self.state {
            State::Value
            | State::FirstItem
            | State::FirstKey
            | State::Key
            | State::Colon
            | State::AfterValue
                if is_space => {}
            State::FirstItem if byte == b']' => return self.leave(),
            State::Value | State::FirstItem => return self.start_value(byte),
            State::FirstKey if byte == b'}' => return self.leave(),
            State::FirstKey | State::Key if byte == b'"' => self.state = State::Text { key: true },
            State::Colon if byte == b':' => self.state = State::Value,
            State::AfterValue => return self.after_value(byte),
            State::Text { key } => match byte {
                b'"' if key => self.state = State::Colon,
                b'"' => return self.end_value(),
                b'\\' => self.state = State::Escape { key },
                0..0x20 => return Step::Bad,
                _ => {}
            },
            State::Escape { key } => match byte {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.state = State::Text { key },
                b'u' => self.state = State::Hex { key, left: 4 },
                _ => return Step::Bad,
            },
            State::Hex { key, left } if byte.is_ascii_hexdigit() => {
                self.state = if left == 1 {
                    State::Text { key }
                } else {
                    State::Hex { key, left: left - 1 }
                };
            }
            State::Word(rest) => {
                if rest.first() != Some(&byte) {
                    return Step::Bad;
                }
                if rest.len() == 1 {
                    return self.end_value();
                }
                self.state = State::Word(&rest[1..]);
            }
            State::Minus
            | State::LeadingZero
            | State::Integer
            | State::Point
            | State::Fraction
            | State::Exponent
            | State::ExponentSign
            | State::ExponentDigits => return self.number(byte),
            _ => return Step::Bad,
        }
        Step::On
    }

    fn start_value(&mut self, byte: u8) -> Step {
        self.state = match byte {
            b'"' => State::Text { key: false },
            b'{' | b'[' => {
                if self.depth == MAX_DEPTH {
                    return Step::Bad;
                }
                self.depth += 1;
                self.objects = (self.objects << 1) | u128::from(byte == b'{');
                if byte == b'{' {
                    State::FirstKey
                } else {
                    State::FirstItem
                }
            }
            b't' => State::Word(b"rue"),
            b'f' => State::Word(b"alse"),
            b'n' => State::Word(b"ull"),
            b'-' => State::Minus,
            b'0' => State::LeadingZero,
            b'1'..=b'9' => State::Integer,
            _ => return Step::Bad,
        };
        Step::On
    }

    fn number(&mut self, byte: u8) -> Step {
        let next = match (self.state, byte) {
            (State::Minus, b'0') => State::LeadingZero,
            (State::Minus, b'1'..=b'9') => State::Integer,
            (State::Integer, b'0'..=b'9') => State::Integer,
            (State::LeadingZero | State::Integer, b'.') => State::Point,
            (State::Point | State::Fraction, b'0'..=b'9') => State::Fraction,
            (State::LeadingZero | State::Integer | State::Fraction, b'e' | b'E') => State::Exponent,
            (State::Exponent, b'+' | b'-') => State::ExponentSign,
            (State::Exponent | State::ExponentSign | State::ExponentDigits, b'0'..=b'9') => {
                State::ExponentDigits
            }
            (State::Minus | State::Point | State::Exponent | State::ExponentSign, _) => return Step::Bad,
            // `01` is an error, not the value 0 followed by 1.
            (State::LeadingZero, b'0'..=b'9') => return Step::Bad,
            _ if self.depth == 0 => {
                self.state = State::Done;
                return Step::EndBefore;
            }
            _ => {
                self.state = State::AfterValue;
                return self.push(byte);
            }
        };
        self.state = next;
        Step::On
    }

    fn after_value(&mut self, byte: u8) -> Step {
        let in_object = self.objects & 1 == 1;
        match byte {
            b',' => self.state = if in_object { State::Key } else { State::Value },
            b'}' if in_object => return self.leave(),
            b']' if !in_object => return self.leave(),
            _ => return Step::Bad,
        }
        Step::On
    }

    fn leave(&mut self) -> Step {
        self.depth -= 1;
        self.objects >>= 1;
        self.end_value()
    }

    fn end_value(&mut self) -> Step {
        if self.depth == 0 {
            self.state = State::Done;
            Step::End
        } else {
            self.state = State::AfterValue;
            Step::On
        }
    }
}

enum Step {
    On,
    /// The value ends with this byte.
    End,
    /// The value ended before this byte.
    EndBefore,
    Bad,
}

impl Utf8 {
    /// Takes the next byte. Returns false if it is not valid here (Unicode, table 3-7).
    fn push(&mut self, byte: u8) -> bool {
        if self.left > 0 {
            let fits = (self.low..=self.high).contains(&byte);
            *self = Self {
                left: self.left - 1,
                low: 0x80,
                high: 0xbf,
            };
            return fits;
        }
        let (left, low, high) = match byte {
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            _ => return false,
        };
        *self = Self { left, low, high };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn scan(text: &[u8]) -> Scan {
        Scanner::new().scan(text)
    }

    #[test]
    fn finds_the_end() {
        assert_eq!(
            scan(b" {\"a\": [1, -2.5e-3, \"}\\\"\\u00b5\"], \"b\": {}}{"),
            Scan::Complete(42)
        );
        assert_eq!(scan(b"12 "), Scan::Complete(2));
        assert_eq!(scan(b"true"), Scan::Complete(4));
        assert_eq!(scan(b"{\"Ping\": 1"), Scan::Incomplete);
        assert_eq!(scan(" {\"µ\": \"✓😀\"}".as_bytes()), Scan::Complete(18));
    }

    #[test]
    fn finds_the_first_offending_byte() {
        for (text, offset) in [
            (&b"garbage"[..], 0),
            (b"[nan]", 2),
            (b"{,", 1),
            (b"[1,]", 3),
            (b"[01]", 2),
            (b"{\"a\" 1}", 5),
            (b"\"\n\"", 1),
            (b"[1}", 2),
            ("µ".as_bytes(), 0),
        ] {
            assert_eq!(scan(text), Scan::Malformed(offset), "{text:?}");
        }
        assert_eq!(scan(b"\"\xff\""), Scan::InvalidUtf8(1));
        assert_eq!(scan(b"\"\xc3\""), Scan::InvalidUtf8(2));
        assert_eq!(scan(b"\xff"), Scan::InvalidUtf8(0));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = [b'['; 100_000];
        assert_eq!(scan(&deep), Scan::Malformed(MAX_DEPTH as usize));
        assert!(
            serde_json::from_slice::<serde_json::Value>(&[b'['; 127])
                .unwrap_err()
                .is_eof()
        );
    }

    proptest::proptest! {
        /// Compared with serde_json: the same texts are values, incomplete, or malformed, however they are split.
        #[test]
        fn agrees_with_serde_json(
            tokens in proptest::collection::vec(
                proptest::sample::select(std::vec![
                    "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "1", "0", "-", ".", "e", "+", "true", "nul", " ",
                    "\\u00", "µ", "\\n", "\n", "\t",
                ]),
                0..12,
            ),
            cut in 0usize..40,
        ) {
            let text: Vec<u8> = tokens.concat().into_bytes();
            let cut = cut.min(text.len());
            let mut scanner = Scanner::new();
            let found = match scanner.scan(&text[..cut]) {
                Scan::Incomplete => match scanner.scan(&text[cut..]) {
                    Scan::Complete(end) => Scan::Complete(end + cut),
                    Scan::Malformed(at) => Scan::Malformed(at + cut),
                    other => other,
                },
                other => other,
            };
            let parse = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes);
            match found {
                Scan::Complete(end) => {
                    assert!(parse(&text[..end]).is_ok());
                    // No prefix is a value, except of a number, which only ends when something follows it.
                    let earlier = text[..end - 1].trim_ascii();
                    let is_number = earlier.first().is_some_and(|byte| matches!(byte, b'-' | b'0'..=b'9'));
                    assert!(is_number || parse(earlier).is_err());
                }
                Scan::Incomplete if scanner.is_complete_at_end() => assert!(parse(&text).is_ok()),
                Scan::Incomplete => assert!(parse(&text).unwrap_err().is_eof()),
                Scan::Malformed(at) => {
                    assert!(parse(&text[..=at]).is_err());
                    assert!(at == 0 || parse(&text[..at]).map_or_else(|error| error.is_eof(), |_| true));
                }
                Scan::InvalidUtf8(_) => panic!("the text is UTF-8"),
            }
        }
    }
}
