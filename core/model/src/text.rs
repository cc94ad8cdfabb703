//! JSON texts: reading them, and reporting errors with their position.

mod error;
mod json;
mod limits;
mod reader;

pub use error::{Fault, TextError};
pub use json::{Json, JsonValue};
pub use labwire_session::suggestion;
pub use limits::TextLimits;
pub use reader::{Entry, Place, check_version, find, parse_json};
