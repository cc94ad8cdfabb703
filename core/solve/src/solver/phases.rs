//! Phases of a solve: its start, the iterations of an inner solve, the updates between two of them, and its end.

use super::Solver;
use crate::functions::Functions;
use crate::inner::Outcome;
use crate::math;
use crate::scaling::choose_penalties;
use crate::status::Status;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing to do; the status tells whether a solve has ended.
    Idle,
    /// Evaluate at the initial guess, choose penalties, begin the first inner solve.
    Start,
    /// Inner iterations.
    Inner,
    /// An inner solve has ended: update multipliers and penalties.
    Outer(Outcome),
}

impl Solver {
    /// Evaluates at the initial guess, chooses penalties where none were given, and begins the first inner solve.
    pub(super) fn begin(&mut self, functions: &mut dyn Functions) {
        let fallback = match core::mem::take(&mut self.compares_fallback) {
            true => Some(self.rank(functions, true)),
            false => None,
        };
        let start = self.rank(functions, false);
        // Also if the initial guess has no finite value.
        if fallback.is_some_and(|fallback| fallback < start || (start.1.is_nan() && !fallback.1.is_nan())) {
            return self.restart_cold();
        }
        if self.merit.penalties.first() == Some(&0.0) {
            match self.settings.initial_penalty {
                Some(penalty) => {
                    let penalty = math::clamp(
                        penalty,
                        self.settings.tuning.min_penalty,
                        self.settings.max_penalty,
                    );
                    self.merit.penalties.fill(penalty);
                }
                None => {
                    let are_slopes_known = self.inner.squared_slopes(&mut self.merit, functions);
                    let (merit, probe) = (&mut self.merit, &mut self.best);
                    let point = self.inner.start_point();
                    let limit = self.settings.max_penalty;
                    choose_penalties(merit, functions, point, probe, limit, are_slopes_known);
                    self.best.u.copy_from_slice(&point.u);
                }
            }
        }
        self.merit.reverse(functions, self.inner.start_point());
        self.merit.reset_errors();
        let outcome = match self.start_states.known() {
            Some(states) => self.inner.start_from_states(&mut self.merit, functions, states),
            None => self.inner.start(&mut self.merit, functions, self.lipschitz),
        };
        self.tolerance = if self.warm || self.merit.penalties.is_empty() {
            self.settings.tolerance
        } else {
            math::max(
                self.settings.tolerance,
                self.settings.initial_tolerance * self.inner.residual(),
            )
        };
        self.begin_inner(outcome);
    }

    /// Evaluates at the fallback or the initial guess. Returns the order in which a solve prefers to start: the violation
    /// beyond the tolerance, and the cost; with known penalties 0 and the merit.
    fn rank(&mut self, functions: &mut dyn Functions, is_fallback: bool) -> (f64, f64) {
        let point = self.inner.start_point();
        point.u.copy_from_slice(match is_fallback {
            true => &self.fallback,
            false => &self.start,
        });
        self.merit.structure.set.project(&mut point.u);
        self.merit.forward(functions, point);
        if self.merit.penalties.first() == Some(&0.0) {
            let excess = math::max(0.0, point.violation - self.settings.delta_tolerance);
            return (excess, point.cost);
        }
        self.merit.weigh_constraints(point);
        (0.0, point.psi)
    }

    fn begin_inner(&mut self, outcome: Outcome) {
        self.counters.outer_iterations += 1;
        self.inner_iterations = 0;
        match outcome {
            Outcome::NotFinite => self.give_up(Status::NotFinite),
            Outcome::Continue => {
                self.phase = Phase::Inner;
                self.remember_best();
            }
            other => self.phase = Phase::Outer(other),
        }
    }

    pub(super) fn iterate(&mut self, functions: &mut dyn Functions) {
        let outcome = self.inner.iterate(&mut self.merit, functions, self.tolerance);
        match outcome {
            Outcome::Continue => {
                self.counters.inner_iterations += 1;
                self.inner_iterations += 1;
                self.remember_best();
                if self.inner.solution().psi < -self.settings.tuning.unbounded {
                    return self.give_up(Status::Unbounded);
                }
                if self.inner_iterations >= self.settings.max_inner_iterations {
                    self.phase = Phase::Outer(Outcome::Continue);
                }
            }
            Outcome::Unfinished => {}
            other => self.phase = Phase::Outer(other),
        }
    }

