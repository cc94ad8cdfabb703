//! Sets with cheap projections, for the decision variables (`U`) and for the constraints (`C`), as defined
//! by OpEn.

mod affine;
mod balls;
mod cones;
#[cfg(feature = "integers")]
mod coordinate;
mod display;
mod error;
mod linear;
mod simplex;

use alloc::vec::Vec;

use crate::math;

pub use affine::AffineSpace;
pub use error::SetError;

/// Closed set of vectors with a projection onto it.
///
/// A set is checked by [`Set::check`] against the dimension it is used with; projecting needs no further
/// checks and does not allocate. All sets but [`Sphere2`](Set::Sphere2) and [`Finite`](Set::Finite) are
/// convex.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Set {
    /// All vectors.
    All,
    /// Only the origin.
    Zero,
    /// `min <= x <= max`, elementwise; the bounds may be infinite.
    Box {
        /// Lower bounds, one per coordinate.
        min: Vec<f64>,
        /// Upper bounds, one per coordinate.
        max: Vec<f64>,
    },
    /// `|x - center|_1 <= radius`; the origin if `center` is `None`.
    Ball1 {
        /// The centre.
        center: Option<Vec<f64>>,
        /// The radius, positive.
        radius: f64,
    },
    /// `|x - center|_2 <= radius`; the origin if `center` is `None`.
    Ball2 {
        /// The centre.
        center: Option<Vec<f64>>,
        /// The radius, positive.
        radius: f64,
    },
    /// `|x - center|_inf <= radius`; the origin if `center` is `None`.
    BallInf {
        /// The centre.
        center: Option<Vec<f64>>,
        /// The radius, positive.
        radius: f64,
    },
    /// `|x - center|_p <= radius`; the origin if `center` is `None`.
    BallP {
        /// The order of the norm, above 1 and finite.
        p: f64,
        /// The centre.
        center: Option<Vec<f64>>,
        /// The radius, positive.
        radius: f64,
    },
    /// `|x - center|_2 = radius`; the origin if `center` is `None`. The centre itself is projected along the
    /// first axis.
    Sphere2 {
        /// The centre.
        center: Option<Vec<f64>>,
        /// The radius, positive.
        radius: f64,
    },
    /// `x >= 0` with `sum x = alpha`.
    Simplex {
        /// The sum, positive.
        alpha: f64,
    },
    /// `<normal, x> <= offset`.
    Halfspace {
        /// The normal vector, not zero.
        normal: Vec<f64>,
        /// The offset.
        offset: f64,
    },
    /// `<normal, x> = offset`.
    Hyperplane {
        /// The normal vector, not zero.
        normal: Vec<f64>,
        /// The offset.
        offset: f64,
    },
    /// `A x = b`.
    AffineSpace(AffineSpace),
    /// `x = (y, t)` with `|y|_2 <= alpha t`; at least two components.
    SecondOrderCone {
        /// The slope, positive.
        alpha: f64,
    },
    /// `x = (z, t)` with `|z|_2^2 <= t`; at least two components.
    EpigraphSquaredNorm,
    /// A finite, non-empty set of points; of several nearest points, the first is taken.
    Finite(Vec<Vec<f64>>),
    /// Cartesian product: each part covers the coordinates from the end of the previous part to its own end
    /// (exclusive).
    Product(Vec<(usize, Set)>),
}

