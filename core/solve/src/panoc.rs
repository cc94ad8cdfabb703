//! Inner solver for any U: PANOC+ (De Marchi and Themelis 2022) around the base point of ZeroFPR (Themelis, Stella
//! and Patrinos 2018), for `min psi(u)` over `u` in U.
//!
//! With the forward-backward point `uhat = Pi_U(u - gamma grad psi(u))` and `r = uhat - u`, the envelope
//! `phi(u) = psi + grad.r + |r|^2 / (2 gamma)` decreases from one iterate to the next.

use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use super::functions::Functions;
use super::inner::InnerSolver;
use super::lbfgs::Lbfgs;
use super::merit::{AugmentedLagrangian, Point};
use super::outcome::Outcome;
use super::status::{self, StepKind};
use super::tuning::Tuning;
use crate::math;
use crate::sets::Set;

/// State of one inner solve. All memory is allocated once.
#[derive(Clone, Debug)]
pub(crate) struct Panoc {
    set: Set,
    tuning: Tuning,
    lbfgs: Lbfgs,
    /// Iterate and its forward-backward point.
    current: Point,
    hat: Point,
    /// The same for the candidate of the line search.
    next: Point,
    next_hat: Point,
    direction: Vec<f64>,
    /// Residual `(uhat - Pi_U(uhat - gamma grad psi(uhat))) / gamma`, current and previous.
    fixed_point: Vec<f64>,
    last_fixed_point: Vec<f64>,
    gamma: f64,
    lipschitz: f64,
    /// Envelope and `|r|^2` at the current iterate.
    envelope: f64,
    step_squared: f64,
    residual: f64,
    last_step: status::Step,
    /// Number of consecutive line searches that ended at the base point.
    useless_directions: u32,
}

impl Panoc {
    pub(crate) fn new(
        num_variables: usize,
        num_constraints: usize,
        set: Set,
        memory: usize,
        tuning: Tuning,
    ) -> Self {
        let point = Point::new(num_variables, num_constraints);
        Self {
            set,
            tuning,
            lbfgs: Lbfgs::new(num_variables, memory),
            current: point.clone(),
            hat: point.clone(),
            next: point.clone(),
            next_hat: point,
            direction: vec![0.0; num_variables],
            fixed_point: vec![0.0; num_variables],
            last_fixed_point: vec![0.0; num_variables],
            gamma: 1.0,
            lipschitz: 1.0,
            envelope: 0.0,
            step_squared: 0.0,
            residual: f64::INFINITY,
            last_step: status::Step::default(),
            useless_directions: 0,
        }
    }

    fn begin(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        lipschitz: Option<f64>,
    ) -> Outcome {
        self.residual = f64::INFINITY;
        if !self.current.is_finite() {
            return Outcome::NotFinite;
        }
        let estimate = match lipschitz {
            Some(known) => known,
            None => merit.estimate_lipschitz(functions, &self.current, &mut self.next),
        };
        self.lipschitz = math::clamp(estimate, self.tuning.min_lipschitz, self.tuning.max_lipschitz);
        self.gamma = self.tuning.panoc_step / self.lipschitz;
        let step = forward_backward(&self.set, self.gamma, &self.current, &mut self.hat.u);
        merit.evaluate(functions, &mut self.hat);
        let Some(step) = self.shrink_gamma(merit, functions, step) else {
            return Outcome::Stalled;
        };
        self.take(step);
        Outcome::Continue
    }

    /// Halves gamma until the quadratic upper bound holds between `current` and `hat`.
    fn shrink_gamma(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        mut step: Step,
    ) -> Option<Step> {
        while !is_bounded(&self.tuning, self.lipschitz, &self.current, &self.hat, step) {
            if self.lipschitz >= self.tuning.max_lipschitz {
                return None;
            }
            self.lipschitz *= 2.0;
            self.gamma /= 2.0;
            step = forward_backward(&self.set, self.gamma, &self.current, &mut self.hat.u);
            merit.evaluate(functions, &mut self.hat);
        }
        Some(step)
    }

