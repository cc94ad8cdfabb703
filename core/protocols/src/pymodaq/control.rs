//! How a program uses the modules of a running server: labwire's own addition to the protocol.
//!
//! A controller connects to the port of the modules, says `CONTROLLER` in g4 and then sends requests, each a dictionary,
//! and gets an answer to each, a dictionary as well. What travels is g4, so that data arrive as they were sent.
//!
//! | request | further keys | does |
//! | --- | --- | --- |
//! | `list` | | tells of the modules |
//! | `grab` | `dim` (`0D`, `1D`, `2D`, `ND`) or none | grabs, from all modules at once |
//! | `last` | | gives the data that came last |
//! | `move_abs`, `move_rel` | `value` | moves, and answers when the move has ended |
//! | `home`, `stop`, `position` | | |
//! | `settings` | | gives the settings as XML |
//! | `set` | `path` (list), `value` (text) | changes a setting |
//! | `rename` | `value` (text) | gives a module a name |
//!
//! Every request has an `id` and a list `modules` of names; an empty list stands for every module that can do it. The
//! answer has the `id` and either `error` or `results`, a dictionary a module with its name as `module` and what there
//! is to say: `error`, `data`, `position` and `units`, `settings`, `confirmed`, or `info`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::data::{DataDim, DataToExport};
use super::object::Object;

/// What can be done with modules.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Tell of it.
    List,
    /// Grab; no dimensionality: as its last data, or else 2D.
    Grab(Option<DataDim>),
    /// The data that came last.
    Last,
    /// Move to a position.
    MoveAbs(f64),
    /// Move on by a distance.
    MoveRel(f64),
    /// Move to the home position.
    Home,
    /// Stop.
    Stop,
    /// Tell the position.
    Position,
    /// Tell the settings.
    Settings,
    /// Change a setting.
    Set {
        /// The names that lead to it, the root left out.
        path: Vec<String>,
        /// Its new value.
        value: String,
    },
    /// Give it another name.
    Rename(String),
}

/// A request of a controller.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlRequest {
    /// Comes back with the answer.
    pub id: i64,
    /// Names or addresses of modules; empty: every one that can do it.
    pub modules: Vec<String>,
    /// What to do.
    pub command: Command,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlAnswer {
    /// The request's.
    pub id: i64,
    /// What each module has to say, or why the request was not understood.
    pub result: Result<Vec<ModuleAnswer>, String>,
}

/// What one module has to say to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleAnswer {
    /// Its name.
    pub module: String,
    /// What came of it, or why it failed.
    pub result: Result<Answer, String>,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// Nothing to say.
    Done,
    /// The module.
    Info(ModuleInfo),
    /// Data.
    Data(Arc<DataToExport>),
    /// Where it is.
    Position {
        /// The position.
        value: f64,
        /// Its units.
        units: String,
    },
    /// The settings as XML.
    Settings(String),
    /// A setting was sent; whether the module has confirmed the change.
    Set {
        /// It has.
        confirmed: bool,
    },
}

/// A module, for display.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModuleInfo {
    /// `GRABBER` or `ACTUATOR`.
    pub kind: String,
    /// Its generation.
    pub generation: String,
    /// Where it is.
    pub address: String,
    /// What it is doing.
    pub state: String,
    /// Since when it is there, in seconds.
    pub seconds: f64,
    /// How many times it has sent data.
    pub frames: i64,
    /// Its last data or position in a few words.
    pub last: String,
}

impl ControlRequest {
    /// The dictionary that travels.
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

    /// A request from the dictionary that travels; else the answer that says what is wrong with it.
    pub fn from_object(object: &Object) -> Result<Self, ControlAnswer> {
        let id = integer(object, "id").unwrap_or(0);
        let refuse = |why: String| ControlAnswer { id, result: Err(why) };
        let text = |key| text(object, key).ok_or_else(|| refuse(format!("{key} is missing")));
        let number = || {
            let value = object.entry("value").and_then(Object::as_f64);
            value
                .filter(|value| value.is_finite())
                .ok_or_else(|| refuse("value is no finite number".into()))
        };
        let command = match text("request")?.as_str() {
            "list" => Command::List,
            "grab" => Command::Grab(match object.entry("dim") {
                None | Some(Object::None) => None,
                Some(_) => {
                    let dim = DataDim::from_name(&format!("Data{}", text("dim")?));
                    Some(dim.ok_or_else(|| refuse("dim is none of 0D, 1D, 2D, ND".into()))?)
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
                path: names(object, "path").ok_or_else(|| refuse("path is no list of names".into()))?,
                value: text("value")?,
            },
            "rename" => Command::Rename(text("value")?),
            other => return Err(refuse(format!("there is no request {other:?}"))),
        };
        let modules = names(object, "modules").ok_or_else(|| refuse("modules is no list of names".into()))?;
        Ok(Self { id, modules, command })
    }
}

impl ControlAnswer {
    /// The dictionary that travels.
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

    /// An answer from the dictionary that travels; `None` when it is none.
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

/// A list of texts; absent: an empty one.
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
        for result in [Ok(results), Err("there is no request \"fly\"".into())] {
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
        assert_eq!(
            fault(vec![("request", "fly".into())]),
            "there is no request \"fly\""
        );
        assert_eq!(
            fault(vec![("request", "move_abs".into())]),
            "value is no finite number"
        );
        assert_eq!(
            fault(vec![("request", "move_abs".into()), ("value", f64::NAN.into())]),
            "value is no finite number"
        );
        assert_eq!(
            fault(vec![("request", "grab".into()), ("dim", "5D".into())]),
            "dim is none of 0D, 1D, 2D, ND"
        );
        assert_eq!(
            fault(vec![("request", "stop".into()), ("modules", "all".into())]),
            "modules is no list of names"
        );
        assert!(ControlRequest::from_object(&Object::None).is_err());
    }
}
