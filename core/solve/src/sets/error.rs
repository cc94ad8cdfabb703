//! Why a set is refused.

/// Why a set cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// A vector of the set has another length than the set's dimension.
    #[error("{what} has length {found}, expected {expected}")]
    Dimension {
        /// Which vector.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The set's dimension.
        expected: usize,
    },
    /// A lower bound lies above its upper bound, or one of them is NaN.
    #[error("the bounds of component {index} exclude each other: min {min}, max {max}")]
    Bounds {
        /// Index of the component.
        index: usize,
        /// Its lower bound.
        min: f64,
        /// Its upper bound.
        max: f64,
    },
    /// A number that is not positive and finite.
    #[error("the {what} is {value}, expected a positive, finite number")]
    NotPositive {
        /// Which number.
        what: &'static str,
        /// What it is.
        value: f64,
    },
    /// The order of a norm that is not above 1 and finite.
    #[error(
        "the order p of the norm is {0}, expected a finite number above 1 (there is ball1, and ball_inf)"
    )]
    Order(f64),
    /// A vector with an entry that is not finite.
    #[error("{0} has an entry that is not finite")]
    NotFinite(&'static str),
    /// A halfspace or hyperplane without a direction.
    #[error("the normal is zero")]
    ZeroNormal,
    /// A set of no points.
    #[error("the set is empty: it needs at least one point")]
    Empty,
    /// A set whose last component is special needs another one.
    #[error("{0} needs at least 2 components")]
    TooFewComponents(&'static str),
    /// The rows of an affine space are not linearly independent.
    #[error("row {0} of A depends on the rows before it")]
    DependentRow(usize),
    /// The parts of a product do not follow each other.
    #[error(
        "part {index} of the product ends at {end}, expected an end after {start} and at most {dimension}"
    )]
    Product {
        /// Index of the part.
        index: usize,
        /// Where it ends.
        end: usize,
        /// Where it starts.
        start: usize,
        /// The dimension of the whole.
        dimension: usize,
    },
}
