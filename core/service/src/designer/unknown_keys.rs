//! Keys that a request has, and its command does not.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_model::text::suggestion;
use labwire_protocols::obe::Request;

/// The request, and warnings about keys that its command does not have.
pub(super) fn without_unknown_keys(request: Request) -> (Vec<String>, Request) {
    let name = request.name();
    match request {
        Request::WithUnknownKeys { keys, known, request } => {
            let warnings = keys.iter().map(|key| unknown_key(name, key, known)).collect();
            (warnings, *request)
        }
        request => (Vec::new(), request),
    }
}

fn unknown_key(command: &str, key: &str, known: &[&str]) -> String {
    let passed_over = format!("{command}: there is no key \"{key}\"");
    match suggestion(key, known.iter().copied()) {
        Some(meant) => format!("{passed_over}; did you mean \"{meant}\"?"),
        None if known.is_empty() => passed_over,
        None => format!("{passed_over}; expected {}", known.join(", ")),
    }
}
