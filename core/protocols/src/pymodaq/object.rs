//! Objects that can be sent.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::array::{NdArray, Scalar};
use super::data::{Axis, DataToExport, DataWithAxes};

/// Value of PyMoDAQ's serializer. The encoder decides which of them a generation can carry.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Object {
    /// Python's `None`.
    None,
    /// A number, or true or false.
    Scalar(Scalar),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An array.
    Array(NdArray),
    /// A list.
    List(Vec<Object>),
    /// A tuple.
    Tuple(Vec<Object>),
    /// A dictionary, in order.
    Dict(Vec<(Object, Object)>),
    /// An axis.
    Axis(Box<Axis>),
    /// Data of any flavour.
    Data(Box<DataWithAxes>),
    /// A container of data; shared, because several recipients may wait for the same image.
    DataToExport(Arc<DataToExport>),
    /// A setting.
    Parameter {
        /// Names of its groups and its own name.
        path: Vec<String>,
        /// XML of the setting.
        xml: String,
    },
}

impl Object {
    /// Description for error messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Scalar(_) => "a scalar",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Array(_) => "an array",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dictionary",
            Self::Axis(_) => "an axis",
            Self::Data(data) => data.class.name(),
            Self::DataToExport(export) => export.class.name(),
            Self::Parameter { .. } => "a parameter",
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value, if it is a real number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Scalar(scalar) => scalar.to_f64(),
            _ => None,
        }
    }

    /// The items, if it is a list or a tuple.
    #[must_use]
    pub fn as_items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// Value of a dictionary's text key.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Self> {
        let Self::Dict(entries) = self else { return None };
        entries
            .iter()
            .find(|(name, _)| name.as_text() == Some(key))
            .map(|(_, value)| value)
    }

    /// Creates a dictionary with text keys.
    #[must_use]
    pub fn dict<const N: usize>(entries: [(&str, Self); N]) -> Self {
        Self::Dict(
            entries
                .into_iter()
                .map(|(key, value)| (Self::from(key), value))
                .collect(),
        )
    }
}

impl From<&str> for Object {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Object {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Scalar>> From<T> for Object {
    fn from(value: T) -> Self {
        Self::Scalar(value.into())
    }
}
