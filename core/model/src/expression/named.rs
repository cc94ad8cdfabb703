//! Names of a problem's vectors, and what a file says about them for people and for the solver.

use alloc::format;
use alloc::string::{String, ToString};

use super::unit::{Quantity, Unit};
use crate::text::{Entry, Place, TextError, find};

/// Named vector of decision variables or parameters.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Named {
    /// Name of the vector.
    pub name: String,
    /// Length of the vector.
    pub len: usize,
    /// Unit of its elements, as the file writes it; empty without one.
    pub unit: String,
    /// Label for people; empty without one.
    pub label: String,
    /// Typical magnitude of its elements.
    pub scale: Option<f64>,
}

impl Named {
    /// Creates a vector of which nothing more is known.
    #[must_use]
    pub fn new(name: &str, len: usize) -> Self {
        Self {
            name: name.into(),
            len,
            ..Self::default()
        }
    }

    /// Reads what an object says besides its length.
    pub(crate) fn described(mut self, entries: &[Entry<'_>]) -> Result<Self, TextError> {
        self.unit = unit_text(entries)?;
        self.label = find(entries, "label")
            .map(Place::name)
            .transpose()?
            .unwrap_or_default()
            .into();
        self.scale = scale(entries)?;
        Ok(self)
    }

    /// Name and length with unit and label, such as `heat[3] in kW (heat pump)`.
    #[must_use]
    pub fn title(&self) -> String {
        let mut title = format!("{}[{}]", self.name, self.len);
        for (before, text, after) in [(" in ", &self.unit, ""), (" (", &self.label, ")")] {
            if !text.is_empty() {
                title += &format!("{before}{text}{after}");
            }
        }
        title
    }

    /// The unit.
    pub(crate) fn quantity(&self) -> Quantity {
        match Unit::parse(&self.unit) {
            Ok(unit) => Quantity::Known(unit),
            Err(_) => Quantity::Unknown,
        }
    }
}

/// ` [kW]`, or nothing without a unit.
pub(crate) fn in_brackets(unit: &str) -> String {
    match unit {
        "" => String::new(),
        unit => format!(" [{unit}]"),
    }
}

/// The text of `unit`; empty without the key.
pub(crate) fn unit_text(entries: &[Entry<'_>]) -> Result<String, TextError> {
    let Some(place) = find(entries, "unit") else {
        return Ok(String::new());
    };
    let text = place.string("a unit (a string)")?;
    Unit::parse(text).map_err(|fault| place.fault_inside(fault))?;
    Ok(text.trim().to_string())
}

/// The unit of `unit`.
pub(crate) fn unit(entries: &[Entry<'_>]) -> Result<Quantity, TextError> {
    let text = unit_text(entries)?;
    Ok(Unit::parse(&text).map_or(Quantity::Unknown, Quantity::Known))
}

/// The typical magnitude of `scale`.
pub(crate) fn scale(entries: &[Entry<'_>]) -> Result<Option<f64>, TextError> {
    find(entries, "scale").map(Place::positive).transpose()
}
