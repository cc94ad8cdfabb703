//! State of interior-point iterations on variables, multipliers, and slacks of the inequalities, its units, and its distance
//! from the optimality conditions.

mod ending;
mod iteration;
mod search;

use alloc::vec;
use alloc::vec::Vec;

use crate::interior::{Barrier, Filter};
use crate::math;
use crate::merit::{Bounds, Point};

/// Factors by which the weight of the barrier falls, the second in powers of its ratio to the cost's unit.
const WEIGHT_REDUCTION: f64 = 0.2;
const WEIGHT_EXPONENT: f64 = 0.5;
/// Error of a barrier problem that counts as solved, in units of its weight.
const BARRIER_ERROR: f64 = 10.0;
/// Mean of the multipliers above which residuals are measured relative to it, in units of the cost.
const LARGE_MULTIPLIER: f64 = 100.0;
/// Regularisation of the equations, in units of cost and constraint.
const EQUATION_DUAL: f64 = 1e-10;
/// Variables and constraints of a linear programme with more corners than Newton steps should visit.
const LARGE_PROGRAMME: usize = 30;
/// Fraction of what the equations lack to which an iteration reduces it, sum that is closed, and number of iterations
/// without either that end the attempt.
const PROGRESS: f64 = 0.99;
const CLOSED: f64 = 1e-6;
const MAX_IDLE_ITERATIONS: u32 = 25;
/// Largest number of iterations at the last weight of the barrier in which the error does not fall to this fraction.
const MAX_ROUGH_ITERATIONS: u32 = 10;
const ROUGH_PROGRESS: f64 = 0.5;
/// Number of equations that is many.
const MANY_EQUATIONS: usize = 10;

/// State of the interior-point iterations. All memory is allocated once.
#[derive(Clone, Debug)]
pub(super) struct Interior {
    variables: Barrier,
    slacks: Barrier,
    /// Slacks: the constraints' values within their bounds.
    values: Vec<f64>,
    next_values: Vec<f64>,
    /// Multipliers of the equations between constraints and slacks.
    multipliers: Vec<f64>,
    slack_step: Vec<f64>,
    multiplier_step: Vec<f64>,
    /// Residuals of the equations.
    missing: Vec<f64>,
    rates: Vec<f64>,
    curvatures: Vec<f64>,
    duals: Vec<f64>,
    /// Units of variables, constraints and cost.
    variable_units: Vec<f64>,
    units: Vec<f64>,
    cost_unit: f64,
    /// Whether cost and constraints are linear.
    is_linear: bool,
    filter: Filter,
    mu: f64,
    first_mu: f64,
    floor: f64,
    iterations: u32,
    /// Least sum of what the equations lack, and number of iterations since it has fallen.
    least_missing: f64,
    idle_iterations: u32,
    /// Least error at the last weight of the barrier, and number of iterations since it has fallen.
    least_error: f64,
    rough_iterations: u32,
    phase: Phase,
    /// How often penalties were raised at the end.
    raises: u32,
    /// Iterate while a solution is looked for near it.
    kept: Point,
    /// Point and multipliers of the augmented Lagrangian before, for the case that all leads nowhere.
    origin: Point,
}

impl Interior {
    /// `is_linear`: cost and constraints are.
    pub(super) fn new(variables: &Bounds, constraints: Bounds, is_linear: bool) -> Self {
        let (n, m) = (variables.min.len(), constraints.min.len());
        Self {
            variables: Barrier::new(variables.min.clone(), variables.max.clone()),
            slacks: Barrier::new(constraints.min, constraints.max),
            values: vec![0.0; m],
            next_values: vec![0.0; m],
            multipliers: vec![0.0; m],
            slack_step: vec![0.0; m],
            multiplier_step: vec![0.0; m],
            missing: vec![0.0; m],
            rates: vec![0.0; m],
            curvatures: vec![0.0; n],
            duals: vec![0.0; m],
            variable_units: vec![1.0; n],
            units: vec![1.0; m],
            cost_unit: 1.0,
            is_linear,
            filter: Filter::new(),
            mu: 0.0,
            first_mu: 0.0,
            floor: 0.0,
            iterations: 0,
            least_missing: f64::INFINITY,
            idle_iterations: 0,
            least_error: f64::INFINITY,
            rough_iterations: 0,
            phase: Phase::Begin,
            raises: 0,
            kept: Point::new(n, m),
            origin: Point::new(n, m),
        }
    }

    /// Takes other bounds, of which the same are finite.
    pub(super) fn set_bounds(&mut self, variables: &Bounds, constraints: &Bounds) {
        self.variables.set_bounds(variables);
        self.slacks.set_bounds(constraints);
    }

    /// Kind of the constraints.
    fn kind(&self) -> Kind {
        let (n, m) = (self.variable_units.len(), self.values.len());
        let equations = (0..m).filter(|i| self.slacks.is_fixed(*i)).count();
        let has_barrier = self.variables.sum().1 + self.slacks.sum().1 > 0;
        let are_many = 3 * equations >= n && (!has_barrier || equations >= MANY_EQUATIONS);
        match equations {
            _ if self.is_linear && n + m >= LARGE_PROGRAMME => Kind::First,
            0 => Kind::Inequalities,
            _ if are_many => Kind::First,
            _ => Kind::Mixed,
        }
    }

