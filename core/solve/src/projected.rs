//! Inner solver for bounds: a projected quasi-Newton method.
//!
//! A two-metric projection (Bertsekas, SIAM J. Control Optim. 20, 1982): coordinates that a gradient step would push
//! out of their bounds go to the bound, the others take a limited-memory BFGS step among themselves; the line search
//! follows the step projected onto U. A trial costs one fused evaluation, half of an iteration of PANOC, and gives
//! the residual at the iterate itself. Newton steps in a trust region are used when that takes long.

#[cfg(feature = "second-derivatives")]
mod exact;
mod inner;
#[cfg(feature = "second-derivatives")]
mod interior;
#[cfg(feature = "second-derivatives")]
mod second;

use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use super::functions::Functions;
use super::lbfgs::Lbfgs;
use super::merit::{AugmentedLagrangian, Bounds, Point};
use super::newton::TrustRegion;
use super::outcome::Outcome;
use super::status::{Step, StepKind};
use super::tuning::Tuning;
#[cfg(feature = "stages")]
use super::units::Units;
use crate::math;
#[cfg(feature = "second-derivatives")]
use second::Second;

/// Fraction to which the residual falls where a solve gets on at the edge of a domain.
const EDGE_PROGRESS: f64 = 0.999;

/// State of one inner solve. All memory is allocated once.
#[derive(Clone, Debug)]
pub(crate) struct Projected {
    bounds: Bounds,
    tuning: Tuning,
    lbfgs: Lbfgs,
    trust_region: TrustRegion,
    #[cfg(feature = "second-derivatives")]
    second: Second,
    current: Point,
    /// Trial of the line search; afterwards, the previous iterate.
    next: Point,
    direction: Vec<f64>,
    /// Whether a gradient step leads each coordinate out of its bounds.
    is_clipped: Vec<bool>,
    /// Length of a gradient step: the inverse of the curvature along the last step; 0 if there is no estimate yet.
    gamma: f64,
    /// Tolerance of the residual in the units of the caller, if they differ from those of the method, 0 otherwise; and the
    /// largest in those of the method then.
    tolerance: f64,
    small_residual: f64,
    /// Residual in the units of the caller, and in those of the method.
    residual: f64,
    scaled_residual: f64,
    /// Unit of each entry of the gradient in those of the caller.
    gradient_units: Vec<f64>,
    last_step: Step,
    /// Iterations of this solve.
    total_iterations: u32,
    /// Iterations of this inner problem.
    iterations: u32,
    /// Lowest value and residual of this inner problem, and number of iterations since either improved.
    best: (f64, f64),
    idle_iterations: u32,
    /// Whether the line search met a point where a function is not finite, and number of iterations in which it did since
    /// the residual was lowest.
    has_met_edge: bool,
    edge_iterations: u32,
    edge_residual: f64,
    /// Whether the functions were last evaluated at `current`.
    is_last_evaluated: bool,
}

impl Projected {
    /// `bounds` are the lower and the upper ones.
    pub(crate) fn new(
        num_constraints: usize,
        bounds: (Vec<f64>, Vec<f64>),
        memory: usize,
        tuning: Tuning,
    ) -> Self {
        let (min, max) = bounds;
        let num_variables = min.len();
        let point = Point::new(num_variables, num_constraints);
        Self {
            bounds: Bounds { min, max },
            tuning,
            lbfgs: Lbfgs::new(num_variables, memory),
            trust_region: TrustRegion::new(num_variables, &tuning),
            #[cfg(feature = "second-derivatives")]
            second: Second::default(),
            current: point.clone(),
            next: point,
            direction: vec![0.0; num_variables],
            is_clipped: vec![false; num_variables],
            gamma: 1.0,
            residual: f64::INFINITY,
            tolerance: 0.0,
            small_residual: tuning.small_residual,
            scaled_residual: f64::INFINITY,
            gradient_units: vec![1.0; num_variables],
            last_step: Step::default(),
            iterations: 0,
            total_iterations: 0,
            best: (f64::INFINITY, f64::INFINITY),
            idle_iterations: 0,
            has_met_edge: false,
            edge_iterations: 0,
            edge_residual: f64::INFINITY,
            is_last_evaluated: true,
        }
    }

    fn begin(&mut self) -> Outcome {
        self.iterations = 0;
        #[cfg(feature = "second-derivatives")]
        {
            self.second.is_at_round_off = false;
        }
        self.best = (f64::INFINITY, f64::INFINITY);
        self.idle_iterations = 0;
        (self.edge_iterations, self.edge_residual) = (0, f64::INFINITY);
        self.has_met_edge = false;
        #[cfg(feature = "second-derivatives")]
        {
            self.second.flat_steps = 0;
        }
        self.trust_region.stop();
        if !self.current.is_finite() {
            (self.residual, self.scaled_residual) = (f64::INFINITY, f64::INFINITY);
            return Outcome::NotFinite;
        }
        self.take();
        Outcome::Continue
    }

