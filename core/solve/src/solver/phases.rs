//! Phases of a solve: its start, the iterations of an inner solve, the updates between two of them, and its end.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::Solver;
use super::phase::Phase;
use crate::math;
use crate::outcome::{Outcome, Search, Verdict};
use crate::scaling::{choose_penalties, sample_squared_slopes};
use crate::status::Status;
use crate::units::{Scaled, Units};

/// Iterations of an inner solve in which it has to lower the violation.
const IDLE_ITERATIONS: u32 = 200;

impl Solver {
    /// Evaluates at the initial guess, chooses penalties where none were given, and begins the first inner solve.
    pub(super) fn begin(&mut self, functions: &mut Scaled<'_>) {
        self.take_first_units(functions.units);
        let compares_fallback = core::mem::take(&mut self.compares_fallback);
        let fallback = compares_fallback.then(|| self.rank(functions, true));
        let start = self.rank(functions, false);
        // Also if the initial guess has no finite value.
        if fallback.is_some_and(|fallback| fallback < start || (start.1.is_nan() && !fallback.1.is_nan())) {
            return self.restart_cold();
        }
        let chooses_penalties = self.merit.penalties.first() == Some(&0.0);
        self.choose_units(functions);
        if chooses_penalties {
            self.choose_penalties(functions);
        }
        self.merit.reverse(functions, self.inner.start_point());
        if !self.inner.start_point().is_finite() && self.leave_edge(functions) {
            self.choose_units_again(functions);
            if chooses_penalties {
                self.choose_penalties(functions);
            }
            self.merit.reverse(functions, self.inner.start_point());
        }
        #[cfg(feature = "stages")]
        functions.units.scale_states(&mut self.start_states);
        let point = self.inner.start_point();
        self.first_cost = point.cost;
        if self.merit.penalties.is_empty() {
            self.merit.cost_unit = math::norm2(&point.gradient) * (1.0 + math::norm2(&point.u));
        }
        self.merit.reset_errors();
        let outcome = match self.start_states.known() {
            Some(states) => self.inner.start_from_states(&mut self.merit, functions, states),
            None => self.inner.start(&mut self.merit, functions, self.lipschitz),
        };
        let last = self.last_tolerance(functions.units);
        self.tolerance = if self.warm || self.merit.penalties.is_empty() {
            last
        } else {
            math::max(
                last,
                self.settings.initial_tolerance * self.inner.scaled_residual(),
            )
        };
        self.begin_inner(outcome, functions.units);
    }

    /// Begins in the problem's own units, or those of an earlier solve.
    fn take_first_units(&mut self, units: &mut Units) {
        if units.are_chosen() {
            if !self.has_units {
                units.reset();
            }
            self.inner.set_units(units);
            self.merit.take_units(units);
            if self.has_units {
                self.merit.clamp_weights(&self.settings);
            }
        }
    }

    /// The same after the starting point has moved.
    fn choose_units_again(&mut self, functions: &mut Scaled<'_>) {
        if functions.units.are_chosen() {
            self.merit.leave_units(functions.units);
            functions.units.restore_point(self.inner.start_point());
            self.has_units = false;
            self.take_first_units(functions.units);
            self.choose_units(functions);
        }
    }

    /// Chooses the units at the starting point, where the functions were evaluated last.
    fn choose_units(&mut self, functions: &mut Scaled<'_>) {
        if functions.units.are_chosen() && !self.has_units {
            self.inner.choose_units(&mut self.merit, functions);
            self.merit.take_units(functions.units);
            self.merit.clamp_weights(&self.settings);
        }
    }

    /// Tolerance of an inner problem that is solved in the units of the method; where these are chosen, the last one ends
    /// when the residual in the caller's units is below its tolerance.
    fn last_tolerance(&self, units: &Units) -> f64 {
        match units.are_other() {
            true => 0.0,
            false => self.settings.tolerance,
        }
    }

