//! Step of a barrier problem, and the search along it.

use core::mem;

use super::Interior;
use crate::functions::Functions;
use crate::math;
use crate::merit::AugmentedLagrangian;
use crate::projected::Projected;
use crate::status::{Step, StepKind};

/// Largest number of halvings along a step, and of corrections of the first trial.
const MAX_HALVINGS: u32 = 12;
const MAX_CORRECTIONS: u32 = 2;
/// Fraction to which a correction has to reduce the residuals of the equations.
const CORRECTION: f64 = 0.99;

impl Projected {
    /// Step of variables, slacks and multipliers that closes the residuals of the equations. Returns the slope of the merit along it.
    fn find_step(&mut self, interior: &mut Interior) -> f64 {
        let Some(exact) = &mut self.second.exact else {
            return 0.0;
        };
        let (current, mu) = (&self.current, interior.mu);
        let Interior {
            variables,
            slacks,
            values,
            multipliers,
            slack_step,
            multiplier_step,
            missing,
            rates,
            duals,
            ..
        } = interior;
        exact.model.solve_barrier(
            |i| -current.gradient[i] - variables.slope(i, current.u[i], mu),
            |i| {
                let excess = multipliers[i] - slacks.slope(i, values[i], mu);
                match slacks.is_fixed(i) {
                    true => -missing[i],
                    false => excess * duals[i] - missing[i],
                }
            },
            &mut self.direction,
            multiplier_step,
        );
        exact.model.rates(&self.direction, rates);
        let mut slope = math::dot(&current.gradient, &self.direction);
        for (i, step) in self.direction.iter().enumerate() {
            slope += variables.slope(i, current.u[i], mu) * step;
        }
        for i in 0..values.len() {
            slope -= multipliers[i] * rates[i];
            slack_step[i] = 0.0;
            if !slacks.is_fixed(i) {
                slack_step[i] = rates[i] + missing[i];
                slope += slacks.slope(i, values[i], mu) * slack_step[i];
            }
        }
        slope
    }

    /// Moves along the step as far as the filter allows.
    pub(super) fn search_in_barrier(
        &mut self,
        interior: &mut Interior,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> bool {
        interior.find_missing(&self.current);
        let slope = self.find_step(interior) / interior.cost_unit;
        if !math::all_finite(&self.direction) || !math::all_finite(&interior.multiplier_step) {
            return false;
        }
        let from = interior.measure(&self.current, &interior.values);
        let round_off = self.tuning.round_off * f64::EPSILON;
        let (longest, dual) = self.longest(interior);
        let mut tau = longest;
        for trial in 0..MAX_HALVINGS {
            let at = self.evaluate_trial(interior, merit, functions, tau);
            if at.1.is_finite() && interior.filter.accept(from, at, tau, slope, round_off) {
                self.accept_in_barrier(interior, functions, tau, dual);
                return true;
            }
            if trial == 0
                && at.1.is_finite()
                && at.0 >= from.0
                && self.correct(interior, merit, functions, (tau, slope), from, at.0)
            {
                return true;
            }
            tau *= 0.5;
        }
        false
    }

    fn longest(&self, interior: &Interior) -> (f64, f64) {
        let mu = interior.mu;
        let of_variables = interior.variables.longest(&self.current.u, &self.direction, mu);
        let of_slacks = interior
            .slacks
            .longest(&interior.values, &interior.slack_step, mu);
        (
            math::min(of_variables.0, of_slacks.0),
            math::min(of_variables.1, of_slacks.1),
        )
    }

    /// Second-order corrections: steps that also close the residuals at the trial of the full step. Restores the step if they do
    /// not help.
    fn correct(
        &mut self,
        interior: &mut Interior,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        (first, slope): (f64, f64),
        from: (f64, f64),
        mut last: f64,
    ) -> bool {
        let round_off = self.tuning.round_off * f64::EPSILON;
        let mut tau = first;
        for _ in 0..MAX_CORRECTIONS {
            for (i, missing) in interior.missing.iter_mut().enumerate() {
                *missing = tau * *missing + self.next.constraints[i] - interior.next_values[i];
            }
            self.find_step(interior);
            let (longest, dual) = self.longest(interior);
            tau = longest;
            let at = self.evaluate_trial(interior, merit, functions, tau);
            if at.1.is_finite() && interior.filter.accept(from, at, first, slope, round_off) {
                self.accept_in_barrier(interior, functions, tau, dual);
                return true;
            }
            if !(at.0 <= CORRECTION * last) {
                break;
            }
            last = at.0;
        }
        interior.find_missing(&self.current);
        self.find_step(interior);
        false
    }

    /// Evaluates at the trial of length `tau`, and measures it.
    fn evaluate_trial(
        &mut self,
        interior: &mut Interior,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        tau: f64,
    ) -> (f64, f64) {
        for (i, next) in self.next.u.iter_mut().enumerate() {
            *next = self.current.u[i] + tau * self.direction[i];
        }
        for (i, next) in interior.next_values.iter_mut().enumerate() {
            *next = interior.values[i] + tau * interior.slack_step[i];
        }
        merit.forward(functions, &mut self.next);
        self.is_last_evaluated = false;
        let at = interior.measure(&self.next, &interior.next_values);
        if at.0.is_finite() { at } else { (at.0, f64::NAN) }
    }

    fn accept_in_barrier(
        &mut self,
        interior: &mut Interior,
        functions: &mut dyn Functions,
        tau: f64,
        dual: f64,
    ) {
        let mu = interior.mu;
        let (current, next) = (&self.current, &mut self.next);
        interior
            .variables
            .advance(&current.u, &self.direction, &next.u, mu, dual);
        interior.slacks.advance(
            &interior.values,
            &interior.slack_step,
            &interior.next_values,
            mu,
            dual,
        );
        // The optimality conditions of a linear programme are linear in the multipliers: they need not wait for variables
        // that a bound holds up.
        let length = if interior.is_linear { dual } else { tau };
        math::add(&mut interior.multipliers, length, &interior.multiplier_step);
        mem::swap(&mut interior.values, &mut interior.next_values);
        functions.reverse(&next.u, &interior.multipliers, &mut next.gradient);
        next.multipliers.copy_from_slice(&interior.multipliers);
        next.psi = next.cost;
        mem::swap(&mut self.current, &mut self.next);
        self.is_last_evaluated = true;
        self.last_step = Step::new(StepKind::Interior, tau);
        self.last_step.regularisation = self.last_shift();
        self.residual = self.barrier_residual(interior);
    }

    /// Residual of the gradient with the multipliers of the bounds, unscaled.
    pub(super) fn barrier_residual(&self, interior: &Interior) -> f64 {
        let mut largest = 0.0;
        for (i, gradient) in self.current.gradient.iter().enumerate() {
            if !interior.variables.is_fixed(i) {
                let slope = (gradient + interior.variables.multiplier(i)).abs();
                largest = math::max(largest, slope * self.gradient_units[i]);
            }
        }
        largest
    }
}