    /// Accepts `current` as the new iterate.
    fn take(&mut self) {
        self.total_iterations += 1;
        self.measure_residual();
        let (value, residual) = self.best;
        self.idle_iterations += 1;
        if self.current.psi < value || self.residual < residual {
            self.best = (
                math::min(self.current.psi, value),
                math::min(self.residual, residual),
            );
            self.idle_iterations = 0;
        }
        self.edge_iterations += u32::from(self.has_met_edge);
        if self.residual < EDGE_PROGRESS * self.edge_residual {
            (self.edge_iterations, self.edge_residual) = (0, self.residual);
        }
    }

    fn measure_residual(&mut self) {
        let (residual, scaled) = self.bounds.residual(&self.current, &self.gradient_units);
        (self.residual, self.scaled_residual) = (residual, scaled);
    }

    /// Whether the residual is below its tolerance in the caller's units, and in those of the method not large.
    fn is_small(&self) -> bool {
        self.residual <= self.tolerance && self.scaled_residual <= self.small_residual
    }

    /// Residual in units of the tolerance that ends an inner solve.
    #[cfg(feature = "stages")]
    pub(crate) fn excess(&self, tolerance: f64) -> f64 {
        let small = math::max(
            self.residual / self.tolerance,
            self.scaled_residual / self.small_residual,
        );
        math::min(self.scaled_residual / tolerance, small)
    }

    /// Lets the residual be small in two units.
    #[cfg(feature = "stages")]
    pub(crate) fn set_tolerances(&mut self, residual: f64, scaled_residual: f64) {
        (self.tolerance, self.small_residual) = (residual, scaled_residual);
    }

    /// Takes bounds, and units of the gradient.
    #[cfg(feature = "stages")]
    pub(crate) fn take_units(&mut self, units: &Units) {
        units.write_variable_bounds(&mut self.bounds);
        for (i, unit) in self.gradient_units.iter_mut().enumerate() {
            *unit = units.gradient(i);
        }
    }

    #[cfg(feature = "stages")]
    pub(crate) fn gradient_units(&self) -> &[f64] {
        &self.gradient_units
    }

    /// Bounds of the variables.
    #[cfg(any(feature = "second-derivatives", feature = "stages"))]
    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    fn set_lipschitz(&mut self, lipschitz: f64) {
        let Tuning {
            min_lipschitz,
            max_lipschitz,
            ..
        } = self.tuning;
        self.gamma = 1.0 / math::clamp(lipschitz, min_lipschitz, max_lipschitz);
    }

    fn estimate_lipschitz(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) {
        self.is_last_evaluated = false;
        let lipschitz = merit.estimate_lipschitz(functions, &self.current, &mut self.next);
        self.set_lipschitz(lipschitz);
    }