    /// Accepts `current` and `hat` as the iterate.
    fn take(&mut self, step: Step) {
        self.step_squared = step.squared;
        self.envelope = envelope(self.gamma, &self.current, step);
        self.residual = residual_of_step(self.gamma, &self.current, &self.hat);
        mem::swap(&mut self.fixed_point, &mut self.last_fixed_point);
        self.evaluate_fixed_point();
    }

    /// Computes the quasi-Newton direction at `hat`, from the fixed-point residual.
    fn find_direction(&mut self) {
        for (q, residual) in self.direction.iter_mut().zip(&self.fixed_point) {
            *q = -residual;
        }
        if !self.lbfgs.apply(&mut self.direction) {
            self.direction.iter_mut().for_each(|q| *q *= self.gamma);
        }
    }

    /// Sets `fixed_point` to its value at `hat`.
    fn evaluate_fixed_point(&mut self) {
        for ((q, u), gradient) in self
            .fixed_point
            .iter_mut()
            .zip(&self.hat.u)
            .zip(&self.hat.gradient)
        {
            *q = u - self.gamma * gradient;
        }
        self.set.project(&mut self.fixed_point);
        for (q, u) in self.fixed_point.iter_mut().zip(&self.hat.u) {
            *q = (u - *q) / self.gamma;
        }
    }

