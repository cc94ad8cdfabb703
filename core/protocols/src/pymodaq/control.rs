//! Use of a running server's modules by another program: labwire's own addition to the protocol.
//!
//! A controller connects to the port of the modules, sends `CONTROLLER` in g4 and then requests, each a dictionary,
//! and receives an answer to each, also a dictionary. The encoding is g4, so that data arrive as they were sent.
//!
//! | request | further keys | does |
//! | --- | --- | --- |
//! | `list` | | lists the modules |
//! | `grab` | `dim` (`0D`, `1D`, `2D`, `ND`) or none | grabs, from all modules at once |
//! | `last` | | returns the latest data |
//! | `move_abs`, `move_rel` | `value` | moves, and answers when the move has ended |
//! | `home`, `stop`, `position` | | |
//! | `settings` | | returns the settings as XML |
//! | `set` | `path` (list), `value` (text) | changes a setting |
//! | `rename` | `value` (text) | renames a module |
//!
//! Every request has an `id` and a list `modules` of names; an empty list stands for all modules that support the
//! request. The answer has the `id` and either `error` or `results`, a dictionary per module with its name as
//! `module` and its result: `error`, `data`, `position` and `units`, `settings`, `confirmed`, or `info`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::data::{DataDim, DataToExport};
use super::object::Object;

/// Command to modules.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a registry has to answer every command")]
pub enum Command {
    /// Describe the module.
    List,
    /// Grab; without a dimensionality, that of its last data, or else 2D.
    Grab(Option<DataDim>),
    /// Return the latest data.
    Last,
    /// Move to a position.
    MoveAbs(f64),
    /// Move by a distance.
    MoveRel(f64),
    /// Move to the home position.
    Home,
    /// Stop.
    Stop,
    /// Return the position.
    Position,
    /// Return the settings.
    Settings,
    /// Change a setting.
    Set {
        /// Names of its groups and its own name, without the root.
        path: Vec<String>,
        /// New value.
        value: String,
    },
    /// Rename the module.
    Rename(String),
}

/// Request of a controller.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the fields of the wire")]
pub struct ControlRequest {
    /// Identifier, which the answer repeats.
    pub id: i64,
    /// Names or addresses of modules; empty for all that support the command.
    pub modules: Vec<String>,
    /// Command.
    pub command: Command,
}

/// Answer to a request.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the fields of the wire")]
pub struct ControlAnswer {
    /// Identifier of the request.
    pub id: i64,
    /// Answer of each module, or the reason why the request was refused.
    pub result: Result<Vec<ModuleAnswer>, String>,
}

/// Identifier of the answer by which a server says why it does not admit a controller. Requests have others.
pub const NO_REQUEST: i64 = 0;

/// Answer of one module to a request.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the fields of the wire")]
pub struct ModuleAnswer {
    /// Name of the module.
    pub module: String,
    /// Result, or the reason of the failure.
    pub result: Result<Answer, String>,
}

/// Result of a command.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// Success without a value.
    Done,
    /// Description of the module.
    Info(ModuleInfo),
    /// Data.
    Data(Arc<DataToExport>),
    /// Position.
    Position {
        /// Position.
        value: f64,
        /// Units of the position.
        units: String,
    },
    /// The settings as XML.
    Settings(String),
    /// A setting was sent.
    Set {
        /// Whether the module has confirmed the change.
        confirmed: bool,
    },
}

/// Description of a module, for display.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ModuleInfo {
    /// `GRABBER` or `ACTUATOR`.
    pub kind: String,
    /// Protocol generation.
    pub generation: String,
    /// Address of the module.
    pub address: String,
    /// Current activity.
    pub state: String,
    /// Seconds since it connected.
    pub seconds: f64,
    /// Number of times that it has sent data.
    pub frames: i64,
    /// Summary of its latest data or position.
    pub last: String,
}

impl ControlRequest {
    /// Dictionary for the wire.
    #[must_use]
    pub fn to_object(&self) -> Object {
        let (name, key, value) = match &self.command {
            Command::List => ("list", "", Object::None),
            Command::Grab(None) => ("grab", "", Object::None),
            Command::Grab(Some(dim)) => ("grab", "dim", dim.name().trim_start_matches("Data").into()),
            Command::Last => ("last", "", Object::None),
            Command::MoveAbs(value) => ("move_abs", "value", (*value).into()),
            Command::MoveRel(value) => ("move_rel", "value", (*value).into()),
            Command::Home => ("home", "", Object::None),
            Command::Stop => ("stop", "", Object::None),
            Command::Position => ("position", "", Object::None),
            Command::Settings => ("settings", "", Object::None),
            Command::Set { value, .. } => ("set", "value", value.as_str().into()),
            Command::Rename(name) => ("rename", "value", name.as_str().into()),
        };
        let mut entries = Vec::from([
            ("id", self.id.into()),
            ("request", name.into()),
            ("modules", texts(&self.modules)),
        ]);
        if !key.is_empty() {
            entries.push((key, value));
        }
        if let Command::Set { path, .. } = &self.command {
            entries.push(("path", texts(path)));
        }
        dict(entries)
    }

