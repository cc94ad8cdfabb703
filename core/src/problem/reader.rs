//! Walks through the JSON of a problem file and names the key in everything it refuses.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::error::{Fault, ProblemError, suggestion};
use super::json::{Json, JsonValue};

/// A value and the keys that lead to it.
#[derive(Clone, Debug)]
pub(crate) struct Place<'t> {
    text: &'t str,
    pub(crate) json: &'t Json<'t>,
    pub(crate) path: String,
}

/// An entry of an object.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'t> {
    pub(crate) key: &'t Json<'t>,
    pub(crate) name: &'t str,
    pub(crate) value: Place<'t>,
}

impl<'t> Place<'t> {
    pub(crate) fn root(text: &'t str, json: &'t Json<'t>) -> Self {
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
    pub(crate) fn error(&self, message: String) -> ProblemError {
        self.fault(Fault::new(0, message))
    }

    /// An error about the value as a whole; `fault.at` does not count.
    pub(crate) fn fault(&self, fault: Fault) -> ProblemError {
        ProblemError::new(self.text, self.json.at, &self.path, fault)
    }

    /// An error inside the value, which is an expression.
    pub(crate) fn fault_inside(&self, fault: Fault) -> ProblemError {
        ProblemError::new(self.text, self.json.place_of(fault.at), &self.path, fault)
    }

    /// An error inside the key of an entry of this object.
    pub(crate) fn fault_in_key(&self, entry: &Entry<'t>, fault: Fault) -> ProblemError {
        ProblemError::new(self.text, entry.key.place_of(fault.at), &self.path, fault)
    }

    fn expected(&self, what: &str) -> ProblemError {
        self.error(format!("expected {what}, found {}", self.json.describe()))
    }

    /// The entries of an object, in the order of the file. No name appears twice.
    pub(crate) fn entries(&self, what: &str) -> Result<Vec<Entry<'t>>, ProblemError> {
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
    pub(crate) fn entries_of(&self, what: &str, known: &[&str]) -> Result<Vec<Entry<'t>>, ProblemError> {
        let entries = self.entries(what)?;
        match entries.iter().find(|entry| !known.contains(&entry.name)) {
            None => Ok(entries),
            Some(entry) => Err(self.unknown_key(entry, known)),
        }
    }

    pub(crate) fn unknown_key(&self, entry: &Entry<'t>, known: &[&str]) -> ProblemError {
        let mut fault = Fault::new(0, format!("unknown key `{}`", entry.name))
            .suggest(suggestion(entry.name, known.iter().copied()));
        if fault.help.is_none() {
            fault = fault.help(format!("known keys: {}", known.join(", ")));
        }
        self.fault_in_key(entry, fault)
    }

    /// The items of a list.
    pub(crate) fn items(&self, what: &str) -> Result<Vec<Self>, ProblemError> {
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

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.json.value, JsonValue::List(_))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.json.value, JsonValue::Null)
    }

    pub(crate) fn string(&self, what: &str) -> Result<&'t str, ProblemError> {
        match &self.json.value {
            JsonValue::Text(text) => Ok(text),
            _ => Err(self.expected(what)),
        }
    }

    /// The text of an expression: a string, or a number.
    pub(crate) fn expression(&self) -> Result<&'t str, ProblemError> {
        self.json
            .expression()
            .ok_or_else(|| self.expected("an expression (a string or a number)"))
    }

    pub(crate) fn number(&self, what: &str) -> Result<f64, ProblemError> {
        match self.json.value {
            JsonValue::Number(number) => Ok(number),
            _ => Err(self.expected(what)),
        }
    }

    pub(crate) fn positive(&self) -> Result<f64, ProblemError> {
        let number = self.number("a positive number")?;
        if number > 0.0 {
            Ok(number)
        } else {
            Err(self.error(format!("expected a positive number, found {number}")))
        }
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn whole_number(&self, least: u32, most: u32) -> Result<u32, ProblemError> {
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
    pub(crate) fn vector(
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
pub(crate) fn find<'a, 't>(entries: &'a [Entry<'t>], name: &str) -> Option<&'a Place<'t>> {
    entries
        .iter()
        .find(|entry| entry.name == name)
        .map(|entry| &entry.value)
}
