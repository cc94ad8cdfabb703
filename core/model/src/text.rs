//! JSON texts: reading them, and reporting errors with their position.

mod error;
mod json;
mod keys;
mod limits;
mod reader;
mod tables;

pub use error::{Fault, TextError};
pub use json::{Json, JsonValue};
pub use keys::{Key, Kind, Need, Table};
pub use labwire_session::suggestion;
pub use limits::TextLimits;
pub use reader::{Entry, Place, check_schema, check_version, find, parse_json};
pub use tables::{DataTable, DataTables};
