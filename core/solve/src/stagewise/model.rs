//! Quadratic model of a problem of stages: linear dynamics, and the Hessian of each stage's Hamiltonian with the
//! curvature of its penalties.

use alloc::vec;
use alloc::vec::Vec;

use super::trajectory::Trajectory;
use crate::functions::{StageFunctions, StageStructure};
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
    /// Derivatives of the constraints, one row per constraint, one column per variable of its stage.
    constraints: Vec<f64>,
    /// Curvature added along all inputs, and along all states.
    shift: f64,
    state_shift: f64,
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
            constraints: vec![0.0; structure.num_constraints() * nz],
            shift: 0.0,
            state_shift: 0.0,
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

    /// Derivatives of constraint `i` with respect to state, then input of its stage; the last stage has no inputs.
    pub(crate) fn constraint(&self, structure: &StageStructure, i: usize) -> &[f64] {
        let nz = structure.num_stage_variables();
        &self.constraints[i * nz..(i + 1) * nz]
    }

    /// Expands all stages at `trajectory`, where the functions were evaluated and differentiated last; `curvature` is that
    /// of the penalty or barrier of a constraint. Linear dynamics have no curvature of their own, which the Hessian
    /// otherwise weights with the multipliers.
    pub(crate) fn expand(
        &mut self,
        structure: &StageStructure,
        stages: &mut dyn StageFunctions,
        trajectory: &Trajectory,
        is_linear: bool,
        curvature: impl Fn(usize) -> f64,
    ) {
        let nz = structure.num_stage_variables();
        for t in 0..=structure.horizon {
            if is_linear && t < structure.horizon {
                let constraints = structure.first_constraints[t]..structure.first_constraints[t + 1];
                let y = &trajectory.point.multipliers[constraints];
                // The gradient is not needed; the Hessian is that of the last one written.
                stages.reverse(t, &self.zeros, y, &mut self.scratch[..nz]);
            }
            self.expand_stage(structure, stages, t, &curvature);
        }
        self.is_linear = is_linear;
        self.state_shift = 0.0;
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

    /// Raises the curvature added along all inputs and states to `shift`.
    pub(crate) fn shift_all(&mut self, structure: &StageStructure, shift: f64) {
        self.raise_shift(structure, shift);
        let change = shift - self.state_shift;
        let nx = structure.num_states;
        for t in 0..=structure.horizon {
            for a in 0..nx {
                self.add_curvature(structure, t, a, change);
            }
        }
        self.state_shift = shift;
    }

    /// Adds curvature along one variable of stage `t`.
    pub(crate) fn add_curvature(&mut self, structure: &StageStructure, t: usize, a: usize, curvature: f64) {
        let nz = structure.num_stage_variables();
        let size = if t == structure.horizon {
            structure.num_states
        } else {
            nz
        };
        self.hessians[t * nz * nz + a * size + a] += curvature;
    }

    /// Adds curvature along the inputs of stage `t`.
    pub(crate) fn shift_inputs(&mut self, structure: &StageStructure, t: usize, shift: f64) {
        let (nx, nz) = (structure.num_states, structure.num_stage_variables());
        for a in nx..nz {
            self.hessians[t * nz * nz + a * nz + a] += shift;
        }
    }

    /// Adds curvature along the gradient of constraint `i` of stage `t`.
    pub(crate) fn curve(&mut self, structure: &StageStructure, t: usize, i: usize, curvature: f64) {
        let nz = structure.num_stage_variables();
        let size = if t == structure.horizon {
            structure.num_states
        } else {
            nz
        };
        let row = &self.constraints[i * nz..i * nz + size];
        let hessian = &mut self.hessians[t * nz * nz..t * nz * nz + size * size];
        add_square(hessian, row, curvature);
    }

    /// Largest entry of a stage's Hessian.
    pub(crate) fn largest_curvature(&self) -> f64 {
        math::norm_inf(&self.hessians)
    }

    /// Largest entry of the stages' Hessians along an input.
    pub(crate) fn largest_input_curvature(&self, structure: &StageStructure) -> f64 {
        let (nx, nz) = (structure.num_states, structure.num_stage_variables());
        let stages = self.hessians.chunks_exact(nz * nz).take(structure.horizon);
        let inputs = stages.flat_map(|hessian| (nx..nz).map(|a| hessian[a * nz + a].abs()));
        inputs.fold(0.0, math::max)
    }

    fn expand_stage(
        &mut self,
        structure: &StageStructure,
        stages: &mut dyn StageFunctions,
        t: usize,
        curvature: impl Fn(usize) -> f64,
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
            let row = &mut self.constraints[i * nz..i * nz + size];
            for (a, entry) in row.iter_mut().enumerate() {
                *entry = scratch[a * width + next + place];
            }
            add_square(hessian, row, curvature(i));
        }
    }

    /// Whether all derivatives are numbers.
    pub(crate) fn is_finite(&self) -> bool {
        math::all_finite(&self.jacobians) && math::all_finite(&self.hessians)
    }
}

/// Curvature of a constraint's penalty: one within its bounds has no multiplier, and its penalty no curvature.
pub(super) fn penalty<'a>(
    merit: &'a AugmentedLagrangian,
    trajectory: &'a Trajectory,
) -> impl Fn(usize) -> f64 + use<'a> {
    |i| {
        if trajectory.point.multipliers[i] == 0.0 {
            0.0
        } else {
            merit.penalties[i]
        }
    }
}

/// Adds `curvature` times the product of `row` with itself to a matrix.
fn add_square(matrix: &mut [f64], row: &[f64], curvature: f64) {
    if curvature == 0.0 {
        return;
    }
    for (a, factor) in row.iter().enumerate() {
        math::add(
            &mut matrix[a * row.len()..(a + 1) * row.len()],
            curvature * factor,
            row,
        );
    }
}
