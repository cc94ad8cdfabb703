//! Display of sets.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::Set;
use crate::math;

impl fmt::Display for Set {
    /// Description of the set, without long lists of numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => write!(f, "everything"),
            Self::Zero => write!(f, "{{0}}"),
            Self::Box { min, max } => write!(f, "a box, min {}, max {}", bounds(min), bounds(max)),
            Self::Ball1 { radius, .. } => write!(f, "a 1-norm ball of radius {radius}"),
            Self::Ball2 { radius, .. } => write!(f, "a ball of radius {radius}"),
            Self::BallInf { radius, .. } => write!(f, "an inf-norm ball of radius {radius}"),
            Self::BallP { p, radius, .. } => write!(f, "a {p}-norm ball of radius {radius}"),
            Self::Sphere2 { radius, .. } => write!(f, "a sphere of radius {radius}"),
            Self::Simplex { alpha } => write!(f, "the simplex of sum {alpha}"),
            Self::Halfspace { offset, .. } => write!(f, "a halfspace of offset {offset}"),
            Self::Hyperplane { offset, .. } => write!(f, "a hyperplane of offset {offset}"),
            Self::AffineSpace(space) => write!(f, "an affine space of {} equations", space.equations()),
            Self::SecondOrderCone { alpha } => write!(f, "a second-order cone of slope {alpha}"),
            Self::EpigraphSquaredNorm => write!(f, "the epigraph of the squared norm"),
            Self::Finite(points) => write!(f, "{} points", points.len()),
            Self::Product(parts) => {
                write!(f, "the product of ")?;
                for (i, (end, set)) in parts.iter().take(MOST_PARTS).enumerate() {
                    let times = if i == 0 { "" } else { " x " };
                    write!(f, "{times}{set} up to {end}")?;
                }
                match parts.len() {
                    0..=MOST_PARTS => Ok(()),
                    len => write!(f, " x {} more", len - MOST_PARTS),
                }
            }
        }
    }
}

/// Number of factors of a product that are listed individually.
const MOST_PARTS: usize = 6;

/// All values of a few bounds, or the range of many.
fn bounds(bounds: &[f64]) -> String {
    match bounds {
        [first, rest @ ..] if rest.iter().all(|bound| bound == first) => format!("{first}"),
        _ if bounds.len() <= 6 => format!("{bounds:?}"),
        _ => {
            let least = bounds.iter().copied().fold(f64::INFINITY, math::min);
            let most = bounds.iter().copied().fold(f64::NEG_INFINITY, math::max);
            format!("{least} to {most}")
        }
    }
}
