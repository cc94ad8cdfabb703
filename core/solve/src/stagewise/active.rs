//! The constraints that hold at a nearby solution, and what stands for them in a stage's Hessian and gradient.

mod steps;

use alloc::vec;
use alloc::vec::Vec;

use super::model::Model;
use super::trajectory::Trajectory;
use crate::functions::StageStructure;
use crate::math;
use crate::merit::Bounds;

/// Curvature that stands for an equation between constraint and bound, in units of the largest curvature of the problem.
/// A step leaves about the inverse of it, relative to the change of the multiplier.
const EQUATION_CURVATURE: f64 = 1e6;
/// Violation, in units of the tolerance, from which on a constraint becomes active.
const NEGLIGIBLE_VIOLATION: f64 = 0.1;

/// Where steps near a solution began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// At the start of the solve.
    Start,
    /// At the minimiser of a barrier problem, or of the augmented Lagrangian.
    Interior,
    Newton,
    QuasiNewton,
}

/// Constraints that count as equations.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) bounds: Bounds,
    /// Bound that each constraint is held at.
    held: Vec<Option<f64>>,
    /// Multipliers at the end of the present step, and at the start.
    multipliers: Vec<f64>,
    first_multipliers: Vec<f64>,
    /// Curvature and slope that stand for each constraint in its stage's Hessian and gradient.
    curvature: Vec<f64>,
    slope: Vec<f64>,
    slack: f64,
    /// Unit of each constraint in the caller's.
    pub(super) units: Vec<f64>,
    /// Largest curvature of the problem.
    unit: f64,
    /// Steps since the beginning, and what the last one left of the optimality conditions, in units of the tolerances.
    steps: u32,
    error: f64,
}

impl Active {
    pub(super) fn new(bounds: Bounds, gap_tolerance: f64) -> Self {
        let zeros = vec![0.0; bounds.min.len()];
        Self {
            held: vec![None; zeros.len()],
            multipliers: zeros.clone(),
            first_multipliers: zeros.clone(),
            curvature: zeros.clone(),
            units: vec![1.0; zeros.len()],
            slope: zeros,
            slack: NEGLIGIBLE_VIOLATION * gap_tolerance,
            unit: 1.0,
            steps: 0,
            error: f64::INFINITY,
            bounds,
        }
    }

    /// Bound at which a constraint is held that has this multiplier or lies behind it.
    fn choose(&self, i: usize, value: f64, y: f64) -> Option<f64> {
        let (min, max) = (self.bounds.min[i], self.bounds.max[i]);
        let slack = self.slack(i);
        if min >= max || y < 0.0 || value < min - slack {
            return Some(min);
        }
        (y > 0.0 || value > max + slack).then_some(max)
    }

    /// Violation from which on constraint `i` becomes active: negligible in both units.
    fn slack(&self, i: usize) -> f64 {
        self.slack / math::max(1.0, self.units[i])
    }

    /// Curvature that stands for constraint `i`; 0 if it does not hold.
    pub(super) fn curvature(&self, i: usize) -> f64 {
        self.curvature[i]
    }

    /// Whether constraint `i` is held at a bound that it could leave.
    pub(super) fn is_bound_held(&self, i: usize) -> bool {
        self.held[i].is_some() && self.bounds.min[i] < self.bounds.max[i]
    }

    /// Whether constraint `i` is at a bound that does not hold it.
    pub(super) fn is_weak(&self, i: usize, value: f64) -> bool {
        let distance = math::min(value - self.bounds.min[i], self.bounds.max[i] - value);
        self.held[i].is_none() && distance <= self.slack(i)
    }

    /// Changes what stands for constraint `i`, in the model and in the gradient.
    fn weigh(
        &mut self,
        structure: &StageStructure,
        model: &mut Model,
        trajectory: &mut Trajectory,
        (t, i): (usize, usize),
    ) {
        let y = trajectory.point.multipliers[i];
        let (curvature, slope) = match self.held[i] {
            None => (0.0, -y),
            Some(bound) => {
                let row = model.constraint(structure, i);
                let curvature =
                    EQUATION_CURVATURE * self.unit / math::max(f64::MIN_POSITIVE, math::dot(row, row));
                (curvature, curvature * (trajectory.point.constraints[i] - bound))
            }
        };
        model.curve(structure, t, i, curvature - self.curvature[i]);
        let nz = structure.num_stage_variables();
        let row = model.constraint(structure, i);
        math::add(
            &mut trajectory.gradients[t * nz..(t + 1) * nz],
            slope - self.slope[i],
            row,
        );
        (self.curvature[i], self.slope[i]) = (curvature, slope);
    }
}
