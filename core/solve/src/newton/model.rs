//! Quadratic model of the augmented Lagrangian, minimised within the bounds.
//!
//! With the free variables F and the constraints A whose distance from their bounds is not zero, a minimiser p solves
//! `[H_FF + delta D, J_AF^T; J_AF, -Sigma_A^-1] [p; q] = [-grad psi_F; 0]`: the Newton step of the augmented Lagrangian in
//! its primal-dual form, where q is the change of the multipliers `yhat`. It loses no digits when a penalty is large. The
//! shift delta makes H positive definite on what the penalties leave free: the inertia must be (|F|, |A|, 0). F and A
//! change until they are those of the minimiser.

mod assembly;
mod barrier;
mod factor;

use alloc::vec;
use alloc::vec::Vec;

pub(crate) use barrier::BarrierRows;
use factor::Factor;

use crate::curvature::scatter;
use crate::factor::Inertia;
use crate::functions::Functions;
use crate::math;
use crate::merit::{AugmentedLagrangian, Bounds, Point, Weights};
use crate::outcome::Search;
use crate::second::SecondDerivatives;
use crate::tuning::Tuning;

/// Inverse iterations for the direction of least curvature: the shift may be 8 times the necessary one, which leaves 1/70 of
/// the others. A solution costs much less than a factorisation.
const INVERSE_ITERATIONS: usize = 32;

/// Side of a constraint's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Inside,
    Below,
    Above,
}

/// The model at one point, with its factorisation. All memory is allocated once.
#[derive(Clone, Debug)]
pub(crate) struct QuadraticModel {
    sparsity: SecondDerivatives,
    constraint_bounds: Bounds,
    tuning: Tuning,
    jacobian: Vec<f64>,
    hessian: Vec<f64>,
    factor: Factor,
    is_free: Vec<bool>,
    sides: Vec<Side>,
    /// Row of each free variable, then of each constraint in A.
    rows: Vec<usize>,
    right: Vec<f64>,
    /// Step of the variables, change of the multipliers, slope of the model after the step.
    step: Vec<f64>,
    change: Vec<f64>,
    slope: Vec<f64>,
    rates: Vec<f64>,
    metric: Vec<f64>,
    /// Curvature of a barrier along each variable.
    curvatures: Vec<f64>,
    /// Shift of the last factorisation, and the last that was needed.
    shift: f64,
    last_shift: f64,
    /// Whether a search for a minimiser goes on, and how often the sets and the shift have changed in it.
    is_searching: bool,
    is_minimum: bool,
    changes: u32,
    shifts: u32,
}

impl QuadraticModel {
    /// `None` if its factorisation would be too large.
    pub(crate) fn new(
        sparsity: SecondDerivatives,
        num_variables: usize,
        constraint_bounds: Bounds,
        tuning: Tuning,
    ) -> Option<Self> {
        let (n, m) = (num_variables, constraint_bounds.min.len());
        Some(Self {
            jacobian: vec![0.0; sparsity.jacobian.len()],
            hessian: vec![0.0; sparsity.hessian.len()],
            factor: Factor::new(&sparsity, n, m, &tuning)?,
            is_free: vec![true; n],
            sides: vec![Side::Inside; m],
            rows: vec![0; n + m],
            right: vec![0.0; n + m],
            step: vec![0.0; n],
            change: vec![0.0; m],
            slope: vec![0.0; n],
            rates: vec![0.0; m],
            metric: vec![0.0; n],
            curvatures: vec![0.0; n],
            shift: 0.0,
            last_shift: 0.0,
            is_searching: false,
            is_minimum: false,
            changes: 0,
            shifts: 0,
            sparsity,
            constraint_bounds,
            tuning,
        })
    }

    /// Numbers that its matrix holds.
    pub(crate) fn memory(&self) -> usize {
        self.factor.memory()
    }

    /// Work of a step, in fused evaluations.
    pub(crate) fn work(&self) -> f64 {
        let factorization = self.factor.work(self.right.len());
        (self.sparsity.operations + factorization) / math::max(self.sparsity.evaluation, 1.0)
    }

    /// Forgets the shifts of an earlier solve, and a search that was not finished.
    pub(crate) fn reset(&mut self) {
        self.last_shift = 0.0;
        self.is_searching = false;
    }

