//! `json.loads` with limits: accepts the same texts, and refuses the others with the same words and
//! positions.

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::Text;
use super::value::{BigInt, Object, Value};

/// Longest integer, in digits: Python's own limit (`sys.set_int_max_str_digits`).
pub const MAX_INT_DIGITS: usize = 4300;

/// Limits on the memory that a text may take once decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[expect(clippy::exhaustive_structs, reason = "both bounds are the whole of it")]
pub struct Limits {
    /// `json-depth`: deepest nesting of lists and objects. A deeper text is refused. Default 1000, Python's
    /// own recursion limit.
    #[serde(rename = "json-depth")]
    pub depth: usize,
    /// `json-values`: largest number of values in one text, keys included. A text with more is refused. A
    /// value takes 32 bytes in memory and as few as two in a text, so this limit bounds the memory, not the
    /// message's length. Default 2,097,152.
    #[serde(rename = "json-values")]
    pub values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 1000,
            values: 2 << 20,
        }
    }
}

/// Reason why a text is not JSON, in the words of Python's `JSONDecodeError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value is missing.
    #[error("Expecting value")]
    Value,
    /// A key is missing.
    #[error("Expecting property name enclosed in double quotes")]
    Key,
    /// The colon after a key is missing.
    #[error("Expecting ':' delimiter")]
    Colon,
    /// A value is followed by neither a comma nor the container's end.
    #[error("Expecting ',' delimiter")]
    Comma,
    /// The value is followed by more text.
    #[error("Extra data")]
    ExtraData,
    /// The text ends inside a string; the position is the string's start.
    #[error("Unterminated string starting at")]
    UnterminatedString,
    /// A string contains a character below 0x20.
    #[error("Invalid control character at")]
    ControlCharacter,
    /// A backslash is followed by an unknown escape character.
    #[error("Invalid \\escape")]
    Escape,
    /// `\u` is not followed by four hexadecimal digits.
    #[error("Invalid \\uXXXX escape")]
    UnicodeEscape,
    /// The text starts with a byte-order mark.
    #[error("Unexpected UTF-8 BOM (decode using utf-8-sig)")]
    ByteOrderMark,
    /// The text is not UTF-8; the position is the first invalid byte.
    #[error("Invalid UTF-8")]
    Utf8,
    /// The text is in UTF-16.
    #[error("Not UTF-8, but UTF-16")]
    Utf16,
    /// An integer has more than [`MAX_INT_DIGITS`] digits.
    #[error("Exceeds the limit (4300 digits) for integer string conversion")]
    IntDigits,
    /// The nesting exceeds [`Limits::depth`].
    #[error("Exceeds the limit json-depth")]
    Depth,
    /// The number of values exceeds [`Limits::values`].
    #[error("Exceeds the limit json-values")]
    Values,
}

/// Error of a text that is not JSON, with its position. Displayed as in Python: `Expecting value: line 1
/// column 13 (char 12)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseError {
    /// Reason.
    pub kind: ErrorKind,
    /// Line, from 1.
    pub line: usize,
    /// Column in code points, from 1.
    pub column: usize,
    /// Position in code points, from 0.
    pub position: usize,
}

impl ParseError {
    fn new(kind: ErrorKind, text_before: &str) -> Self {
        let line_start = text_before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            kind,
            line: 1 + text_before.matches('\n').count(),
            column: 1 + text_before[line_start..].chars().count(),
            position: text_before.chars().count(),
        }
    }
}

impl core::error::Error for ParseError {}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            line,
            column,
            position,
        } = self;
        write!(formatter, "{kind}: line {line} column {column} (char {position})")
    }
}

/// Parses one JSON text, which may be surrounded by white space only.
///
/// # Errors
/// A [`ParseError`] with the position; no input causes a panic or recursion.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value, ParseError> {
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=255, ..] | [1..=255, 0, ..] = bytes {
        return Err(ParseError::new(ErrorKind::Utf16, ""));
    }
    let (text, is_utf8) = match core::str::from_utf8(bytes) {
        Ok(text) => (text, true),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            (core::str::from_utf8(valid).unwrap_or_default(), false)
        }
    };
    if !is_utf8 {
        return Err(ParseError::new(ErrorKind::Utf8, text));
    }
    let mut parser = Parser {
        text,
        at: 0,
        values_left: limits.values,
        depth: limits.depth,
    };
    parser
        .document()
        .map_err(|(kind, at)| ParseError::new(kind, text.get(..at).unwrap_or(text)))
}