    /// Parses a request from its dictionary; otherwise returns the answer with the reason.
    pub fn from_object(object: &Object) -> Result<Self, ControlAnswer> {
        let id = integer(object, "id").unwrap_or(0);
        let refuse = |why: String| ControlAnswer { id, result: Err(why) };
        let text = |key| text(object, key).ok_or_else(|| refuse(format!("{key} is missing")));
        let number = || {
            let value = object.entry("value").and_then(Object::as_f64);
            value
                .filter(|value| value.is_finite())
                .ok_or_else(|| refuse("value is not a finite number".into()))
        };
        let command = match text("request")?.as_str() {
            "list" => Command::List,
            "grab" => Command::Grab(match object.entry("dim") {
                None | Some(Object::None) => None,
                Some(_) => {
                    let dim = DataDim::from_name(&format!("Data{}", text("dim")?));
                    Some(dim.ok_or_else(|| refuse("dim is not one of 0D, 1D, 2D, ND".into()))?)
                }
            }),
            "last" => Command::Last,
            "move_abs" => Command::MoveAbs(number()?),
            "move_rel" => Command::MoveRel(number()?),
            "home" => Command::Home,
            "stop" => Command::Stop,
            "position" => Command::Position,
            "settings" => Command::Settings,
            "set" => Command::Set {
                path: names(object, "path").ok_or_else(|| refuse("path: expected a list of names".into()))?,
                value: text("value")?,
            },
            "rename" => Command::Rename(text("value")?),
            other => return Err(refuse(format!("unknown request {other:?}"))),
        };
        let modules =
            names(object, "modules").ok_or_else(|| refuse("modules: expected a list of names".into()))?;
        Ok(Self { id, modules, command })
    }
}

impl ControlAnswer {
    /// Dictionary for the wire.
    pub fn to_object(&self) -> Object {
        let (key, value) = match &self.result {
            Ok(results) => (
                "results",
                Object::List(results.iter().map(ModuleAnswer::to_object).collect()),
            ),
            Err(error) => ("error", error.as_str().into()),
        };
        dict([("id", self.id.into()), (key, value)].into())
    }

    /// Parses an answer from its dictionary; `None` if it is not one.
    pub fn from_object(object: &Object) -> Option<Self> {
        let result = match (text(object, "error"), object.entry("results")) {
            (Some(error), _) => Err(error),
            (None, results) => Ok(results?
                .as_items()?
                .iter()
                .map(ModuleAnswer::from_object)
                .collect::<Option<_>>()?),
        };
        Some(Self {
            id: integer(object, "id")?,
            result,
        })
    }
}

impl ModuleAnswer {
    fn to_object(&self) -> Object {
        let mut entries = Vec::from([("module", Object::from(self.module.as_str()))]);
        match &self.result {
            Err(error) => entries.push(("error", error.as_str().into())),
            Ok(Answer::Done) => {}
            Ok(Answer::Info(info)) => entries.push(("info", info.to_object())),
            Ok(Answer::Data(data)) => entries.push(("data", Object::DataToExport(data.clone()))),
            Ok(Answer::Position { value, units }) => {
                entries.extend([("position", (*value).into()), ("units", units.as_str().into())]);
            }
            Ok(Answer::Settings(xml)) => entries.push(("settings", xml.as_str().into())),
            Ok(Answer::Set { confirmed }) => entries.push(("confirmed", (*confirmed).into())),
        }
        dict(entries)
    }

    fn from_object(object: &Object) -> Option<Self> {
        let result = if let Some(error) = text(object, "error") {
            Err(error)
        } else if let Some(Object::DataToExport(data)) = object.entry("data") {
            Ok(Answer::Data(data.clone()))
        } else if let Some(value) = object.entry("position").and_then(Object::as_f64) {
            Ok(Answer::Position {
                value,
                units: text(object, "units")?,
            })
        } else if let Some(xml) = text(object, "settings") {
            Ok(Answer::Settings(xml))
        } else if let Some(info) = object.entry("info") {
            Ok(Answer::Info(ModuleInfo::from_object(info)?))
        } else if let Some(Object::Scalar(confirmed)) = object.entry("confirmed") {
            Ok(Answer::Set {
                confirmed: confirmed.to_bool()?,
            })
        } else {
            Ok(Answer::Done)
        };
        Some(Self {
            module: text(object, "module")?,
            result,
        })
    }
}

