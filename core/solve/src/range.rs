//! Ranges of settings.

use crate::compact::Compact;

/// A setting that is out of range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("setting {name} is {}, expected {expected}", Compact(*value))]
#[non_exhaustive]
pub struct InvalidSetting {
    /// Name of the setting.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// The range of values that it may have.
    pub expected: &'static str,
}

/// Checks that `value`, of the setting `name`, is positive and finite.
pub(crate) fn positive(name: &'static str, value: f64) -> Result<(), InvalidSetting> {
    in_range(
        name,
        value,
        value > 0.0 && value.is_finite(),
        "a positive, finite number",
    )
}

pub(crate) fn in_range(
    name: &'static str,
    value: f64,
    is_in_range: bool,
    expected: &'static str,
) -> Result<(), InvalidSetting> {
    if is_in_range {
        return Ok(());
    }
    Err(InvalidSetting {
        name,
        value,
        expected,
    })
}

/// Checks that `value`, of the setting `name`, is between 0 and 1.
pub(crate) fn fraction(name: &'static str, value: f64) -> Result<(), InvalidSetting> {
    in_range(
        name,
        value,
        value > 0.0 && value < 1.0,
        "a number between 0 and 1",
    )
}

/// Checks that `value`, of the setting `name`, is a finite factor above 1.
pub(crate) fn growth(name: &'static str, value: f64) -> Result<(), InvalidSetting> {
    in_range(
        name,
        value,
        value > 1.0 && value.is_finite(),
        "a finite number above 1",
    )
}

/// Checks that `max`, of the setting `name`, is not below `min`.
pub(crate) fn ordered(name: &'static str, min: f64, max: f64) -> Result<(), InvalidSetting> {
    in_range(name, max, min <= max, "at least the smallest of its kind")
}
