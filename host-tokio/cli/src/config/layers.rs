//! Layers of configuration tables.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use toml::{Table, Value};

use super::{Config, DEFAULT_TEXT, Sections};
use crate::common::{has_decimal_comma, number, read_file};
use crate::console::note;
use crate::failure::{self, Failure, did_you_mean};

/// Defaults, and the layers over them, the last one on top.
#[derive(Debug)]
pub(crate) struct Layers {
    table: Table,
    /// Keys that were given explicitly, such as `open.address`, and by what.
    given: BTreeMap<String, Origin>,
}

/// What gave a key its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// File of this name.
    File(String),
    /// Variable of this name.
    Environment(String),
    /// Flag, such as `--open`.
    Flag(String),
}

impl Origin {
    /// Kind and name.
    pub(crate) fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::File(name) => ("file", name),
            Self::Environment(name) => ("environment", name),
            Self::Flag(name) => ("flag", name),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.parts().1)
    }
}

impl Layers {
    /// Defaults only.
    pub(crate) fn new() -> Self {
        Self {
            table: DEFAULT_TEXT.parse().unwrap_or_default(),
            given: BTreeMap::new(),
        }
    }

    /// Defaults, a file if one is given, and the environment.
    pub(crate) fn with_file_and_environment(file: Option<&Path>) -> Result<Self, Failure> {
        let mut layers = Self::new();
        if let Some(file) = file {
            layers.add_text(&file.display().to_string(), &read_file(file)?)?;
        }
        layers.add_environment(std::env::vars_os())?;
        Ok(layers)
    }

    /// Adds a file's text.
    pub(crate) fn add_text(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        let origin = Origin::File(name.to_owned());
        let table: Table = text.parse().map_err(|error| wrong(format!("{name}: {error}")))?;
        // Checked first: the keys of another version would give other errors.
        if let Some(version) = table.get("version")
            && *version != Value::Integer(1)
        {
            return Err(wrong(format!("{name}: unknown version {version}, expected 1")));
        }
        for (section, value) in table {
            match value {
                Value::Table(keys) => {
                    for (key, value) in keys {
                        self.set_from(&origin, &section, &key, value)?;
                    }
                }
                _ if section == "version" => {}
                _ => return Err(self.unknown_section(name, &section)),
            }
        }
        Ok(())
    }

    /// Sets the value that a flag gives.
    pub(crate) fn set(&mut self, flag: &str, section: &str, key: &str, value: Value) -> Result<(), Failure> {
        self.set_from(&Origin::Flag(flag.to_owned()), section, key, value)
    }

    fn set_from(&mut self, origin: &Origin, section: &str, key: &str, value: Value) -> Result<(), Failure> {
        let Some(Value::Table(keys)) = self.table.get_mut(section) else {
            return Err(self.unknown_section(&origin.to_string(), section));
        };
        let Some(slot) = keys.get_mut(key) else {
            let known = keys.keys().map(String::as_str);
            let message = format!("{origin}: unknown key `{key}` in [{section}]");
            return Err(wrong(message).hint(did_you_mean(key, known)));
        };
        let comma = value.as_str().filter(|text| has_decimal_comma(text));
        let comma = comma.and_then(|text| number(text).err());
        *slot = fit(value, slot).map_err(|(found, expected)| {
            let failure = wrong(format!(
                "{origin}: `{section}.{key}` is of type {expected}, not {found}"
            ));
            match comma {
                Some(why) => failure.hint(why),
                None => failure,
            }
        })?;
        self.given.insert(format!("{section}.{key}"), origin.clone());
        Ok(())
    }

    /// What gave this key its value, if it is not the default.
    pub(crate) fn origin(&self, section: &str, key: &str) -> Option<&Origin> {
        self.given.get(&format!("{section}.{key}"))
    }

    /// Whether this key was given explicitly.
    pub(crate) fn is_given(&self, section: &str, key: &str) -> bool {
        self.origin(section, key).is_some()
    }

