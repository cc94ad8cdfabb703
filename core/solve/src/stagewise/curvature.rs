//! The curvature at a solution, and the way out of one that is no minimum.

use core::mem;

use super::model::penalty;
use super::riccati::Parts;
use super::{Method, Stagewise};
use crate::curvature::trial_steps;
use crate::functions::{Functions, StageFunctions};
use crate::inner::InnerSolver;
use crate::math;
use crate::merit::AugmentedLagrangian;
use crate::outcome::{Outcome, Verdict};
use crate::status::{Step, StepKind};

/// Curvature that stands for a constraint that holds, in units of the largest curvature of the problem.
const CONSTRAINT_CURVATURE: f64 = 1e6;
/// Curvature, relative to the magnitudes that it is the sum of, that may come from multipliers within the tolerance.
const NEGLIGIBLE_CURVATURE: f64 = 1e-6;
/// Bisections for the least shift, and inverse iterations, which converge the faster, the nearer it is.
const SHIFT_BISECTIONS: u32 = 4;
const INVERSE_ITERATIONS: u32 = 4;
/// Fraction of the decrease which the curvature promises that a step must achieve.
const SUFFICIENT_DECREASE: f64 = 0.1;

impl Stagewise {
    /// Looks at the curvature at the solution: see [`InnerSolver::confirm`].
    pub(super) fn confirm_stages(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        scale: f64,
    ) -> Verdict {
        let is_confirmed = match self.method {
            // Where an earlier solution was looked at, such steps stay near minima: they fall from anywhere else.
            Method::QuasiNewton => self.is_warm,
            Method::Newton | Method::Active => self.is_confirmed,
            Method::Interior => false,
        };
        if is_confirmed {
            return Verdict::Minimum;
        }
        let Some(stages) = functions.stages() else {
            return Verdict::Minimum;
        };
        let unit = self.expand_solution(merit, stages);
        if !self.current.is_finite() || !self.model.is_finite() || self.curves_upwards(0.0) {
            return Verdict::Minimum;
        }
        match self.lowest_curvature(self.tuning.first_shift * unit) {
            Some(curvature) => self.follow(merit, stages, curvature, scale),
            None => Verdict::Minimum,
        }
    }

    /// Expands all stages at the solution, with curvature along the constraints that hold. Returns the largest curvature along
    /// an input without these, or of all if there is none.
    fn expand_solution(&mut self, merit: &mut AugmentedLagrangian, stages: &mut dyn StageFunctions) -> f64 {
        if self.method == Method::QuasiNewton {
            self.current.point.u.copy_from_slice(&self.quasi.solution().u);
            self.evaluate_current(merit, stages, true);
            self.current.differentiate(&self.structure, stages, true);
        } else if !self.is_last_evaluated {
            self.evaluate_current(merit, stages, false);
            self.current.differentiate(&self.structure, stages, false);
        }
        merit.hessian_evaluations += 1;
        let Self {
            structure,
            current,
            model,
            ..
        } = self;
        model.raise_shift(structure, 0.0);
        model.expand(structure, stages, current, false, |_| 0.0);
        let largest = model.largest_curvature();
        let unit = match model.largest_input_curvature(structure) {
            0.0 if largest > 0.0 => largest,
            0.0 => 1.0,
            of_inputs => of_inputs,
        };
        let weight = CONSTRAINT_CURVATURE * math::max(largest, unit);
        let penalty = penalty(merit, current);
        for t in 0..=structure.horizon {
            for i in structure.first_constraints[t]..structure.first_constraints[t + 1] {
                if current.point.multipliers[i] == 0.0 && !self.equations[i] {
                    continue;
                }
                let row = model.constraint(structure, i);
                let curvature = weight / math::max(f64::MIN_POSITIVE, math::dot(row, row));
                model.curve(structure, t, i, math::max(curvature, penalty(i)));
            }
        }
        unit
    }

    /// Whether the model, with this shift of the inputs, curves upwards along all that are free.
    fn curves_upwards(&mut self, shift: f64) -> bool {
        self.model.raise_shift(&self.structure, shift);
        self.riccati.curves_upwards(&mut Parts {
            structure: &self.structure,
            model: &mut self.model,
            trajectory: &self.current,
        })
    }

