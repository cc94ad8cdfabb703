//! JSON as Python speaks it: one value that keeps what Python's `json` module keeps, and its exact texts.
//!
//! Python's dialect is wider than RFC 8259: `NaN`, `Infinity` and `-Infinity` are written and read, integers have any
//! size, `1` and `1.0` are two things, text may hold lone surrogates, objects keep the order of insertion and the last
//! of two equal keys wins. [`parse`] is `json.loads` with limits, [`dumps`] is `json.dumps` with its default
//! settings, [`repr`] and [`str`](str()) are what `repr()` and `str()` make of the decoded object. Checked against
//! CPython by `tests/peers/python_json`.
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
