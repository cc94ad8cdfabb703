//! Values as text: `json.dumps`, `repr()` and `str()`.

use alloc::string::String;
use core::fmt::Write;

use unicode_general_category::{GeneralCategory as Category, get_general_category};

use super::value::Value;
use super::{Object, Text, float};

/// `json.dumps(value)`: separators `", "` and `": "`, non-ASCII characters escaped.
#[must_use]
pub fn dumps(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, Notation::Json { is_ascii: true });
    out
}

/// `json.dumps(value, ensure_ascii=False)`; lone surrogates, which cannot be encoded, stay escaped.
#[must_use]
pub fn dumps_unicode(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, Notation::Json { is_ascii: false });
    out
}

/// `repr(value)`: `{'a': [True, None, 1.0, nan]}`.
#[must_use]
pub fn repr(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, Notation::Python);
    out
}

/// `str(value)`: as [`repr`], but text on its own is not quoted (lone surrogates are escaped).
#[must_use]
pub fn str(value: &Value) -> String {
    match value {
        Value::Text(text) => alloc::format!("{text}"),
        _ => repr(value),
    }
}

/// Appends a float as `json.dumps` does: `1.0`, `1e-05`, `NaN`, `-Infinity`.
pub fn write_float(out: &mut String, float: f64) {
    Notation::Json { is_ascii: true }.float(out, float);
}

#[derive(Clone, Copy)]
enum Notation {
    Json { is_ascii: bool },
    Python,
}

/// Container being written, and the rest of its items.
enum Open<'a> {
    List(core::slice::Iter<'a, Value>),
    Object(core::slice::Iter<'a, (Text, Value)>),
}

/// Walks with an explicit stack: an application may have nested its value deeper than a thread's stack
/// allows.
fn write(out: &mut String, value: &Value, notation: Notation) {
    let mut open = alloc::vec::Vec::new();
    let mut next = Some(value);
    loop {
        let is_first = match next {
            Some(Value::List(items)) => {
                out.push('[');
                open.push(Open::List(items.iter()));
                true
            }
            Some(Value::Object(object)) => {
                out.push('{');
                open.push(Open::Object(Object::iter(object)));
                true
            }
            Some(value) => {
                notation.scalar(out, value);
                false
            }
            None => false,
        };
        let separator = if is_first { "" } else { ", " };
        next = match open.last_mut() {
            None => return,
            Some(Open::List(items)) => items.next().inspect(|_| out.push_str(separator)),
            Some(Open::Object(entries)) => entries.next().map(|(key, value)| {
                out.push_str(separator);
                notation.text(out, key);
                out.push_str(": ");
                value
            }),
        };
        if next.is_none() {
            out.push(match open.pop() {
                Some(Open::Object(_)) => '}',
                _ => ']',
            });
        }
    }
}

impl Notation {
    fn scalar(self, out: &mut String, value: &Value) {
        let is_json = matches!(self, Self::Json { .. });
        match value {
            Value::Null => out.push_str(if is_json { "null" } else { "None" }),
            Value::Bool(true) => out.push_str(if is_json { "true" } else { "True" }),
            Value::Bool(false) => out.push_str(if is_json { "false" } else { "False" }),
            Value::Int(integer) => append(out, format_args!("{integer}")),
            Value::BigInt(integer) => out.push_str(integer.as_str()),
            Value::Float(float) => self.float(out, *float),
            Value::Text(text) => self.text(out, text),
            Value::List(_) | Value::Object(_) => {}
        }
    }

    fn float(self, out: &mut String, float: f64) {
        let is_json = matches!(self, Self::Json { .. });
        match float {
            _ if float.is_nan() => out.push_str(if is_json { "NaN" } else { "nan" }),
            f64::INFINITY => out.push_str(if is_json { "Infinity" } else { "inf" }),
            f64::NEG_INFINITY => out.push_str(if is_json { "-Infinity" } else { "-inf" }),
            _ => float::write_finite(out, float),
        }
    }

    fn text(self, out: &mut String, text: &Text) {
        match self {
            Self::Json { is_ascii } => {
                out.push('"');
                text.code_points()
                    .for_each(|code_point| json_character(out, code_point, is_ascii));
                out.push('"');
            }
            Self::Python => {
                let quote = if text.contains("'") && !text.contains("\"") {
                    '"'
                } else {
                    '\''
                };
                out.push(quote);
                text.code_points()
                    .for_each(|code_point| repr_character(out, code_point, quote));
                out.push(quote);
            }
        }
    }
}

fn json_character(out: &mut String, code_point: u32, is_ascii: bool) {
    match char::from_u32(code_point) {
        Some('"') => out.push_str("\\\""),
        Some('\\') => out.push_str("\\\\"),
        Some('\n') => out.push_str("\\n"),
        Some('\r') => out.push_str("\\r"),
        Some('\t') => out.push_str("\\t"),
        Some('\u{8}') => out.push_str("\\b"),
        Some('\u{c}') => out.push_str("\\f"),
        Some(character @ ' '..='~') => out.push(character),
        Some(character) if !is_ascii && character >= '\u{7f}' => out.push(character),
        Some(character) => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                append(out, format_args!("\\u{unit:04x}"));
            }
        }
        None => append(out, format_args!("\\u{code_point:04x}")),
    }
}

