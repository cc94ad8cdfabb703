//! Quadratic model of a problem of stages: linear dynamics, and the Hessian of each stage's Hamiltonian with the
//! curvature of its penalties.

use alloc::vec;
use alloc::vec::Vec;

use super::functions::{StageFunctions, StageStructure};
use super::trajectory::Trajectory;
use crate::math;
use crate::merit::AugmentedLagrangian;

/// Second-order expansion of all stages at a trajectory.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// Derivatives of the next state, one row per variable of a stage, for each stage but the last.
    jacobians: Vec<f64>,
    /// Hessian of each stage, one row per variable; the last has only those of the state.
    hessians: Vec<f64>,
    /// Whether the dynamics count as linear.
    pub(crate) is_linear: bool,
    /// Curvature added along all inputs.
    shift: f64,
    /// Derivatives of next state and constraints of one stage.
    scratch: Vec<f64>,
    zeros: Vec<f64>,
}

impl Model {
    pub(crate) fn new(structure: &StageStructure) -> Self {
        let (nx, nz) = (structure.num_states, structure.num_stage_variables());
        Self {
            jacobians: vec![0.0; structure.horizon * nz * nx],
            hessians: vec![0.0; (structure.horizon + 1) * nz * nz],
            is_linear: false,
            shift: 0.0,
            scratch: vec![0.0; nz * (nx + structure.max_stage_constraints())],
            zeros: vec![0.0; nx],
        }
    }

    /// Derivatives of the next state of stage `t`: one row per variable, one column per state.
    pub(crate) fn jacobian(&self, structure: &StageStructure, t: usize) -> &[f64] {
        let len = structure.num_stage_variables() * structure.num_states;
        &self.jacobians[t * len..(t + 1) * len]
    }

    /// Hessian of stage `t`: a square matrix of all variables of the stage, or of the last state.
    pub(crate) fn hessian(&self, structure: &StageStructure, t: usize) -> &[f64] {
        let nz = structure.num_stage_variables();
        let size = if t == structure.horizon {
            structure.num_states
        } else {
            nz
        };
        &self.hessians[t * nz * nz..t * nz * nz + size * size]
    }

    /// Expands all stages at `trajectory`, where the functions were evaluated and differentiated last. Linear dynamics
    /// have no curvature of their own, which the Hessian otherwise weights with the multipliers.
    pub(crate) fn expand(
        &mut self,
        structure: &StageStructure,
        merit: &AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
        trajectory: &Trajectory,
        is_linear: bool,
    ) {
        let nz = structure.num_stage_variables();
        for t in 0..=structure.horizon {
            if is_linear && t < structure.horizon {
                let constraints = structure.first_constraints[t]..structure.first_constraints[t + 1];
                let y = &trajectory.point.multipliers[constraints];
                // The gradient is not needed; the Hessian is that of the last one written.
                stages.reverse(t, &self.zeros, y, &mut self.scratch[..nz]);
            }
            self.expand_stage(structure, merit, stages, trajectory, t);
        }
        self.is_linear = is_linear;
        let shift = core::mem::take(&mut self.shift);
        self.raise_shift(structure, shift);
    }

    /// Raises the curvature added along all inputs to `shift`.
    pub(crate) fn raise_shift(&mut self, structure: &StageStructure, shift: f64) {
        for t in 0..structure.horizon {
            self.shift_inputs(structure, t, shift - self.shift);
        }
        self.shift = shift;
    }

    /// Adds curvature along the inputs of stage `t`.
    pub(crate) fn shift_inputs(&mut self, structure: &StageStructure, t: usize, shift: f64) {
        let (nx, nz) = (structure.num_states, structure.num_stage_variables());
        for a in nx..nz {
            self.hessians[t * nz * nz + a * nz + a] += shift;
        }
    }

    fn expand_stage(
        &mut self,
        structure: &StageStructure,
        merit: &AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
        trajectory: &Trajectory,
        t: usize,
    ) {
        let (nx, nz) = (structure.num_states, structure.num_stage_variables());
        let is_last = t == structure.horizon;
        let (size, next) = if is_last { (nx, 0) } else { (nz, nx) };
        let constraints = structure.first_constraints[t]..structure.first_constraints[t + 1];
        let width = next + constraints.len();
        let scratch = &mut self.scratch[..size * width];
        let hessian = &mut self.hessians[t * nz * nz..t * nz * nz + size * size];
        stages.expand(t, scratch, hessian);
        if !is_last {
            let rows = self.jacobians[t * nz * nx..(t + 1) * nz * nx].chunks_exact_mut(nx);
            for (row, from) in rows.zip(scratch.chunks_exact(width)) {
                row.copy_from_slice(&from[..nx]);
            }
        }
        for (place, i) in constraints.enumerate() {
            // A constraint within its bounds has no multiplier, and its penalty no curvature.
            if trajectory.point.multipliers[i] == 0.0 {
                continue;
            }
            let sigma = merit.penalties[i];
            for a in 0..size {
                let weighted = sigma * scratch[a * width + next + place];
                if weighted != 0.0 {
                    for b in 0..size {
                        hessian[a * size + b] += weighted * scratch[b * width + next + place];
                    }
                }
            }
        }
    }

    /// Whether all derivatives are numbers.
    pub(crate) fn is_finite(&self) -> bool {
        math::all_finite(&self.jacobians) && math::all_finite(&self.hessians)
    }
}
