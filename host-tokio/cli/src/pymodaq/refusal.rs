//! Words about modules that did not do what they were told.

use serde_json::json;

use crate::console::{is_json, note, one_line, say};
use crate::failure;

/// Said when a command is for no module.
pub(super) const NOBODY: &str = "no such modules are connected";

/// Prints why a module did not do what it was told.
pub(super) fn refuse(server: &str, module: Option<&str>, why: &str) {
    let name = module.map_or_else(String::new, |module| one_line(module) + ": ");
    let message = format!("{server}: {name}{why}");
    match is_json() {
        true => {
            let code = failure::UNAVAILABLE;
            say!(
                "{}",
                json!({"type": "Error", "code": code, "message": message, "module": module})
            );
        }
        false => note!("{message}"),
    }
}
