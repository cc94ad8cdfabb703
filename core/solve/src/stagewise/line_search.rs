//! Line search along a Newton step through the stages.

use core::mem;

use super::Stagewise;
use crate::functions::StageFunctions;
use crate::math;
use crate::merit::AugmentedLagrangian;
use crate::tuning::Tuning;

/// Rise of the merit, relative to the prediction, that a rollout may take to close the gaps.
const CLOSING_RISE: f64 = 2.0;
/// Attempts at a step after which free states go back to the dynamics.
const ATTEMPTS_BEFORE_ROLLOUT: u32 = 3;

impl Stagewise {
    /// Moves to a better point along the step, if there is one. Returns the length of the step.
    pub(super) fn line_search(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
        attempt: u32,
    ) -> Option<f64> {
        let slope = self.slope();
        let is_free = self.is_free;
        if !is_free && !(slope < 0.0) {
            return None;
        }
        let mut tau = 1.0;
        for trial in 0..self.tuning.stage_trials {
            let ways = if is_free && trial > 0 {
                [Some(false), None]
            } else {
                [is_free.then_some(false), Some(true)]
            };
            for is_closed in ways.into_iter().flatten() {
                if self.try_step(merit, stages, tau, is_closed, slope) {
                    self.accept(stages, tau);
                    return Some(tau);
                }
            }
            let rise = self.next.point.psi - self.current.point.psi;
            let shrinkage = -slope * tau / (2.0 * (rise - slope * tau));
            let Tuning {
                min_shrinkage,
                max_shrinkage,
                ..
            } = self.tuning;
            tau *= if !self.next.is_finite() {
                min_shrinkage
            } else if is_free {
                max_shrinkage
            } else {
                math::clamp(shrinkage, min_shrinkage, max_shrinkage)
            };
        }
        if is_free && attempt >= ATTEMPTS_BEFORE_ROLLOUT {
            // Back to the dynamics.
            self.evaluate_trial(merit, stages, 1.0, true);
            if self.next.is_finite() {
                self.accept(stages, 1.0);
                self.filter.clear(self.current.measure().0);
                return Some(0.0);
            }
        }
        None
    }

    fn try_step(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
        tau: f64,
        is_closed: bool,
        slope: f64,
    ) -> bool {
        self.evaluate_trial(merit, stages, tau, is_closed);
        self.is_last_evaluated = false;
        let round_off = self.tuning.round_off * f64::EPSILON;
        // A rollout always closes the gaps, which must not be bought with a higher merit than the step predicts.
        let limit = self.current.point.psi + CLOSING_RISE * math::max(slope, 0.0);
        if is_closed && self.is_free && self.next.point.psi > limit {
            return false;
        }
        self.next.is_finite()
            && self
                .filter
                .accept(self.current.measure(), self.next.measure(), tau, slope, round_off)
    }

    /// Evaluates at the trial of length `tau`.
    fn evaluate_trial(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
        tau: f64,
        is_closed: bool,
    ) {
        let Self {
            structure,
            current,
            next,
            riccati,
            ..
        } = self;
        for (i, u) in next.point.u.iter_mut().enumerate() {
            *u = riccati.clamp(i, current.point.u[i] + tau * riccati.inputs[i]);
        }
        for (i, x) in next.states.iter_mut().enumerate() {
            *x = current.states[i] + tau * riccati.states[i];
        }
        if is_closed {
            next.gaps.copy_from_slice(&current.gaps);
        }
        next.evaluate(structure, merit, stages, |t, state, input| {
            if !is_closed {
                return None;
            }
            riccati.steer(structure, current, tau, t, state, input);
            Some(1.0 - tau)
        });
    }

    pub(super) fn accept(&mut self, stages: &mut dyn StageFunctions, tau: f64) {
        for (i, adjoint) in self.next.adjoints.iter_mut().enumerate() {
            let last = self.current.adjoints[i];
            *adjoint = last + tau * (self.riccati.adjoints[i] - last);
        }
        mem::swap(&mut self.current, &mut self.next);
        self.is_last_evaluated = true;
        let follow = !self.is_free;
        self.current.differentiate(&self.structure, stages, follow);
    }

    /// Slope of the augmented Lagrangian along the step.
    pub(super) fn slope(&self) -> f64 {
        let (nx, nu, nz) = (
            self.structure.num_states,
            self.structure.num_inputs,
            self.structure.num_stage_variables(),
        );
        let Self { current, riccati, .. } = self;
        let mut slope = 0.0;
        for t in 0..=self.structure.horizon {
            let gradient = &current.gradients[t * nz..];
            let dx = &riccati.states[t * nx..(t + 1) * nx];
            slope += math::dot(&gradient[..nx], dx);
            // The gradients contain the adjoints of the next states.
            if t > 0 {
                slope -= math::dot(&current.adjoints[t * nx..(t + 1) * nx], dx);
            }
            if t < self.structure.horizon {
                slope += math::dot(&gradient[nx..nz], &riccati.inputs[t * nu..(t + 1) * nu]);
            }
        }
        slope + math::dot(&current.adjoints[nx..], &current.gaps)
    }
}
