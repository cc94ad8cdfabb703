//! Log of a run as lines: JSON in Python's dialect.
//!
//! ```text
//! {"version": 1, "run": 2, "name": null, "before": 1, "begun": "2026-11-29T12:00:00Z", "experiment": "resonance dip",
//!  "text": "{...}", "arguments": {"lolim": 1.5, ...}, "seed": 7, "posterior": null}
//! {"x": [2.6], "y": [0.99], "s": [0.005], "at": "2026-11-29T12:00:05Z"}
//! {"undo": 1, "at": "2026-11-29T12:00:07Z"}
//! ```
//! The first, which is one line in the log, says what the run began with: the text of its experiment, and the posterior
//! if it was loaded. A suggestion depends on the measurements before it and on the number of suggestions since, so that none is
//! recorded: the one that was made last, and not measured, is made again.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use labwire_design::{Designer, Measurement};
use labwire_python_json::{Limits, Object, Value, dumps, parse};

use super::texts::Texts;

/// Beginning of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Head {
    pub(super) number: u64,
    pub(super) name: Option<String>,
    /// Run in place of which this one began.
    pub(super) before: Option<u64>,
    pub(super) begun: String,
    /// Name of the experiment.
    pub(super) experiment: String,
    pub(super) text: String,
    pub(super) arguments: Vec<(String, f64)>,
    pub(super) seed: u64,
    pub(super) posterior: Option<String>,
}

impl Head {
    pub(super) fn line(&self) -> String {
        let whole = |number: u64| Value::Int(number as i64);
        let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
        let arguments: Object = self
            .arguments
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let mut line = Object::new();
        line.insert("version", 1);
        line.insert("run", whole(self.number));
        line.insert("name", text(&self.name));
        line.insert("before", self.before.map_or(Value::Null, whole));
        line.insert("begun", self.begun.as_str());
        line.insert("experiment", self.experiment.as_str());
        line.insert("text", self.text.as_str());
        line.insert("arguments", arguments);
        line.insert("seed", whole(self.seed));
        line.insert("posterior", text(&self.posterior));
        dumps(&line.into())
    }

    pub(super) fn from_line(line: &str) -> Result<Self, String> {
        let value = parse(line.as_bytes(), &Limits::default()).map_err(|error| error.to_string())?;
        let fields = value.as_object().ok_or("not an object")?;
        let field = |name: &str| fields.get(name).ok_or_else(|| format!("{name} is missing"));
        let whole = |name: &str| match field(name)? {
            Value::Int(number) => u64::try_from(*number).map_err(|_| format!("{name} is negative")),
            _ => Err(format!("{name} is not a whole number")),
        };
        let text = |name: &str| {
            let text = field(name)?.as_str().map(String::from);
            text.ok_or_else(|| format!("{name} is not a text"))
        };
        let optional = |name: &str| match field(name)? {
            Value::Null => Ok(None),
            _ => text(name).map(Some),
        };
        if whole("version")? != 1 {
            return Err("its version is not 1".into());
        }
        let arguments = field("arguments")?
            .as_object()
            .ok_or("arguments is not an object")?;
        let argument = |(name, value): &(labwire_python_json::Text, Value)| {
            Some((String::from(name.as_str()?), value.as_f64()?))
        };
        let arguments: Option<Vec<_>> = arguments.iter().map(argument).collect();
        Ok(Self {
            number: whole("run")?,
            name: optional("name")?,
            before: match field("before")? {
                Value::Null => None,
                _ => Some(whole("before")?),
            },
            begun: text("begun")?,
            experiment: text("experiment")?,
            text: text("text")?,
            arguments: arguments.ok_or("arguments is not an object of numbers")?,
            seed: whole("seed")?,
            posterior: optional("posterior")?,
        })
    }

    /// Designer as it was when the run began.
    pub(super) fn designer(&self, texts: &Texts) -> Result<Designer, String> {
        let arguments: Vec<(&str, f64)> = self
            .arguments
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let experiment = texts.read(&self.text, &arguments);
        let experiment = experiment.map_err(|error| error.to_string())?;
        let designer = match &self.posterior {
            None => Designer::new(experiment, self.seed),
            Some(posterior) => Designer::from_posterior(experiment, posterior),
        };
        designer.map_err(|error| error.to_string())
    }
}

/// Line about a measurement.
pub(super) fn measured(measurement: &Measurement, time: &str) -> String {
    let mut line = match Value::from(measurement) {
        Value::Object(fields) => fields,
        _ => Object::new(),
    };
    line.insert("at", time);
    dumps(&line.into())
}

/// Line about a measurement that was undone.
pub(super) fn undone(time: &str) -> String {
    let mut line = Object::new();
    line.insert("undo", 1);
    line.insert("at", time);
    dumps(&line.into())
}

/// Line after the first.
pub(super) enum Record {
    Measured(Measurement),
    Undone,
}

/// A line, and the time in it.
pub(super) fn record(line: &str) -> Result<(Record, String), String> {
    let value = parse(line.as_bytes(), &Limits::default()).map_err(|error| error.to_string())?;
    let time = value.as_object().and_then(|fields| fields.get("at"));
    let time = time.and_then(Value::as_str).unwrap_or_default().into();
    if value.contains("undo") == Some(true) {
        return Ok((Record::Undone, time));
    }
    let measurement = Measurement::try_from(&value)?;
    Ok((Record::Measured(measurement), time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let head = Head {
            number: 12,
            name: Some("cavity \"7\"".into()),
            before: None,
            begun: "2026-11-29T12:00:00Z".into(),
            experiment: "dip".into(),
            text: "{\n\"model\": \"µ\"}".into(),
            arguments: alloc::vec![("lolim".into(), 0.1), ("steps".into(), 3.0)],
            seed: (1 << 53) - 1,
            posterior: Some("{}".into()),
        };
        let line = head.line();
        assert!(!line.contains('\n'));
        assert_eq!(Head::from_line(&line), Ok(head.clone()));
        let older = Head {
            before: Some(3),
            name: None,
            posterior: None,
            ..head
        };
        assert_eq!(Head::from_line(&older.line()), Ok(older));
        for sigma in [None, Some(alloc::vec![f64::NAN.abs()]), Some(alloc::vec![1e-300])] {
            let measurement = Measurement {
                setting: alloc::vec![0.1 + 0.2, -0.0],
                values: alloc::vec![5e-324],
                sigma,
            };
            let line = measured(&measurement, "now");
            let Ok((Record::Measured(read), time)) = record(&line) else {
                panic!("{line}");
            };
            assert_eq!(
                (format!("{read:?}"), time),
                (format!("{measurement:?}"), "now".into())
            );
        }
        assert!(matches!(record(&undone("")), Ok((Record::Undone, _))));
        for wrong in ["", "[1]", "{}", r#"{"x": 1, "y": [1], "s": null}"#, "{\"x\": [1]"] {
            assert!(record(wrong).is_err(), "{wrong}");
            assert!(Head::from_line(wrong).is_err(), "{wrong}");
        }
    }
}
