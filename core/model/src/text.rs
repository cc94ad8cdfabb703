//! Texts of JSON: reading them, and saying what is wrong in them, and where.

mod error;
mod json;
mod limits;
mod reader;

pub use error::{Fault, TextError, suggestion};
pub use json::{Json, JsonValue};
pub use limits::TextLimits;
pub use reader::{Entry, Place, check_version, find, parse_json};
