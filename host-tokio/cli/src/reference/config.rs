//! The configuration's keys: types, defaults and meanings from its defaults and their comments, words from its reader.

use serde_json::{Map, Value, json};
use toml::Table;

use crate::config::{DEFAULT_TEXT, Layers};

/// JSON Schema of configuration files.
pub(super) fn schema() -> Value {
    let table: Table = DEFAULT_TEXT.parse().unwrap_or_default();
    let sections = table
        .iter()
        .filter_map(|(name, keys)| Some((name, keys.as_table()?)));
    let mut properties: Map<String, Value> = sections
        .map(|(name, keys)| (name.clone(), section(name, keys)))
        .collect();
    properties.insert(
        "version".to_owned(),
        json!({"const": 1, "description": "Version of the format."}),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration file of labwire",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn section(name: &str, keys: &Table) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|(key, default)| (key.clone(), property(name, key, default)))
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn property(section: &str, key: &str, default: &toml::Value) -> Value {
    let mut schema = match default {
        toml::Value::Integer(_) => json!({"type": "integer", "minimum": 0}),
        toml::Value::Float(_) => json!({"type": "number", "minimum": 0}),
        toml::Value::Boolean(_) => json!({"type": "boolean"}),
        toml::Value::Array(_) => {
            json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
        }
        _ => match words(section, key) {
            words if words.is_empty() => json!({"type": "string"}),
            words => json!({"enum": words}),
        },
    };
    schema["default"] = json!(default);
    schema["description"] = json!(comment(section, key));
    schema
}

/// The words that a key takes, if it takes only some: the reader's answer to one that nobody would choose.
fn words(section: &str, key: &str) -> Vec<String> {
    let mut layers = Layers::new();
    let probe = toml::Value::String("?".to_owned());
    let answer = layers
        .set("schema", section, key, probe)
        .and_then(|()| layers.finish().map(|_| ()));
    let Err(failure) = answer else {
        return Vec::new();
    };
    let text = failure.to_string();
    let Some((_, expected)) = text.split_once("unknown variant `?`, expected ") else {
        return Vec::new();
    };
    let words = expected.lines().next().unwrap_or_default().split('`');
    words.skip(1).step_by(2).map(str::to_owned).collect()
}

/// The comment above a key, or above the keys that it follows.
fn comment(section: &str, key: &str) -> String {
    let mut comment = String::new();
    let (mut current, mut is_open) = ("", false);
    for line in DEFAULT_TEXT.lines() {
        if let Some(text) = line.strip_prefix('#') {
            if !is_open {
                comment.clear();
            }
            is_open = true;
            comment.push_str(text);
            continue;
        }
        is_open = false;
        if let Some(name) = line.strip_prefix('[') {
            current = name.trim_end_matches(']');
            comment.clear();
        }
        if current == section && line.split(" = ").next() == Some(key) {
            break;
        }
    }
    comment.trim().to_owned()
}
