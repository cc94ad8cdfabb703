//! Units of the states of a problem of stages, the memory to convert stage by stage, and the sizes that a stage tells.

mod choice;
mod functions;

use alloc::vec;
use alloc::vec::Vec;

use super::size::{ROUND_OFF, is_size, power_of_two};
use crate::functions::{StageFunctions, StageStructure};
use crate::math;

/// Units of the states, and the memory to convert stage by stage.
#[derive(Clone, Debug)]
pub(super) struct StageUnits {
    structure: StageStructure,
    /// Unit of each element of a state, the same at all stages.
    pub(super) states: Vec<f64>,
    /// State, input and adjoint in the caller's units, for an evaluation.
    state: Vec<f64>,
    adjoint: Vec<f64>,
    /// Derivatives of one stage, and the curvatures of the last one.
    jacobian: Vec<f64>,
    hessian: Vec<f64>,
    gradient: Vec<f64>,
    last_slopes: Vec<f64>,
    last_curvatures: Vec<f64>,
}

impl StageUnits {
    fn new(structure: StageStructure) -> Self {
        let (nx, nz) = (structure.num_states, structure.num_stage_variables());
        Self {
            states: vec![1.0; nx],
            state: vec![0.0; nx],
            adjoint: vec![0.0; nx],
            jacobian: vec![0.0; nz * (nx + structure.max_stage_constraints())],
            hessian: vec![0.0; nz * nz],
            gradient: vec![0.0; nz],
            last_slopes: vec![0.0; nx],
            last_curvatures: vec![0.0; nx],
            structure,
        }
    }

    /// Expands stages where they were evaluated last: the last one, and then stage `t`.
    fn expand(&mut self, stages: &mut dyn StageFunctions, t: usize, y: &[f64]) {
        let nx = self.structure.num_states;
        self.adjoint.fill(0.0);
        let last = self.structure.horizon;
        let own = self.structure.first_constraints[last]..self.structure.first_constraints[last + 1];
        let hessian = &mut self.hessian[..nx * nx];
        stages.reverse(last, &[], &y[own.clone()], &mut self.gradient[..nx]);
        stages.expand(last, &mut self.jacobian[..nx * own.len()], hessian);
        for i in 0..nx {
            self.last_slopes[i] = self.gradient[i].abs();
            self.last_curvatures[i] = hessian[i * nx + i].abs();
        }
        let own = self.structure.first_constraints[t]..self.structure.first_constraints[t + 1];
        let width = nx + own.len();
        let jacobian = &mut self.jacobian[..self.gradient.len() * width];
        stages.reverse(t, &self.adjoint, &y[own], &mut self.gradient);
        stages.expand(t, jacobian, &mut self.hessian);
    }

    /// Number of entries in a row of the derivatives of stage `t`.
    fn width(&self, t: usize) -> usize {
        let first = &self.structure.first_constraints;
        self.structure.num_states + first[t + 1] - first[t]
    }

    fn curvature(&self, variable: usize) -> f64 {
        self.hessian[variable * (self.gradient.len() + 1)].abs()
    }

    /// Curvature of the cost along an input of stage `t`: its own, and that of the states that it moves, about.
    fn input_curvature(&self, t: usize, input: usize) -> f64 {
        let nx = self.structure.num_states;
        let row = &self.jacobian[(nx + input) * self.width(t)..];
        let mut curvature = self.curvature(nx + input);
        for i in 0..nx {
            curvature += row[i] * row[i] * self.state_curvature(i);
        }
        curvature
    }

    /// Curvature of the cost along a state over the horizon, about.
    fn state_curvature(&self, state: usize) -> f64 {
        self.structure.horizon as f64 * self.curvature(state) + self.last_curvatures[state]
    }

    /// Slope of the cost along an input of stage `t` that round-off of the states makes, about.
    fn round_off_slope(&self, t: usize, input: usize) -> f64 {
        let nx = self.structure.num_states;
        let row = &self.jacobian[(nx + input) * self.width(t)..];
        let mut slope = 0.0;
        for i in 0..nx {
            slope += (row[i] * self.state_curvature(i) * self.state[i]).abs();
        }
        ROUND_OFF * slope
    }

    /// Chooses the units of the states: their size at the start, or how far inputs of either sign lead them over the
    /// horizon; those that no input moves at once follow the other states.
    fn measure_states(&mut self, t: usize, inputs: &[f64]) {
        let (nx, width) = (self.structure.num_states, self.width(t));
        let length = math::sqrt(self.structure.horizon as f64);
        for i in 0..nx {
            let mut reach = 0.0;
            for (a, unit) in inputs.iter().enumerate() {
                reach += self.jacobian[(nx + a) * width + i].abs() * unit;
            }
            self.adjoint[i] = math::max(self.state[i].abs(), length * reach);
        }
        for _ in 0..nx {
            let mut is_open = false;
            for i in 0..nx {
                if is_size(&self.adjoint[i]) {
                    continue;
                }
                let mut reach = 0.0;
                for j in (0..nx).filter(|&j| j != i && is_size(&self.adjoint[j])) {
                    reach += self.jacobian[j * width + i].abs() * self.adjoint[j];
                }
                self.adjoint[i] = length * reach;
                is_open |= !is_size(&self.adjoint[i]);
            }
            if !is_open {
                break;
            }
        }
        for (unit, size) in self.states.iter_mut().zip(&self.adjoint) {
            *unit = power_of_two(*size);
        }
    }

    /// Largest change of the cost when an input of stage `t` moves by its unit: by its slope there, or by its curvature.
    fn cost_of_inputs(&self, t: usize, inputs: &[f64]) -> f64 {
        let nx = self.structure.num_states;
        let mut cost = 0.0;
        for (a, unit) in inputs.iter().enumerate() {
            cost = math::max(cost, self.gradient[nx + a].abs() * unit);
            cost = math::max(cost, self.input_curvature(t, a) * unit * unit);
        }
        cost
    }

    /// Largest change of a stage's cost when a variable moves by its unit: by slope or by curvature.
    fn cost(&self, inputs: &[f64]) -> f64 {
        let mut cost = 0.0;
        for (z, unit) in self.states.iter().chain(inputs).enumerate() {
            cost = math::max(cost, self.gradient[z].abs() * unit);
            cost = math::max(cost, self.curvature(z) * unit * unit);
        }
        for (i, unit) in self.states.iter().enumerate() {
            let by_curvature = self.last_curvatures[i] * unit * unit;
            // Where there is curvature, the slope tells how far away the last state is.
            let by_slope = match by_curvature > 0.0 {
                true => 0.0,
                false => self.last_slopes[i] * unit,
            };
            cost = math::max(cost, math::max(by_slope, by_curvature));
        }
        cost
    }
}