    /// Factorises with a shift of the inputs little larger than the least that makes the model convex, from this one on. Returns
    /// false if none does.
    fn shift_to_convex(&mut self, mut shift: f64) -> bool {
        let growth = self.tuning.shift_growth;
        let mut shifts = 1;
        while !self.curves_upwards(shift) {
            shifts += 1;
            if shifts > self.tuning.max_shifts {
                return false;
            }
            shift *= growth;
        }
        let mut ratio = if shifts > 1 { growth } else { 1.0 };
        for _ in 0..SHIFT_BISECTIONS {
            ratio = math::sqrt(ratio);
            if self.curves_upwards(shift / ratio) {
                shift /= ratio;
            }
        }
        self.curves_upwards(shift)
    }

    /// Finds the direction of the free inputs, and of the states that follow, in which the model curves least, by inverse
    /// iteration. Returns the curvature along it, if it is negative.
    fn lowest_curvature(&mut self, first_shift: f64) -> Option<f64> {
        if !self.shift_to_convex(first_shift) {
            return None;
        }
        self.next.copy_from(&self.current);
        self.next.clear_slopes();
        self.riccati.scatter_inputs();
        for _ in 0..INVERSE_ITERATIONS {
            let length = math::norm2(&self.riccati.inputs);
            self.next
                .set_input_slopes(&self.structure, &self.riccati.inputs, -1.0 / length);
            let mut parts = Parts {
                structure: &self.structure,
                model: &mut self.model,
                trajectory: &self.next,
            };
            let initial = &self.next.gaps[..self.structure.num_states];
            if !self.riccati.solve_from(&mut parts, initial) || !self.riccati.is_finite() {
                return None;
            }
        }
        self.model.raise_shift(&self.structure, 0.0);
        let (curvature, size) = self.riccati.curvature(&Parts {
            structure: &self.structure,
            model: &mut self.model,
            trajectory: &self.next,
        });
        (curvature < -NEGLIGIBLE_CURVATURE * size).then_some(curvature)
    }

    /// Looks for a lower point along the direction of negative curvature, and goes on from there.
    fn follow(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
        curvature: f64,
        scale: f64,
    ) -> Verdict {
        let point = &self.current.point;
        let slope = self.riccati.slope(&point.gradient);
        // Without the gaps, which a rollout closes.
        let nx = self.structure.num_states;
        let psi = point.psi + math::dot(&self.current.adjoints[nx..], &self.current.gaps);
        // So long that the cost falls by as much as it is, or as the point.
        let longest = match scale > 0.0 {
            true => math::sqrt(2.0 * scale / -curvature),
            false => (1.0 + math::norm_inf(&point.u)) / math::norm_inf(&self.riccati.inputs),
        };
        for step in trial_steps(self.tuning, longest, slope) {
            let promised = 0.5 * curvature * step * step;
            self.evaluate_along(merit, stages, step);
            let fall = self.next.point.psi - psi;
            if self.next.is_finite() && fall < SUFFICIENT_DECREASE * promised && fall < 0.0 {
                return self.leave(stages, step);
            }
        }
        Verdict::Stationary
    }

    /// Evaluates the rollout that follows the direction for a step.
    fn evaluate_along(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
        step: f64,
    ) {
        let Self {
            structure,
            current,
            next,
            riccati,
            ..
        } = self;
        let nx = structure.num_states;
        next.states[..nx].copy_from_slice(&current.states[..nx]);
        next.gaps.fill(0.0);
        next.evaluate(structure, merit, stages, |t, state, input| {
            riccati.steer(structure, current, step, t, state, input);
            Some(0.0)
        });
        self.is_last_evaluated = false;
    }

    /// Goes on from the lower point with Newton steps.
    fn leave(&mut self, stages: &mut dyn StageFunctions, step: f64) -> Verdict {
        mem::swap(&mut self.current, &mut self.next);
        self.is_last_evaluated = true;
        (self.method, self.is_free) = (Method::Newton, self.structure.has_free_states);
        (self.has_given_up, self.has_left_interior, self.is_final) = (false, false, false);
        self.newton_steps = 0;
        self.start.copy_from_slice(&self.current.point.u);
        self.current.differentiate(&self.structure, stages, true);
        self.last_step = Step::new(StepKind::Stages, step.abs());
        match self.begin() {
            Outcome::Continue => Verdict::NoMinimum,
            _ => Verdict::Stationary,
        }
    }
}