    /// Units of the variables, by their bounds and their size; of the constraints; and of the cost, by its gradient.
    fn measure_units(&mut self, point: &Point, units: &[f64]) {
        self.units.copy_from_slice(units);
        let mut cost_unit = 0.0;
        for (i, unit) in self.variable_units.iter_mut().enumerate() {
            let range = self.variables.max[i] - self.variables.min[i];
            *unit = 1.0 + point.u[i].abs();
            if range.is_finite() && range > 0.0 {
                *unit = math::min(*unit, range);
            }
            cost_unit = math::max(cost_unit, point.gradient[i].abs() * *unit);
        }
        self.cost_unit = if cost_unit > 0.0 && cost_unit.is_finite() {
            cost_unit
        } else {
            1.0
        };
    }

    /// Sum of the residuals of the equations, and merit, in their units.
    fn measure(&self, point: &Point, slacks: &[f64]) -> (f64, f64) {
        let mut missing = 0.0;
        for ((g, s), unit) in point.constraints.iter().zip(slacks).zip(&self.units) {
            missing += (g - s).abs() / unit;
        }
        let barrier = self.variables.value(&point.u) + self.slacks.value(slacks);
        (missing, (point.cost + self.mu * barrier) / self.cost_unit)
    }

    /// Largest deviation from the optimality conditions with a barrier of weight `mu`, in units of the cost.
    fn error(&self, point: &Point, mu: f64) -> f64 {
        let (mut residual, mut missing) = (0.0, 0.0);
        for (i, gradient) in point.gradient.iter().enumerate() {
            if !self.variables.is_fixed(i) {
                let slope = (gradient + self.variables.multiplier(i)).abs();
                residual = math::max(residual, slope * self.variable_units[i]);
            }
        }
        for (i, y) in self.multipliers.iter().enumerate() {
            if !self.slacks.is_fixed(i) {
                residual = math::max(residual, (self.slacks.multiplier(i) - y).abs() * self.units[i]);
            }
            missing = math::max(
                missing,
                (point.constraints[i] - self.values[i]).abs() / self.units[i],
            );
        }
        let complementarity = math::max(
            self.variables.complementarity(&point.u, mu),
            self.slacks.complementarity(&self.values, mu),
        );
        let size = self.multiplier_scale();
        math::max(
            missing,
            math::max(residual, complementarity) / (size * self.cost_unit),
        )
    }

    fn multiplier_scale(&self) -> f64 {
        let mut sum = 0.0;
        for (y, unit) in self.multipliers.iter().zip(&self.units) {
            sum += y.abs() * unit;
        }
        let mean = sum / (self.multipliers.len().max(1) as f64 * self.cost_unit);
        math::max(1.0, mean / LARGE_MULTIPLIER)
    }

    /// Curvatures of the barriers.
    fn weigh(&mut self, point: &Point) {
        for (i, curvature) in self.curvatures.iter_mut().enumerate() {
            *curvature = if self.variables.is_fixed(i) {
                f64::INFINITY
            } else {
                self.variables.curvature(i, point.u[i])
            };
        }
        for (i, dual) in self.duals.iter_mut().enumerate() {
            *dual = if self.slacks.is_fixed(i) {
                EQUATION_DUAL * self.units[i] * self.units[i] / self.cost_unit
            } else {
                1.0 / self.slacks.curvature(i, self.values[i])
            };
        }
    }

    fn find_missing(&mut self, point: &Point) {
        for (i, missing) in self.missing.iter_mut().enumerate() {
            *missing = point.constraints[i] - self.values[i];
        }
    }

    fn forget_progress(&mut self) {
        (self.least_missing, self.idle_iterations) = (f64::INFINITY, 0);
        (self.least_error, self.rough_iterations) = (f64::INFINITY, 0);
    }

    /// Whether the equations lack something that many iterations have not closed.
    fn is_stagnant(&mut self, point: &Point) -> bool {
        let (missing, _) = self.measure(point, &self.values);
        self.idle_iterations += 1;
        if missing < PROGRESS * self.least_missing || missing <= CLOSED {
            (self.least_missing, self.idle_iterations) = (missing, 0);
        }
        self.idle_iterations > MAX_IDLE_ITERATIONS
    }

    /// Whether round-off keeps the error, which is now so large, above its limit at the last weight of the barrier.
    fn is_rough(&mut self, error: f64) -> bool {
        if self.mu > self.floor || error < ROUGH_PROGRESS * self.least_error {
            (self.least_error, self.rough_iterations) = (error, 0);
        } else {
            self.rough_iterations += 1;
        }
        self.rough_iterations > MAX_ROUGH_ITERATIONS
    }

    fn lower_weight(&mut self, point: &Point) {
        while self.mu > self.floor && self.error(point, self.mu) <= BARRIER_ERROR * self.mu / self.cost_unit {
            let ratio = math::pow(self.mu / self.cost_unit, WEIGHT_EXPONENT);
            self.mu = math::max(self.floor, self.mu * math::min(WEIGHT_REDUCTION, ratio));
            let at = self.measure(point, &self.values);
            self.filter.clear(at.0);
        }
    }
}

/// Phase of an iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A new iteration.
    Begin,
    /// The search for a step with a shift, after so many whose line search failed.
    Search(u32),
    /// Newton steps on the optimality conditions near the iterate.
    Finish,
    /// The penalties are raised at the solution.
    Raise,
}

/// Kind of a problem's constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// At least a third as many equations as variables, and nothing else or many of them; or a linear programme. They begin
    /// with interior-point iterations.
    First,
    /// Some are equations.
    Mixed,
    Inequalities,
}
