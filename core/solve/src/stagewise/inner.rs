//! The method as the outer loop knows it: starts, iterations, and when each kind of them is due.

use super::active::Origin;
use super::interior::FirstStates;
use super::pace::Pace;
use super::{Method, Stagewise};
use crate::functions::Functions;
use crate::inner::InnerSolver;
use crate::merit::{AugmentedLagrangian, Point};
use crate::outcome::{Outcome, Search, Verdict};
use crate::states::Horizon;
use crate::status::Step;
use crate::units::{Scaled, Units};

/// Excess of the merit over that at states at rest, in units of the latter, from which on a rollout is no start.
const CARRIED_AWAY: f64 = 3.0;

impl InnerSolver for Stagewise {
    fn solution(&self) -> &Point {
        if self.method != Method::QuasiNewton {
            &self.current.point
        } else {
            self.quasi.solution()
        }
    }

    fn last_step(&self) -> Step {
        if self.method != Method::QuasiNewton {
            self.last_step
        } else {
            self.quasi.last_step()
        }
    }

    fn states(&self) -> Option<Horizon<'_>> {
        (self.method != Method::QuasiNewton).then_some(Horizon {
            states: &self.current.states,
            costates: Some(&self.current.adjoints),
        })
    }

    fn residual(&self) -> f64 {
        if self.method != Method::QuasiNewton {
            self.residual.callers
        } else {
            self.quasi.residual()
        }
    }

    fn scaled_residual(&self) -> f64 {
        if self.method != Method::QuasiNewton {
            self.residual.scaled
        } else {
            self.quasi.scaled_residual()
        }
    }

    fn lipschitz(&self) -> f64 {
        self.quasi.lipschitz()
    }

    fn start_point(&mut self) -> &mut Point {
        self.quasi.start_point()
    }

    fn choose_units(&mut self, _merit: &mut AugmentedLagrangian, functions: &mut Scaled<'_>) {
        self.choose_stage_units(functions);
    }

    fn choose_constraint_units(&mut self, merit: &mut AugmentedLagrangian, functions: &mut Scaled<'_>) {
        functions
            .units
            .measure_constraints(&mut merit.penalties, self.quasi.start_point());
        merit.take_constraint_units(functions.units);
        self.take_units(functions.units);
    }

    fn set_units(&mut self, units: &Units) {
        self.take_units(units);
    }

    fn obeys_penalties(&self) -> bool {
        !matches!(self.method, Method::Interior | Method::Active)
    }

    /// After interior-point iterations the multipliers are known.
    fn polish(&mut self, _merit: &mut AugmentedLagrangian, _functions: &mut dyn Functions) -> Search {
        match core::mem::take(&mut self.is_final) {
            true => Search::Found,
            false => Search::Failed,
        }
    }

    fn confirm(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        scale: f64,
    ) -> Verdict {
        self.confirm_stages(merit, functions, scale)
    }

    fn start(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        lipschitz: Option<f64>,
    ) -> Outcome {
        self.method = Method::QuasiNewton;
        (self.has_given_up, self.has_left_interior, self.is_final) = (false, false, false);
        (self.is_confirmed, self.is_warm) = (false, lipschitz.is_some());
        self.start.copy_from_slice(&self.quasi.solution().u);
        (self.newton_steps, self.attempted) = (0, merit.work());
        let outcome = self.quasi.start(merit, functions, lipschitz);
        self.pace = Pace::begin(merit.work(), self.quasi.scaled_residual());
        match outcome {
            Outcome::Continue if self.tuning.stage_window == 0.0 => {
                self.begin_newton(merit, functions, self.structure.has_free_states)
            }
            // Where the dynamics run away, free states do not.
            Outcome::NotFinite => self
                .try_interior(merit, functions, FirstStates::RollOut)
                .unwrap_or(outcome),
            other => other,
        }
    }

    fn start_from_states(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        states: Horizon<'_>,
    ) -> Outcome {
        let Some(stages) = functions.stages() else {
            return Outcome::Stalled;
        };
        (self.method, self.is_free) = (Method::Newton, self.structure.has_free_states);
        (self.has_given_up, self.has_left_interior, self.is_final) = (false, false, false);
        self.is_confirmed = false;
        self.start.copy_from_slice(&self.quasi.solution().u);
        (self.newton_steps, self.attempted) = (0, merit.work());
        // That of an earlier solve counted another work.
        self.pace = Pace::begin(merit.work(), f64::INFINITY);
        self.current.point.u.copy_from_slice(&self.quasi.solution().u);
        self.current.set_states(states);
        self.evaluate_current(merit, stages, false);
        self.current
            .differentiate(&self.structure, stages, states.costates.is_none());
        self.saved.copy_from(&self.current);
        if self.begin_active(merit, stages, Origin::Start) {
            return Outcome::Continue;
        }
        self.begin()
    }

    fn resume(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> Outcome {
        if self.method == Method::QuasiNewton {
            if self.try_active(merit, functions) {
                return Outcome::Continue;
            }
            let outcome = self.quasi.resume(merit, functions);
            self.pace = Pace::begin(merit.work(), self.quasi.scaled_residual());
            return outcome;
        }
        let Some(stages) = functions.stages() else {
            return Outcome::Stalled;
        };
        if self.is_last_evaluated {
            merit.weigh_constraints(&mut self.current.point);
        } else {
            self.evaluate_current(merit, stages, false);
        }
        self.current.differentiate(&self.structure, stages, !self.is_free);
        if self.is_free && self.method == Method::Newton {
            self.saved.copy_from(&self.current);
            if self.begin_active(merit, stages, Origin::Newton) {
                return Outcome::Continue;
            }
            self.method = Method::Newton;
            self.current.copy_from(&self.saved);
        }
        self.begin()
    }

    fn iterate(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        tolerance: f64,
    ) -> Outcome {
        match self.method {
            Method::Interior => return self.interior(merit, functions),
            Method::Newton => return self.newton(merit, functions, tolerance),
            Method::Active => return self.active(merit, functions),
            Method::QuasiNewton => {}
        }
        let outcome = self.quasi.iterate(merit, functions, tolerance);
        let steps = self.tuning.stage_window * self.structure.expansion_work;
        let is_slow = match outcome {
            Outcome::Continue => {
                let horizon = self.tuning.stage_newton_steps * self.structure.expansion_work;
                let residual = self.quasi.scaled_residual();
                let missing = self.quasi.excess(tolerance);
                self.pace.is_slow(merit.work(), residual, missing, steps, horizon)
            }
            Outcome::Stalled => true,
            _ => false,
        };
        if !is_slow || self.has_given_up {
            return outcome;
        }
        // With constraints, Newton steps on the augmented Lagrangian take several times the iterations.
        let first = match self.is_carried_away(merit, functions) {
            true => FirstStates::AtRest,
            false => FirstStates::RollOut,
        };
        if (first == FirstStates::AtRest || self.structure.num_constraints() > 0)
            && let Some(outcome) = self.try_interior(merit, functions, first)
        {
            return outcome;
        }
        self.begin_newton(merit, functions, self.structure.has_free_states)
    }
}

impl Stagewise {
    /// Whether quasi-Newton iterations have not come near the merit at states that stay where they are, as where the dynamics
    /// run away: free states had better begin there.
    fn is_carried_away(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> bool {
        if self.interior.is_none() || self.has_left_interior {
            return false;
        }
        let Some(stages) = functions.stages() else {
            return false;
        };
        self.current.point.u.copy_from_slice(&self.start);
        self.evaluate_at_rest(merit, stages);
        let at_rest = self.current.point.psi;
        let reached = self.quasi.solution().psi;
        reached - at_rest > CARRIED_AWAY * at_rest.abs()
    }
}
