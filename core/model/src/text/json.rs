//! JSON values with their positions in the text, so that errors can point at them.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::Fault;

/// Value and its byte position in the text.
#[derive(Debug)]
#[non_exhaustive]
pub struct Json<'a> {
    /// Byte of the text at which the value starts.
    pub at: usize,
    /// Text of the value, as written.
    pub raw: &'a str,
    /// The value.
    pub value: JsonValue<'a>,
}

/// JSON value; strings borrow from the text where nothing is escaped.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "JSON has no other values")]
pub enum JsonValue<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number(f64),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object, in the order of the text.
    Object(Vec<(Json<'a>, Json<'a>)>),
}

/// Deepest nesting of lists and objects.
const MAX_DEPTH: usize = 24;

/// Parses a text. The fault carries the position in it.
pub(super) fn parse(text: &str) -> Result<Json<'_>, Fault> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| fault(text, 0, &error))?;
    read(text, raw.get(), MAX_DEPTH)
}

impl<'a> Json<'a> {
    /// Kind of the value, for error messages.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self.value {
            JsonValue::Null => "null",
            JsonValue::Bool => "true or false",
            JsonValue::Number(_) => "a number",
            JsonValue::Text(_) => "a string",
            JsonValue::List(_) => "a list",
            JsonValue::Object(_) => "an object",
        }
    }

    /// Content of a string, or a number as written.
    #[must_use]
    pub fn expression(&self) -> Option<&str> {
        match &self.value {
            JsonValue::Text(text) => Some(text),
            JsonValue::Number(_) => Some(self.raw),
            _ => None,
        }
    }

    /// Position in the file of a byte of [`expression`](Self::expression).
    #[must_use]
    pub fn place_of(&self, offset: usize) -> usize {
        if !matches!(self.value, JsonValue::Text(_)) {
            return self.at + offset;
        }
        let mut decoded = 0;
        let mut place = 1;
        while decoded < offset && place < self.raw.len() {
            let (from, to) = unit(&self.raw[place..]);
            place += from;
            decoded += to;
        }
        self.at + place
    }
}

/// Length in bytes of the first character of a JSON string, as written and once decoded.
fn unit(raw: &str) -> (usize, usize) {
    let code = |at: usize| {
        raw.get(at..at + 4)
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
    };
    match raw.as_bytes() {
        [b'\\', b'u', ..] => match code(2) {
            Some(0xD800..=0xDFFF) => (12, 4),
            Some(code) => (6, char::from_u32(code).map_or(1, char::len_utf8)),
            None => (2, 1),
        },
        [b'\\', ..] => (2, 1),
        _ => {
            let len = raw.chars().next().map_or(1, char::len_utf8);
            (len, len)
        }
    }
}

fn read<'a>(text: &'a str, raw: &'a str, depth: usize) -> Result<Json<'a>, Fault> {
    // `raw` is a part of `text`: serde_json's raw values borrow from their input.
    let at = raw.as_ptr().addr() - text.as_ptr().addr();
    let fail = |error: serde_json::Error| fault(text, at, &error);
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Fault::new(at, "nested too deeply".into()));
    };
    let value = match raw.as_bytes().first() {
        Some(b'n') => JsonValue::Null,
        Some(b't' | b'f') => JsonValue::Bool,
        Some(b'"') => JsonValue::Text(serde_json::from_str::<Text<'a>>(raw).map_err(fail)?.0),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw).map_err(fail)?;
            let items = items.into_iter().map(|item| read(text, item.get(), depth));
            JsonValue::List(items.collect::<Result<_, _>>()?)
        }
        Some(b'{') => {
            let entries: Entries<'a> = serde_json::from_str(raw).map_err(fail)?;
            let mut object = Vec::with_capacity(entries.0.len());
            for (key, value) in entries.0 {
                object.push((read(text, key.get(), depth + 1)?, read(text, value.get(), depth)?));
            }
            JsonValue::Object(object)
        }
        _ => JsonValue::Number(serde_json::from_str(raw).map_err(fail)?),
    };
    Ok(Json { at, raw, value })
}

