//! The inner solver where U is nothing but bounds: a projected quasi-Newton method.
//!
//! A two-metric projection (Bertsekas, SIAM J. Control Optim. 20, 1982): coordinates that a gradient step would push
//! out of their bounds go to the bound, the others take a limited-memory BFGS step among themselves; the line search
//! follows the step projected onto U. A trial costs one fused evaluation, half of an iteration of PANOC, and tells the
//! residual at the iterate itself. Newton steps in a trust region come in when that takes long.

use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use super::functions::Functions;
use super::inner::{InnerSolver, Outcome};
use super::lbfgs::Lbfgs;
use super::merit::{AugmentedLagrangian, LARGEST_LIPSCHITZ, Point, SMALLEST_LIPSCHITZ};
use super::newton::TrustRegion;
use crate::math;

/// Fraction of the decrease promised by the slope that a step has to bring (Armijo).
const SUFFICIENT_DECREASE: f64 = 1e-4;
/// Trials of a line search at most; each is at most half as long as the one before.
const MAX_TRIALS: u32 = 40;
/// How much shorter a trial may be than the one before.
const SMALLEST_SHRINKAGE: f64 = 0.1;
/// After so many quasi-Newton iterations, so many Newton steps are tried: they lead out of long curved valleys.
const QUASI_NEWTON_ITERATIONS: u32 = 300;
const NEWTON_ITERATIONS: u32 = 10;
/// The first trust region, in lengths of a quasi-Newton step; and its growth after a full step.
const FIRST_RADIUS: f64 = 10.0;
const GROWTH: f64 = 2.5;
/// How much longer a gradient step gets after one that met no curvature.
const LONGER_WHERE_FLAT: f64 = 10.0;
/// So many iterations in a row that better neither value nor residual end the solve: round-off is all that is left.
const MAX_IDLE_ITERATIONS: u32 = 50;

/// The state of one inner solve. All memory is allocated once.
#[derive(Clone, Debug)]
pub(crate) struct Projected {
    bounds: Bounds,
    lbfgs: Lbfgs,
    trust_region: TrustRegion,
    current: Point,
    /// The trial of the line search; after it, the last iterate.
    next: Point,
    direction: Vec<f64>,
    /// Length of a gradient step: the inverse of the curvature along the last step.
    gamma: f64,
    residual: f64,
    /// Iterations of this inner problem.
    iterations: u32,
    /// The lowest value and residual of this inner problem, and the iterations since one of them was bettered.
    best: (f64, f64),
    idle_iterations: u32,
    /// Whether the functions were last evaluated at `current`.
    is_last_evaluated: bool,
}

impl Projected {
    /// `bounds` are the lower and the upper ones.
    pub(crate) fn new(num_constraints: usize, bounds: (Vec<f64>, Vec<f64>), memory: usize) -> Self {
        let (min, max) = bounds;
        let num_variables = min.len();
        let point = Point::new(num_variables, num_constraints);
        Self {
            bounds: Bounds { min, max },
            lbfgs: Lbfgs::new(num_variables, memory),
            trust_region: TrustRegion::new(num_variables),
            current: point.clone(),
            next: point,
            direction: vec![0.0; num_variables],
            gamma: 1.0,
            residual: f64::INFINITY,
            iterations: 0,
            best: (f64::INFINITY, f64::INFINITY),
            idle_iterations: 0,
            is_last_evaluated: true,
        }
    }

    fn begin(&mut self) -> Outcome {
        self.iterations = 0;
        self.best = (f64::INFINITY, f64::INFINITY);
        self.idle_iterations = 0;
        self.trust_region.stop();
        if !self.current.is_finite() {
            self.residual = f64::INFINITY;
            return Outcome::NotFinite;
        }
        self.take();
        Outcome::Continue
    }

    /// `current` is a new iterate.
    fn take(&mut self) {
        self.residual = self.bounds.residual(&self.current);
        let (value, residual) = self.best;
        self.idle_iterations += 1;
        if self.current.psi < value || self.residual < residual {
            self.best = (
                math::min(self.current.psi, value),
                math::min(self.residual, residual),
            );
            self.idle_iterations = 0;
        }
    }

