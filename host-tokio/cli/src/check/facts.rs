//! What there is to say about a file: a line each, or an object for programs.

use std::fmt::Display;

use serde_json::{Map, Value, json};

use crate::console::answer;

/// Facts about a file.
#[derive(Debug)]
pub(super) struct Facts {
    lines: Vec<String>,
    object: Map<String, Value>,
}

impl Facts {
    /// Facts about a file that is of a kind, with the line that says so.
    pub(super) fn new(file: &str, kind: &str, line: String) -> Self {
        let object = [("type", json!(kind)), ("file", json!(file))];
        Self {
            lines: vec![line],
            object: object
                .map(|(key, value)| (key.to_owned(), value))
                .into_iter()
                .collect(),
        }
    }

    /// Adds a fact: what is said after its name, and its value under a key.
    pub(super) fn set(&mut self, name: &str, words: impl Display, key: &str, value: Value) {
        self.lines.push(format!("  {name:<12} {words}"));
        self.object.insert(key.to_owned(), value);
    }

    /// Adds one of several facts, whose values are a list under their key.
    pub(super) fn add(&mut self, name: &str, words: impl Display, key: &str, value: Value) {
        self.lines.push(format!("  {name:<12} {words}"));
        self.list(key, value);
    }

    /// Adds a value to the list under a key.
    pub(super) fn list(&mut self, key: &str, value: Value) {
        let list = self.object.entry(key).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(value);
        }
    }

    /// Adds a value to the object under a key.
    pub(super) fn entry(&mut self, key: &str, name: &str, value: Value) {
        let object = self.object.entry(key).or_insert_with(|| json!({}));
        object[name] = value;
    }

    /// Adds a value that is in words elsewhere.
    pub(super) fn mention(&mut self, key: &str, value: Value) {
        self.object.insert(key.to_owned(), value);
    }

    /// Adds a line that is for people only.
    pub(super) fn line(&mut self, line: String) {
        self.lines.push(line);
    }

    pub(super) fn print(self) {
        answer(|| self.lines.join("\n"), || Value::Object(self.object.clone()));
    }
}