impl Set {
    /// Checks that the set is well formed and not empty for vectors of length `dimension`.
    ///
    /// # Errors
    /// The first fault found: see [`SetError`].
    pub fn check(&self, dimension: usize) -> Result<(), SetError> {
        match self {
            Self::All | Self::Zero => Ok(()),
            Self::Box { min, max } => check_box(min, max, dimension),
            Self::BallP { p, .. } if !(*p > 1.0 && p.is_finite()) => Err(SetError::Order(*p)),
            Self::Ball1 { center, radius }
            | Self::Ball2 { center, radius }
            | Self::BallInf { center, radius }
            | Self::BallP { center, radius, .. }
            | Self::Sphere2 { center, radius } => {
                if let Some(center) = center {
                    check_vector("center", center, dimension)?;
                }
                check_positive("radius", *radius)
            }
            Self::Simplex { alpha } => check_positive("alpha", *alpha),
            Self::Halfspace { normal, offset } | Self::Hyperplane { normal, offset } => {
                check_vector("normal", normal, dimension)?;
                check_finite("offset", &[*offset])?;
                if normal.iter().all(|entry| *entry == 0.0) {
                    return Err(SetError::ZeroNormal);
                }
                Ok(())
            }
            Self::AffineSpace(space) => check_len("a row of A", space.dimension(), dimension),
            Self::SecondOrderCone { alpha } => {
                check_at_least_two("a second-order cone", dimension)?;
                check_positive("alpha", *alpha)
            }
            Self::EpigraphSquaredNorm => check_at_least_two("an epigraph", dimension),
            Self::Finite(points) if points.is_empty() => Err(SetError::Empty),
            Self::Finite(points) => points
                .iter()
                .try_for_each(|point| check_vector("a point", point, dimension)),
            Self::Product(parts) => check_product(parts, dimension),
        }
    }

    /// Projects `x` onto the set. `x` must have the length that [`check`](Set::check) was given.
    pub fn project(&self, x: &mut [f64]) {
        match self {
            Self::All => {}
            Self::Zero => x.fill(0.0),
            Self::Box { min, max } => {
                for ((x, low), high) in x.iter_mut().zip(min).zip(max) {
                    *x = math::clamp(*x, *low, *high);
                }
            }
            Self::Ball1 { center, radius } => {
                around(center.as_deref(), x, |x| simplex::project_ball1(x, *radius));
            }
            Self::Ball2 { center, radius } => {
                around(center.as_deref(), x, |x| balls::project_ball2(x, *radius));
            }
            Self::BallInf { center, radius } => around(center.as_deref(), x, |x| {
                for x in x {
                    *x = math::clamp(*x, -radius, *radius);
                }
            }),
            Self::BallP { p, center, radius } => {
                around(center.as_deref(), x, |x| balls::project_ball_p(x, *radius, *p));
            }
            Self::Sphere2 { center, radius } => {
                around(center.as_deref(), x, |x| balls::project_sphere2(x, *radius));
            }
            Self::Simplex { alpha } => simplex::project_simplex(x, *alpha),
            Self::Halfspace { normal, offset } => linear::project_halfspace(x, normal, *offset),
            Self::Hyperplane { normal, offset } => linear::project_hyperplane(x, normal, *offset),
            Self::AffineSpace(space) => space.project(x),
            Self::SecondOrderCone { alpha } => cones::project_second_order_cone(x, *alpha),
            Self::EpigraphSquaredNorm => cones::project_epigraph(x),
            Self::Finite(points) => linear::project_finite(x, points),
            Self::Product(parts) => {
                let mut start = 0;
                for (end, set) in parts {
                    set.project(&mut x[start..*end]);
                    start = *end;
                }
            }
        }
    }

    /// Whether the projection treats each coordinate separately.
    #[must_use]
    pub fn is_separable(&self) -> bool {
        match self {
            Self::All | Self::Zero | Self::Box { .. } | Self::BallInf { .. } => true,
            Self::Product(parts) => parts.iter().all(|(_, set)| set.is_separable()),
            _ => false,
        }
    }

    /// Bounds of each coordinate (lower, upper), if the set consists of bounds only.
    #[must_use]
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
            _ => None,
        }
    }
}

