//! Newton steps with exact second derivatives.

use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use super::Projected;
use super::interior::Interior;
use crate::functions::Functions;
use crate::inner::Verdict;
use crate::math;
use crate::merit::{AugmentedLagrangian, Bounds};
use crate::newton::{QuadraticModel, Weights};
use crate::second::SecondDerivatives;
use crate::status::{Step, StepKind};
use crate::tuning::Tuning;

/// Penalty that stands for an infinite one: the rows of the active constraints keep a trace of regularisation, where
/// they depend on one another.
const EXACT_PENALTY: f64 = 1e12;

/// State of Newton steps and interior-point iterations with exact second derivatives.
#[derive(Clone, Debug, Default)]
pub(super) struct Second {
    /// Present if second derivatives are exact.
    pub(super) exact: Option<ExactNewton>,
    /// Present where interior-point iterations are possible.
    pub(super) interior: Option<Interior>,
    pub(super) is_interior: bool,
    /// Whether they were tried in this solve.
    pub(super) has_tried_interior: bool,
    /// Whether the model's derivatives are those at the start.
    pub(super) is_model_fresh: bool,
    /// Whether the solution was shown to be a minimum.
    pub(super) is_confirmed: bool,
    /// Tolerances of residual and violation.
    pub(super) tolerances: (f64, f64),
}

impl Second {
    /// Forgets an earlier start.
    pub(super) fn reset(&mut self, merit: &AugmentedLagrangian) {
        if let Some(exact) = &mut self.exact {
            exact.model.reset();
        }
        (self.is_interior, self.is_confirmed) = (false, false);
        // Multipliers of an earlier solve are worth more than an interior point.
        self.has_tried_interior |= is_warm(merit);
    }
}

/// Model for Newton steps, and the rule when they begin.
#[derive(Clone, Debug)]
pub(super) struct ExactNewton {
    pub(super) model: QuadraticModel,
    /// Penalties of a Newton step on the optimality conditions.
    exact_penalties: Vec<f64>,
    /// Quasi-Newton iterations before the first step.
    pub(super) delay: f64,
}

impl ExactNewton {
    /// Writes the squared norms of the constraints' gradients to the penalties.
    pub(super) fn squared_slopes(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) {
        self.model.evaluate(merit, functions);
        self.model.squared_slopes(&mut merit.penalties);
    }
}

impl Projected {
    /// Takes Newton steps with exact second derivatives: at once if a step costs little, otherwise when quasi-Newton
    /// iterations have done the work of several steps; none where the factorisation would be too large.
    pub(crate) fn set_second_derivatives(
        &mut self,
        sparsity: &SecondDerivatives,
        constraint_bounds: Bounds,
        has_multipliers: bool,
        tolerances: (f64, f64),
    ) {
        self.second.tolerances = tolerances;
        let has_interior = has_multipliers && !constraint_bounds.min.is_empty();
        let interior = has_interior.then(|| Interior::new(&self.bounds, constraint_bounds.clone()));
        let exact_penalties = vec![EXACT_PENALTY; constraint_bounds.min.len()];
        let Tuning {
            newton_work_at_once,
            newton_delay,
            ..
        } = self.tuning;
        let Some(model) = QuadraticModel::new(
            sparsity.clone(),
            self.direction.len(),
            constraint_bounds,
            self.tuning,
        ) else {
            return;
        };
        self.second.interior = interior;
        let work = model.work();
        self.second.exact = Some(ExactNewton {
            model,
            exact_penalties,
            delay: if work > newton_work_at_once {
                newton_delay * work
            } else {
                0.0
            },
        });
    }

    /// Numbers that the matrices of exact Newton steps hold.
    pub(crate) fn matrix_memory(&self) -> usize {
        self.second.exact.as_ref().map_or(0, |exact| exact.model.memory())
    }