    /// Whether any key was given explicitly.
    pub(crate) fn has_given(&self) -> bool {
        !self.given.is_empty()
    }

    /// Keys whose values are others in `new`, with both.
    pub(crate) fn differences<'t>(&'t self, new: &'t Self) -> Vec<(String, &'t Value, &'t Value)> {
        let mut differences = Vec::new();
        for (section, keys) in &self.table {
            for (key, old) in keys.as_table().into_iter().flatten() {
                let new = new.table.get(section).and_then(|keys| keys.get(key));
                if let Some(new) = new.filter(|new| *new != old) {
                    differences.push((format!("{section}.{key}"), old, new));
                }
            }
        }
        differences
    }

    /// Takes the values of some keys, such as `log.level`, from `new`.
    pub(crate) fn adopt(&mut self, new: &Self, keys: &[&str]) {
        for (section, key) in keys.iter().filter_map(|key| key.split_once('.')) {
            let value = new.table.get(section).and_then(|keys| keys.get(key));
            let slot = self.table.get_mut(section).and_then(|keys| keys.get_mut(key));
            if let (Some(value), Some(slot)) = (value, slot) {
                *slot = value.clone();
            }
        }
    }

    /// Sections with all keys and their values.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Resulting configuration.
    pub(crate) fn finish(&self) -> Result<Config, Failure> {
        Config::read(&Sections::new(&self.table))
    }

    fn add_environment(
        &mut self,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<(), Failure> {
        let known = self.environment_names();
        for (name, value) in variables {
            let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else {
                continue;
            };
            if !name.starts_with("LABWIRE_") || name == CONFIG_FILE {
                continue;
            }
            if !name["LABWIRE_".len()..].contains('_') {
                note!("warning: {name} is not a setting and is ignored: those are LABWIRE_SECTION_KEY");
                continue;
            }
            let Some((_, section, key)) = known.iter().find(|(known, ..)| known == name) else {
                let names = known.iter().map(|(known, ..)| known.as_str());
                let message = format!("unknown environment variable {name}");
                return Err(wrong(message).hint(did_you_mean(name, names)));
            };
            let origin = Origin::Environment(name.to_owned());
            self.set_from(&origin, section, key, parse(value))?;
        }
        Ok(())
    }

    /// For every key: its name in the environment, its section, and the key itself.
    fn environment_names(&self) -> Vec<(String, String, String)> {
        let mut names = Vec::new();
        for (section, keys) in &self.table {
            for key in keys.as_table().into_iter().flat_map(Table::keys) {
                let name = format!("LABWIRE_{section}_{key}")
                    .to_uppercase()
                    .replace('-', "_");
                names.push((name, section.clone(), key.clone()));
            }
        }
        names
    }

    fn unknown_section(&self, origin: &str, section: &str) -> Failure {
        let known = self.table.iter().filter(|(_, value)| value.is_table());
        wrong(format!("{origin}: unknown section [{section}]"))
            .hint(did_you_mean(section, known.map(|(name, _)| name.as_str())))
    }
}

/// Environment variable with the path of the configuration file.
const CONFIG_FILE: &str = "LABWIRE_CONFIG";

fn wrong(message: String) -> Failure {
    Failure::new(failure::CONFIG, message).hint("`labwire config` prints every key with its default")
}

/// Failure for a value that its type refuses.
pub(super) fn unreadable(error: impl std::fmt::Display) -> Failure {
    wrong(format!("configuration: {}", error.to_string().trim()))
}

/// Failure for a key without a value.
pub(super) fn missing(section: &str, key: &str) -> Failure {
    wrong(format!("configuration: `{section}.{key}` is missing"))
}

/// Value in TOML, or else a text.
fn parse(text: &str) -> Value {
    match format!("value = {text}").parse::<Table>() {
        Ok(mut table) => table
            .remove("value")
            .unwrap_or_else(|| Value::String(text.to_owned())),
        Err(_) => Value::String(text.to_owned()),
    }
}

