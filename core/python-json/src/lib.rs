//! JSON in Python's dialect: a value type with the distinctions of Python's `json` module, and its exact texts.
//!
//! Python's dialect is wider than RFC 8259: `NaN`, `Infinity` and `-Infinity` are read and written, integers
//! have any size, `1` and `1.0` are different values, text may contain lone surrogates, and objects keep
//! insertion order with the last of two equal keys winning. [`parse`] is `json.loads` with limits, [`dumps`]
//! is `json.dumps` with its default settings, [`repr`] and [`str`](str()) give what `repr()` and `str()`
//! give for the decoded object. Checked against CPython by `tests/peers/python_json`.
#![forbid(unsafe_code)]
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod float;
mod parse;
mod text;
mod value;
mod write;

pub use parse::{ErrorKind, Limits, MAX_INT_DIGITS, ParseError, parse};
pub use text::Text;
pub use value::{BigInt, Object, Value};
pub use write::{dumps, dumps_unicode, repr, str, write_float};

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
