//! Walks through the JSON of a problem file and names the key in everything it refuses.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::error::{Fault, ProblemError, suggestion};
use super::json::{Json, JsonValue};

/// A value and the keys that lead to it.
#[derive(Clone, Debug)]
pub(super) struct Place<'t> {
    text: &'t str,
    pub(super) json: &'t Json<'t>,
    pub(super) path: String,
}

/// An entry of an object.
#[derive(Clone, Debug)]
pub(super) struct Entry<'t> {
    pub(super) key: &'t Json<'t>,
    pub(super) name: &'t str,
    pub(super) value: Place<'t>,
}

impl<'t> Place<'t> {
    pub(super) fn root(text: &'t str, json: &'t Json<'t>) -> Self {
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

    /// An error about the value as a whole.
    pub(super) fn error(&self, message: String) -> ProblemError {
        self.fault(Fault::new(0, message))
    }

    /// An error about the value as a whole; `fault.at` does not count.
    pub(super) fn fault(&self, fault: Fault) -> ProblemError {
        ProblemError::new(self.text, self.json.at, &self.path, fault)
    }

    /// An error inside the value, which is an expression.
    pub(super) fn fault_inside(&self, fault: Fault) -> ProblemError {
        ProblemError::new(self.text, self.json.place_of(fault.at), &self.path, fault)
    }

    /// An error inside the key of an entry of this object.
    pub(super) fn fault_in_key(&self, entry: &Entry<'t>, fault: Fault) -> ProblemError {
        ProblemError::new(self.text, entry.key.place_of(fault.at), &self.path, fault)
    }

    fn expected(&self, what: &str) -> ProblemError {
        self.error(format!("expected {what}, found {}", self.json.describe()))
    }

    /// The entries of an object, in the order of the file. No name appears twice.
    pub(super) fn entries(&self, what: &str) -> Result<Vec<Entry<'t>>, ProblemError> {
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

    fn refuse_duplicates(&self, entries: &[Entry<'t>]) -> Result<(), ProblemError> {
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

    /// The entries of an object that may have these keys only.
    pub(super) fn entries_of(&self, what: &str, known: &[&str]) -> Result<Vec<Entry<'t>>, ProblemError> {
        let entries = self.entries(what)?;
        match entries.iter().find(|entry| !known.contains(&entry.name)) {
            None => Ok(entries),
            Some(entry) => Err(self.unknown_key(entry, known)),
        }
    }

    pub(super) fn unknown_key(&self, entry: &Entry<'t>, known: &[&str]) -> ProblemError {
        let mut fault = Fault::new(0, format!("unknown key `{}`", entry.name))
            .suggest(suggestion(entry.name, known.iter().copied()));
        if fault.help.is_none() {
            fault = fault.help(format!("known keys: {}", known.join(", ")));
        }
        self.fault_in_key(entry, fault)
    }

    /// The items of a list.
    pub(super) fn items(&self, what: &str) -> Result<Vec<Self>, ProblemError> {
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

    pub(super) fn is_list(&self) -> bool {
        matches!(self.json.value, JsonValue::List(_))
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.json.value, JsonValue::Null)
    }

    pub(super) fn string(&self, what: &str) -> Result<&'t str, ProblemError> {
        match &self.json.value {
            JsonValue::Text(text) => Ok(text),
            _ => Err(self.expected(what)),
        }
    }

    /// The text of an expression: a string, or a number.
    pub(super) fn expression(&self) -> Result<&'t str, ProblemError> {
        self.json
            .expression()
            .ok_or_else(|| self.expected("an expression (a string or a number)"))
    }

    pub(super) fn number(&self, what: &str) -> Result<f64, ProblemError> {
        match self.json.value {
            JsonValue::Number(number) => Ok(number),
            _ => Err(self.expected(what)),
        }
    }

    pub(super) fn positive(&self) -> Result<f64, ProblemError> {
        let number = self.number("a positive number")?;
        if number > 0.0 {
            Ok(number)
        } else {
            Err(self.error(format!("expected a positive number, found {number}")))
        }
    }

    /// A whole number from `least` to `most`.
    pub(super) fn whole_number(&self, least: u32, most: u32) -> Result<u32, ProblemError> {
        let what = "a whole number";
        let number = self.number(what)?;
        if number == crate::math::floor(number) && number >= f64::from(least) && number <= f64::from(most) {
            Ok(number as u32)
        } else {
            Err(self.error(format!(
                "expected {what} from {least} to {most}, found {}",
                self.json.raw
            )))
        }
    }

    /// One number for all of `len`, or a list of `len`; `parse` reads each.
    pub(super) fn vector(
        &self,
        len: usize,
        what: &str,
        parse: impl Fn(&Self) -> Result<f64, ProblemError>,
    ) -> Result<Vec<f64>, ProblemError> {
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

/// The value of an entry.
pub(super) fn find<'a, 't>(entries: &'a [Entry<'t>], name: &str) -> Option<&'a Place<'t>> {
    entries
        .iter()
        .find(|entry| entry.name == name)
        .map(|entry| &entry.value)
}
