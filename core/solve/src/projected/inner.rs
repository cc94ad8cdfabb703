//! The method as the outer loop knows it: starts, iterations, and when each kind of them is due.

use super::Projected;
use crate::functions::Functions;
use crate::inner::InnerSolver;
use crate::merit::{AugmentedLagrangian, Point};
use crate::outcome::Outcome;
#[cfg(feature = "second-derivatives")]
use crate::outcome::{Search, Verdict};
use crate::status::Step;
#[cfg(feature = "second-derivatives")]
use crate::units::{Scaled, Units};

impl InnerSolver for Projected {
    fn solution(&self) -> &Point {
        &self.current
    }

    fn residual(&self) -> f64 {
        self.residual
    }

    fn scaled_residual(&self) -> f64 {
        self.scaled_residual
    }

    fn last_step(&self) -> Step {
        self.last_step
    }

    fn lipschitz(&self) -> f64 {
        1.0 / self.gamma
    }

    fn start_point(&mut self) -> &mut Point {
        &mut self.current
    }

    #[cfg(feature = "second-derivatives")]
    fn begin_solve(&mut self) {
        self.second.has_tried_interior = false;
    }

    fn start(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        lipschitz: Option<f64>,
    ) -> Outcome {
        self.lbfgs.clear();
        self.is_last_evaluated = true;
        self.last_step = Step::default();
        self.total_iterations = 0;
        #[cfg(feature = "second-derivatives")]
        self.second.reset(merit);
        let outcome = self.begin();
        if outcome == Outcome::Continue {
            self.gamma = 0.0;
            #[cfg(feature = "second-derivatives")]
            if self.begin_exactly(merit, functions) {
                return Outcome::Continue;
            }
            match lipschitz {
                Some(lipschitz) => self.set_lipschitz(lipschitz),
                // A Newton step needs none.
                #[cfg(feature = "second-derivatives")]
                None if self.is_time_for_exact_steps() => {}
                None => self.estimate_lipschitz(merit, functions),
            }
        }
        outcome
    }

    #[cfg(feature = "second-derivatives")]
    fn obeys_penalties(&self) -> bool {
        !self.second.is_interior
    }

    #[cfg(feature = "second-derivatives")]
    fn is_at_round_off(&self) -> bool {
        self.second.is_at_round_off
    }

    #[cfg(feature = "second-derivatives")]
    fn squared_slopes(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> bool {
        let Some(exact) = &mut self.second.exact else {
            return false;
        };
        if !self.second.is_model_fresh {
            exact.model.evaluate(merit, functions);
            self.second.is_model_fresh = true;
        }
        exact.model.squared_slopes(&mut merit.penalties);
        true
    }

    #[cfg(feature = "second-derivatives")]
    fn choose_units(&mut self, merit: &mut AugmentedLagrangian, functions: &mut Scaled<'_>) {
        self.choose_units_exactly(merit, functions);
    }

    #[cfg(feature = "second-derivatives")]
    fn set_units(&mut self, units: &Units) {
        self.write_units(units);
    }

    #[cfg(feature = "second-derivatives")]
    fn polish(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> Search {
        self.polish_once(merit, functions)
    }

    #[cfg(feature = "second-derivatives")]
    fn confirm(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        scale: f64,
    ) -> Verdict {
        self.confirm_exactly(merit, functions, scale)
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
        #[cfg(feature = "second-derivatives")]
        if self.second.is_interior {
            return self.iterate_interior(merit, functions);
        }
        #[cfg(feature = "second-derivatives")]
        if self.second.is_polishing {
            self.second.is_polishing = self.polish_to_end(merit, functions) == Search::Unfinished;
            return Outcome::Unfinished;
        }
        if self.trust_region.is_searching() {
            return self.continue_newton_step(merit, functions);
        }
        #[cfg(feature = "second-derivatives")]
        if self.is_time_for_interior() {
            if !self.begin_interior(merit, functions) {
                self.leave_interior(merit, functions);
            }
            return Outcome::Continue;
        }
        if self.scaled_residual <= tolerance || self.is_small() {
            return Outcome::Converged;
        }
        if self.edge_iterations >= self.tuning.max_edge_iterations {
            return Outcome::AtEdge;
        }
        if self.idle_iterations >= self.tuning.max_idle_iterations {
            return Outcome::Stalled;
        }
        #[cfg(feature = "second-derivatives")]
        if self.is_time_for_exact_steps() {
            if !self.is_searching() {
                self.iterations += 1;
                if self.second.is_at_round_off {
                    return Outcome::Stalled;
                }
                if self.extend_step(merit, functions) {
                    return Outcome::Continue;
                }
            }
            return match self.exact_step(merit, functions) {
                Search::Unfinished => Outcome::Unfinished,
                Search::Found => Outcome::Continue,
                Search::Failed if self.second.is_at_round_off => Outcome::Stalled,
                Search::Failed => self.quasi_newton_iteration(merit, functions),
            };
        }
        if self.place_in_cycle() >= u64::from(self.tuning.quasi_newton_iterations) {
            self.start_newton_step(merit, functions);
            return Outcome::Unfinished;
        }
        self.iterations += 1;
        self.quasi_newton_iteration(merit, functions)
    }
}