    /// Evaluates at the fallback or the initial guess. Returns the order in which a solve prefers to start: the violation
    /// beyond the tolerance, and the cost; with known penalties 0 and the merit.
    fn rank(&mut self, functions: &mut Scaled<'_>, is_fallback: bool) -> (f64, f64) {
        let point = self.inner.start_point();
        let start = if is_fallback { &self.fallback } else { &self.start };
        point.u.copy_from_slice(start);
        self.merit.structure.set.project(&mut point.u);
        self.merit.forward(functions, point);
        if self.merit.penalties.first() == Some(&0.0) {
            let excess = math::max(0.0, point.violation - self.settings.delta_tolerance);
            return (excess, point.cost);
        }
        self.merit.weigh_constraints(point);
        (0.0, point.psi)
    }

    /// Chooses the penalties at the starting point, where the functions were evaluated last.
    fn choose_penalties(&mut self, functions: &mut Scaled<'_>) {
        if let Some(penalty) = self.settings.initial_penalty {
            let (smallest, largest) = (self.settings.tuning.min_penalty, self.settings.max_penalty);
            let penalty = math::clamp(penalty, smallest, largest);
            for (i, sigma) in self.merit.penalties.iter_mut().enumerate() {
                *sigma = penalty / functions.units.penalty(i);
            }
            return;
        }
        let are_slopes_known = self.inner.squared_slopes(&mut self.merit, functions);
        let (merit, probe) = (&mut self.merit, &mut self.best);
        let point = self.inner.start_point();
        if !are_slopes_known {
            sample_squared_slopes(merit, functions, point, probe);
            if !self.has_units {
                self.inner.choose_constraint_units(merit, functions);
            }
        }
        let point = self.inner.start_point();
        let limit = self.settings.max_penalty;
        choose_penalties(merit, functions, point, limit, are_slopes_known);
        // The best point of an earlier attempt went with the probe.
        self.best.u.copy_from_slice(&point.u);
        functions.units.restore_point(&mut self.best);
        self.forget_best();
        if self.has_retried {
            self.merit.raise_penalties(self.settings.tuning.retry_growth);
        }
    }

    /// Moves the start a little, within U, where cost or gradient are not finite: it may lie on the edge of a function's
    /// domain. Returns whether that helped.
    fn leave_edge(&mut self, functions: &mut Scaled<'_>) -> bool {
        let tuning = self.settings.tuning;
        let mut random = SplitMix64::seed_from_u64(0);
        let mut step = tuning.edge_step;
        self.origin.copy_from_slice(&self.inner.start_point().u);
        for _ in 0..tuning.edge_trials {
            let point = self.inner.start_point();
            for (u, start) in point.u.iter_mut().zip(&self.origin) {
                let sign = if random.next_u32() & 1 == 0 { 1.0 } else { -1.0 };
                *u = start + sign * step * (1.0 + start.abs());
            }
            self.merit.turn_inwards(&self.origin, &mut point.u);
            self.merit.structure.set.project(&mut point.u);
            self.merit.evaluate(functions, point);
            if point.is_finite() {
                return true;
            }
            step *= tuning.edge_growth;
        }
        false
    }

    fn begin_inner(&mut self, outcome: Outcome, units: &Units) {
        let point = self.inner.solution();
        self.origin.copy_from_slice(&point.u);
        let drift = self.settings.tuning.drift;
        self.far = drift * math::max(self.merit.distance(point), drift);
        self.smallest_unit = self.merit.units.iter().copied().fold(f64::INFINITY, math::min);
        self.last_violation = point.violation;
        self.origin_states.set(self.inner.states());
        self.counters.outer_iterations += 1;
        self.inner_iterations = 0;
        match outcome {
            Outcome::NotFinite => self.give_up(Status::NotFinite),
            Outcome::Continue => {
                self.phase = Phase::Inner;
                self.remember_best(units);
            }
            other => self.phase = Phase::Outer(other),
        }
    }

