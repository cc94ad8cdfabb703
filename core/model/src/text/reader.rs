//! Reader of the JSON of a file, whose errors name the key.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use labwire_session::encoding::foreign_encoding;
use labwire_solve::Compact;

use super::error::{Fault, TextError};
use super::json::{Json, JsonValue};
use super::limits::TextLimits;
use super::suggestion;

/// Longest name of a problem or an experiment, in characters.
const NAME_CHARACTERS: usize = 1000;

/// Value and the keys that lead to it.
#[derive(Clone, Debug)]
pub struct Place<'t> {
    text: &'t str,
    /// Value.
    pub json: &'t Json<'t>,
    /// Path of its keys, from the outermost on, such as `f1.expressions[1]`.
    pub path: String,
}

/// Entry of an object.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry<'t> {
    /// Key, with its position in the text.
    pub key: &'t Json<'t>,
    /// Name of the key.
    pub name: &'t str,
    /// Value.
    pub value: Place<'t>,
}

impl<'t> Place<'t> {
    /// The whole text.
    #[must_use]
    pub fn root(text: &'t str, json: &'t Json<'t>) -> Self {
        Self {
            text,
            json,
            path: String::new(),
        }
    }

    fn within(&self, json: &'t Json<'t>, path: String) -> Self {
        Self {
            text: self.text,
            json,
            path,
        }
    }

    /// Error about the value as a whole.
    #[must_use]
    pub fn error(&self, message: String) -> TextError {
        self.fault(Fault::new(0, message))
    }

    /// Error about the value as a whole; `fault.at` is ignored.
    #[must_use]
    pub fn fault(&self, fault: Fault) -> TextError {
        TextError::new(self.text, self.json.at, &self.path, fault)
    }

    /// Error inside the value, which is an expression.
    #[must_use]
    pub fn fault_inside(&self, fault: Fault) -> TextError {
        TextError::new(self.text, self.json.place_of(fault.at), &self.path, fault)
    }

    /// Error inside the key of an entry of this object.
    #[must_use]
    pub fn fault_in_key(&self, entry: &Entry<'t>, fault: Fault) -> TextError {
        TextError::new(self.text, entry.key.place_of(fault.at), &self.path, fault)
    }

    fn expected(&self, what: &str) -> TextError {
        self.error(format!("expected {what}, found {}", self.json.describe()))
    }

