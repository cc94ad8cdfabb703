//! Errors of sets.

use crate::compact::Compact;

/// Reason why a set cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// A vector of the set has another length than the set's dimension.
    #[error("{what} has length {found}, expected {expected}")]
    Dimension {
        /// Name of the vector.
        what: &'static str,
        /// Length of the vector.
        found: usize,
        /// Dimension of the set.
        expected: usize,
    },
    /// A lower bound lies above its upper bound, or one of them is NaN.
    #[error("the bounds of component {index} exclude each other: min {}, max {}", Compact(*min), Compact(*max))]
    Bounds {
        /// Index of the component.
        index: usize,
        /// Its lower bound.
        min: f64,
        /// Its upper bound.
        max: f64,
    },
    /// A number is not positive and finite.
    #[error("the {what} is {}, expected a positive, finite number", Compact(*value))]
    NotPositive {
        /// Name of the number.
        what: &'static str,
        /// Value of the number.
        value: f64,
    },
    /// The order of a norm is not a finite number above 1.
    #[error(
        "the order p of the norm is {}, expected a finite number above 1 (there is ball1, and ball_inf)", Compact(*_0)
    )]
    Order(f64),
    /// A vector has an entry that is not finite.
    #[error("{0} has an entry that is not finite, expected finite numbers")]
    NotFinite(&'static str),
    /// The normal of a halfspace or hyperplane is zero.
    #[error("the normal is zero, expected a vector with a direction")]
    ZeroNormal,
    /// The set is empty.
    #[error("the set is empty: it needs at least one point")]
    Empty,
    /// The set needs at least two components, because the last one has a special role.
    #[error("{0} needs at least 2 components")]
    TooFewComponents(&'static str),
    /// The rows of an affine space are not linearly independent.
    #[error("row {0} of A depends on the rows before it, expected independent rows")]
    DependentRow(usize),
    /// The parts of a product do not follow each other.
    #[error(
        "part {index} of the product ends at {end}, expected an end after {start} and at most {dimension}"
    )]
    Product {
        /// Index of the part.
        index: usize,
        /// End of the part.
        end: usize,
        /// Start of the part.
        start: usize,
        /// Dimension of the product.
        dimension: usize,
    },
}