    pub(super) fn iterate(&mut self, functions: &mut Scaled<'_>) {
        let tolerance = match self.is_settling {
            // A smaller residual may be beyond the round-off of the largest penalties.
            true => math::max(self.tolerance, self.negligible_residual()),
            false => self.tolerance,
        };
        let outcome = self.inner.iterate(&mut self.merit, functions, tolerance);
        match outcome {
            Outcome::Continue => {
                self.counters.inner_iterations += 1;
                self.inner_iterations += 1;
                self.remember_best(functions.units);
                if self.is_confirmation_over() {
                    return self.end(Status::Converged);
                }
                if self.has_drifted() {
                    return self.return_to_origin(functions);
                }
                if self.inner.solution().psi < -self.settings.tuning.unbounded * self.cost_unit() {
                    // A solution that was left for such a point is none.
                    if self.is_feasible() && self.confirmation_limit.take().is_some() {
                        self.keep_best(functions.units);
                    }
                    return self.give_up(match self.is_low_and_feasible() {
                        true => Status::Unbounded,
                        false => Status::Stalled,
                    });
                }
                if self.needs_multipliers_far_out() {
                    self.phase = Phase::Outer(Outcome::Continue);
                }
                let is_idle = self.inner_iterations.is_multiple_of(IDLE_ITERATIONS) && self.is_idle();
                if is_idle || self.inner_iterations >= self.settings.max_inner_iterations {
                    self.phase = Phase::Outer(Outcome::Continue);
                }
            }
            Outcome::Unfinished => {}
            other => self.phase = Phase::Outer(other),
        }
    }

    /// After an inner solve: ends, or updates the multipliers.
    pub(super) fn update(&mut self, functions: &mut Scaled<'_>, outcome: Outcome) {
        let is_idle = outcome != Outcome::Converged && self.is_idle();
        let settings = &self.settings;
        let solution = self.inner.solution();
        // The error bounds the violation, except for round-off; the claim is about the violation.
        let error = math::max(self.merit.measure_errors(solution), solution.violation);
        let is_feasible = error <= settings.delta_tolerance;
        if outcome == Outcome::Converged && is_feasible && self.inner.residual() <= settings.tolerance {
            let is_negligible = self.is_violation_negligible();
            self.keep_solution(functions.units);
            if is_negligible || self.is_confirmation_over() {
                return self.conclude(functions);
            }
        }
        let settings = &self.settings;
        let solution = self.inner.solution();
        // Where round-off ends a settling, the violation is looked at for itself.
        let is_stationary = self.inner.residual() <= settings.tolerance
            || self.inner.scaled_residual() <= self.negligible_residual()
            || (self.is_settling && outcome == Outcome::Stalled && self.inner.states().is_none());
        if solution.violation > settings.delta_tolerance
            && is_stationary
            && (self.is_settling || self.merit.is_at_limit(settings.delta_tolerance))
        {
            return self.judge_violation(functions);
        }
        if self.is_convex
            && !self.is_settling
            && !self.was_feasible
            && self
                .merit
                .leaves_multipliers(self.inner.solution(), &self.settings)
        {
            return self.settle(functions);
        }
        if outcome == Outcome::AtEdge || is_idle {
            self.edge_ends += 1;
            if self.edge_ends >= settings.tuning.max_edge_ends {
                return match is_idle && !self.is_settling {
                    true => self.settle(functions),
                    false => self.give_up(Status::Stalled),
                };
            }
        }
        // A warm attempt may use half of the budget; the rest is reserved for a cold one.
        let limit = u64::from(settings.max_outer_iterations) / if self.warm { 2 } else { 1 };
        if self.merit.penalties.is_empty() || self.counters.outer_iterations >= limit {
            let is_open = solution.violation > settings.delta_tolerance && !self.was_feasible;
            if is_open && !self.warm && !self.is_settling {
                return self.settle(functions);
            }
            return self.give_up(match outcome {
                Outcome::Stalled | Outcome::AtEdge => Status::Stalled,
                Outcome::NotFinite => Status::NotFinite,
                _ => Status::NotConvergedIterations,
            });
        }
        self.phase = Phase::Polish(false);
    }