    /// Whether cost and constraints are linear.
    pub(crate) fn is_linear(&self) -> bool {
        self.hessian.is_empty()
    }

    /// Begins the next search that needs a shift with this one.
    pub(crate) fn expect_shift(&mut self, shift: f64) {
        self.last_shift = shift / self.tuning.shift_decay;
    }

    /// Whether a search for a minimiser goes on.
    pub(crate) fn is_searching(&self) -> bool {
        self.is_searching
    }

    /// Evaluates the second derivatives where the functions were evaluated last.
    pub(crate) fn evaluate(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) {
        functions.second_derivatives(&mut self.jacobian, &mut self.hessian);
        merit.hessian_evaluations += 1;
    }

    /// The derivatives that were evaluated last; none if they are not `known`.
    pub(crate) fn derivatives(&mut self, known: bool) -> (&mut [f64], &mut [f64]) {
        match known {
            true => (&mut self.jacobian, &mut self.hessian),
            false => (&mut [], &mut []),
        }
    }

    pub(crate) fn constraint_bounds_mut(&mut self) -> &mut Bounds {
        &mut self.constraint_bounds
    }

    /// Writes the squared norms of the constraints' gradients.
    pub(crate) fn squared_slopes(&self, squares: &mut [f64]) {
        squares.fill(0.0);
        for (&(row, _), entry) in self.sparsity.jacobian.iter().zip(&self.jacobian) {
            squares[row as usize] += entry * entry;
        }
    }

    /// Shift of the Hessian in the last step.
    pub(crate) fn shift(&self) -> f64 {
        self.shift
    }

    /// Change of the multipliers in the last step.
    pub(crate) fn change(&self) -> &[f64] {
        &self.change
    }

    /// Looks for a step from `point`, where the second derivatives were evaluated, to the minimiser of the model within
    /// `bounds`, for the multipliers and penalties in `weights`; writes it to `direction`. A call takes one factorisation;
    /// the arguments have to stay the same until the search is finished.
    pub(crate) fn minimize(
        &mut self,
        weights: Weights<'_>,
        bounds: &Bounds,
        point: &Point,
        direction: &mut [f64],
    ) -> Search {
        if !self.is_searching {
            self.begin(bounds, point);
            self.curvatures.fill(0.0);
            self.begin_shifts(0.0);
            self.changes = 0;
        }
        let search = self.factorize(|i| 1.0 / weights.penalties[i]);
        self.is_searching = search == Search::Unfinished;
        if search != Search::Found {
            return search;
        }
        self.solve(weights, point);
        direction.copy_from_slice(&self.step);
        self.is_minimum = !self.change_sets(weights, bounds, point);
        if !self.is_minimum {
            self.changes += 1;
            if self.changes < self.tuning.max_model_changes {
                self.shifts = 0;
                self.is_searching = true;
                return Search::Unfinished;
            }
            // The last step may lead out of the bounds.
            for (i, d) in direction.iter_mut().enumerate() {
                *d = bounds.clamp(i, point.u[i] + *d) - point.u[i];
            }
        }
        match math::all_finite(direction) {
            true => Search::Found,
            false => Search::Failed,
        }
    }

    /// Whether the last step leads to the minimiser of the model: the sets of free variables and active constraints may go
    /// round in circles.
    pub(crate) fn is_minimum(&self) -> bool {
        self.is_minimum
    }

    /// Writes the direction of the free variables in which the model curves least, by inverse iteration with the last
    /// factorisation. Returns the curvature along it, 0 where that is round-off.
    pub(crate) fn lowest_curvature(&mut self, weights: Weights<'_>, direction: &mut [f64]) -> f64 {
        scatter(&self.is_free, &mut self.step);
        for _ in 0..INVERSE_ITERATIONS {
            let length = math::norm2(&self.step);
            self.right.fill(0.0);
            for (i, step) in self.step.iter().enumerate().filter(|(i, _)| self.is_free[*i]) {
                self.right[self.rows[i]] = self.metric[i] * step / length;
            }
            self.factor.solve(&mut self.right);
            for (i, step) in self.step.iter_mut().enumerate() {
                *step = if self.is_free[i] {
                    self.right[self.rows[i]]
                } else {
                    0.0
                };
            }
        }
        direction.copy_from_slice(&self.step);
        self.slope.fill(0.0);
        self.change.fill(0.0);
        self.differentiate();
        let (mut curvature, mut size) = (0.0, 0.0);
        for (i, step) in self.step.iter().enumerate().filter(|(i, _)| self.is_free[*i]) {
            curvature += step * self.slope[i];
            size += self.metric[i] * step * step;
        }
        for (i, side) in self.sides.iter().enumerate() {
            if *side != Side::Inside {
                curvature += weights.penalties[i] * self.rates[i] * self.rates[i];
            }
        }
        if curvature < -self.tuning.negligible_curvature * size {
            curvature
        } else {
            0.0
        }
    }