    /// After an inner solve: ends, or updates the multipliers.
    pub(super) fn update(&mut self, functions: &mut dyn Functions, outcome: Outcome) {
        let settings = &self.settings;
        let solution = self.inner.solution();
        // The error bounds the violation, except for round-off; the claim is about the violation.
        let error = math::max(self.merit.measure_errors(solution), solution.violation);
        let is_feasible = error <= settings.delta_tolerance;
        if outcome == Outcome::Converged && is_feasible && self.tolerance <= settings.tolerance {
            return self.end(Status::Converged);
        }
        // The multipliers of constraints that cannot be satisfied grow without bound, and the residual with them.
        let negligible = math::max(
            settings.tolerance,
            settings.tuning.negligible_residual * math::norm_inf(&solution.multipliers),
        );
        let is_stationary = self.inner.residual() <= negligible;
        if !is_feasible
            && is_stationary
            && self
                .merit
                .is_at_limit(settings.delta_tolerance, settings.max_penalty)
        {
            let constraints = self.merit.violated(settings.delta_tolerance).collect();
            return self.give_up(Status::LocallyInfeasible { constraints });
        }
        // A warm attempt may use half of the budget; the rest is reserved for a cold one.
        let limit = u64::from(settings.max_outer_iterations) / if self.warm { 2 } else { 1 };
        if self.merit.penalties.is_empty() || self.counters.outer_iterations >= limit {
            return self.give_up(match outcome {
                Outcome::Stalled => Status::Stalled,
                _ => Status::NotConvergedIterations,
            });
        }
        let tolerances = (settings.tolerance, settings.delta_tolerance);
        if self.inner.polish(&mut self.merit, functions, tolerances) {
            if self.is_solved() {
                return self.end(Status::Converged);
            }
            let reduction = self.settings.tuning.tolerance_reduction;
            self.tolerance = math::max(self.tolerance, reduction * self.inner.residual());
        } else {
            self.merit.update(self.inner.solution(), &self.settings);
            let reduced = self.settings.tuning.tolerance_reduction * self.tolerance;
            self.tolerance = math::max(self.settings.tolerance, reduced);
        }
        let outcome = self.inner.resume(&mut self.merit, functions);
        self.begin_inner(outcome);
    }

    /// Whether residual and errors are below their tolerances.
    fn is_solved(&mut self) -> bool {
        let solution = self.inner.solution();
        let error = math::max(self.merit.measure_errors(solution), solution.violation);
        error <= self.settings.delta_tolerance && self.inner.residual() <= self.settings.tolerance
    }

    fn remember_best(&mut self) {
        let point = self.inner.solution();
        let delta = self.settings.delta_tolerance;
        let is_better = if point.violation <= delta && self.best.violation <= delta {
            point.cost < self.best.cost
        } else {
            point.violation < self.best.violation
        };
        if is_better {
            self.best.copy_from(point);
            self.best_residual = self.inner.residual();
            self.best_states.set(self.inner.states());
        }
    }

    /// Ends the solve, or restarts it cold if this attempt was warm.
    fn give_up(&mut self, status: Status) {
        if !self.warm {
            return self.end(status);
        }
        self.counters.cold_restarts += 1;
        self.restart_cold();
    }

    /// Begins anew at the fallback.
    fn restart_cold(&mut self) {
        self.warm = false;
        self.start_states.is_known = false;
        self.lipschitz = None;
        self.merit.multipliers.fill(0.0);
        self.merit.penalties.fill(0.0);
        self.start.copy_from_slice(&self.fallback);
        self.phase = Phase::Start;
    }

    pub(super) fn end(&mut self, status: Status) {
        self.result_is_best = status != Status::Converged;
        self.status = status;
        self.phase = Phase::Idle;
    }
}