    /// Takes a Newton step on the optimality conditions; where there is none, updates the multipliers unless such steps
    /// have, and begins the next inner solve.
    pub(super) fn polish(&mut self, functions: &mut Scaled<'_>, has_changed: bool) {
        match self.inner.polish(&mut self.merit, functions) {
            Search::Unfinished => return,
            Search::Found => {
                self.phase = Phase::Polish(true);
                return;
            }
            Search::Failed => {}
        }
        if has_changed {
            if self.is_solved() {
                return self.conclude(functions);
            }
            let reduction = self.settings.tuning.tolerance_reduction;
            self.tolerance = math::max(self.tolerance, reduction * self.inner.scaled_residual());
        } else if self.inner.is_at_round_off()
            && self.inner.solution().violation <= self.settings.delta_tolerance
        {
            return self.give_up(Status::Stalled);
        } else {
            self.merit.update(self.inner.solution(), &self.settings);
            // With nothing left of the violation, the next inner solve has to do more than the last.
            let reached = match functions.units.are_other() && self.is_feasible() {
                true => math::min(self.tolerance, self.inner.scaled_residual()),
                false => self.tolerance,
            };
            let reduced = self.settings.tuning.tolerance_reduction * reached;
            self.tolerance = math::max(self.last_tolerance(functions.units), reduced);
        }
        let outcome = self.inner.resume(&mut self.merit, functions);
        self.begin_inner(outcome, functions.units);
    }

    /// Residual that counts as none where the violation cannot be lowered: the multipliers of constraints that cannot be
    /// satisfied grow without bound, and the residual with them.
    fn negligible_residual(&self) -> f64 {
        self.settings.tuning.negligible_residual * math::norm_inf(&self.inner.solution().multipliers)
    }

    /// Ends with "infeasible" if that is true of the solution, whose penalties have reached their limits: no feasible point
    /// was seen, and its violation is stationary. Large multipliers may hide that, so it is settled without them.
    fn judge_violation(&mut self, functions: &mut Scaled<'_>) {
        if self.was_feasible {
            return self.give_up(Status::Stalled);
        }
        // What is said of all points is said of the least violation, not of one that multipliers have distorted.
        if self.is_convex && !self.is_settling {
            return self.settle(functions);
        }
        let (merit, probe) = (&mut self.merit, &mut self.probe);
        // States of their own are not those that the functions find.
        if self.inner.states().is_some()
            || merit.is_violation_stationary(functions, self.inner.solution(), probe)
        {
            let constraints = merit.violated(self.settings.delta_tolerance).collect();
            if self.is_convex {
                self.keep_best(functions.units);
            }
            return self.give_up(Status::LocallyInfeasible { constraints });
        }
        match self.is_settling {
            true => self.give_up(Status::Stalled),
            false => self.settle(functions),
        }
    }

    /// Lowers the violation as far as it goes, without multipliers and with the largest penalties.
    fn settle(&mut self, functions: &mut Scaled<'_>) {
        self.is_settling = true;
        self.merit.settle(self.inner.solution(), &self.settings);
        let outcome = self.inner.resume(&mut self.merit, functions);
        self.begin_inner(outcome, functions.units);
    }

    /// Size of the cost at the start, at least 1, in the units of the method: its value, and its change over a distance as that from the origin.
    fn cost_unit(&self) -> f64 {
        let unit = math::max(self.first_cost.abs(), self.merit.cost_unit);
        if unit > 1.0 && unit.is_finite() { unit } else { 1.0 }
    }

    /// Whether a feasible point was seen whose cost is so low that it shows no bound.
    fn is_low_and_feasible(&self) -> bool {
        let low = -self.settings.tuning.drift_value * self.cost_unit() * self.merit.callers_cost_unit;
        self.best.violation <= self.settings.delta_tolerance && self.best.cost < low
    }

    /// Whether the cost seems to have no bound, and only better multipliers lead to points that are feasible.
    fn needs_multipliers_far_out(&self) -> bool {
        let low = -self.settings.tuning.drift_value * self.cost_unit();
        let point = self.inner.solution();
        point.psi < low
            && point.violation > self.settings.delta_tolerance
            && !self.merit.penalties.is_empty()
            && !self.is_low_and_feasible()
    }