    /// Entries of an object, in file order. No name appears twice.
    pub fn entries(&self, what: &str) -> Result<Vec<Entry<'t>>, TextError> {
        let JsonValue::Object(object) = &self.json.value else {
            return Err(self.expected(what));
        };
        let mut entries: Vec<Entry<'t>> = Vec::with_capacity(object.len());
        for (key, value) in object {
            let name = key.expression().unwrap_or_default();
            let path = if self.path.is_empty() {
                name.to_string()
            } else {
                format!("{}.{name}", self.path)
            };
            let value = self.within(value, path);
            entries.push(Entry { key, name, value });
        }
        self.refuse_duplicates(&entries)?;
        Ok(entries)
    }

    fn refuse_duplicates(&self, entries: &[Entry<'t>]) -> Result<(), TextError> {
        let mut by_name: Vec<&Entry<'t>> = entries.iter().collect();
        by_name.sort_by_key(|entry| entry.name);
        match by_name.windows(2).find(|pair| pair[0].name == pair[1].name) {
            None => Ok(()),
            Some(pair) => {
                let message = format!("the key `{}` appears twice", pair[1].name);
                Err(self.fault_in_key(pair[1], Fault::new(0, message)))
            }
        }
    }

    /// Entries of an object that may have only these keys.
    pub fn entries_of(&self, what: &str, known: &[&str]) -> Result<Vec<Entry<'t>>, TextError> {
        let entries = self.entries(what)?;
        match entries.iter().find(|entry| !known.contains(&entry.name)) {
            None => Ok(entries),
            Some(entry) => Err(self.unknown_key(entry, known)),
        }
    }

    /// Error for a key that is not one of `known`.
    #[must_use]
    pub fn unknown_key(&self, entry: &Entry<'t>, known: &[&str]) -> TextError {
        let mut fault = Fault::new(0, format!("unknown key `{}`", entry.name))
            .suggest(suggestion(entry.name, known.iter().copied()));
        if fault.help.is_none() {
            fault = fault.help(format!("known keys: {}", known.join(", ")));
        }
        self.fault_in_key(entry, fault)
    }

    /// Items of a list.
    pub fn items(&self, what: &str) -> Result<Vec<Self>, TextError> {
        match &self.json.value {
            JsonValue::List(items) => {
                let path = |i| format!("{}[{i}]", self.path);
                Ok(items
                    .iter()
                    .enumerate()
                    .map(|(i, item)| self.within(item, path(i)))
                    .collect())
            }
            _ => Err(self.expected(what)),
        }
    }

    /// Whether the value is a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(self.json.value, JsonValue::List(_))
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Result<bool, TextError> {
        match self.json.value {
            JsonValue::Bool => Ok(self.json.raw == "true"),
            _ => Err(self.expected("true or false")),
        }
    }

    /// Whether the value is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        matches!(self.json.value, JsonValue::Object(_))
    }

    /// Whether the value is a number.
    #[must_use]
    pub fn is_number(&self) -> bool {
        matches!(self.json.value, JsonValue::Number(_))
    }

    /// Whether the value is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.json.value, JsonValue::Null)
    }

    /// A string; `what` names it in the error for anything else.
    pub fn string(&self, what: &str) -> Result<&'t str, TextError> {
        match &self.json.value {
            JsonValue::Text(text) => Ok(text),
            _ => Err(self.expected(what)),
        }
    }

    /// Name of the problem or experiment in the file.
    ///
    /// # Errors
    /// If it is not a string, or has more than 1,000 characters: replies and lists show it.
    pub fn name(&self) -> Result<&'t str, TextError> {
        let name = self.string("a name (a string)")?;
        match name.chars().count() {
            0..=NAME_CHARACTERS => Ok(name),
            found => Err(self.error(format!(
                "expected a name of at most {NAME_CHARACTERS} characters, found {found}"
            ))),
        }
    }

    /// Text of an expression: a string, or a number.
    pub fn expression(&self) -> Result<&'t str, TextError> {
        self.json
            .expression()
            .ok_or_else(|| self.expected("an expression (a string or a number)"))
    }

    /// A number; `what` names it in the error for anything else.
    pub fn number(&self, what: &str) -> Result<f64, TextError> {
        match self.json.value {
            JsonValue::Number(number) => Ok(number),
            _ => Err(self.expected(what)),
        }
    }

    /// A number greater than zero.
    pub fn positive(&self) -> Result<f64, TextError> {
        let number = self.number("a positive number")?;
        if number > 0.0 {
            Ok(number)
        } else {
            Err(self.error(format!("expected a positive number, found {}", Compact(number))))
        }
    }

    /// A whole number from `least` to `most`.
    pub fn whole_number(&self, least: u32, most: u32) -> Result<u32, TextError> {
        let what = "a whole number";
        let number = self.number(what)?;
        if number == labwire_solve::math::floor(number)
            && number >= f64::from(least)
            && number <= f64::from(most)
        {
            Ok(number as u32)
        } else {
            Err(self.error(format!(
                "expected {what} from {least} to {most}, found {}",
                self.json.raw
            )))
        }
    }

    /// One number for all of `len`, or a list of `len` numbers; `parse` reads each.
    pub fn vector(
        &self,
        len: usize,
        what: &str,
        parse: impl Fn(&Self) -> Result<f64, TextError>,
    ) -> Result<Vec<f64>, TextError> {
        if !self.is_list() {
            return Ok(alloc::vec![parse(self)?; len]);
        }
        let items = self.items(what)?;
        if items.len() != len {
            return Err(self.error(format!("expected {len} numbers, found {}", items.len())));
        }
        items.iter().map(parse).collect()
    }
}

/// Value of the entry with this name.
#[must_use]
pub fn find<'a, 't>(entries: &'a [Entry<'t>], name: &str) -> Option<&'a Place<'t>> {
    entries
        .iter()
        .find(|entry| entry.name == name)
        .map(|entry| &entry.value)
}

/// Parses the JSON of a text.
pub fn parse_json<'t>(text: &'t str, limits: &TextLimits) -> Result<Json<'t>, TextError> {
    if text.len() > limits.text_bytes {
        let limit = limits.text_bytes;
        let message = format!("the text is longer than {limit} bytes (limit `text-bytes`)");
        return Err(TextError::new(text, 0, "", Fault::new(0, message)));
    }
    if let Some(why) = foreign_encoding(text.as_bytes()) {
        return Err(TextError::new(text, 0, "", Fault::new(0, why.into())));
    }
    super::json::parse(text).map_err(|fault| TextError::new(text, fault.at, "", fault))
}

/// Accepts the address of a JSON Schema, which is for editors.
pub fn check_schema(address: Option<&Place<'_>>) -> Result<(), TextError> {
    match address {
        Some(place) => place
            .string("the address of a JSON Schema (a string)")
            .map(|_| ()),
        None => Ok(()),
    }
}

/// Accepts files of version 1, and files without a version.
pub fn check_version(version: Option<&Place<'_>>) -> Result<(), TextError> {
    let Some(place) = version else {
        return Ok(());
    };
    match place.whole_number(0, u32::MAX)? {
        1 => Ok(()),
        version => Err(place.error(format!(
            "version {version} is not known; this program reads version 1"
        ))),
    }
}