/// String that is borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(String::from(text))))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// Keys and values of an object, in the order of the text, duplicates included.
struct Entries<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// Error of serde_json as a fault, relative to the part of `text` that begins at `start`.
fn fault(text: &str, start: usize, error: &serde_json::Error) -> Fault {
    let part = &text[start..];
    let lines_before = error.line().saturating_sub(1);
    let line_start: usize = part.split_inclusive('\n').take(lines_before).map(str::len).sum();
    let message = alloc::format!("{error}");
    let message = message.split(" at line ").next().unwrap_or_default();
    let place = start + line_start + error.column().saturating_sub(1);
    if error.is_eof() {
        return cut_off(text, message);
    }
    in_words(text, place).unwrap_or_else(|| Fault::new(place, String::from(message)))
}

/// Fault at the end of a text that ends too early.
fn cut_off(text: &str, message: &str) -> Fault {
    let end = text.trim_end().len();
    if end == 0 {
        return Fault::new(0, "the text is empty".into());
    }
    let what = message.strip_prefix("EOF while parsing ").unwrap_or("a value");
    let fault = Fault::new(end, alloc::format!("the text ends inside of {what}"));
    match what {
        "an object" => fault.help("a `}` is missing".into()),
        "a list" => fault.help("a `]` is missing".into()),
        "a string" => fault.help("a `\"` is missing".into()),
        _ => fault,
    }
}

/// Fault at `place` for what other dialects allow and JSON does not: comments, a comma after the last item, single quotes.
fn in_words(text: &str, place: usize) -> Option<Fault> {
    let (before, rest) = text.split_at_checked(place)?;
    let before = before.trim_end();
    let (at, message, help) = if let Some(comma) = before.strip_suffix(',')
        && rest.trim_start().starts_with(['}', ']'])
    {
        let message = "a comma after the last item is not allowed in JSON";
        (comma.len(), message, "remove this comma")
    } else if ["//", "/*", "#"].iter().any(|start| rest.starts_with(start)) {
        (place, "a comment is not allowed in JSON", "remove it")
    } else if rest.starts_with('\'') {
        let message = "single quotes are not allowed in JSON";
        (place, message, "write strings and keys in double quotes")
    } else {
        return None;
    };
    Some(Fault::new(at, message.into()).help(help.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_places() {
        let text = " {\"a\" : [1, \"x\\u00e9\\ud83d\\ude00y\"]}";
        let json = parse(text).unwrap();
        let JsonValue::Object(entries) = &json.value else {
            panic!("{json:?}");
        };
        let (key, value) = &entries[0];
        assert_eq!((key.at, key.expression()), (2, Some("a")));
        let JsonValue::List(items) = &value.value else {
            panic!("{value:?}");
        };
        assert_eq!(items[0].expression(), Some("1"));
        let string = &items[1];
        assert_eq!(string.expression(), Some("x\u{e9}\u{1f600}y"));
        let place = string.place_of("x\u{e9}\u{1f600}".len());
        assert_eq!(&text[place..=place], "y");
    }

    #[test]
    fn faults_carry_their_place() {
        let fault = parse("{\n \"a\": 1,\n \"b\": }").unwrap_err();
        assert_eq!(fault.at, "{\n \"a\": 1,\n \"b\": ".len());
        for (text, place, message) in [
            ("{\"a\": 1, }", 7, "a comma after the last item"),
            ("{\"a\": [1, 2,\n]}", 11, "a comma after the last item"),
            ("{ // why\n\"a\": 1}", 2, "a comment"),
            ("{\"a\": 1 /* why */}", 8, "a comment"),
            ("{\"a\": # why\n1}", 6, "a comment"),
            ("// why\n{}", 0, "a comment"),
            ("{'a': 1}", 1, "single quotes"),
            ("{\"a\": 'b'}", 6, "single quotes"),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.message.starts_with(message), "{text}: {fault:?}");
            assert_eq!(fault.at, place, "{text}");
        }
        assert_eq!(parse("[1, 1e999]").unwrap_err().message, "number out of range");
        assert!(parse("[\"\\ud800\"]").is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(&("[".repeat(100) + &"]".repeat(100))).is_err());
    }
}