impl ModuleInfo {
    fn to_object(&self) -> Object {
        dict(
            [
                ("kind", self.kind.as_str().into()),
                ("generation", self.generation.as_str().into()),
                ("address", self.address.as_str().into()),
                ("state", self.state.as_str().into()),
                ("seconds", self.seconds.into()),
                ("frames", self.frames.into()),
                ("last", self.last.as_str().into()),
            ]
            .into(),
        )
    }

    fn from_object(object: &Object) -> Option<Self> {
        Some(Self {
            kind: text(object, "kind")?,
            generation: text(object, "generation")?,
            address: text(object, "address")?,
            state: text(object, "state")?,
            seconds: object.entry("seconds")?.as_f64()?,
            frames: integer(object, "frames")?,
            last: text(object, "last")?,
        })
    }
}

fn dict(entries: Vec<(&str, Object)>) -> Object {
    Object::Dict(
        entries
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect(),
    )
}

fn texts(names: &[String]) -> Object {
    Object::List(names.iter().map(|name| name.as_str().into()).collect())
}

fn text(object: &Object, key: &str) -> Option<String> {
    Some(object.entry(key)?.as_text()?.to_string())
}

fn integer(object: &Object, key: &str) -> Option<i64> {
    match object.entry(key)? {
        Object::Scalar(scalar) => scalar.to_i64(),
        _ => None,
    }
}

/// List of texts; empty if the key is absent.
fn names(object: &Object, key: &str) -> Option<Vec<String>> {
    let Some(list) = object.entry(key) else {
        return Some(Vec::new());
    };
    list.as_items()?
        .iter()
        .map(|item| Some(item.as_text()?.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pymodaq::{DataClass, DataWithAxes, NdArray};
    use std::vec;

    #[test]
    fn requests_come_back() {
        let commands = [
            Command::List,
            Command::Grab(None),
            Command::Grab(Some(DataDim::Data1D)),
            Command::Last,
            Command::MoveAbs(1.5),
            Command::MoveRel(-0.5),
            Command::Home,
            Command::Stop,
            Command::Position,
            Command::Settings,
            Command::Set {
                path: vec!["camera".into(), "exposure".into()],
                value: "0.1".into(),
            },
            Command::Rename("left".into()),
        ];
        for command in commands {
            let request = ControlRequest {
                id: 7,
                modules: vec!["camera".into()],
                command,
            };
            assert_eq!(ControlRequest::from_object(&request.to_object()), Ok(request));
        }
    }

    #[test]
    fn answers_come_back() {
        let data = DataWithAxes::new(DataClass::DataRaw, "d", 1.0, vec![NdArray::vector(&[1u16])]);
        let answers = [
            Answer::Done,
            Answer::Info(ModuleInfo {
                kind: "GRABBER".into(),
                frames: 3,
                ..ModuleInfo::default()
            }),
            Answer::Data(Arc::new(DataToExport::new("frame", 1.0, vec![data]))),
            Answer::Position {
                value: 1.5,
                units: "mm".into(),
            },
            Answer::Settings("<a/>".into()),
            Answer::Set { confirmed: true },
        ];
        let mut results: Vec<_> = answers.map(Ok).into();
        results.push(Err("it has gone".into()));
        let results = results
            .into_iter()
            .map(|result| ModuleAnswer {
                module: "m".into(),
                result,
            })
            .collect();
        for result in [Ok(results), Err("unknown request \"fly\"".into())] {
            let answer = ControlAnswer { id: -1, result };
            assert_eq!(ControlAnswer::from_object(&answer.to_object()), Some(answer));
        }
    }

    #[test]
    fn what_is_no_request_is_answered_with_its_fault() {
        let fault = |entries: Vec<(&str, Object)>| {
            ControlRequest::from_object(&dict(entries))
                .unwrap_err()
                .result
                .unwrap_err()
        };
        assert_eq!(fault(vec![]), "request is missing");
        assert_eq!(fault(vec![("request", "fly".into())]), "unknown request \"fly\"");
        assert_eq!(
            fault(vec![("request", "move_abs".into())]),
            "value is not a finite number"
        );
        assert_eq!(
            fault(vec![("request", "move_abs".into()), ("value", f64::NAN.into())]),
            "value is not a finite number"
        );
        assert_eq!(
            fault(vec![("request", "grab".into()), ("dim", "5D".into())]),
            "dim is not one of 0D, 1D, 2D, ND"
        );
        assert_eq!(
            fault(vec![("request", "stop".into()), ("modules", "all".into())]),
            "modules: expected a list of names"
        );
        assert!(ControlRequest::from_object(&Object::None).is_err());
    }
}
