//! Numbers in messages.

use core::fmt;

/// Number as messages show it: with an exponent where it would have many digits, `0.5`, `2000000`, `-1e300`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "it is a number")]
pub struct Compact(pub f64);

impl fmt::Display for Compact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        match (1e-5..1e16).contains(&size) || size == 0.0 || !size.is_finite() {
            true => write!(f, "{}", self.0),
            false => write!(f, "{:e}", self.0),
        }
    }
}
