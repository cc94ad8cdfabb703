//! Sets with cheap projections, for the decision variables (`U`) and for the constraints (`C`). Definitions as in OpEn.

use alloc::vec::Vec;

use crate::math;

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
    /// A radius that is not positive and finite.
    #[error("the radius is {0}, expected a positive, finite number")]
    Radius(f64),
    /// A vector with an entry that is not finite.
    #[error("{0} has an entry that is not finite")]
    NotFinite(&'static str),
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

impl Set {
    /// Whether the set is well formed for vectors of length `dimension`.
    pub fn check(&self, dimension: usize) -> Result<(), SetError> {
        match self {
            Self::All | Self::Zero => Ok(()),
            Self::Box { min, max } => {
                check_len("min", min, dimension)?;
                check_len("max", max, dimension)?;
                let excluded = |(low, high): (&f64, &f64)| {
                    // Also refuses NaN, and a bound at the wrong infinity.
                    !(low <= high) || *low == f64::INFINITY || *high == f64::NEG_INFINITY
                };
                match min.iter().zip(max).position(excluded) {
                    Some(index) => Err(SetError::Bounds {
                        index,
                        min: min[index],
                        max: max[index],
                    }),
                    None => Ok(()),
                }
            }
            Self::Ball1 { center, radius }
            | Self::Ball2 { center, radius }
            | Self::BallInf { center, radius } => {
                if let Some(center) = center {
                    check_len("center", center, dimension)?;
                    if !math::all_finite(center) {
                        return Err(SetError::NotFinite("center"));
                    }
                }
                if *radius > 0.0 && radius.is_finite() {
                    Ok(())
                } else {
                    Err(SetError::Radius(*radius))
                }
            }
            Self::Product(parts) => check_product(parts, dimension),
        }
    }

    /// Moves `x` to the nearest point of the set. `x` has the length that [`check`](Set::check) was given.
    pub fn project(&self, x: &mut [f64]) {
        match self {
            Self::All => {}
            Self::Zero => x.fill(0.0),
            Self::Box { min, max } => {
                for ((x, low), high) in x.iter_mut().zip(min).zip(max) {
                    *x = math::clamp(*x, *low, *high);
                }
            }
            Self::Ball1 { center, radius } => around(center.as_deref(), x, |x| project_ball1(x, *radius)),
            Self::Ball2 { center, radius } => around(center.as_deref(), x, |x| project_ball2(x, *radius)),
            Self::BallInf { center, radius } => around(center.as_deref(), x, |x| {
                for x in x {
                    *x = math::clamp(*x, -radius, *radius);
                }
            }),
            Self::Product(parts) => {
                let mut start = 0;
                for (end, set) in parts {
                    set.project(&mut x[start..*end]);
                    start = *end;
                }
            }
        }
    }

    /// Whether the projection treats each coordinate alone.
    pub fn is_separable(&self) -> bool {
        match self {
            Self::All | Self::Zero | Self::Box { .. } | Self::BallInf { .. } => true,
            Self::Ball1 { .. } | Self::Ball2 { .. } => false,
            Self::Product(parts) => parts.iter().all(|(_, set)| set.is_separable()),
        }
    }

    /// The bounds of each coordinate (lower, upper), if the set is nothing but bounds.
    pub fn bounds(&self, dimension: usize) -> Option<(Vec<f64>, Vec<f64>)> {
        match self {
            Self::All => Some((
                alloc::vec![f64::NEG_INFINITY; dimension],
                alloc::vec![f64::INFINITY; dimension],
            )),
            Self::Zero => Some((alloc::vec![0.0; dimension], alloc::vec![0.0; dimension])),
            Self::Box { min, max } => Some((min.clone(), max.clone())),
            Self::BallInf { center, radius } => {
                let at = |i: usize| center.as_ref().map_or(0.0, |center| center[i]);
                Some((0..dimension).map(|i| (at(i) - radius, at(i) + radius)).unzip())
            }
            Self::Ball1 { .. } | Self::Ball2 { .. } => None,
            Self::Product(parts) => {
                let (mut min, mut max) = (Vec::new(), Vec::new());
                let mut start = 0;
                for (end, set) in parts {
                    let (low, high) = set.bounds(end - start)?;
                    min.extend(low);
                    max.extend(high);
                    start = *end;
                }
                Some((min, max))
            }
        }
    }
}

fn check_len(what: &'static str, vector: &[f64], expected: usize) -> Result<(), SetError> {
    if vector.len() == expected {
        Ok(())
    } else {
        Err(SetError::Dimension {
            what,
            found: vector.len(),
            expected,
        })
    }
}

fn check_product(parts: &[(usize, Set)], dimension: usize) -> Result<(), SetError> {
    let mut start = 0;
    for (index, (end, set)) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        if *end <= start || *end > dimension || (is_last && *end != dimension) {
            return Err(SetError::Product {
                index,
                end: *end,
                start,
                dimension,
            });
        }
        set.check(end - start)?;
        start = *end;
    }
    if start == dimension {
        Ok(())
    } else {
        Err(SetError::Product {
            index: parts.len(),
            end: start,
            start,
            dimension,
        })
    }
}

/// Applies `project` to `x - center`.
fn around(center: Option<&[f64]>, x: &mut [f64], project: impl FnOnce(&mut [f64])) {
    let Some(center) = center else { return project(x) };
    for (x, c) in x.iter_mut().zip(center) {
        *x -= c;
    }
    project(x);
    for (x, c) in x.iter_mut().zip(center) {
        *x += c;
    }
}

