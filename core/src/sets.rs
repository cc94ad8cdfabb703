//! Sets with cheap projections, for the decision variables (`U`) and for the constraints (`C`). Definitions as in OpEn.

use alloc::vec::Vec;

/// A closed set of vectors onto which one can project.
///
/// A set is checked by [`Set::check`] against the dimension it is used with; projecting needs no further checks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Set {
    /// Every vector.
    All,
    /// The origin alone.
    Zero,
    /// `min <= x <= max`, elementwise; the bounds may be infinite.
    Box {
        /// Lower bounds, one per coordinate.
        min: Vec<f64>,
        /// Upper bounds, one per coordinate.
        max: Vec<f64>,
    },
    /// `|x - center|_1 <= radius`; no center means the origin.
    Ball1 {
        /// The centre.
        center: Option<Vec<f64>>,
        /// The radius, positive.
        radius: f64,
    },
    /// `|x - center|_2 <= radius`; no center means the origin.
    Ball2 {
        /// The centre.
        center: Option<Vec<f64>>,
        /// The radius, positive.
        radius: f64,
    },
    /// `|x - center|_inf <= radius`; no center means the origin.
    BallInf {
        /// The centre.
        center: Option<Vec<f64>>,
        /// The radius, positive.
        radius: f64,
    },
    /// A Cartesian product: each part holds the coordinates up to its end (exclusive), from where the one before ended.
    Product(Vec<(usize, Set)>),
}
