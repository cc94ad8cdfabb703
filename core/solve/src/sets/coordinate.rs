//! Bounds of single coordinates.

use super::Set;

impl Set {
    /// Bounds of the coordinate `index`; `None` where the set bounds it only together with
    /// others, or by more than bounds.
    pub(crate) fn coordinate_bounds(&self, index: usize) -> Option<(f64, f64)> {
        match self {
            Self::All => Some((f64::NEG_INFINITY, f64::INFINITY)),
            Self::Zero => Some((0.0, 0.0)),
            Self::Box { min, max } => Some((*min.get(index)?, *max.get(index)?)),
            Self::BallInf { center, radius } => {
                let center = center.as_ref().map_or(0.0, |center| center[index]);
                Some((center - radius, center + radius))
            }
            Self::Product(parts) => {
                let mut start = 0;
                for (end, part) in parts {
                    if index < *end {
                        return part.coordinate_bounds(index - start);
                    }
                    start = *end;
                }
                None
            }
            _ => None,
        }
    }

    /// Gives a coordinate that has bounds of its own, of vectors of length `dimension`, these.
    pub(crate) fn restrict(&mut self, dimension: usize, index: usize, bounds: (f64, f64)) {
        match self {
            Self::Box { min, max } => (min[index], max[index]) = bounds,
            Self::Product(parts) => {
                let mut start = 0;
                for (end, part) in parts {
                    if index < *end {
                        return part.restrict(*end - start, index - start, bounds);
                    }
                    start = *end;
                }
            }
            _ => {
                if let Some((min, max)) = self.bounds(dimension) {
                    *self = Self::Box { min, max };
                    self.restrict(dimension, index, bounds);
                }
            }
        }
    }
}