    /// Whether the penalties are too small to hold the problem: the iterates leave the constraints behind.
    fn has_drifted(&mut self) -> bool {
        let is_late = self.counters.outer_iterations >= u64::from(self.settings.max_outer_iterations);
        if is_late || self.merit.penalties.is_empty() || !self.inner.obeys_penalties() {
            return false;
        }
        let tuning = &self.settings.tuning;
        let point = self.inner.solution();
        let is_low = point.psi < -tuning.drift_value * self.cost_unit();
        // The distance is at most the violation in the smallest unit.
        if !is_low && !(point.violation / self.smallest_unit > self.far) {
            return false;
        }
        // Far out, what is left of a constraint may be round-off.
        let round_off = tuning.straight * ((1.0 + math::norm2(&point.u)) / (1.0 + math::norm2(&self.origin)));
        let distance = self.merit.distance(point);
        let is_away = distance > self.far * math::max(1.0, round_off) || (is_low && distance > round_off);
        is_away && self.merit.can_rise()
    }

    /// Raises the penalties of violated constraints, and starts the inner solve again.
    fn return_to_origin(&mut self, functions: &mut Scaled<'_>) {
        let growth = self.settings.tuning.max_penalty_growth;
        self.merit.raise_violated(self.inner.solution(), growth);
        let point = self.inner.start_point();
        point.u.copy_from_slice(&self.origin);
        self.merit.evaluate(functions, point);
        let outcome = match self.origin_states.known() {
            Some(states) => self.inner.start_from_states(&mut self.merit, functions, states),
            None => self.inner.start(&mut self.merit, functions, None),
        };
        self.begin_inner(outcome, functions.units);
    }

    /// Ends with the solution, whose residual and errors are below their tolerances, unless a look at its curvature
    /// shows a way on.
    pub(super) fn conclude(&mut self, functions: &mut Scaled<'_>) {
        self.keep_solution(functions.units);
        if self.is_confirmation_over() {
            return self.end(Status::Converged);
        }
        let scale = self.scale();
        match self.inner.confirm(&mut self.merit, functions, scale) {
            Verdict::Minimum => self.end(Status::Converged),
            Verdict::Stationary => self.end(Status::Stationary),
            Verdict::Unfinished => self.phase = Phase::Confirm,
            Verdict::Left => {
                self.counters.inner_iterations += 1;
                self.inner_iterations += 1;
                self.phase = Phase::Inner;
            }
            // Leads from one such point to the next, or back.
            Verdict::NoMinimum
                if self.counters.outer_iterations >= u64::from(self.settings.max_outer_iterations) =>
            {
                self.end(Status::Stationary);
            }
            Verdict::NoMinimum => {
                self.counters.inner_iterations += 1;
                self.confirmation_limit = None;
                self.begin_inner(Outcome::Continue, functions.units);
            }
        }
    }

    /// Keeps the solution, in case that the search beyond it fails, which then takes a limited time.
    fn keep_solution(&mut self, units: &Units) {
        let limit = 2 * self.merit.work() + u64::from(self.settings.tuning.confirmation_work);
        self.confirmation_limit.get_or_insert(limit);
        self.keep_best(units);
    }

    fn is_confirmation_over(&self) -> bool {
        self.confirmation_limit
            .is_some_and(|limit| self.merit.work() > limit)
    }

    /// Size of the cost and of its decrease so far.
    fn scale(&self) -> f64 {
        let cost = self.inner.solution().cost;
        cost.abs() + (self.first_cost - cost).abs()
    }

    /// Whether the violation is below its tolerance, in the caller's units and in those of the method.
    fn is_feasible(&self) -> bool {
        let (point, tolerance) = (self.inner.solution(), self.settings.delta_tolerance);
        point.violation <= tolerance
            && point.scaled_violation <= self.settings.tuning.scaled_tolerance * tolerance
    }

