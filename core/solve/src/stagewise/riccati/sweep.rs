//! Backward sweep of the Riccati recursion.

use super::{Parts, Riccati};
use crate::functions::StageStructure;
use crate::math;
use crate::stagewise::model::Model;
use crate::stagewise::trajectory::Trajectory;

/// First shift of a stage whose inputs have no curvature, relative to its largest entry, its growth, and how often it
/// grows.
const FIRST_SHIFT: f64 = 1e-4;
const SHIFT_GROWTH: f64 = 8.0;
const MAX_SHIFTS: usize = 40;

impl Riccati {
    /// Feedback laws and value functions of all stages, from the last one on. Returns false if a stage has negative curvature
    /// along its free inputs; if the dynamics count as linear, such inputs get more curvature instead.
    pub(super) fn sweep(&mut self, parts: &mut Parts<'_>) -> bool {
        let structure = parts.structure;
        let (nx, nu, nz) = (
            structure.num_states,
            structure.num_inputs,
            structure.num_stage_variables(),
        );
        let last = structure.horizon;
        self.value_hessians[last * nx * nx..].copy_from_slice(parts.model.hessian(structure, last));
        self.value_gradients[last * nx..]
            .copy_from_slice(&parts.trajectory.gradients[last * nz..last * nz + nx]);
        for t in (0..last).rev() {
            self.compose(structure, parts.model, parts.trajectory, t);
            let (mut shift, mut shifted) = (0.0, nu);
            let mut shifts = 0;
            loop {
                let is_free = &self.is_free[t * nu..(t + 1) * nu];
                let matrix = &self.matrix;
                let entry = |a: usize, b: usize| matrix[(nx + a) * nz + nx + b];
                let Some(input) = self.factor.factorize(is_free, entry) else {
                    break;
                };
                if !parts.model.is_linear || shifts >= MAX_SHIFTS * nu {
                    return false;
                }
                shifts += 1;
                // Inputs that curve upwards keep their steps.
                if input != shifted {
                    (shift, shifted) = (0.0, input);
                }
                let last_shift = shift;
                shift = if shift > 0.0 {
                    shift * SHIFT_GROWTH
                } else {
                    FIRST_SHIFT * math::max(1e-8, math::norm_inf(&self.matrix))
                };
                let place = nx + input;
                parts.model.add_curvature(structure, t, place, shift - last_shift);
                self.matrix[place * nz + place] += shift - last_shift;
            }
            self.eliminate_inputs(structure, t);
        }
        true
    }

    /// Computes Hessian and gradient of stage `t` with the value function of the next one.
    fn compose(&mut self, structure: &StageStructure, model: &Model, trajectory: &Trajectory, t: usize) {
        let (nx, nz) = (structure.num_states, structure.num_stage_variables());
        let value = &self.value_hessians[(t + 1) * nx * nx..(t + 2) * nx * nx];
        let slope = &self.value_gradients[(t + 1) * nx..(t + 2) * nx];
        let adjoint = &trajectory.adjoints[(t + 1) * nx..(t + 2) * nx];
        let gap = &trajectory.gaps[t * nx..(t + 1) * nx];
        for i in 0..nx {
            let row = &value[i * nx..(i + 1) * nx];
            self.change[i] = slope[i] - adjoint[i] + math::dot(row, gap);
        }
        let jacobian = model.jacobian(structure, t);
        let hessian = model.hessian(structure, t);
        for a in 0..nz {
            let from = &jacobian[a * nx..(a + 1) * nx];
            let product = &mut self.product[a * nx..(a + 1) * nx];
            product.fill(0.0);
            for (i, factor) in from.iter().enumerate() {
                if *factor != 0.0 {
                    math::add(product, *factor, &value[i * nx..(i + 1) * nx]);
                }
            }
            for b in 0..=a {
                let entry = hessian[a * nz + b] + math::dot(product, &jacobian[b * nx..(b + 1) * nx]);
                self.matrix[a * nz + b] = entry;
                self.matrix[b * nz + a] = entry;
            }
            self.vector[a] = trajectory.gradients[t * nz + a] + math::dot(from, &self.change);
        }
    }

    /// Feedback law of stage `t`, and its value function.
    fn eliminate_inputs(&mut self, structure: &StageStructure, t: usize) {
        let (nx, nu, nz) = (
            structure.num_states,
            structure.num_inputs,
            structure.num_stage_variables(),
        );
        let is_free = &self.is_free[t * nu..(t + 1) * nu];
        let feedback = &mut self.feedback[t * nu * nx..(t + 1) * nu * nx];
        for j in 0..nx {
            for a in 0..nu {
                self.column[a] = if is_free[a] {
                    -self.matrix[(nx + a) * nz + j]
                } else {
                    0.0
                };
            }
            self.factor.substitute(is_free, &mut self.column);
            for a in 0..nu {
                feedback[a * nx + j] = self.column[a];
            }
        }
        let held = &self.inputs[t * nu..(t + 1) * nu];
        for a in 0..nu {
            self.column[a] = 0.0;
            if is_free[a] {
                let row = &self.matrix[(nx + a) * nz + nx..(nx + a + 1) * nz];
                let mut sum = -self.vector[nx + a];
                for b in (0..nu).filter(|&b| !is_free[b]) {
                    sum -= row[b] * held[b];
                }
                self.column[a] = sum;
            }
        }
        self.factor.substitute(is_free, &mut self.column);
        for a in (0..nu).filter(|&a| !is_free[a]) {
            self.column[a] = held[a];
        }
        self.feedforward[t * nu..(t + 1) * nu].copy_from_slice(&self.column);
        for i in 0..nx {
            let row = &self.matrix[i * nz..(i + 1) * nz];
            let value = &mut self.value_hessians[(t * nx + i) * nx..(t * nx + i + 1) * nx];
            value.copy_from_slice(&row[..nx]);
            for (a, factor) in row[nx..].iter().enumerate() {
                math::add(value, *factor, &feedback[a * nx..(a + 1) * nx]);
            }
            self.value_gradients[t * nx + i] = self.vector[i] + math::dot(&row[nx..], &self.column);
        }
        let value = &mut self.value_hessians[t * nx * nx..(t + 1) * nx * nx];
        for i in 0..nx {
            for j in 0..i {
                let mean = 0.5 * (value[i * nx + j] + value[j * nx + i]);
                value[i * nx + j] = mean;
                value[j * nx + i] = mean;
            }
        }
    }
}
