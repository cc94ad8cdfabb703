//! Derivatives of a solution with respect to parameters, through the stages: the optimality conditions at the solution,
//! differentiated, are those of a quadratic programme with the same matrices, whose active set is known.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::Stagewise;
use super::active::Origin;
use super::riccati::Parts;
use crate::functions::{Functions, StageFunctions};
use crate::math;
use crate::merit::{AugmentedLagrangian, Point};
use crate::sensitivity::error::{Part, SensitivityError};
use crate::states::States;
use crate::units::{Scaled, Units};

/// Largest number of steps that sharpen the solution.
const MAX_REFINEMENTS: u32 = 3;
/// What they may leave of the optimality conditions, in units of the tolerances.
const MAX_ERROR: f64 = 100.0;
/// Corrections of the multipliers' rates, and what these may leave of the rates of the active constraints.
const MAX_CORRECTIONS: u32 = 6;
const SMALL_REMAINDER: f64 = 1e-10;
const LARGEST_REMAINDER: f64 = 1e-6;

/// A solution of which the derivatives are asked for.
#[derive(Debug)]
pub(crate) struct Differential {
    /// Solver at the solution; its next trajectory holds the rates of gradients, constraints and gaps.
    solver: Box<Stagewise>,
    /// Rates of the gradients alone, and of the initial state.
    gradients: Vec<f64>,
    initial: Vec<f64>,
    /// Rates of the multipliers.
    multipliers: Vec<f64>,
    /// Units of the method.
    units: Units,
}

impl Stagewise {
    /// The optimality conditions at the solution `result` with its `states`, both in the caller's units, sharpened; `None`
    /// where sets do not consist of bounds.
    pub(crate) fn differential(
        &self,
        merit: &AugmentedLagrangian,
        functions: &mut dyn Functions,
        units: &Units,
        result: &Point,
        states: &States,
    ) -> Result<Option<Differential>, SensitivityError> {
        let (mut units, mut result, mut states) = (units.clone(), result.clone(), states.clone());
        units.scale_solution(&mut result);
        units.scale_states(&mut states);
        let states = states.known();
        let mut functions = Scaled::new(functions, &mut units);
        let Some(stages) = functions.stages().filter(|_| self.active.is_some()) else {
            return Ok(None);
        };
        let (mut solver, mut merit) = (Box::new(self.clone()), merit.clone());
        merit.multipliers.copy_from_slice(&result.multipliers);
        solver.current.point.u.copy_from_slice(&result.u);
        if let Some(states) = states {
            solver.current.set_states(states);
        }
        solver.evaluate_current(&mut merit, stages, states.is_none());
        let has_costates = states.is_some_and(|states| states.costates.is_some());
        solver
            .current
            .differentiate(&solver.structure, stages, !has_costates);
        solver.sharpen(&mut merit, stages)?;
        solver.check_strictness()?;
        Ok(Some(Differential {
            gradients: vec![0.0; solver.current.gradients.len()],
            initial: vec![0.0; solver.structure.num_states],
            multipliers: vec![0.0; result.multipliers.len()],
            solver,
            units,
        }))
    }

    /// Steps to the exact solution, where the matrices are computed.
    fn sharpen(
        &mut self,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
    ) -> Result<(), SensitivityError> {
        if !self.begin_active(merit, stages, Origin::Start) {
            return Err(self.not_stationary());
        }
        for _ in 0..MAX_REFINEMENTS {
            let last = self.active_error();
            if !self.step_active(merit, stages, 1.0) || self.active_error() >= last {
                break;
            }
        }
        // The last step may have failed, with other constraints.
        self.evaluate_current(merit, stages, false);
        if !self.begin_active(merit, stages, Origin::Start) || self.active_error() > MAX_ERROR {
            return Err(self.not_stationary());
        }
        self.model
            .expand(&self.structure, stages, &self.current, false, |_| 0.0);
        Ok(())
    }

    fn not_stationary(&self) -> SensitivityError {
        SensitivityError::NotStationary {
            residual: self.residual.callers,
        }
    }

    /// Gives the constraints that hold their curvature, and refuses those, and bounds, of which it cannot be told.
    fn check_strictness(&mut self) -> Result<(), SensitivityError> {
        let weak = |part| Err(SensitivityError::WeaklyActive(part));
        // Any unit of the method is as good as the caller's.
        let small = self.tolerances.residual;
        self.riccati.hold_at_bounds(&self.current);
        for (i, gradient) in self.current.point.gradient.iter().enumerate() {
            if self.riccati.is_at_bound(i, self.current.point.u[i]) && gradient.abs() <= small {
                return weak(Part::Variable(i));
            }
        }
        self.weigh_active();
        let Some(active) = &self.active else {
            return Ok(());
        };
        for (i, y) in self.current.point.multipliers.iter().enumerate() {
            if active.is_weak(i, self.current.point.constraints[i])
                || (active.is_bound_held(i)
                    && (y * math::norm_inf(self.model.constraint(&self.structure, i))).abs() <= small)
            {
                return weak(Part::Constraint(i));
            }
        }
        Ok(())
    }
}