/// Converts `value` to the type of `slot`: whole numbers for other numbers, a single text for a list. Otherwise
/// returns both types.
fn fit(value: Value, slot: &Value) -> Result<Value, (&'static str, &'static str)> {
    match (value, slot) {
        (Value::Integer(number), Value::Float(_)) => Ok(Value::Float(number as f64)),
        (value @ Value::String(_), Value::Array(_)) => Ok(Value::Array(vec![value])),
        (value, slot) if value.same_type(slot) => Ok(value),
        (value, slot) => Err((value.type_str(), slot.type_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Layers::new()
            .add_text("x.toml", text)
            .and_then(|()| Layers::new().finish().map(|_| ()))
            .map_or_else(|failure| failure.to_string(), |()| String::new())
    }

    fn environment(pairs: &[(&str, &str)]) -> Result<Layers, Failure> {
        let mut layers = Layers::new();
        let pairs = pairs
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        layers.add_environment(pairs)?;
        Ok(layers)
    }

    #[test]
    fn the_last_layer_wins_and_whole_numbers_are_times() {
        let mut layers = environment(&[
            ("LABWIRE_OPEN_QUEUE", "3"),
            ("LABWIRE_DIR", "/bin"),
            ("PATH", "/bin"),
        ])
        .unwrap();
        assert!(layers.is_given("open", "queue") && !layers.is_given("open", "address"));
        layers
            .add_text(
                "x.toml",
                "version = 1\nopen.queue = 4\n[limits]\nidle-timeout = 2",
            )
            .unwrap();
        let config = layers.finish().unwrap();
        let service = config.open.service(true);
        assert_eq!(service.queue, 4);
        assert_eq!(config.session.idle_timeout.as_secs(), 2);
    }

    #[test]
    fn one_file_is_a_list_of_files() {
        let layers = environment(&[("LABWIRE_OPEN_PROBLEM", "a.json")]).unwrap();
        assert_eq!(layers.finish().unwrap().open.files.problem, ["a.json"]);
        let layers = environment(&[("LABWIRE_OPEN_PROBLEM", "[\"a\", \"b\"]")]).unwrap();
        assert_eq!(layers.finish().unwrap().open.files.problem, ["a", "b"]);
    }

    #[test]
    fn unknown_names_are_errors_that_suggest_the_right_one() {
        assert!(error("[open]\nadress = \"x\"").contains("did you mean `address`?"));
        assert!(error("[opem]\naddress = \"x\"").contains("did you mean `open`?"));
        assert!(error("queue = 3").contains("unknown section [queue]"));
        assert!(error("[limits]\nzzz = 3").contains("expected one of: connections, "));
        let failure = environment(&[("LABWIRE_OPEN_ADDRES", "x")])
            .unwrap_err()
            .to_string();
        assert!(
            failure.contains("did you mean `LABWIRE_OPEN_ADDRESS`?"),
            "{failure}"
        );
    }

    #[test]
    fn values_of_the_wrong_kind_are_errors_that_name_the_key() {
        let failure = environment(&[("LABWIRE_OPEN_SOLVE_TIME", "0,5")]).unwrap_err();
        assert!(failure.to_string().contains("write a decimal point"), "{failure}");
        assert!(error("[open]\nqueue = \"many\"").contains("`open.queue` is of type integer"));
        assert!(error("version = 2").contains("version 2"));
        assert!(error("[open").contains("x.toml: TOML parse error at line 1"));
        for (text, why) in [
            ("limits.idle-timeout = -1", "not a number of seconds"),
            ("open.queue = -1", "invalid value"),
            ("open.kill = \"me\"", "expected one of"),
        ] {
            let mut layers = Layers::new();
            layers.add_text("x.toml", text).unwrap();
            let failure = layers.finish().unwrap_err().to_string();
            assert!(failure.contains(why), "{failure}");
        }
    }
}
