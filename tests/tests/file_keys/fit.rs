//! Values of JSON against tables of keys.

use labwire_core::text::{Json, JsonValue, Kind, Need, Table};

/// Object of a file, and the table of its keys.
pub(crate) struct Object<'t> {
    pub(crate) table: &'static Table,
    pub(crate) json: &'t Json<'t>,
    /// Place as in errors.
    pub(crate) path: String,
}

impl<'t> Object<'t> {
    /// Whether its keys include those of the table with this name.
    pub(crate) fn has_table(&self, name: &str) -> bool {
        self.table.name == name || self.table.common.is_some_and(|common| common.name == name)
    }

    /// Names and texts of its entries.
    pub(crate) fn entries(&self) -> Vec<(&'t str, &'t str)> {
        entries(self.json)
            .map(|(name, value)| (name, value.raw))
            .collect()
    }
}

fn entries<'t>(json: &'t Json<'t>) -> impl Iterator<Item = (&'t str, &'t Json<'t>)> {
    let entries = match &json.value {
        JsonValue::Object(entries) => &entries[..],
        _ => &[],
    };
    entries
        .iter()
        .map(|(key, value)| (key.expression().unwrap_or_default(), value))
}

fn items<'t>(json: &'t Json<'t>) -> &'t [Json<'t>] {
    match &json.value {
        JsonValue::List(items) => items,
        _ => &[],
    }
}

/// Whether the value is one of the kind.
pub(crate) fn fits(kind: &Kind, json: &Json<'_>) -> bool {
    let number = match json.value {
        JsonValue::Number(number) => Some(number),
        _ => None,
    };
    let is_number = |holds: &dyn Fn(f64) -> bool| number.is_some_and(holds);
    let (is_list, is_object) = (
        matches!(json.value, JsonValue::List(_)),
        matches!(json.value, JsonValue::Object(_)),
    );
    let all = |kind: &Kind| is_list && items(json).iter().all(|item| fits(kind, item));
    match *kind {
        Kind::Any => true,
        Kind::Text => matches!(json.value, JsonValue::Text(_)),
        Kind::Expression => json.expression().is_some(),
        Kind::Expressions => fits(&Kind::Each(&Kind::Expression), json),
        Kind::Number => number.is_some(),
        Kind::Positive => is_number(&|number| number > 0.0),
        Kind::Fraction => is_number(&|number| number > 0.0 && number <= 1.0),
        Kind::Whole(least, most) => is_number(&|number| {
            number.fract() == 0.0 && (f64::from(least)..=f64::from(most)).contains(&number)
        }),
        Kind::Truth => matches!(json.value, JsonValue::Bool),
        Kind::Bound => matches!(json.value, JsonValue::Null) || number.is_some(),
        Kind::Word(words) => number.is_none() && words.iter().any(|word| json.expression() == Some(word)),
        Kind::List(each) => all(each),
        Kind::Items(len, each) => items(json).len() == len && all(each),
        Kind::Each(each) => fits(each, json) || all(each),
        Kind::Map(each) => is_object && entries(json).all(|(_, value)| fits(each, value)),
        Kind::Object(table) => is_object && fits_table(table, json),
        Kind::Either(kinds) => kinds.iter().any(|kind| fits(kind, json)),
    }
}

fn fits_table(table: &Table, json: &Json<'_>) -> bool {
    let is_known = |(name, value): (&str, &Json<'_>)| {
        table
            .all_keys()
            .any(|key| key.name == name && fits(&key.kind, value))
    };
    let is_own = |name: &str| table.keys.iter().any(|key| key.name == name);
    let is_there = |name: &str| entries(json).any(|(known, _)| known == name);
    entries(json).all(is_known)
        && table
            .all_keys()
            .all(|key| key.need != Need::Required || is_there(key.name))
        && (!table.is_choice || entries(json).filter(|(name, _)| is_own(name)).count() == 1)
}

/// Objects of a file that have tables, the file's own first.
pub(crate) fn objects<'t>(kind: &Kind, file: &'t Json<'t>) -> Vec<Object<'t>> {
    let mut found = Vec::new();
    find(kind, file, String::new(), &mut found);
    found
}

fn find<'t>(kind: &Kind, json: &'t Json<'t>, path: String, found: &mut Vec<Object<'t>>) {
    let dot = if path.is_empty() { "" } else { "." };
    match *kind {
        Kind::List(each) | Kind::Items(_, each) => {
            for (i, item) in items(json).iter().enumerate() {
                find(each, item, format!("{path}[{i}]"), found);
            }
        }
        Kind::Each(each) if matches!(json.value, JsonValue::List(_)) => {
            find(&Kind::List(each), json, path, found)
        }
        Kind::Each(each) => find(each, json, path, found),
        Kind::Map(each) => {
            for (name, value) in entries(json) {
                find(each, value, format!("{path}{dot}{name}"), found);
            }
        }
        Kind::Either(kinds) => {
            let kind = kinds.iter().find(|kind| fits(kind, json));
            find(kind.unwrap_or(&Kind::Any), json, path, found);
        }
        Kind::Object(table) => {
            let path_of = |name: &str| format!("{path}{dot}{name}");
            let at = found.len();
            for (name, value) in entries(json) {
                if let Some(key) = table.all_keys().find(|key| key.name == name) {
                    find(&key.kind, value, path_of(name), found);
                }
            }
            found.insert(at, Object { table, json, path });
        }
        _ => {}
    }
}

/// All tables that a kind of value leads to.
pub(crate) fn tables(kind: &Kind) -> Vec<&'static Table> {
    let mut found = Vec::new();
    add_tables(kind, &mut found);
    found
}

fn add_tables(kind: &Kind, found: &mut Vec<&'static Table>) {
    match *kind {
        Kind::List(each) | Kind::Items(_, each) | Kind::Each(each) | Kind::Map(each) => {
            add_tables(each, found)
        }
        Kind::Either(kinds) => kinds.iter().for_each(|kind| add_tables(kind, found)),
        Kind::Object(table) if !found.iter().any(|known| known.name == table.name) => {
            found.push(table);
            if let Some(common) = table.common {
                add_tables(&Kind::Object(common), found);
            }
            table.keys.iter().for_each(|key| add_tables(&key.kind, found));
        }
        _ => {}
    }
}