fn repr_character(out: &mut String, code_point: u32, quote: char) {
    match char::from_u32(code_point) {
        Some('\\') => out.push_str("\\\\"),
        Some('\n') => out.push_str("\\n"),
        Some('\r') => out.push_str("\\r"),
        Some('\t') => out.push_str("\\t"),
        Some(character) if character == quote => {
            out.push('\\');
            out.push(quote);
        }
        Some(character) if is_printable(character) => out.push(character),
        _ if code_point < 0x100 => append(out, format_args!("\\x{code_point:02x}")),
        _ if code_point < 0x1_0000 => append(out, format_args!("\\u{code_point:04x}")),
        _ => append(out, format_args!("\\U{code_point:08x}")),
    }
}

/// `str.isprintable()`: all characters except those of the categories "other" and "separator"; the space is
/// printable.
fn is_printable(character: char) -> bool {
    matches!(character, ' '..='~')
        || !matches!(
            get_general_category(character),
            Category::Control
                | Category::Format
                | Category::Surrogate
                | Category::PrivateUse
                | Category::Unassigned
                | Category::LineSeparator
                | Category::ParagraphSeparator
                | Category::SpaceSeparator
        )
}

fn append(out: &mut String, text: core::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, parse};
    use super::*;
    use std::vec::Vec;

    fn value(json: &str) -> Value {
        parse(json.as_bytes(), &Limits::default()).unwrap()
    }

    #[test]
    fn dumps_as_python_does() {
        for (json, dumped) in [
            (
                r#"{"command":"newdat","x":[2.45],"y":NaN,"s":-0.0}"#,
                r#"{"command": "newdat", "x": [2.45], "y": NaN, "s": -0.0}"#,
            ),
            ("\"µm ✓ 😀\"", r#""\u00b5m \u2713 \ud83d\ude00""#),
            (
                "[1, 1.0, -0, 1E2, [], {}, [[]], null]",
                "[1, 1.0, 0, 100.0, [], {}, [[]], null]",
            ),
            (
                r#"["\ud800x", "\u007f\/\b\f\u001f", 1e999]"#,
                r#"["\ud800x", "\u007f/\b\f\u001f", Infinity]"#,
            ),
            (
                "[123456789012345678901234567890, -9223372036854775808]",
                "[123456789012345678901234567890, -9223372036854775808]",
            ),
        ] {
            assert_eq!(dumps(&value(json)), dumped);
        }
        assert_eq!(
            dumps_unicode(&value("\"\\u00b5 \\ud83d 😀\x7f\\n\"")),
            "\"µ \\ud83d 😀\x7f\\n\""
        );
    }

    #[test]
    fn repr_as_python_does() {
        for (json, text) in [
            (
                r#"{"foo": 1, "b": [true, null, 1.0, "x"]}"#,
                "{'foo': 1, 'b': [True, None, 1.0, 'x']}",
            ),
            (r#"{"foo": NaN, "b": -Infinity}"#, "{'foo': nan, 'b': -inf}"),
            (
                r#"["it's", "say \"hi\"", "it's \"hi\""]"#,
                r#"["it's", 'say "hi"', 'it\'s "hi"']"#,
            ),
            (
                r#"["\\\n\t\r\u0000\u007f\u00a0\u00ad\u00e9"]"#,
                r"['\\\n\t\r\x00\x7f\xa0\xadé']",
            ),
            (
                r#"["\u200b\ue000\ud800\udbff\udfff😀"]"#,
                r"['\u200b\ue000\ud800\U0010ffff😀']",
            ),
        ] {
            assert_eq!(repr(&value(json)), text);
        }
        assert_eq!(str(&value(r#""it's""#)), "it's");
        assert_eq!(str(&value("[\"a\"]")), "['a']");
    }

    #[test]
    fn writing_needs_no_stack() {
        let mut deep = Value::List(Vec::new());
        for _ in 0..900 {
            deep = Value::List(std::vec![deep]);
        }
        assert_eq!(dumps(&deep).len(), 2 * 901);
    }
}