    /// The sets at `point`: variables are fixed that the gradient holds at a bound.
    fn begin(&mut self, bounds: &Bounds, point: &Point) {
        for (i, is_free) in self.is_free.iter_mut().enumerate() {
            let (u, gradient) = (point.u[i], point.gradient[i]);
            *is_free = !(bounds.min[i] == bounds.max[i]
                || (u <= bounds.min[i] && gradient > 0.0)
                || (u >= bounds.max[i] && gradient < 0.0));
        }
        self.step.fill(0.0);
        for (i, side) in self.sides.iter_mut().enumerate() {
            let multiplier = point.multipliers[i];
            *side = match () {
                () if multiplier > 0.0 => Side::Above,
                () if multiplier < 0.0 => Side::Below,
                () if self.constraint_bounds.min[i] == self.constraint_bounds.max[i] => Side::Above,
                () => Side::Inside,
            };
        }
    }

    /// Begins with this shift.
    fn begin_shifts(&mut self, shift: f64) {
        self.shift = shift;
        self.shifts = 0;
    }

    /// Factorises once; if the model is not convex, chooses a larger shift for the next time.
    fn factorize(&mut self, duals: impl Fn(usize) -> f64) -> Search {
        let (n, m) = (self.is_free.len(), self.sides.len());
        let has_all_rows = self.factor.has_all_rows();
        let mut size = 0;
        for i in 0..n {
            self.rows[i] = size;
            size += usize::from(has_all_rows || self.is_free[i]);
        }
        let free = size;
        for i in 0..m {
            self.rows[n + i] = size;
            size += usize::from(has_all_rows || self.sides[i] != Side::Inside);
        }
        let wanted = Inertia {
            positive: free,
            negative: size - free,
            zero: 0,
        };
        self.measure();
        self.assemble(&duals, size);
        if self.factor.factorize() == wanted {
            return Search::Found;
        }
        self.shift = match () {
            () if self.shift > 0.0 => self.shift * self.tuning.shift_growth,
            () if self.last_shift > 0.0 => {
                math::max(self.last_shift * self.tuning.shift_decay, self.tuning.min_shift)
            }
            () => self.tuning.first_shift,
        };
        self.last_shift = self.shift;
        self.shifts += 1;
        match self.shifts < self.tuning.max_shifts {
            true => Search::Unfinished,
            false => Search::Failed,
        }
    }

    /// Unit of the shift of each variable, which makes the step independent of the units of the variables.
    fn measure(&mut self) {
        self.metric.fill(0.0);
        for (&(row, column), entry) in self.sparsity.hessian.iter().zip(&self.hessian) {
            if row == column && entry.is_finite() {
                self.metric[row as usize] = entry.abs();
            }
        }
        math::add(&mut self.metric, 1.0, &self.curvatures);
        let largest = math::norm_inf(&self.metric);
        let floor = if largest > 0.0 {
            self.tuning.negligible_curvature * largest
        } else {
            1.0
        };
        for unit in &mut self.metric {
            *unit = math::max(*unit, floor);
        }
    }

    /// Distance of `g + y / sigma` from the bound of a side; it is negative where the constraint was not active.
    fn distance(&self, weights: Weights<'_>, point: &Point, i: usize, side: Side) -> f64 {
        let zeta = point.constraints[i] + weights.multipliers[i] / weights.penalties[i];
        match side {
            Side::Inside => 0.0,
            Side::Below => zeta - self.constraint_bounds.min[i],
            Side::Above => zeta - self.constraint_bounds.max[i],
        }
    }

