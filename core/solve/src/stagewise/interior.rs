//! Slacks and barriers of the interior-point iterations, and their distance from the optimality conditions.

mod ending;
mod iteration;

use alloc::vec;
use alloc::vec::Vec;

pub(super) use iteration::FirstStates;

use super::measure::Measured;
use super::trajectory::Trajectory;
use crate::functions::StageStructure;
use crate::interior::{Barrier, Filter};
use crate::math;
use crate::merit::Bounds;
use crate::units::Units;

/// Error of a barrier problem that counts as solved, in units of its weight.
const BARRIER_ERROR: f64 = 10.0;
/// Mean of the multipliers above which residuals are measured relative to it.
const LARGE_MULTIPLIER: f64 = 100.0;

/// Slacks and barriers of the interior-point iterations, with the memory of a step.
#[derive(Clone, Debug)]
pub(super) struct Interior {
    inputs: Barrier,
    slacks: Barrier,
    /// Slacks: the constraints' values within their bounds.
    values: Vec<f64>,
    next_values: Vec<f64>,
    /// Multipliers of the equations between constraints and slacks.
    multipliers: Vec<f64>,
    slack_step: Vec<f64>,
    multiplier_step: Vec<f64>,
    /// Curvature and slope that stand for slack and multiplier of a constraint in the stage's Hessian and gradient.
    curvature: Vec<f64>,
    slope: Vec<f64>,
    filter: Filter,
    mu: f64,
    first_mu: f64,
    /// Smallest weight.
    floor: f64,
    shift: f64,
    iterations: u32,
    short_steps: u32,
    /// Units in the caller's: of derivatives with respect to inputs, of constraints and their multipliers, of the cost.
    slope_units: Vec<f64>,
    units: Vec<f64>,
    multiplier_units: Vec<f64>,
    cost_unit: f64,
}

impl Interior {
    pub(super) fn new(inputs: (Vec<f64>, Vec<f64>), constraints: Bounds) -> Self {
        let (n, m) = (inputs.0.len(), constraints.min.len());
        Self {
            slope_units: vec![1.0; n],
            units: vec![1.0; m],
            multiplier_units: vec![1.0; m],
            cost_unit: 1.0,
            inputs: Barrier::new(inputs.0, inputs.1),
            slacks: Barrier::new(constraints.min, constraints.max),
            values: vec![0.0; m],
            next_values: vec![0.0; m],
            multipliers: vec![0.0; m],
            slack_step: vec![0.0; m],
            multiplier_step: vec![0.0; m],
            curvature: vec![0.0; m],
            slope: vec![0.0; m],
            filter: Filter::new(),
            mu: 0.0,
            first_mu: 0.0,
            floor: 0.0,
            shift: 0.0,
            iterations: 0,
            short_steps: 0,
        }
    }

    /// Takes other bounds, of which the same are finite, and units.
    pub(super) fn set_units(&mut self, inputs: &Bounds, constraints: &Bounds, units: &Units) {
        self.inputs.set_bounds(inputs);
        self.slacks.set_bounds(constraints);
        for (i, unit) in self.slope_units.iter_mut().enumerate() {
            *unit = units.gradient(i);
        }
        self.units.copy_from_slice(&units.constraints);
        for (i, unit) in self.multiplier_units.iter_mut().enumerate() {
            *unit = units.multiplier(i);
        }
        self.cost_unit = units.cost;
    }

    /// Mean change of the cost when an input goes from bound to bound, by its slopes.
    fn mean_slope(&self, gradient: &[f64]) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for (i, slope) in gradient.iter().enumerate() {
            let range = self.inputs.max[i] - self.inputs.min[i];
            if range > 0.0 && range.is_finite() {
                sum += slope.abs() * range;
                count += 1.0;
            }
        }
        if count > 0.0 { sum / count } else { 0.0 }
    }

    /// Sum of the residuals of the equations, and merit.
    fn measure(&self, trajectory: &Trajectory, slacks: &[f64]) -> (f64, f64) {
        let point = &trajectory.point;
        let mut missing = trajectory.gaps.iter().fold(0.0, |sum, gap| sum + gap.abs());
        for (g, s) in point.constraints.iter().zip(slacks) {
            missing += (g - s).abs();
        }
        let barrier = self.inputs.value(&point.u) + self.slacks.value(slacks);
        (missing, point.cost + self.mu * barrier)
    }

    /// Residuals of the optimality conditions with a barrier of weight `mu`: of the gradients and the products of
    /// multipliers and distances, relative to large multipliers; and of the equations.
    fn error(&self, structure: &StageStructure, trajectory: &Trajectory, mu: f64) -> Measured {
        let point = &trajectory.point;
        let mut residual = trajectory.state_residual(structure);
        for (i, gradient) in point.gradient.iter().enumerate() {
            if !self.inputs.is_fixed(i) {
                residual.include((gradient + self.inputs.multiplier(i)).abs(), self.slope_units[i]);
            }
        }
        let mut missing = trajectory.gap();
        for (i, y) in self.multipliers.iter().enumerate() {
            if !self.slacks.is_fixed(i) {
                residual.include((self.slacks.multiplier(i) - y).abs(), self.multiplier_units[i]);
            }
            missing.include((point.constraints[i] - self.values[i]).abs(), self.units[i]);
        }
        let complementarity = math::max(
            self.inputs.complementarity(&point.u, mu),
            self.slacks.complementarity(&self.values, mu),
        );
        residual.include(complementarity, self.cost_unit);
        missing.max(residual.over(self.multiplier_scale(trajectory)))
    }

    fn multiplier_scale(&self, trajectory: &Trajectory) -> f64 {
        let (of_inputs, of_slacks) = (self.inputs.sum(), self.slacks.sum());
        let mut sum = of_inputs.0 + of_slacks.0;
        for y in trajectory.adjoints.iter().chain(&self.multipliers) {
            sum += y.abs();
        }
        let count = of_inputs.1 + of_slacks.1 + trajectory.adjoints.len() + self.multipliers.len();
        math::max(1.0, sum / (count.max(1) as f64 * LARGE_MULTIPLIER))
    }

    /// Curvature and slope of slack and multiplier of each constraint.
    fn weigh(&mut self, trajectory: &Trajectory, equation: f64) {
        for i in 0..self.values.len() {
            let missing = trajectory.point.constraints[i] - self.values[i];
            let (curvature, slope) = if self.slacks.is_fixed(i) {
                (equation, self.multipliers[i])
            } else {
                (
                    self.slacks.curvature(i, self.values[i]),
                    self.slacks.slope(i, self.values[i], self.mu),
                )
            };
            self.curvature[i] = curvature;
            self.slope[i] = slope + curvature * missing;
        }
    }
}
