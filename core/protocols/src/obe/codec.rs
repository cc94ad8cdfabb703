//! Requests and replies as JSON values, and values as messages.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_python_json::{Limits, Object, Value, dumps, parse, repr, write_float};
use labwire_session::framing::decimal_length::{self, LengthError};

use super::messages::{
    ADDED_COMMANDS, BATCH, COMMANDS, ErrorReply, Measurement, Reply, Request, RunName, Sigma, code,
};

/// Number of unknown keys of a command that are remembered, and the length of each.
const UNKNOWN_KEYS: usize = 8;
const UNKNOWN_KEY_CHARACTERS: usize = 40;

/// Parses a request from a message's body.
pub(super) fn parse_request(body: &[u8], limits: &Limits) -> Result<Request, ErrorReply> {
    let value =
        parse(body, limits).map_err(|error| ErrorReply::new(code::MALFORMED_JSON, format!("{error}")))?;
    Request::try_from(&value)
}

/// Appends a message with `value`.
pub(super) fn put_value(output: &mut Vec<u8>, value: &Value) -> Result<(), LengthError> {
    decimal_length::put(output, dumps(value).as_bytes())
}

/// Appends a reply. One that is too long for the protocol becomes an error reply.
pub(super) fn put_reply(output: &mut Vec<u8>, reply: &Result<Reply, ErrorReply>) {
    let mut text = String::new();
    match reply {
        Ok(Reply::Ok) => text.push_str("\"OK\""),
        Ok(Reply::Numbers(numbers)) => {
            write_list(&mut text, numbers, |text, number| write_float(text, *number))
        }
        Ok(Reply::Table(rows)) => write_list(&mut text, rows, |text, row| {
            write_list(text, row, |text, number| write_float(text, *number));
        }),
        Ok(Reply::Long(long)) => text = long.text(),
        Ok(Reply::Value(value)) => text = dumps(value),
        Err(error) => text = dumps(&error_value(error)),
    }
    if let Err(error) = decimal_length::put(output, text.as_bytes()) {
        put_reply(output, &Err(ErrorReply::new(code::TOO_LONG, format!("{error}"))));
    }
}

fn write_list<T>(text: &mut String, items: &[T], mut write: impl FnMut(&mut String, &T)) {
    text.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        write(text, item);
    }
    text.push(']');
}

fn error_value(error: &ErrorReply) -> Value {
    let mut fields = Object::new();
    fields.insert("code", error.code.as_str());
    fields.insert("message", error.message.as_str());
    let mut reply = Object::new();
    reply.insert("error", fields);
    reply.into()
}

impl TryFrom<&Value> for Request {
    type Error = ErrorReply;

    fn try_from(value: &Value) -> Result<Self, ErrorReply> {
        let not_a_command = |what: String| ErrorReply::new(code::NOT_A_COMMAND, what);
        let message = value.as_object().ok_or_else(|| {
            not_a_command(format!(
                "a message must be an object, not a {}",
                value.type_name()
            ))
        })?;
        let command = message
            .get("command")
            .ok_or_else(|| not_a_command("the message has no \"command\"".into()))?;
        let name = find_command(command).ok_or_else(|| {
            let known = [COMMANDS.join(", "), ADDED_COMMANDS.join(", ")].join(", ");
            let text = format!("no command {}; there are {known}", repr(command));
            ErrorReply::new(code::UNKNOWN_COMMAND, text)
        })?;
        let request = command_of(name, message)?;
        let acts_on_a_run = !matches!(
            request,
            Self::NewRun(_) | Self::Ready | Self::Done | Self::Runs | Self::Resume { .. }
        );
        let request = match optional(message, "run").filter(|_| acts_on_a_run) {
            None => request,
            Some(run) => Self::Of {
                run: RunName::try_from(run)?,
                request: Box::new(request),
            },
        };
        let Some(known) = keys_of(name) else {
            return Ok(request);
        };
        let keys = message.iter().filter_map(|(key, _)| key.as_str());
        let unknown = keys.filter(|key| !matches!(*key, "command" | "run") && !known.contains(key));
        let keys: Vec<String> = unknown.take(UNKNOWN_KEYS).map(beginning).collect();
        Ok(match keys[..] {
            [] => request,
            _ => Self::WithUnknownKeys {
                keys,
                known,
                request: Box::new(request),
            },
        })
    }
}

/// Keys of a command besides `command` and `run`; none if the experiment defines them.
fn keys_of(name: &str) -> Option<&'static [&'static str]> {
    match name {
        "newrun" => None,
        "goodset" => Some(&["pickiness"]),
        "newdat" => Some(&["x", "y", "s"]),
        "interval" => Some(&["probability"]),
        "batch" => Some(&["count"]),
        "save" | "load" => Some(&["name"]),
        _ => Some(&[]),
    }
}

fn beginning(key: &str) -> String {
    key.chars().take(UNKNOWN_KEY_CHARACTERS).collect()
}

