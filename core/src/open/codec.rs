//! From bytes to messages and back. The texts of errors and the white space of replies are OpEn's.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::messages::{ErrorReply, Reply, Request, RunReply, code};

/// How a reply is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As OpEn does it, over many lines: the reply of a connection that ends with it.
    Pretty,
    /// One line and LF: a reply among several.
    Line,
}

/// Reads one request.
///
/// # Errors
/// The reply to give: [`code::INVALID_REQUEST`] and the text that OpEn would give for the same bytes.
pub fn parse_request(text: &[u8]) -> Result<Request, ErrorReply> {
    serde_json::from_slice(text).map_err(|error| invalid(&error.to_string()))
}

/// Reads one reply.
///
/// # Errors
/// Says why `text` is not a reply.
pub fn parse_reply(text: &[u8]) -> Result<Reply, serde_json::Error> {
    let short: ShortReply = serde_json::from_slice(text)?;
    Ok(match short {
        ShortReply {
            pong: Some(number), ..
        } => Reply::Pong(number),
        ShortReply {
            loaded: Some(name), ..
        } => Reply::Loaded(name),
        ShortReply {
            code: Some(code),
            message,
            ..
        } => Reply::Error(ErrorReply::new(code, message)),
        _ => Reply::Run(serde_json::from_slice(text)?),
    })
}

/// Appends a request, one line and LF.
pub fn write_request(output: &mut Vec<u8>, request: &Request) {
    write_line(output, request);
}

/// Appends a reply. A result that JSON cannot carry (NaN, infinity) becomes error 2000.
pub fn write_reply(output: &mut Vec<u8>, style: Style, reply: &Reply) {
    match reply {
        Reply::Pong(number) => match style {
            Style::Pretty => output.extend_from_slice(format!("{{\n\t\"Pong\" : {number}\n}}\n").as_bytes()),
            Style::Line => output.extend_from_slice(format!("{{\"Pong\":{number}}}\n").as_bytes()),
        },
        Reply::Run(run) => match run.non_finite_field() {
            None => write_value::<RunReply>(output, style, run),
            Some(field) => {
                let text = format!("problem solution failed: non-finite computation: {field} is non-finite");
                write_error(output, style, code::SOLVER_FAILED, &text);
            }
        },
        Reply::Loaded(name) => write_value(output, style, &LoadedBody { name }),
        Reply::Error(error) => write_error(output, style, error.code, &error.message),
        Reply::Killed => {}
    }
}

/// The reply to bytes that are not a request.
pub(super) fn invalid(why: &str) -> ErrorReply {
    ErrorReply::new(code::INVALID_REQUEST, format!("invalid request: {why}"))
}

/// The reply to bytes that end inside a value, inside a character, or with a byte that is not UTF-8 where it stands.
pub(super) fn incomplete(text: &[u8]) -> ErrorReply {
    if let Err(error) = core::str::from_utf8(text) {
        return invalid(&format!("request body is not valid UTF-8 ({error})"));
    }
    // A number alone is complete, but no request either.
    parse_request(text).err().unwrap_or_else(|| invalid("incomplete"))
}

/// The reply to bytes whose last one cannot continue a JSON value.
pub(super) fn malformed(text: &[u8]) -> ErrorReply {
    match serde_json::from_slice::<Request>(text) {
        Err(error) if !error.is_eof() => invalid(&error.to_string()),
        // The scanner is stricter than the parser in one thing: nesting inside fields that are ignored.
        _ => invalid(&format!("recursion limit exceeded at byte {}", text.len())),
    }
}

fn write_error(output: &mut Vec<u8>, style: Style, code: u32, message: &str) {
    let kind = "Error";
    write_value(output, style, &ErrorBody { kind, code, message });
}

fn write_value<T: Serialize>(output: &mut Vec<u8>, style: Style, value: &T) {
    match style {
        Style::Line => write_line(output, value),
        Style::Pretty => append(output, serde_json::to_vec_pretty(value)),
    }
}

fn write_line<T: Serialize>(output: &mut Vec<u8>, value: &T) {
    append(output, serde_json::to_vec(value));
    output.push(b'\n');
}

fn append(output: &mut Vec<u8>, text: serde_json::Result<Vec<u8>>) {
    debug_assert!(
        text.is_ok(),
        "every key is text, and memory takes what is written"
    );
    output.extend_from_slice(&text.unwrap_or_default());
}

/// Every reply but the result of a solve.
#[derive(Deserialize)]
struct ShortReply {
    #[serde(rename = "Pong")]
    pong: Option<i32>,
    #[serde(rename = "Loaded")]
    loaded: Option<String>,
    code: Option<u32>,
    #[serde(default)]
    message: String,
}

#[derive(Serialize)]
struct LoadedBody<'a> {
    #[serde(rename = "Loaded")]
    name: &'a str,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    code: u32,
    message: &'a str,
}