    /// Finds the next iterate along the direction from `hat`; falls back to `hat` itself, which always decreases the
    /// envelope.
    fn line_search(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> Outcome {
        let slope = self.tuning.panoc_step * (1.0 - self.gamma * self.lipschitz) / (2.0 * self.gamma);
        let round_off = self.tuning.round_off * f64::EPSILON * (1.0 + self.envelope.abs());
        let target = self.envelope - slope * self.step_squared + round_off;
        let mut tau = 1.0;
        while tau > 0.0 {
            for ((next, u), q) in self.next.u.iter_mut().zip(&self.hat.u).zip(&self.direction) {
                *next = u + tau * q;
            }
            merit.evaluate(functions, &mut self.next);
            if !self.next.is_finite() {
                self.lbfgs.clear();
                break;
            }
            let step = forward_backward(&self.set, self.gamma, &self.next, &mut self.next_hat.u);
            tau /= 2.0;
            if envelope(self.gamma, &self.next, step) <= target {
                merit.evaluate(functions, &mut self.next_hat);
                if is_bounded(&self.tuning, self.lipschitz, &self.next, &self.next_hat, step) {
                    self.useless_directions = 0;
                    self.accept(step, self.gamma);
                    // `tau` is that of the next trial already.
                    self.last_step = status::Step::new(StepKind::Proximal, 2.0 * tau);
                    return Outcome::Continue;
                }
                if tau < self.tuning.panoc_min_step_out_of_bound {
                    break;
                }
            }
            if tau < self.tuning.panoc_min_step {
                break;
            }
        }
        self.step_to_hat(merit, functions)
    }

    /// Step that needs no direction: `u+ = uhat`.
    fn step_to_hat(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> Outcome {
        if self.hat.u == self.current.u {
            return Outcome::Stalled;
        }
        let gamma = self.gamma;
        self.next.copy_from(&self.hat);
        let step = forward_backward(&self.set, gamma, &self.next, &mut self.next_hat.u);
        merit.evaluate(functions, &mut self.next_hat);
        // `shrink_gamma` works on `current` and `hat`: exchange the pairs around it.
        mem::swap(&mut self.current, &mut self.next);
        mem::swap(&mut self.hat, &mut self.next_hat);
        let step = self.shrink_gamma(merit, functions, step);
        mem::swap(&mut self.current, &mut self.next);
        mem::swap(&mut self.hat, &mut self.next_hat);
        let Some(step) = step else { return Outcome::Stalled };
        self.useless_directions += 1;
        if self.useless_directions == self.tuning.panoc_max_useless_directions {
            // The memory that gives such directions is discarded: the next one is a long gradient step, scaled by the
            // pair of this short one.
            self.lbfgs.clear();
            self.useless_directions = 0;
        }
        self.accept(step, gamma);
        self.last_step = status::Step::new(StepKind::Proximal, 0.0);
        Outcome::Continue
    }

    /// Makes the candidate the iterate, and stores its pair. `old_gamma` was the step size at the direction's base.
    fn accept(&mut self, step: Step, old_gamma: f64) {
        mem::swap(&mut self.current, &mut self.next);
        mem::swap(&mut self.hat, &mut self.next_hat);
        self.take(step);
        if self.gamma == old_gamma {
            let (hat, last) = (&self.hat, &self.next_hat);
            let (now, before) = (&self.fixed_point, &self.last_fixed_point);
            self.lbfgs.push(|i| (hat.u[i] - last.u[i], now[i] - before[i]));
        } else {
            // The fixed-point residual for another step size is another function.
            self.lbfgs.clear();
        }
    }
}

impl InnerSolver for Panoc {
    fn solution(&self) -> &Point {
        &self.hat
    }

    fn residual(&self) -> f64 {
        self.residual
    }

    fn last_step(&self) -> status::Step {
        self.last_step
    }

    fn lipschitz(&self) -> f64 {
        self.lipschitz
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
        self.last_step = status::Step::default();
        self.useless_directions = 0;
        let relative = self.tuning.panoc_warm_lipschitz;
        self.begin(merit, functions, lipschitz.map(|known| relative * known))
    }

    fn resume(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> Outcome {
        mem::swap(&mut self.current, &mut self.hat);
        merit.reverse(functions, &mut self.current);
        self.begin(merit, functions, Some(self.lipschitz))
    }

    fn iterate(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        tolerance: f64,
    ) -> Outcome {
        if self.residual <= tolerance {
            return Outcome::Converged;
        }
        self.find_direction();
        self.line_search(merit, functions)
    }
}

/// Of a forward-backward step from a point: `grad.r` and `|r|^2`.
#[derive(Clone, Copy, Debug)]
struct Step {
    slope: f64,
    squared: f64,
}

/// Writes `Pi_U(u - gamma grad)` to `hat`.
fn forward_backward(set: &Set, gamma: f64, point: &Point, hat: &mut [f64]) -> Step {
    for ((hat, u), gradient) in hat.iter_mut().zip(&point.u).zip(&point.gradient) {
        *hat = u - gamma * gradient;
    }
    set.project(hat);
    let (mut slope, mut squared) = (0.0, 0.0);
    for ((hat, u), gradient) in hat.iter().zip(&point.u).zip(&point.gradient) {
        let r = hat - u;
        slope += gradient * r;
        squared += r * r;
    }
    Step { slope, squared }
}

fn envelope(gamma: f64, point: &Point, step: Step) -> f64 {
    point.psi + step.slope + step.squared / (2.0 * gamma)
}

/// The quadratic upper bound `psi(uhat) <= psi + grad.r + L/2 |r|^2`, up to round-off; false for non-finite numbers.
fn is_bounded(tuning: &Tuning, lipschitz: f64, point: &Point, hat: &Point, step: Step) -> bool {
    let bound = point.psi + step.slope + 0.5 * lipschitz * step.squared;
    hat.is_finite() && hat.psi <= bound + tuning.round_off * f64::EPSILON * (1.0 + point.psi.abs())
}

/// `|r / gamma + grad psi(u) - grad psi(uhat)|_inf`: the stationarity residual at `uhat`.
fn residual_of_step(gamma: f64, point: &Point, hat: &Point) -> f64 {
    let mut largest = 0.0;
    for i in 0..hat.u.len() {
        let entry = (hat.u[i] - point.u[i]) / gamma + point.gradient[i] - hat.gradient[i];
        largest = math::max(largest, entry.abs());
    }
    largest
}