    /// Begins as a warm start or with interior-point iterations, whose first has then been made: returns whether they go on.
    pub(super) fn begin_exactly(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> bool {
        if is_warm(merit) && self.second.interior.is_some() {
            self.polish_to_end(merit, functions);
        } else if self.is_time_for_interior() {
            if self.begin_interior(merit, functions) {
                return true;
            }
            self.leave_interior(merit, functions);
        }
        self.second.is_model_fresh = false;
        false
    }

    pub(super) fn is_time_for_exact_steps(&self) -> bool {
        let exact = self.second.exact.as_ref();
        exact.is_some_and(|exact| f64::from(self.total_iterations) >= exact.delay)
    }

    /// Steps towards the minimiser of the quadratic model. Returns whether that lowered the merit.
    pub(super) fn exact_step(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
    ) -> bool {
        self.evaluate_current(merit, functions);
        let Some(ExactNewton { model, .. }) = &mut self.second.exact else {
            return false;
        };
        model.evaluate(merit, functions);
        let is_lower = model.minimize(merit.weights(), &self.bounds, &self.current, &mut self.direction);
        let shift = model.shift();
        if !is_lower || self.line_search(StepKind::Newton, merit, functions).is_none() {
            return false;
        }
        self.last_step.regularisation = shift;
        true
    }

    /// Looks at the model at the solution: see [`InnerSolver::confirm`](crate::inner::InnerSolver::confirm).
    pub(super) fn confirm_exactly(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        scale: f64,
    ) -> Verdict {
        if self.second.exact.is_none() || mem::take(&mut self.second.is_confirmed) {
            return Verdict::Minimum;
        }
        self.evaluate_current(merit, functions);
        let Some(ExactNewton { model, .. }) = &mut self.second.exact else {
            return Verdict::Minimum;
        };
        model.evaluate(merit, functions);
        let direction = &mut self.direction;
        let weights = merit.weights();
        if !model.minimize(weights, &self.bounds, &self.current, direction) {
            return Verdict::Minimum;
        }
        if model.shift() > 0.0 {
            let step = &mut self.next.gradient;
            let curvature = model.lowest_curvature(weights, step);
            if curvature < 0.0 {
                direction.copy_from_slice(step);
                return self.follow(merit, functions, curvature);
            }
        }
        let decrease = -math::dot(direction, &self.current.gradient);
        let is_negligible = !(decrease > self.tuning.negligible_decrease * scale);
        if is_negligible || self.line_search(StepKind::Newton, merit, functions).is_none() {
            return Verdict::Minimum;
        }
        Verdict::Left
    }

    /// Looks for a lower point along the direction, both ways, from steps as long as the point down.
    fn follow(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        curvature: f64,
    ) -> Verdict {
        let longest = (1.0 + math::norm_inf(&self.current.u)) / math::norm_inf(&self.direction);
        let way = if math::dot(&self.direction, &self.current.gradient) > 0.0 {
            -1.0
        } else {
            1.0
        };
        for trial in 0..self.tuning.curvature_trials {
            // Both ways at each length.
            let shrinkage = math::pow(self.tuning.min_shrinkage, f64::from(trial / 2));
            let step = if trial % 2 == 0 { way } else { -way } * longest * shrinkage;
            for (i, next) in self.next.u.iter_mut().enumerate() {
                *next = self.bounds.clamp(i, self.current.u[i] + step * self.direction[i]);
            }
            merit.evaluate(functions, &mut self.next);
            self.is_last_evaluated = false;
            let promised = 0.5 * curvature * step * step;
            let fall = self.next.psi - self.current.psi;
            if self.next.is_finite() && fall < 0.1 * promised && fall < 0.0 {
                self.accept();
                return Verdict::Left;
            }
        }
        Verdict::Stationary
    }

    /// One Newton step on the optimality conditions: that of an infinite penalty. Returns whether it was taken.
    pub(super) fn polish_once(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        tolerances: (f64, f64),
    ) -> bool {
        if self.second.exact.is_none() {
            return false;
        }
        self.evaluate_current(merit, functions);
        let before = self.quality(tolerances);
        let Some(exact) = &mut self.second.exact else {
            return false;
        };
        let ExactNewton {
            model,
            exact_penalties,
            ..
        } = exact;
        model.evaluate(merit, functions);
        let weights = Weights {
            multipliers: &self.current.multipliers,
            penalties: exact_penalties,
        };
        let is_step = model.minimize(weights, &self.bounds, &self.current, &mut self.direction);
        // A shifted step would lead to no zero of the conditions.
        if !is_step || model.shift() > 0.0 {
            return false;
        }
        for (i, next) in self.next.u.iter_mut().enumerate() {
            *next = self.bounds.clamp(i, self.current.u[i] + self.direction[i]);
        }
        merit.exchange_multipliers(&self.current.multipliers, model.change());
        merit.evaluate(functions, &mut self.next);
        mem::swap(&mut self.current, &mut self.next);
        let last = mem::replace(&mut self.residual, self.bounds.residual(&self.current));
        let after = self.quality(tolerances);
        if self.current.is_finite() && after <= self.tuning.polish_reduction * before {
            self.last_step = Step::new(StepKind::Optimality, 1.0);
            return true;
        }
        self.residual = last;
        mem::swap(&mut self.current, &mut self.next);
        merit.restore_multipliers();
        self.is_last_evaluated = false;
        false
    }

    /// Residual and violation, in units of their tolerances.
    pub(super) fn quality(&self, tolerances: (f64, f64)) -> f64 {
        math::max(
            self.residual / tolerances.0,
            self.current.violation / tolerances.1,
        )
    }
}

fn is_warm(merit: &AugmentedLagrangian) -> bool {
    merit.multipliers.iter().any(|y| *y != 0.0)
}