    /// Solves for the step of the free variables; the others make the step that leads them to their bounds.
    fn solve(&mut self, weights: Weights<'_>, point: &Point) {
        let n = self.is_free.len();
        // Right-hand side: the negative slope after the step of the fixed variables alone, with the multipliers that
        // leave A gone.
        self.slope.copy_from_slice(&point.gradient);
        for (i, step) in self.step.iter_mut().enumerate() {
            if self.is_free[i] {
                *step = 0.0;
            }
        }
        for i in 0..self.sides.len() {
            self.change[i] = match self.sides[i] {
                Side::Inside => -point.multipliers[i],
                _ => 0.0,
            };
        }
        self.differentiate();
        self.right.fill(0.0);
        for i in (0..n).filter(|i| self.is_free[*i]) {
            self.right[self.rows[i]] = -self.slope[i];
        }
        for i in 0..self.sides.len() {
            let side = self.sides[i];
            if side == Side::Inside {
                continue;
            }
            let sigma = weights.penalties[i];
            let target = self.distance(weights, point, i, side) - point.multipliers[i] / sigma;
            self.right[self.rows[n + i]] = -target - self.rates[i];
        }
        self.factor.solve(&mut self.right);
        for (i, step) in self.step.iter_mut().enumerate() {
            if self.is_free[i] {
                *step = self.right[self.rows[i]];
            }
        }
        for i in 0..self.sides.len() {
            if self.sides[i] != Side::Inside {
                self.change[i] = self.right[self.rows[n + i]];
            }
        }
        self.slope.copy_from_slice(&point.gradient);
        self.differentiate();
    }

    /// Adds `H step + J^T change` to the slope, and writes `J step` to the rates.
    fn differentiate(&mut self) {
        // A derivative may be infinite where a variable is held at its bound: it makes no step.
        for (&(row, column), entry) in self.sparsity.hessian.iter().zip(&self.hessian) {
            let (row, column) = (row as usize, column as usize);
            if self.step[column] != 0.0 {
                self.slope[row] += entry * self.step[column];
            }
            if row != column && self.step[row] != 0.0 {
                self.slope[column] += entry * self.step[row];
            }
        }
        self.rates.fill(0.0);
        for (&(row, column), entry) in self.sparsity.jacobian.iter().zip(&self.jacobian) {
            let (row, column) = (row as usize, column as usize);
            self.slope[column] += entry * self.change[row];
            if self.step[column] != 0.0 {
                self.rates[row] += entry * self.step[column];
            }
        }
    }

    /// Fixes variables that the step leads out of their bounds, frees those that the slope leads inwards, and renews A.
    /// Returns whether anything has changed.
    fn change_sets(&mut self, weights: Weights<'_>, bounds: &Bounds, point: &Point) -> bool {
        let mut has_changed = false;
        for i in 0..self.is_free.len() {
            let (min, max) = (bounds.min[i], bounds.max[i]);
            let target = point.u[i] + self.step[i];
            if self.is_free[i] {
                if target < min || target > max {
                    self.step[i] = bounds.clamp(i, target) - point.u[i];
                    self.is_free[i] = false;
                    has_changed = true;
                }
            } else if min < max {
                let leads_inwards =
                    (target <= min && self.slope[i] < 0.0) || (target >= max && self.slope[i] > 0.0);
                self.is_free[i] = leads_inwards;
                has_changed |= leads_inwards;
            }
        }
        for i in 0..self.sides.len() {
            let (min, max) = (self.constraint_bounds.min[i], self.constraint_bounds.max[i]);
            if min == max {
                continue;
            }
            let zeta = point.constraints[i] + weights.multipliers[i] / weights.penalties[i] + self.rates[i];
            let multiplier = point.multipliers[i] + self.change[i];
            let side = match self.sides[i] {
                Side::Above if multiplier > 0.0 => Side::Above,
                Side::Below if multiplier < 0.0 => Side::Below,
                Side::Inside if zeta > max => Side::Above,
                Side::Inside if zeta < min => Side::Below,
                _ => Side::Inside,
            };
            has_changed |= side != self.sides[i];
            self.sides[i] = side;
        }
        has_changed
    }
}