    fn quasi_newton_step(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> bool {
        self.begin_direction();
        let (bounds, current, gamma) = (&self.bounds, &self.current, self.gamma);
        self.lbfgs.set_mask(|i| !bounds.clip(current, gamma, i));
        if !self.lbfgs.apply(&mut self.direction) {
            self.direction.iter_mut().for_each(|q| *q *= gamma);
        }
        self.end_direction();
        self.line_search(merit, functions).is_some()
    }

    fn start_newton_step(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) {
        self.evaluate_current(merit, functions);
        if self.iterations % (QUASI_NEWTON_ITERATIONS + NEWTON_ITERATIONS) == QUASI_NEWTON_ITERATIONS {
            self.trust_region.radius = FIRST_RADIUS * math::norm2(&self.direction);
        }
        self.begin_direction();
        self.trust_region.start(&mut self.direction);
    }

    /// Goes on with a Newton step by one Hessian product.
    fn continue_newton_step(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        let (bounds, current, next, gamma) = (&self.bounds, &self.current, &mut self.next, self.gamma);
        let is_last_evaluated = &mut self.is_last_evaluated;
        self.trust_region.advance(
            &mut self.direction,
            |i| !bounds.clip(current, gamma, i),
            |v, product| {
                *is_last_evaluated &= merit.multiply_hessian(functions, current, next, v, product);
            },
        );
        if self.trust_region.is_searching() {
            return Outcome::Unfinished;
        }
        self.end_direction();
        let length = math::norm2(&self.direction);
        let tau = self.line_search(merit, functions);
        self.trust_region.radius = match tau {
            Some(1.0) => math::max(self.trust_region.radius, GROWTH * length),
            Some(tau) => tau * length,
            None => SMALLEST_SHRINKAGE * length,
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
        // The memory misled: along the gradient.
        self.lbfgs.clear();
        match self.quasi_newton_step(merit, functions) {
            true => Outcome::Continue,
            false => Outcome::Stalled,
        }
    }

    /// Sets the direction to the negative gradient where a coordinate is free, to zero elsewhere.
    fn begin_direction(&mut self) {
        for (i, q) in self.direction.iter_mut().enumerate() {
            let is_clipped = self.bounds.clip(&self.current, self.gamma, i);
            *q = if is_clipped {
                0.0
            } else {
                -self.current.gradient[i]
            };
        }
    }

    /// Sends the other coordinates to their bounds.
    fn end_direction(&mut self) {
        for (i, q) in self.direction.iter_mut().enumerate() {
            if self.bounds.clip(&self.current, self.gamma, i) {
                let target = self.current.u[i] - self.gamma * self.current.gradient[i];
                *q = self.bounds.clamp(i, target) - self.current.u[i];
            }
        }
    }

    /// Moves to a lower point along the projected direction, if there is one; returns the length of the step relative to
    /// the direction.
    fn line_search(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> Option<f64> {
        if !(math::dot(&self.direction, &self.current.gradient) < 0.0) {
            return None;
        }
        let round_off = 10.0 * f64::EPSILON * (1.0 + self.current.psi.abs());
        let mut tau = 1.0;
        for _ in 0..MAX_TRIALS {
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
                tau *= SMALLEST_SHRINKAGE;
                continue;
            }
            let rise = self.next.psi - self.current.psi;
            if rise <= SUFFICIENT_DECREASE * slope + round_off {
                self.accept();
                return Some(tau);
            }
            // Where the parabola through value, slope and the trial's value is lowest.
            let shrinkage = -slope / (2.0 * (rise - slope));
            tau *= math::clamp(shrinkage, SMALLEST_SHRINKAGE, 0.5);
        }
        None
    }

    fn evaluate_current(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) {
        if !self.is_last_evaluated {
            merit.evaluate(functions, &mut self.current);
            self.is_last_evaluated = true;
        }
    }

    /// The trial becomes the iterate; the pair it teaches is remembered.
    fn accept(&mut self) {
        mem::swap(&mut self.current, &mut self.next);
        self.is_last_evaluated = true;
        let (now, last) = (&self.current, &self.next);
        let length = self
            .lbfgs
            .push(|i| (now.u[i] - last.u[i], now.gradient[i] - last.gradient[i]));
        self.gamma = length.unwrap_or(self.gamma * LONGER_WHERE_FLAT);
        self.take();
    }
}

impl InnerSolver for Projected {
    fn solution(&self) -> &Point {
        &self.current
    }

    fn residual(&self) -> f64 {
        self.residual
    }

    fn lipschitz(&self) -> f64 {
        1.0 / self.gamma
    }

    fn start_point(&mut self) -> &mut Point {
        &mut self.current
    }

    fn start(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        lipschitz: Option<f64>,
    ) -> Outcome {
        self.lbfgs.clear();
        self.is_last_evaluated = true;
        let outcome = self.begin();
        if outcome == Outcome::Continue {
            let lipschitz = lipschitz.unwrap_or_else(|| {
                self.is_last_evaluated = false;
                merit.estimate_lipschitz(functions, &self.current, &mut self.next)
            });
            self.gamma = 1.0 / math::clamp(lipschitz, SMALLEST_LIPSCHITZ, LARGEST_LIPSCHITZ);
        }
        outcome
    }

    fn resume(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> Outcome {
        if self.is_last_evaluated {
            merit.reverse(functions, &mut self.current);
        } else {
            self.evaluate_current(merit, functions);
        }
        self.begin()
    }

    fn iterate(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        tolerance: f64,
    ) -> Outcome {
        if self.trust_region.is_searching() {
            return self.continue_newton_step(merit, functions);
        }
        if self.residual <= tolerance {
            return Outcome::Converged;
        }
        if self.idle_iterations >= MAX_IDLE_ITERATIONS {
            return Outcome::Stalled;
        }
        if self.iterations % (QUASI_NEWTON_ITERATIONS + NEWTON_ITERATIONS) >= QUASI_NEWTON_ITERATIONS {
            self.start_newton_step(merit, functions);
            return Outcome::Unfinished;
        }
        self.iterations += 1;
        self.quasi_newton_iteration(merit, functions)
    }
}

/// Lower and upper bounds of each coordinate.
#[derive(Clone, Debug)]
struct Bounds {
    min: Vec<f64>,
    max: Vec<f64>,
}

impl Bounds {
    fn clamp(&self, i: usize, u: f64) -> f64 {
        math::clamp(u, self.min[i], self.max[i])
    }

    /// Whether a gradient step of length `gamma` leads out of the bounds of coordinate `i`.
    fn clip(&self, point: &Point, gamma: f64, i: usize) -> bool {
        let target = point.u[i] - gamma * point.gradient[i];
        target < self.min[i] || target > self.max[i]
    }

    /// The distance of `-grad psi` from the normal cone of the bounds, in the infinity norm.
    fn residual(&self, point: &Point) -> f64 {
        let mut largest = 0.0;
        for i in 0..point.u.len() {
            let (u, gradient) = (point.u[i], point.gradient[i]);
            let is_blocked = (u <= self.min[i] && gradient > 0.0) || (u >= self.max[i] && gradient < 0.0);
            if !is_blocked {
                largest = math::max(largest, gradient.abs());
            }
        }
        largest
    }
}