fn project_ball2(x: &mut [f64], radius: f64) {
    let mut norm = math::norm2(x);
    if norm == f64::INFINITY {
        // The squares overflowed: bring the vector to unit size first.
        let largest = math::norm_inf(x);
        for x in x.iter_mut() {
            *x = if largest == f64::INFINITY {
                if x.is_infinite() { math::sign(*x) } else { 0.0 }
            } else {
                *x / largest
            };
        }
        norm = math::norm2(x);
        return x.iter_mut().for_each(|x| *x *= radius / norm);
    }
    if norm > radius {
        let factor = radius / norm;
        for x in x {
            *x *= factor;
        }
    }
}

/// The threshold t with `sum max(|x_i| - t, 0) = radius` (Duchi et al. 2008), found without sorting or memory:
/// Newton's iteration on this piecewise linear function climbs to the root from below in at most n steps.
fn project_ball1(x: &mut [f64], radius: f64) {
    let norm1 = |x: &[f64], threshold: f64| {
        x.iter().fold((0.0, 0.0), |(sum, count), x| {
            let excess = x.abs() - threshold;
            if excess > 0.0 {
                (sum + excess, count + 1.0)
            } else {
                (sum, count)
            }
        })
    };
    if !(norm1(x, 0.0).0 > radius) {
        return;
    }
    let mut threshold = 0.0;
    for _ in 0..=x.len() {
        let (sum, count) = norm1(x, threshold);
        let next = threshold + (sum - radius) / count;
        if !(next > threshold) {
            break;
        }
        threshold = next;
    }
    for x in x {
        let excess = x.abs() - threshold;
        *x = if excess > 0.0 {
            math::sign(*x) * excess
        } else {
            0.0
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    fn sets() -> Vec<Set> {
        let center = Some(vec![0.5, -0.25, 1.0, 0.0]);
        vec![
            Set::All,
            Set::Zero,
            Set::Box {
                min: vec![-1.0, f64::NEG_INFINITY, 0.0, 0.5],
                max: vec![1.0, 0.0, f64::INFINITY, 0.5],
            },
            Set::Ball1 {
                center: None,
                radius: 1.5,
            },
            Set::Ball1 {
                center: center.clone(),
                radius: 0.7,
            },
            Set::Ball2 {
                center: None,
                radius: 1.5,
            },
            Set::Ball2 {
                center: center.clone(),
                radius: 0.7,
            },
            Set::BallInf { center, radius: 0.7 },
            Set::Product(vec![
                (1, Set::All),
                (
                    3,
                    Set::Ball2 {
                        center: None,
                        radius: 1.0,
                    },
                ),
                (4, Set::Zero),
            ]),
        ]
    }

    proptest! {
        #[test]
        fn projections_are_idempotent_and_non_expansive(
            a in proptest::collection::vec(-5.0..5.0f64, 4),
            b in proptest::collection::vec(-5.0..5.0f64, 4),
        ) {
            for set in sets() {
                set.check(4).unwrap();
                let (mut pa, mut pb) = (a.clone(), b.clone());
                set.project(&mut pa);
                set.project(&mut pb);
                let distance = |x: &[f64], y: &[f64]| {
                    math::norm2(&x.iter().zip(y).map(|(x, y)| x - y).collect::<Vec<_>>())
                };
                let mut again = pa.clone();
                set.project(&mut again);
                prop_assert!(distance(&again, &pa) < 1e-12);
                prop_assert!(distance(&pa, &pb) <= distance(&a, &b) + 1e-12);
                // The projection is the nearest: <a - pa, pb - pa> <= 0 for every pb of the (convex) set.
                let inner: f64 = (0..4).map(|i| (a[i] - pa[i]) * (pb[i] - pa[i])).sum();
                prop_assert!(inner <= 1e-10, "{set:?}: {inner}");
            }
        }
    }

    #[test]
    fn huge_vectors_are_projected() {
        let mut x = [1e200, -1e200];
        Set::Ball2 {
            center: None,
            radius: 1.0,
        }
        .project(&mut x);
        assert!((math::norm2(&x) - 1.0).abs() < 1e-15, "{x:?}");
        let mut x = [f64::INFINITY, 3.0];
        Set::Ball2 {
            center: None,
            radius: 2.0,
        }
        .project(&mut x);
        assert_eq!(x, [2.0, 0.0]);
    }

    #[test]
    fn bad_sets_are_refused() {
        let bounds = |min, max| {
            Set::Box {
                min: vec![min],
                max: vec![max],
            }
            .check(1)
        };
        assert!(matches!(bounds(1.0, 0.0), Err(SetError::Bounds { index: 0, .. })));
        assert!(bounds(f64::NAN, 0.0).is_err());
        assert!(bounds(f64::INFINITY, f64::INFINITY).is_err());
        assert!(
            Set::Ball2 {
                center: None,
                radius: 0.0
            }
            .check(1)
            .is_err()
        );
        assert!(
            Set::Ball2 {
                center: Some(vec![1.0]),
                radius: 1.0
            }
            .check(2)
            .is_err()
        );
        assert!(
            Set::Product(vec![(2, Set::All), (2, Set::Zero)])
                .check(2)
                .is_err()
        );
        assert!(Set::Product(vec![(2, Set::All)]).check(3).is_err());
        assert!(Set::Product(vec![]).check(0).is_ok());
    }
}