impl Differential {
    /// Rates of variables and multipliers along a parameter, where the functions were evaluated last by
    /// [`Stagewise::differential`].
    pub(crate) fn rates(
        &mut self,
        functions: &mut dyn Functions,
        parameter: usize,
    ) -> Result<(Vec<f64>, Vec<f64>), SensitivityError> {
        let mut units = core::mem::take(&mut self.units);
        let mut functions = Scaled::new(functions, &mut units);
        let stages = functions.stages();
        let is_known = stages.is_some_and(|stages| self.follow(stages, parameter));
        self.units = units;
        if !is_known {
            return Err(SensitivityError::NoDerivatives);
        }
        self.multipliers.fill(0.0);
        let mut remainder = f64::INFINITY;
        for _ in 0..MAX_CORRECTIONS {
            let last = remainder;
            remainder = self.correct()?;
            if remainder <= SMALL_REMAINDER || remainder >= last {
                break;
            }
        }
        if !(remainder <= LARGEST_REMAINDER) {
            return Err(SensitivityError::Singular);
        }
        let (mut inputs, mut multipliers) = (self.solver.riccati.inputs.clone(), self.multipliers.clone());
        self.units.restore_rates(&mut inputs, &mut multipliers);
        Ok((inputs, multipliers))
    }

    /// Rates of everything along the parameter, at fixed variables and multipliers.
    fn follow(&mut self, stages: &mut dyn StageFunctions, parameter: usize) -> bool {
        let Stagewise { structure, next, .. } = &mut *self.solver;
        let (nx, nz) = (structure.num_states, structure.num_stage_variables());
        next.adjoints.fill(0.0);
        let mut is_known = stages.initial_state_tangent(parameter, &mut self.initial);
        for t in 0..=structure.horizon {
            let own = structure.first_constraints[t]..structure.first_constraints[t + 1];
            let is_last = t == structure.horizon;
            let (gap, size) = if is_last {
                (0..0, nx)
            } else {
                (t * nx..(t + 1) * nx, nz)
            };
            is_known &= stages.parameter_tangent(
                t,
                parameter,
                &mut next.gaps[gap],
                &mut next.point.constraints[own],
                &mut self.gradients[t * nz..t * nz + size],
            );
        }
        is_known
    }

    /// Solves with the present rates of the multipliers, and corrects these. Returns what is left of the rates of the active
    /// constraints, relative to those of variables and constraints.
    fn correct(&mut self) -> Result<f64, SensitivityError> {
        let Stagewise {
            structure,
            model,
            next,
            riccati,
            active: Some(active),
            ..
        } = &mut *self.solver
        else {
            return Err(SensitivityError::NoDerivatives);
        };
        let (nx, nu, nz) = (
            structure.num_states,
            structure.num_inputs,
            structure.num_stage_variables(),
        );
        next.gradients.copy_from_slice(&self.gradients);
        for t in 0..=structure.horizon {
            let gradient = &mut next.gradients[t * nz..(t + 1) * nz];
            for i in structure.first_constraints[t]..structure.first_constraints[t + 1] {
                let slope = self.multipliers[i] + active.curvature(i) * next.point.constraints[i];
                math::add(gradient, slope, model.constraint(structure, i));
            }
        }
        let mut parts = Parts {
            structure,
            model,
            trajectory: next,
        };
        if !riccati.solve_from(&mut parts, &self.initial) {
            return Err(SensitivityError::NoMinimum);
        }
        let step = math::max(math::norm_inf(&riccati.states), math::norm_inf(&riccati.inputs));
        let (mut largest, mut left) = (0.0, 0.0);
        for t in 0..=structure.horizon {
            let dx = &riccati.states[t * nx..(t + 1) * nx];
            let du = riccati.inputs.get(t * nu..(t + 1) * nu).unwrap_or_default();
            for i in structure.first_constraints[t]..structure.first_constraints[t + 1] {
                if active.curvature(i) == 0.0 {
                    continue;
                }
                let (row, own) = (model.constraint(structure, i), next.point.constraints[i]);
                let rate = math::dot(&row[..nx], dx) + math::dot(&row[nx..nx + du.len()], du) + own;
                self.multipliers[i] += active.curvature(i) * rate;
                left = math::max(left, rate.abs());
                largest = math::max(largest, math::max(step * math::norm_inf(row), own.abs()));
            }
        }
        Ok(if left > 0.0 { left / largest } else { 0.0 })
    }
}
