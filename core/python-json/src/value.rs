//! The value type.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::Text;

/// Value that `json.loads` can return.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "JSON has no other values")]
pub enum Value {
    /// `None`.
    Null,
    /// `True`, `False`.
    Bool(bool),
    /// An `int` of 64 bits.
    Int(i64),
    /// An `int` that needs more than 64 bits.
    BigInt(BigInt),
    /// A `float`; `1.0` is not `1`.
    Float(f64),
    /// A `str`.
    Text(Text),
    /// A `list`.
    List(Vec<Value>),
    /// A `dict`.
    Object(Object),
}

impl Value {
    /// The number as a float; integers are rounded to nearest. `None` if it is not a number (a `bool` is
    /// not).
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(integer) => Some(*integer as f64),
            Self::BigInt(integer) => integer.as_str().parse().ok(),
            Self::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// The text; `None` for other values and for text with a lone surrogate.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.as_str(),
            _ => None,
        }
    }

    /// Items of a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Python's `key in value`: a key of an object, an item of a list, a substring of a text. `None` where
    /// Python raises `TypeError`.
    #[must_use]
    pub fn contains(&self, key: &str) -> Option<bool> {
        match self {
            Self::Object(object) => Some(object.get(key).is_some()),
            Self::List(items) => Some(items.iter().any(|item| item.as_str() == Some(key))),
            Self::Text(text) => Some(text.contains(key)),
            _ => None,
        }
    }

    /// Python's name of the value's type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::BigInt(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::List(_) => "list",
            Self::Object(_) => "dict",
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

/// Integer of more than 64 bits, as its decimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BigInt(Box<str>);

impl BigInt {
    /// Digits, with a leading `-` if negative.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `digits` match `-?[1-9][0-9]*`, which the parser has checked.
    pub(super) fn new(digits: &str) -> Self {
        Self(digits.into())
    }
}

/// `dict` with text keys: entries in the order of their first insertion.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(Vec<(Text, Value)>);

impl Object {
    /// Creates an empty object.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Value of `key`. Linear search: meant for the few fields of a message.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Appends an entry, or replaces the value of an existing key. Linear search.
    pub fn insert(&mut self, key: impl Into<Text>, value: impl Into<Value>) {
        let key = key.into();
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = value.into(),
            None => self.0.push((key, value.into())),
        }
    }

    /// Entries in order.
    pub fn iter(&self) -> core::slice::Iter<'_, (Text, Value)> {
        self.0.iter()
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Object {
    type Item = &'a (Text, Value);
    type IntoIter = core::slice::Iter<'a, (Text, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Of equal keys the first gives the position and the last the value, as in Python. Takes O(n log n) for any
/// keys, since a peer chooses them.
impl<K: Into<Text>, V: Into<Value>> FromIterator<(K, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut entries: Vec<(Text, Value)> = entries
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by(|&a, &b| entries[a].0.cmp(&entries[b].0)); // stable: equal keys stay in order
        // Position of each key's first entry and of its value.
        let places: Vec<(usize, usize)> = order
            .chunk_by(|&a, &b| entries[a].0 == entries[b].0)
            .filter_map(|equal| Some((*equal.first()?, *equal.last()?)))
            .collect();
        if places.len() < entries.len() {
            let mut is_first = alloc::vec![false; entries.len()];
            for (first, last) in places {
                is_first[first] = true;
                let value = core::mem::replace(&mut entries[last].1, Value::Null);
                entries[first].1 = value;
            }
            let mut is_first = is_first.into_iter();
            entries.retain(|_| is_first.next() == Some(true));
        }
        Self(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn the_last_of_equal_keys_wins_at_the_place_of_the_first() {
        let object: Object = [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("b", 5), ("a", 6)]
            .into_iter()
            .collect();
        let mut same = Object::new();
        same.insert("a", 6);
        same.insert("b", 2);
        same.insert("c", 4);
        same.insert("b", 5);
        assert_eq!(object, same);
        assert_eq!(object.len(), 3);
        assert_eq!(object.get("b"), Some(&Value::Int(5)));
    }

    #[test]
    fn in_is_pythons() {
        assert_eq!(Value::from("please getmean now").contains("getmean"), Some(true));
        assert_eq!(
            Value::from(vec!["x", "getmean now"]).contains("getmean"),
            Some(false)
        );
        assert_eq!(Value::from(vec!["x", "getmean"]).contains("getmean"), Some(true));
        assert_eq!(Value::Null.contains("getmean"), None);
    }
}
