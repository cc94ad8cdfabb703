//! Numbers as people write them who know the uncertainty.

use alloc::format;
use alloc::string::{String, ToString};

/// Most decimals without an exponent.
const MOST_DECIMALS: i32 = 12;

/// Number as text, rounded to the second digit of its uncertainty; all of it if that is not positive and finite.
///
/// ```
/// use labwire_design::rounded;
///
/// assert_eq!(rounded(2.59952, 0.0017), "2.5995");
/// assert_eq!(rounded(0.0017, 0.0017), "0.0017");
/// assert_eq!(rounded(1.5e-20, 2e-22), "1.500e-20");
/// ```
#[must_use]
pub fn rounded(number: f64, uncertainty: f64) -> String {
    if !(uncertainty > 0.0 && uncertainty.is_finite()) {
        return number.to_string();
    }
    let decimals = 1 - exponent(uncertainty);
    if (0..=MOST_DECIMALS).contains(&decimals) {
        return format!("{number:.*}", decimals.unsigned_abs() as usize);
    }
    let larger = if number.abs() > uncertainty {
        number.abs()
    } else {
        uncertainty
    };
    format!(
        "{number:.*e}",
        (decimals + exponent(larger)).clamp(1, 16).unsigned_abs() as usize
    )
}

/// Exponent of a positive number in scientific notation.
fn exponent(number: f64) -> i32 {
    let text = format!("{number:e}");
    text.rsplit('e')
        .next()
        .and_then(|exponent| exponent.parse().ok())
        .unwrap_or(0)
}