    fn quasi_newton_step(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> bool {
        if self.gamma == 0.0 {
            self.estimate_lipschitz(merit, functions);
        }
        self.begin_direction();
        self.lbfgs.set_mask(&self.is_clipped);
        if !self.lbfgs.apply(&mut self.direction) {
            let gamma = self.gamma;
            self.direction.iter_mut().for_each(|q| *q *= gamma);
        }
        self.end_direction();
        self.line_search(StepKind::QuasiNewton, merit, functions)
            .is_some()
    }

    /// Index of the next iteration in a cycle of quasi-Newton iterations, then Newton steps.
    fn place_in_cycle(&self) -> u64 {
        let Tuning {
            quasi_newton_iterations,
            newton_iterations,
            ..
        } = self.tuning;
        u64::from(self.iterations) % (u64::from(quasi_newton_iterations) + u64::from(newton_iterations))
    }

    fn start_newton_step(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) {
        self.evaluate_current(merit, functions);
        if self.place_in_cycle() == u64::from(self.tuning.quasi_newton_iterations) {
            self.trust_region.radius = self.tuning.first_radius * math::norm2(&self.direction);
        }
        self.begin_direction();
        self.trust_region.start(&mut self.direction);
    }

    /// Continues a Newton step with one Hessian product.
    fn continue_newton_step(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        let (current, next) = (&self.current, &mut self.next);
        let is_last_evaluated = &mut self.is_last_evaluated;
        self.trust_region.advance(
            &mut self.direction,
            |i| !self.is_clipped[i],
            |v, product| {
                *is_last_evaluated &= merit.multiply_hessian(functions, current, next, v, product);
            },
        );
        if self.trust_region.is_searching() {
            return Outcome::Unfinished;
        }
        self.end_direction();
        let length = math::norm2(&self.direction);
        let tau = self.line_search(StepKind::TrustRegion, merit, functions);
        self.trust_region.radius = match tau {
            Some(1.0) => math::max(self.trust_region.radius, self.tuning.radius_growth * length),
            Some(tau) => tau * length,
            None => self.tuning.min_shrinkage * length,
        };
        self.iterations += 1;
        match tau {
            Some(_) => Outcome::Continue,
            None => self.quasi_newton_iteration(merit, functions),
        }
    }

    fn quasi_newton_iteration(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        if self.quasi_newton_step(merit, functions) {
            return Outcome::Continue;
        }
        // The memory was misleading: follow the gradient.
        self.lbfgs.clear();
        match self.quasi_newton_step(merit, functions) {
            true => Outcome::Continue,
            false => Outcome::Stalled,
        }
    }

    /// Sets the direction to the negative gradient where a coordinate is free, to zero elsewhere.
    fn begin_direction(&mut self) {
        let (Bounds { min, max }, Point { u, gradient, .. }) = (&self.bounds, &self.current);
        for (i, (q, is_clipped)) in self.direction.iter_mut().zip(&mut self.is_clipped).enumerate() {
            let target = u[i] - self.gamma * gradient[i];
            *is_clipped = target < min[i] || target > max[i];
            *q = if *is_clipped { 0.0 } else { -gradient[i] };
        }
    }

    /// Sends the other coordinates to their bounds.
    fn end_direction(&mut self) {
        for (i, q) in self.direction.iter_mut().enumerate() {
            if self.is_clipped[i] {
                let target = self.current.u[i] - self.gamma * self.current.gradient[i];
                *q = self.bounds.clamp(i, target) - self.current.u[i];
            }
        }
    }

    /// Moves to a lower point along the projected direction, if there is one. Returns the length of the step relative
    /// to the direction.
    fn line_search(
        &mut self,
        kind: StepKind,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Option<f64> {
        if !(math::dot(&self.direction, &self.current.gradient) < 0.0) {
            return None;
        }
        let Tuning {
            min_shrinkage,
            max_shrinkage,
            ..
        } = self.tuning;
        let round_off = self.tuning.round_off * f64::EPSILON * (1.0 + self.current.psi.abs());
        self.has_met_edge = false;
        let mut tau = 1.0;
        for _ in 0..self.tuning.max_trials {
            let mut slope = 0.0;
            for (i, next) in self.next.u.iter_mut().enumerate() {
                let u = self.current.u[i];
                *next = self.bounds.clamp(i, u + tau * self.direction[i]);
                slope += self.current.gradient[i] * (*next - u);
            }
            if self.next.u == self.current.u {
                return None;
            }
            merit.evaluate(functions, &mut self.next);
            self.is_last_evaluated = false;
            if !self.next.is_finite() {
                self.has_met_edge = true;
                tau *= min_shrinkage;
                continue;
            }
            let rise = self.next.psi - self.current.psi;
            if rise <= self.tuning.sufficient_decrease * slope + round_off {
                self.accept();
                self.last_step = Step::new(kind, tau);
                return Some(tau);
            }
            // Minimum of the parabola through value, slope and the trial's value.
            let shrinkage = -slope / (2.0 * (rise - slope));
            tau *= math::clamp(shrinkage, min_shrinkage, max_shrinkage);
        }
        None
    }

    fn evaluate_current(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) {
        if !self.is_last_evaluated {
            merit.evaluate(functions, &mut self.current);
            self.is_last_evaluated = true;
        }
    }

    /// Makes the trial the iterate, and stores its pair.
    fn accept(&mut self) {
        #[cfg(feature = "second-derivatives")]
        {
            self.second.is_model_fresh = false;
        }
        mem::swap(&mut self.current, &mut self.next);
        self.is_last_evaluated = true;
        let (now, last) = (&self.current, &self.next);
        let length = self.lbfgs.push(|i| match now.is_held(i) || last.is_held(i) {
            true => (0.0, 0.0),
            false => (now.u[i] - last.u[i], now.gradient[i] - last.gradient[i]),
        });
        self.gamma = length.unwrap_or(self.gamma * self.tuning.flat_growth);
        self.take();
    }
}

impl Bounds {
    /// Distance of `-grad psi` from the normal cone of the bounds, in the infinity norm: with its entries in these units,
    /// and in their own.
    fn residual(&self, point: &Point, units: &[f64]) -> (f64, f64) {
        let (mut largest, mut scaled) = (0.0, 0.0);
        for i in 0..point.u.len() {
            let (u, gradient) = (point.u[i], point.gradient[i]);
            let is_blocked = (u <= self.min[i] && gradient > 0.0) || (u >= self.max[i] && gradient < 0.0);
            if !is_blocked {
                largest = math::max(largest, gradient.abs() * units[i]);
                scaled = math::max(scaled, gradient.abs());
            }
        }
        (largest, scaled)
    }
}
