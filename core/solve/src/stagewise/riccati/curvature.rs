//! Curvature of a model of stages along inputs that no bound holds, and the states that follow them.

use super::{Parts, Riccati};
use crate::curvature::scatter;
use crate::math;

impl Riccati {
    /// Factorises where the inputs are free that the gradient does not hold at a bound. Returns whether the model curves
    /// upwards along all of them.
    pub(in crate::stagewise) fn curves_upwards(&mut self, parts: &mut Parts<'_>) -> bool {
        self.inputs.fill(0.0);
        self.gradient.copy_from_slice(&parts.trajectory.point.gradient);
        self.choose_held(parts.trajectory);
        for (i, is_free) in self.is_free.iter_mut().enumerate() {
            *is_free &= self.min[i] < self.max[i];
        }
        self.sweep(parts)
    }

    /// Moves the inputs along every one that is free.
    pub(in crate::stagewise) fn scatter_inputs(&mut self) {
        scatter(&self.is_free, &mut self.inputs);
    }

    /// Curvature of the model along inputs and states, and the sum of the magnitudes that it consists of.
    pub(in crate::stagewise) fn curvature(&self, parts: &Parts<'_>) -> (f64, f64) {
        let Parts { structure, model, .. } = parts;
        let (nx, nu) = (structure.num_states, structure.num_inputs);
        let (mut curvature, mut size) = (0.0, 0.0);
        for t in 0..=structure.horizon {
            let dx = &self.states[t * nx..(t + 1) * nx];
            let du = self.inputs.get(t * nu..(t + 1) * nu).unwrap_or_default();
            let rows = model.hessian(structure, t).chunks_exact(nx + du.len());
            for (row, a) in rows.zip(dx.iter().chain(du)) {
                for (entry, b) in row.iter().zip(dx.iter().chain(du)) {
                    curvature += a * entry * b;
                    size += (a * entry * b).abs();
                }
            }
        }
        (curvature, size)
    }

    /// Slope of the merit along the inputs.
    pub(in crate::stagewise) fn slope(&self, gradient: &[f64]) -> f64 {
        math::dot(&self.inputs, gradient)
    }
}