fn check_box(min: &[f64], max: &[f64], dimension: usize) -> Result<(), SetError> {
    check_len("min", min.len(), dimension)?;
    check_len("max", max.len(), dimension)?;
    let excluded = |(low, high): (&f64, &f64)| {
        // Also true for NaN, and for a bound at the wrong infinity.
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

fn check_len(what: &'static str, found: usize, expected: usize) -> Result<(), SetError> {
    if found == expected {
        Ok(())
    } else {
        Err(SetError::Dimension {
            what,
            found,
            expected,
        })
    }
}

fn check_vector(what: &'static str, vector: &[f64], dimension: usize) -> Result<(), SetError> {
    check_len(what, vector.len(), dimension)?;
    check_finite(what, vector)
}

fn check_finite(what: &'static str, vector: &[f64]) -> Result<(), SetError> {
    if math::all_finite(vector) {
        Ok(())
    } else {
        Err(SetError::NotFinite(what))
    }
}

fn check_positive(what: &'static str, value: f64) -> Result<(), SetError> {
    if value > 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(SetError::NotPositive { what, value })
    }
}

fn check_at_least_two(set: &'static str, dimension: usize) -> Result<(), SetError> {
    if dimension >= 2 {
        Ok(())
    } else {
        Err(SetError::TooFewComponents(set))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    fn convex_sets() -> Vec<Set> {
        let center = Some(vec![0.5, -0.25, 1.0, 0.0]);
        let normal = vec![1.0, -2.0, 0.0, 0.5];
        let ball_p = |p, center: &Option<Vec<f64>>| Set::BallP {
            p,
            center: center.clone(),
            radius: 0.7,
        };
        let rows = [1.0, 2.0, 0.0, -1.0, 3.0, 1.0, 1.0, 0.0];
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
            ball_p(1.2, &None),
            ball_p(1.5, &center),
            ball_p(3.0, &center),
            ball_p(20.0, &None),
            Set::BallInf { center, radius: 0.7 },
            Set::Simplex { alpha: 2.0 },
            Set::Halfspace {
                normal: normal.clone(),
                offset: -1.0,
            },
            Set::Hyperplane { normal, offset: 0.5 },
            Set::AffineSpace(AffineSpace::new(&rows, &[1.0, -2.0]).unwrap()),
            Set::SecondOrderCone { alpha: 0.5 },
            Set::EpigraphSquaredNorm,
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
            for set in convex_sets() {
                set.check(4).unwrap();
                let (mut pa, mut pb) = (a.clone(), b.clone());
                set.project(&mut pa);
                set.project(&mut pb);
                let distance = |x: &[f64], y: &[f64]| {
                    math::norm2(&x.iter().zip(y).map(|(x, y)| x - y).collect::<Vec<_>>())
                };
                let mut again = pa.clone();
                set.project(&mut again);
                prop_assert!(distance(&again, &pa) < 1e-12, "{set:?}");
                prop_assert!(distance(&pa, &pb) <= distance(&a, &b) + 1e-12, "{set:?}");
                // The projection is the nearest point: <a - pa, pb - pa> <= 0 for every pb of the (convex)
                // set.
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
        let ball_p = |p, radius| Set::BallP {
            p,
            center: None,
            radius,
        };
        assert_eq!(ball_p(1.0, 1.0).check(2), Err(SetError::Order(1.0)));
        assert!(ball_p(2.0, -1.0).check(2).is_err());
        assert!(Set::Simplex { alpha: 0.0 }.check(2).is_err());
        let plane = |normal| Set::Hyperplane { normal, offset: 1.0 }.check(2);
        assert_eq!(plane(vec![0.0, -0.0]), Err(SetError::ZeroNormal));
        assert!(plane(vec![f64::NAN, 1.0]).is_err());
        assert!(Set::SecondOrderCone { alpha: 1.0 }.check(1).is_err());
        assert!(Set::EpigraphSquaredNorm.check(1).is_err());
        assert_eq!(Set::Finite(vec![]).check(2), Err(SetError::Empty));
        assert!(Set::Finite(vec![vec![1.0]]).check(2).is_err());
        let affine = |a: &[f64], b: &[f64]| AffineSpace::new(a, b);
        assert_eq!(affine(&[], &[]), Err(SetError::Empty));
        assert!(affine(&[1.0, 2.0, 3.0], &[1.0, 2.0]).is_err());
        assert_eq!(
            affine(&[1.0, 2.0, 3.0, 6.0], &[1.0, 4.0]),
            Err(SetError::DependentRow(1))
        );
        assert_eq!(affine(&[1.0, 2.0], &[1.0, 4.0]), Err(SetError::DependentRow(1)));
        assert!(affine(&[0.0, 0.0], &[1.0]).is_err());
    }
}
