//! Points with all that is known there, and the bounds that they lie in.

use alloc::vec;
use alloc::vec::Vec;

#[cfg(any(feature = "second-derivatives", feature = "stages"))]
use crate::functions::Structure;
use crate::math;

/// Lower and upper bounds of each coordinate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) min: Vec<f64>,
    pub(crate) max: Vec<f64>,
}

/// Derivative that stands for an infinite one which pushes a variable against its bound.
const HELD: f64 = 1e100;

impl Bounds {
    /// Replaces infinite derivatives that hold a variable at its bound, as those of `sqrt(x)` do at 0, by finite ones: the
    /// point is stationary there.
    pub(super) fn hold(&self, point: &mut Point) {
        point.holds = false;
        if math::all_finite(&point.gradient) {
            return;
        }
        for (i, entry) in point.gradient.iter_mut().enumerate() {
            let is_held = (*entry == f64::INFINITY && point.u[i] <= self.min[i])
                || (*entry == f64::NEG_INFINITY && point.u[i] >= self.max[i]);
            if is_held {
                *entry = HELD * math::sign(*entry);
                point.holds = true;
            }
        }
    }

    pub(crate) fn clamp(&self, i: usize, u: f64) -> f64 {
        math::clamp(u, self.min[i], self.max[i])
    }
}

/// Point with all function values and derivatives there.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// The decision variables.
    pub(crate) u: Vec<f64>,
    /// The gradient of `psi`.
    pub(crate) gradient: Vec<f64>,
    /// The constraint values `g`.
    pub(crate) constraints: Vec<f64>,
    /// `yhat`: multipliers implied by this point.
    pub(crate) multipliers: Vec<f64>,
    /// The augmented Lagrangian.
    pub(crate) psi: f64,
    /// The cost `f`.
    pub(crate) cost: f64,
    /// The largest distance of a constraint (componentwise) from its set, in the caller's units.
    pub(crate) violation: f64,
    /// The same in the units of the method.
    pub(crate) scaled_violation: f64,
    /// Whether an infinite derivative holds a variable at its bound.
    pub(crate) holds: bool,
}

#[cfg(any(feature = "second-derivatives", feature = "stages"))]
impl Structure {
    /// Bounds of `g`, if its sets consist of bounds only.
    pub(crate) fn constraint_bounds(&self) -> Option<Bounds> {
        let (mut min, mut max) = (Vec::new(), Vec::new());
        for block in &self.constraints {
            let (low, high) = block.set.bounds(block.len)?;
            min.extend(low);
            max.extend(high);
        }
        Some(Bounds { min, max })
    }
}

impl Point {
    pub(crate) fn new(num_variables: usize, num_constraints: usize) -> Self {
        Self {
            u: vec![0.0; num_variables],
            gradient: vec![0.0; num_variables],
            constraints: vec![0.0; num_constraints],
            multipliers: vec![0.0; num_constraints],
            psi: 0.0,
            cost: 0.0,
            violation: 0.0,
            scaled_violation: 0.0,
            holds: false,
        }
    }

    /// Copies all values, without allocating.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.u.copy_from_slice(&other.u);
        self.gradient.copy_from_slice(&other.gradient);
        self.constraints.copy_from_slice(&other.constraints);
        self.multipliers.copy_from_slice(&other.multipliers);
        (self.psi, self.cost) = (other.psi, other.cost);
        (self.violation, self.scaled_violation) = (other.violation, other.scaled_violation);
        self.holds = other.holds;
    }

    /// Whether an infinite derivative holds variable `i` at its bound.
    pub(crate) fn is_held(&self, i: usize) -> bool {
        self.holds && self.gradient[i].abs() == HELD
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.psi.is_finite() && math::all_finite(&self.gradient)
    }
}
