//! Newton steps on the augmented Lagrangian through the stages, and the changes to them and back.

use super::interior::FirstStates;
use super::model::penalty;
use super::riccati::Parts;
use super::{Method, Stagewise};
use crate::functions::Functions;
use crate::inner::InnerSolver;
use crate::math;
use crate::merit::AugmentedLagrangian;
use crate::outcome::Outcome;
use crate::status::{Step, StepKind};

/// Largest number of iterations in a row whose dynamics count as linear.
const MAX_LINEAR_STEPS: u32 = 3;
/// Iterations without progress after which states are free no longer.
const FREE_IDLE_ITERATIONS: u32 = 15;
/// Newton steps that one which needed more than the exact Hessian counts as.
const TROUBLED_STEPS: u32 = 3;

impl Stagewise {
    /// Changes from the quasi-Newton method to Newton steps at its point.
    pub(super) fn begin_newton(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        is_free: bool,
    ) -> Outcome {
        let Some(stages) = functions.stages() else {
            return Outcome::Stalled;
        };
        (self.method, self.is_free) = (Method::Newton, is_free);
        self.current.point.u.copy_from_slice(&self.quasi.solution().u);
        self.evaluate_current(merit, stages, true);
        // Free states begin without multipliers: those of a trajectory that is far from a solution may be huge.
        self.current.adjoints.fill(0.0);
        self.current.differentiate(&self.structure, stages, !is_free);
        self.begin()
    }

    /// Goes on from the last rollout with the quasi-Newton method, for the rest of the solve.
    fn end_newton(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> Outcome {
        (self.method, self.has_given_up) = (Method::QuasiNewton, true);
        self.is_final = false;
        let point = self.quasi.start_point();
        point.u.copy_from_slice(&self.current.point.u);
        merit.evaluate(functions, point);
        self.quasi.resume(merit, functions)
    }

    /// One Newton iteration, or the change to states that obey the dynamics where free ones lead nowhere.
    pub(super) fn newton(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        tolerance: f64,
    ) -> Outcome {
        let is_small =
            self.tolerances.is_small(self.residual) || (!self.is_final && self.residual.scaled <= tolerance);
        if is_small && self.tolerances.is_closed(self.current.gap()) {
            return Outcome::Converged;
        }
        if self.newton_steps >= self.tuning.stage_newton_limit
            && let Some(outcome) = self.try_interior(merit, functions, FirstStates::RollOut)
        {
            return outcome;
        }
        let idle = if self.is_free {
            FREE_IDLE_ITERATIONS
        } else {
            self.tuning.max_idle_iterations
        };
        let outcome = if self.idle_iterations >= idle {
            Outcome::Stalled
        } else {
            self.newton_iteration(merit, functions)
        };
        match outcome {
            Outcome::Stalled if self.is_free => self.begin_newton(merit, functions, false),
            Outcome::Stalled => self.end_newton(merit, functions),
            outcome => outcome,
        }
    }

    fn newton_iteration(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> Outcome {
        let Some(stages) = functions.stages() else {
            return Outcome::Stalled;
        };
        if !self.is_last_evaluated {
            self.evaluate_current(merit, stages, false);
            self.current.differentiate(&self.structure, stages, false);
        }
        merit.hessian_evaluations += 1;
        let is_linear = self.linear_steps > 0;
        self.model.expand(
            &self.structure,
            stages,
            &self.current,
            is_linear,
            penalty(merit, &self.current),
        );
        self.linear_steps = self.linear_steps.saturating_sub(1);
        let mut is_troubled = false;
        for attempt in 0..self.tuning.max_trials {
            self.model.raise_shift(&self.structure, self.shift);
            let mut parts = Parts {
                structure: &self.structure,
                model: &mut self.model,
                trajectory: &self.current,
            };
            let is_solved = self.riccati.minimize(&mut parts, self.tuning.stage_sweeps);
            is_troubled |= !is_solved || attempt > 0;
            if !is_solved && !self.model.is_linear {
                self.linear_failures += 1;
                self.linear_steps = self.linear_failures.min(MAX_LINEAR_STEPS);
                self.model.expand(
                    &self.structure,
                    stages,
                    &self.current,
                    true,
                    penalty(merit, &self.current),
                );
                continue;
            }
            if is_solved && !self.model.is_linear {
                self.linear_failures = 0;
            }
            if is_solved && let Some(tau) = self.line_search(merit, stages, attempt) {
                self.finish_step(tau, is_troubled);
                return Outcome::Continue;
            }
            if !self.model.is_finite() {
                return Outcome::Stalled;
            }
            self.shift = math::max(1e-4, 10.0 * self.shift);
        }
        Outcome::Stalled
    }

    /// Takes note of a step of length `tau`.
    fn finish_step(&mut self, tau: f64, is_troubled: bool) {
        self.is_confirmed = !is_troubled && !self.model.is_linear && self.shift == 0.0 && tau == 1.0;
        self.last_step = Step::new(StepKind::Stages, tau);
        self.last_step.regularisation = self.shift;
        self.shift = if tau == 1.0 { self.shift / 10.0 } else { self.shift };
        if self.shift < 1e-8 {
            self.shift = 0.0;
        }
        self.take();
        self.newton_steps += self.effort(is_troubled);
    }

    /// Steps that one counts as. With constraints, one that needed more than the exact Hessian is the last.
    fn effort(&self, is_troubled: bool) -> u32 {
        match (is_troubled, self.structure.num_constraints() > 0) {
            (false, _) => 1,
            (true, false) => TROUBLED_STEPS,
            (true, true) => self.tuning.stage_newton_limit,
        }
    }
}