/// Reason and byte position.
type Fault = (ErrorKind, usize);

struct Parser<'a> {
    text: &'a str,
    at: usize,
    values_left: usize,
    depth: usize,
}

/// Container being read.
enum Open {
    List(Vec<Value>),
    Object { entries: Vec<(Text, Value)>, key: Text },
}

enum Start {
    Complete(Value),
    Open(Open),
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Value, Fault> {
        if self.text.starts_with('\u{feff}') {
            return Err((ErrorKind::ByteOrderMark, 0));
        }
        self.skip_space();
        let mut stack = Vec::new();
        loop {
            let mut value = match self.start_value(stack.len())? {
                Start::Complete(value) => value,
                Start::Open(open) => {
                    stack.push(open);
                    continue;
                }
            };
            loop {
                self.skip_space();
                let Some(open) = stack.pop() else {
                    return match self.peek() {
                        None => Ok(value),
                        Some(_) => Err((ErrorKind::ExtraData, self.at)),
                    };
                };
                match self.add(open, value)? {
                    Start::Complete(container) => value = container,
                    Start::Open(open) => {
                        stack.push(open);
                        break;
                    }
                }
            }
        }
    }

    /// Adds a value to its container and reads the comma or the end that follows.
    fn add(&mut self, open: Open, value: Value) -> Result<Start, Fault> {
        let delimiter = self.peek();
        let delimiter_at = self.at;
        self.at += 1;
        match open {
            Open::List(mut items) => {
                items.push(value);
                match delimiter {
                    Some(b',') => {
                        self.skip_space();
                        Ok(Start::Open(Open::List(items)))
                    }
                    Some(b']') => Ok(Start::Complete(Value::List(items))),
                    _ => Err((ErrorKind::Comma, delimiter_at)),
                }
            }
            Open::Object { mut entries, key } => {
                entries.push((key, value));
                match delimiter {
                    Some(b',') => {
                        self.skip_space();
                        let key = self.key()?;
                        Ok(Start::Open(Open::Object { entries, key }))
                    }
                    Some(b'}') => Ok(Start::Complete(Value::Object(entries.into_iter().collect()))),
                    _ => Err((ErrorKind::Comma, delimiter_at)),
                }
            }
        }
    }

    /// Reads a scalar, an empty container, or the start of a container up to its first value.
    fn start_value(&mut self, depth: usize) -> Result<Start, Fault> {
        self.count_value()?;
        let start = self.at;
        let Some(byte) = self.peek() else {
            return Err((ErrorKind::Value, start));
        };
        if matches!(byte, b'[' | b'{') {
            if depth >= self.depth {
                return Err((ErrorKind::Depth, start));
            }
            self.at += 1;
            self.skip_space();
        }
        match byte {
            b'"' => self.string().map(Value::Text).map(Start::Complete),
            b'[' if self.peek() == Some(b']') => {
                self.at += 1;
                Ok(Start::Complete(Value::List(Vec::new())))
            }
            b'[' => Ok(Start::Open(Open::List(Vec::new()))),
            b'{' if self.peek() == Some(b'}') => {
                self.at += 1;
                Ok(Start::Complete(Value::Object(Object::new())))
            }
            b'{' => {
                let key = self.key()?;
                Ok(Start::Open(Open::Object {
                    entries: Vec::new(),
                    key,
                }))
            }
            b'0'..=b'9' => self.number().map(Start::Complete),
            _ => match self.word() {
                Some(value) => Ok(Start::Complete(value)),
                None => self.number().map(Start::Complete),
            },
        }
    }

