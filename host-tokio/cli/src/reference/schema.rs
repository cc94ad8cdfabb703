//! JSON Schema (draft 2020-12) of a kind of file.

use labwire_core::text::{Key, Kind, Need, Table};
use serde_json::{Map, Value, json};

/// Schema of files of the kind.
pub(super) fn of(title: &str, kind: &Kind) -> Value {
    let mut definitions = Map::new();
    let mut schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title});
    if let (Some(own), Value::Object(root)) = (schema.as_object_mut(), schema_of(kind, &mut definitions)) {
        own.extend(root);
        own.insert("$defs".to_owned(), Value::Object(definitions));
    }
    schema
}

fn schema_of(kind: &Kind, definitions: &mut Map<String, Value>) -> Value {
    let mut inner = |kind: &Kind| schema_of(kind, definitions);
    match *kind {
        Kind::Any => json!({}),
        Kind::Text => json!({"type": "string"}),
        Kind::Expression => json!({"type": ["string", "number"]}),
        Kind::Expressions => inner(&Kind::Each(&Kind::Expression)),
        Kind::Number => json!({"type": "number"}),
        Kind::Positive => json!({"type": "number", "exclusiveMinimum": 0}),
        Kind::Fraction => json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
        Kind::Whole(least, u32::MAX) => json!({"type": "integer", "minimum": least}),
        Kind::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Truth => json!({"type": "boolean"}),
        Kind::Bound => json!({"type": ["number", "null"]}),
        Kind::Word(words) => json!({"enum": words}),
        Kind::List(each) => json!({"type": "array", "items": inner(each)}),
        Kind::Items(len, each) => {
            json!({"type": "array", "items": inner(each), "minItems": len, "maxItems": len})
        }
        Kind::Each(each) => {
            let each = inner(each);
            json!({"anyOf": [each, {"type": "array", "items": each}]})
        }
        Kind::Map(each) => json!({"type": "object", "additionalProperties": inner(each)}),
        Kind::Object(table) => reference(table, definitions),
        // An editor says more about the object that was meant than about all alternatives.
        Kind::Either([Kind::Object(first), other]) if !required(first).is_empty() => json!({
            "if": {"type": "object", "required": required(first)},
            "then": reference(first, definitions),
            "else": schema_of(other, definitions),
        }),
        Kind::Either(kinds) => {
            let kinds: Vec<Value> = kinds.iter().map(inner).collect();
            json!({"anyOf": kinds})
        }
    }
}

fn reference(table: &'static Table, definitions: &mut Map<String, Value>) -> Value {
    if !definitions.contains_key(table.name) {
        // Present before what it refers to, which may be the table itself.
        definitions.insert(table.name.to_owned(), Value::Null);
        let schema = object(table, definitions);
        definitions.insert(table.name.to_owned(), schema);
    }
    json!({"$ref": format!("#/$defs/{}", table.name)})
}

fn object(table: &Table, definitions: &mut Map<String, Value>) -> Value {
    let properties: Map<String, Value> = table
        .all_keys()
        .map(|key| (key.name.to_owned(), property(key, definitions)))
        .collect();
    let mut schema = json!({
        "description": table.meaning.trim(),
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if table.is_choice {
        let choices = table.keys.iter().map(|key| json!({"required": [key.name]}));
        schema["oneOf"] = choices.collect();
    } else {
        schema["required"] = json!(required(table));
    }
    schema
}

fn property(key: &Key, definitions: &mut Map<String, Value>) -> Value {
    let mut schema = schema_of(&key.kind, definitions);
    schema["description"] = json!(key.meaning);
    if let Need::Default(default) = key.need {
        schema["default"] = serde_json::from_str(default).unwrap_or_default();
    }
    schema
}

fn required(table: &Table) -> Vec<&'static str> {
    let required = table.all_keys().filter(|key| key.need == Need::Required);
    required.map(|key| key.name).collect()
}