    /// Whether the violation is below its tolerance in the units of the method, and weighed by the multipliers negligible
    /// against the cost.
    fn is_violation_negligible(&mut self) -> bool {
        if !self.is_feasible() {
            return false;
        }
        let weighed = self.merit.weighed_violation(self.inner.solution());
        weighed <= self.settings.tuning.negligible_violation * self.scale()
    }

    /// Whether no feasible point was seen, and the violation has hardly fallen in this inner solve, or since this was asked.
    fn is_idle(&mut self) -> bool {
        let (violation, tuning) = (self.inner.solution().violation, &self.settings.tuning);
        let last = core::mem::replace(&mut self.last_violation, violation);
        let least = math::max(self.settings.delta_tolerance, tuning.stagnation * last);
        !self.was_feasible && violation > least && self.inner.obeys_penalties()
    }

    /// Whether residual and errors are below their tolerances.
    fn is_solved(&mut self) -> bool {
        let solution = self.inner.solution();
        let error = math::max(self.merit.measure_errors(solution), solution.violation);
        error <= self.settings.delta_tolerance && self.inner.residual() <= self.settings.tolerance
    }

    fn remember_best(&mut self, units: &Units) {
        let point = self.inner.solution();
        let delta = self.settings.delta_tolerance;
        self.was_feasible = self.was_feasible || (point.violation <= delta && point.is_finite());
        if self.confirmation_limit.is_some() {
            return;
        }
        let is_better = if point.violation <= delta && self.best.violation <= delta {
            point.cost * units.cost < self.best.cost
        } else {
            point.violation < self.best.violation
        };
        if is_better {
            self.keep_best(units);
        }
    }

    fn keep_best(&mut self, units: &Units) {
        self.best.copy_from(self.inner.solution());
        units.restore_point(&mut self.best);
        self.best_residual = self.inner.residual();
        self.best_states.set(self.inner.states());
        #[cfg(feature = "stages")]
        if self.best_states.is_known {
            units.restore_states(&mut self.best_states);
        }
    }

    /// Ends the solve, or restarts it cold if this attempt was warm, or with larger penalties if they may be the reason.
    fn give_up(&mut self, status: Status) {
        if self.is_convex && matches!(status, Status::LocallyInfeasible { .. }) {
            return self.end(status);
        }
        if !self.warm {
            let is_verdict = matches!(status, Status::LocallyInfeasible { .. } | Status::Unbounded);
            let is_final = self.has_retried || self.merit.penalties.is_empty() || self.is_low_and_feasible();
            if !is_verdict || is_final {
                // The first attempt came to a verdict that the second did not refute.
                let status = match (status, self.verdict.take()) {
                    (Status::NotConvergedIterations | Status::Stalled, Some(verdict))
                        if !self.was_feasible =>
                    {
                        verdict
                    }
                    (status, _) => status,
                };
                return self.end(status);
            }
            self.has_retried = true;
            self.verdict = Some(status).filter(|status| matches!(status, Status::LocallyInfeasible { .. }));
        }
        self.counters.cold_restarts += 1;
        self.restart_cold();
    }

    /// Begins anew at the fallback.
    fn restart_cold(&mut self) {
        if self.warm {
            self.inner.begin_solve();
        }
        (self.warm, self.is_settling, self.has_units) = (false, false, false);
        (self.start_states.is_known, self.edge_ends, self.lipschitz) = (false, 0, None);
        self.merit.multipliers.fill(0.0);
        self.merit.penalties.fill(0.0);
        self.start.copy_from_slice(&self.fallback);
        self.phase = Phase::Start;
    }

    pub(super) fn end(&mut self, status: Status) {
        // A solution that was left for a lower point is one still, if nothing came of that.
        let has_solution = self.confirmation_limit.is_some();
        self.status = match status {
            Status::Stationary | Status::Cancelled => status,
            _ if has_solution => Status::Converged,
            // Said beside no point that meets the constraints.
            Status::LocallyInfeasible { .. } if self.best.violation <= self.settings.delta_tolerance => {
                Status::Stalled
            }
            _ => status,
        };
        self.phase = Phase::Idle;
    }
}