    /// Reads `"key" :` and the white space after it.
    fn key(&mut self) -> Result<Text, Fault> {
        self.count_value()?;
        if self.peek() != Some(b'"') {
            return Err((ErrorKind::Key, self.at));
        }
        let key = self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err((ErrorKind::Colon, self.at));
        }
        self.at += 1;
        self.skip_space();
        Ok(key)
    }

    fn word(&mut self) -> Option<Value> {
        let words = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ];
        let rest = self.rest();
        let (word, value) = words.into_iter().find(|(word, _)| rest.starts_with(word))?;
        self.at += word.len();
        Some(value)
    }

    /// Reads the longest prefix that is a number: of `01` only `0`; the caller refuses the rest.
    fn number(&mut self) -> Result<Value, Fault> {
        let start = self.at;
        let bytes = self.rest().as_bytes();
        let digits_from = |from: usize| {
            let rest = bytes.get(from..).unwrap_or_default();
            rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let sign = usize::from(bytes.first() == Some(&b'-'));
        let whole = match bytes.get(sign) {
            Some(b'0') => 1,
            _ => digits_from(sign),
        };
        if whole == 0 {
            return Err((ErrorKind::Value, start));
        }
        let integer_end = sign + whole;
        let mut end = integer_end;
        if bytes.get(end) == Some(&b'.') && digits_from(end + 1) > 0 {
            end += 1 + digits_from(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let digits = digits_from(end + 1 + sign);
            if digits > 0 {
                end += 1 + sign + digits;
            }
        }
        let text = &self.text[start..start + end];
        self.at += end;
        if end > integer_end {
            return text
                .parse()
                .map(Value::Float)
                .map_err(|_| (ErrorKind::Value, start));
        }
        if whole > MAX_INT_DIGITS {
            return Err((ErrorKind::IntDigits, start));
        }
        Ok(match text.parse() {
            Ok(integer) => Value::Int(integer),
            Err(_) => Value::BigInt(BigInt::new(text)),
        })
    }

    /// Reads a string, from its opening to its closing quote.
    fn string(&mut self) -> Result<Text, Fault> {
        let start = self.at;
        let mut text = Text::default();
        self.at += 1;
        loop {
            let rest = self.rest();
            let plain = rest
                .bytes()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))
                .unwrap_or(rest.len());
            text.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                None => return Err((ErrorKind::UnterminatedString, start)),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape(start)?),
                Some(_) => return Err((ErrorKind::ControlCharacter, self.at)),
            }
        }
    }

    /// Reads an escape from its backslash on; a surrogate pair gives one code point.
    fn escape(&mut self, string_start: usize) -> Result<u32, Fault> {
        let plain = match self.text.as_bytes().get(self.at + 1) {
            None => return Err((ErrorKind::UnterminatedString, string_start)),
            Some(b'u') => None,
            Some(b'b') => Some(0x8),
            Some(b'f') => Some(0xc),
            Some(b'n') => Some(0xa),
            Some(b'r') => Some(0xd),
            Some(b't') => Some(0x9),
            Some(&byte @ (b'"' | b'\\' | b'/')) => Some(u32::from(byte)),
            Some(_) => return Err((ErrorKind::Escape, self.at)),
        };
        if let Some(character) = plain {
            self.at += 2;
            return Ok(character);
        }
        let high = self.hex(self.at).ok_or((ErrorKind::UnicodeEscape, self.at + 1))?;
        self.at += 6;
        if matches!(high, 0xd800..0xdc00)
            && let Some(low @ 0xdc00..0xe000) = self.hex(self.at)
        {
            self.at += 6;
            return Ok(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
        }
        Ok(high)
    }

    /// Code unit of `\uXXXX` at byte `at`; like CPython, requires at least one more byte after it.
    fn hex(&self, at: usize) -> Option<u32> {
        let escape = self.text.as_bytes().get(at..at + 7)?;
        let digits = escape[..6].strip_prefix(b"\\u")?;
        digits
            .iter()
            .try_fold(0, |unit, &byte| Some(unit << 4 | char::from(byte).to_digit(16)?))
    }

    fn count_value(&mut self) -> Result<(), Fault> {
        self.values_left = self
            .values_left
            .checked_sub(1)
            .ok_or((ErrorKind::Values, self.at))?;
        Ok(())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::dumps;
    use super::*;
    use std::string::{String, ToString};
    use std::vec;

    fn refusal(text: &[u8]) -> String {
        parse(text, &Limits::default()).unwrap_err().to_string()
    }

    /// Messages of CPython 3.11 for the same texts.
    #[test]
    fn refuses_in_the_words_of_python() {
        for (text, words) in [
            (&b""[..], "Expecting value: line 1 column 1 (char 0)"),
            (b"{\"command\": ", "Expecting value: line 1 column 13 (char 12)"),
            (b"[1,\n 2,]", "Expecting value: line 2 column 4 (char 7)"),
            (b"01", "Extra data: line 1 column 2 (char 1)"),
            (b"-", "Expecting value: line 1 column 1 (char 0)"),
            (b"[1.e5]", "Expecting ',' delimiter: line 1 column 3 (char 2)"),
            (
                b"{1: 2}",
                "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
            ),
            (b"{\"a\" 2}", "Expecting ':' delimiter: line 1 column 6 (char 5)"),
            (b"{\"a\": 2]", "Expecting ',' delimiter: line 1 column 8 (char 7)"),
            (b"{\"a\": 2", "Expecting ',' delimiter: line 1 column 8 (char 7)"),
            (
                b"\"\xc2\xb5",
                "Unterminated string starting at: line 1 column 1 (char 0)",
            ),
            (
                b"\"\xc2\xb5\n\"",
                "Invalid control character at: line 1 column 3 (char 2)",
            ),
            (b"\"C:\\temp\\x\"", "Invalid \\escape: line 1 column 9 (char 8)"),
            (b"\"\\u00g0\"", "Invalid \\uXXXX escape: line 1 column 3 (char 2)"),
            (b"\"\\u00b5", "Invalid \\uXXXX escape: line 1 column 3 (char 2)"),
            (
                b"\xef\xbb\xbf{}",
                "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)",
            ),
            (b"{\"a\": \"\xff\"}", "Invalid UTF-8: line 1 column 8 (char 7)"),
        ] {
            assert_eq!(refusal(text), words, "{:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn bounds_hold() {
        let nested = |depth| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(parse(&nested(1000), &Limits::default()).is_ok());
        assert_eq!(
            parse(&nested(100_000), &Limits::default()).unwrap_err().kind,
            ErrorKind::Depth
        );
        let objects = b"{\"a\":".repeat(100_000);
        assert_eq!(
            parse(&objects, &Limits::default()).unwrap_err().kind,
            ErrorKind::Depth
        );
        let limits = Limits {
            values: 5,
            ..Limits::default()
        };
        assert!(parse(b"[1,2,3,4]", &limits).is_ok());
        assert_eq!(
            parse(b"[1,2,3,4,5]", &limits).unwrap_err().kind,
            ErrorKind::Values
        );
        assert_eq!(
            parse(b"{\"a\":1,\"b\":2,\"c\":3}", &limits).unwrap_err().kind,
            ErrorKind::Values
        );
        assert!(parse(&[b'7'; 4300], &Limits::default()).is_ok());
        assert_eq!(
            parse(&[b'7'; 4301], &Limits::default()).unwrap_err().kind,
            ErrorKind::IntDigits
        );
    }

    #[test]
    fn keeps_what_python_keeps() {
        let value = |text: &str| parse(text.as_bytes(), &Limits::default()).unwrap();
        assert_ne!(value("1"), value("1.0"));
        assert_eq!(value(" \t\r\n1 "), Value::Int(1));
        assert_eq!(value("-0"), Value::Int(0));
        assert_eq!(
            value("9223372036854775808").as_f64(),
            Some(9_223_372_036_854_775_808.0)
        );
        assert_eq!(value(r#""\ud83d\ude00\u00b5\/""#), Value::from("😀µ/"));
        assert_eq!(
            dumps(&value(r#"["\ude00\ud83d", "\ud83d\u0041"]"#)),
            r#"["\ude00\ud83d", "\ud83dA"]"#
        );
        assert_eq!(
            dumps(&value(r#"{"b": 1, "a": 2, "b": 3}"#)),
            r#"{"b": 3, "a": 2}"#
        );
    }

    proptest::proptest! {
        /// Every accepted text is written and read back as the same value; a truncated text is never
        /// accepted as something else.
        #[test]
        fn what_is_written_is_read_again(
            tokens in proptest::collection::vec(
                proptest::sample::select(vec![
                    "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "1", "-", ".", "e5", "NaN", "-Infinity", "null", " ",
                    "\\u00b5", "\\ud83d", "\\ude00", "µ", "😀", "\n",
                ]),
                0..10,
            ),
            garbage: Vec<u8>,
        ) {
            let text = tokens.concat();
            let _ = parse(&garbage, &Limits::default());
            for text in [text.clone(), std::format!("[{text}]"), std::format!("{{\"k\": [\"{text}\"]}}")] {
                let Ok(value) = parse(text.as_bytes(), &Limits::default()) else {
                    continue;
                };
                let written = dumps(&value);
                let again = parse(written.as_bytes(), &Limits::default()).unwrap();
                assert_eq!(dumps(&again), written);
                if matches!(value, Value::List(_) | Value::Object(_) | Value::Text(_)) {
                    for cut in 0..written.len() {
                        assert!(parse(&written.as_bytes()[..cut], &Limits::default()).is_err());
                    }
                }
            }
        }
    }
}