fn command_of(name: &str, message: &Object) -> Result<Request, ErrorReply> {
    Ok(match name {
        "getset" => Request::Settings,
        "getpar" | "getpdf" => Request::Particles,
        "getcon" => Request::Constants,
        "getwgt" => Request::Weights,
        "newrun" => Request::NewRun(
            message
                .iter()
                .filter(|(key, _)| key != "command")
                .cloned()
                .collect(),
        ),
        "optset" => Request::OptimalSetting,
        "goodset" => Request::GoodSetting {
            pickiness: optional_number(message, "pickiness")?,
        },
        "newdat" => Request::NewData(measurement(message)?),
        "getmean" => Request::Mean,
        "getstd" => Request::StandardDeviation,
        "getcov" => Request::Covariance,
        "ready" => Request::Ready,
        "status" => Request::Status,
        "utility" => Request::Utility,
        "batch" => Request::Batch {
            count: count(message)?,
        },
        "interval" => Request::Interval {
            probability: optional_number(message, "probability")?,
        },
        "history" => Request::History,
        "undo" => Request::Undo,
        "save" => Request::Save {
            name: text(message, "name")?,
        },
        "load" => Request::Load {
            name: text(message, "name")?,
        },
        "runs" => Request::Runs,
        "resume" => Request::Resume {
            run: RunName::try_from(optional(message, "run").ok_or_else(|| missing("run"))?)?,
        },
        _ => Request::Done,
    })
}

/// The exact name first. Otherwise, for old clients, upstream's rule: any command that occurs in the text (or is an
/// item of a list, or a key of an object), except `done`: "abandoned" must not stop a server.
fn find_command(command: &Value) -> Option<&'static str> {
    let mut all = COMMANDS.iter().chain(&ADDED_COMMANDS);
    let exact = all.find(|name| command.as_str() == Some(name));
    let contained = || {
        let mut names = COMMANDS.iter().filter(|name| **name != "done");
        names.find(|name| command.contains(name) == Some(true))
    };
    exact.or_else(contained).copied()
}

fn measurement(message: &Object) -> Result<Measurement, ErrorReply> {
    let required = |name: &str| {
        let text = || ErrorReply::new(code::INVALID_ARGUMENT, format!("newdat needs \"{name}\""));
        message.get(name).ok_or_else(text)
    };
    let y = required("y")?;
    let s = optional(message, "s");
    Ok(Measurement {
        x: numbers("x", required("x")?)?,
        y: match y {
            Value::List(_) => numbers("y", y)?,
            _ => alloc::vec![number("y", y)?],
        },
        s: match s {
            None => None,
            Some(list @ Value::List(_)) => Some(Sigma::PerChannel(numbers("s", list)?)),
            Some(value) => Some(Sigma::Every(number("s", value)?)),
        },
    })
}

/// Field that is present and not null.
fn optional<'a>(message: &'a Object, name: &str) -> Option<&'a Value> {
    message.get(name).filter(|value| **value != Value::Null)
}

fn optional_number(message: &Object, name: &str) -> Result<Option<f64>, ErrorReply> {
    let value = optional(message, name);
    value.map(|value| number(name, value)).transpose()
}

/// Number of settings of a batch.
fn count(message: &Object) -> Result<usize, ErrorReply> {
    let value = optional(message, "count").ok_or_else(|| missing("count"))?;
    match value {
        Value::Int(count) if (1..=BATCH as i64).contains(count) => Ok(*count as usize),
        _ => Err(ErrorReply::new(
            code::INVALID_ARGUMENT,
            format!("\"count\" must be a whole number from 1 to {BATCH}"),
        )),
    }
}

fn text(message: &Object, name: &str) -> Result<String, ErrorReply> {
    match message.get(name) {
        None => Err(missing(name)),
        Some(value) => value
            .as_str()
            .map(String::from)
            .ok_or_else(|| not_a("text", name, value)),
    }
}

fn numbers(name: &str, value: &Value) -> Result<Vec<f64>, ErrorReply> {
    match value {
        Value::List(items) => items.iter().map(|item| number(name, item)).collect(),
        _ => Err(not_a("list of numbers", name, value)),
    }
}

fn number(name: &str, value: &Value) -> Result<f64, ErrorReply> {
    value.as_f64().ok_or_else(|| not_a("number", name, value))
}

fn missing(name: &str) -> ErrorReply {
    ErrorReply::new(code::INVALID_ARGUMENT, format!("\"{name}\" is missing"))
}

fn not_a(wanted: &str, name: &str, value: &Value) -> ErrorReply {
    let text = format!("\"{name}\" must be a {wanted}, not a {}", value.type_name());
    ErrorReply::new(code::INVALID_ARGUMENT, text)
}

impl From<&Request> for Value {
    fn from(request: &Request) -> Self {
        if let Request::WithUnknownKeys { request, .. } = request {
            return Self::from(&**request);
        }
        let mut fields = alloc::vec![("command".into(), request.name().into())];
        match request.command() {
            Request::NewRun(arguments) => {
                fields.extend(arguments.iter().filter(|(key, _)| key != "command").cloned());
            }
            Request::GoodSetting {
                pickiness: Some(pickiness),
            } => fields.push(("pickiness".into(), (*pickiness).into())),
            Request::Interval {
                probability: Some(probability),
            } => fields.push(("probability".into(), (*probability).into())),
            Request::Batch { count } => fields.push(("count".into(), Value::Int(*count as i64))),
            Request::Save { name } | Request::Load { name } => {
                fields.push(("name".into(), name.as_str().into()));
            }
            Request::NewData(Measurement { x, y, s }) => {
                let y = match y[..] {
                    [y] => y.into(),
                    _ => y.clone().into(),
                };
                let s = match s {
                    None => Value::Null,
                    Some(Sigma::Every(s)) => (*s).into(),
                    Some(Sigma::PerChannel(s)) => s.clone().into(),
                };
                fields.extend([("x".into(), x.clone().into()), ("y".into(), y), ("s".into(), s)]);
            }
            _ => {}
        }
        if let Request::Of { run, .. } | Request::Resume { run } = request {
            fields.push(("run".into(), run.into()));
        }
        Value::Object(fields.into_iter().collect())
    }
}
