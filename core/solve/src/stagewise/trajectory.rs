//! Inputs and states over the horizon, with all function values and first derivatives there.

use alloc::vec;
use alloc::vec::Vec;

use super::measure::Measured;
use crate::functions::{StageFunctions, StageStructure};
use crate::math;
use crate::merit::{AugmentedLagrangian, Point};
use crate::states::Horizon;

/// Point of a problem of stages. States are free: `gaps` tells how far they are from the dynamics.
#[derive(Clone, Debug)]
pub(crate) struct Trajectory {
    /// Inputs, stage by stage; the gradient is that of the Lagrangian, with respect to the inputs.
    pub(crate) point: Point,
    /// States x_0, ..., x_N.
    pub(crate) states: Vec<f64>,
    /// `f_t(x_t, u_t) - x_(t+1)`.
    pub(crate) gaps: Vec<f64>,
    /// Multipliers of the dynamics: of the equation that ends in x_t, at index t.
    pub(crate) adjoints: Vec<f64>,
    /// Gradient of each stage's Hamiltonian with respect to state, then input.
    pub(crate) gradients: Vec<f64>,
    /// Unit of each element of a state in the caller's, and of the derivative with respect to it.
    pub(crate) state_units: Vec<f64>,
    pub(crate) slope_units: Vec<f64>,
}

impl Trajectory {
    pub(crate) fn new(structure: &StageStructure, num_constraints: usize) -> Self {
        let horizon = structure.horizon;
        let states = vec![0.0; (horizon + 1) * structure.num_states];
        Self {
            point: Point::new(horizon * structure.num_inputs, num_constraints),
            gaps: vec![0.0; horizon * structure.num_states],
            adjoints: states.clone(),
            gradients: vec![0.0; (horizon + 1) * structure.num_stage_variables()],
            state_units: vec![1.0; structure.num_states],
            slope_units: vec![1.0; structure.num_states],
            states,
        }
    }

    /// Sets the states, and the adjoints if they are given.
    pub(crate) fn set_states(&mut self, horizon: Horizon<'_>) {
        self.states.copy_from_slice(horizon.states);
        if let Some(costates) = horizon.costates {
            self.adjoints.copy_from_slice(costates);
        }
    }

    /// Copies all values, without allocating.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.point.copy_from(&other.point);
        self.states.copy_from_slice(&other.states);
        self.gaps.copy_from_slice(&other.gaps);
        self.adjoints.copy_from_slice(&other.adjoints);
        self.gradients.copy_from_slice(&other.gradients);
    }

    /// Evaluates cost, constraints and gaps at inputs and states. In a closed rollout, `steer` sets the input of each
    /// stage from its state, and the next state is where the dynamics lead, less the gap that it returns; else it may
    /// keep all.
    pub(crate) fn evaluate(
        &mut self,
        structure: &StageStructure,
        merit: &mut AugmentedLagrangian,
        stages: &mut dyn StageFunctions,
        mut steer: impl FnMut(usize, &[f64], &mut [f64]) -> Option<f64>,
    ) {
        let (nx, nu) = (structure.num_states, structure.num_inputs);
        merit.evaluations += 1;
        let mut cost = 0.0;
        for t in 0..=structure.horizon {
            let (past, future) = self.states.split_at_mut((t + 1) * nx);
            let state = &past[t * nx..];
            let constraints = structure.first_constraints[t]..structure.first_constraints[t + 1];
            let constraints = &mut self.point.constraints[constraints];
            if t == structure.horizon {
                cost += stages.forward(t, state, &[], &mut [], constraints);
                break;
            }
            let input = &mut self.point.u[t * nu..(t + 1) * nu];
            let kept = steer(t, state, input);
            let gaps = &mut self.gaps[t * nx..(t + 1) * nx];
            let next = &mut future[..nx];
            match kept {
                None => {
                    cost += stages.forward(t, state, input, gaps, constraints);
                    for (gap, next) in gaps.iter_mut().zip(next) {
                        *gap -= *next;
                    }
                }
                Some(kept) => {
                    cost += stages.forward(t, state, input, next, constraints);
                    for (gap, next) in gaps.iter_mut().zip(next) {
                        *gap *= kept;
                        *next -= *gap;
                    }
                }
            }
        }
        self.point.cost = cost;
        merit.measure_violation(&mut self.point);
        let gap = self.gap();
        self.point.violation = math::max(self.point.violation, gap.callers);
        self.point.scaled_violation = math::max(self.point.scaled_violation, gap.scaled);
        merit.weigh_constraints(&mut self.point);
    }

    /// Computes the gradients of all stages. With `follow`, the adjoints become those of the trajectory.
    pub(crate) fn differentiate(
        &mut self,
        structure: &StageStructure,
        stages: &mut dyn StageFunctions,
        follow: bool,
    ) {
        let (nx, nu, nz) = (
            structure.num_states,
            structure.num_inputs,
            structure.num_stage_variables(),
        );
        for t in (0..=structure.horizon).rev() {
            let y =
                &self.point.multipliers[structure.first_constraints[t]..structure.first_constraints[t + 1]];
            let (adjoints, later) = self.adjoints.split_at_mut((t + 1) * nx);
            let gradient = &mut self.gradients[t * nz..(t + 1) * nz];
            if t == structure.horizon {
                stages.reverse(t, &[], y, &mut gradient[..nx]);
            } else {
                stages.reverse(t, &later[..nx], y, gradient);
                self.point.gradient[t * nu..(t + 1) * nu].copy_from_slice(&gradient[nx..]);
            }
            if follow {
                adjoints[t * nx..].copy_from_slice(&gradient[..nx]);
            }
        }
    }

    /// Largest derivative of the Lagrangian with respect to a state.
    pub(crate) fn state_residual(&self, structure: &StageStructure) -> Measured {
        let (nx, nz) = (structure.num_states, structure.num_stage_variables());
        let mut largest = Measured::ZERO;
        for t in 1..=structure.horizon {
            let gradient = &self.gradients[t * nz..t * nz + nx];
            let adjoint = &self.adjoints[t * nx..(t + 1) * nx];
            let slopes = gradient.iter().zip(adjoint).zip(&self.slope_units);
            for ((gradient, adjoint), unit) in slopes {
                largest.include((gradient - adjoint).abs(), *unit);
            }
        }
        largest
    }

    /// Sets gaps and gradients of the stages, with their multipliers, to zero.
    pub(crate) fn clear_slopes(&mut self) {
        self.gaps.fill(0.0);
        self.adjoints.fill(0.0);
        self.gradients.fill(0.0);
    }

    /// Sets the gradients with respect to the inputs to `factor` times these.
    pub(crate) fn set_input_slopes(&mut self, structure: &StageStructure, slopes: &[f64], factor: f64) {
        let (nx, nu, nz) = (
            structure.num_states,
            structure.num_inputs,
            structure.num_stage_variables(),
        );
        for (i, slope) in slopes.iter().enumerate() {
            self.gradients[i / nu * nz + nx + i % nu] = factor * slope;
        }
    }

    /// Sum of all gaps, and merit.
    pub(crate) fn measure(&self) -> (f64, f64) {
        let gaps = self.gaps.iter().fold(0.0, |sum, gap| sum + gap.abs());
        (gaps, self.point.psi)
    }

    /// Largest gap.
    pub(crate) fn gap(&self) -> Measured {
        let mut largest = Measured::ZERO;
        for (gap, unit) in self.gaps.iter().zip(self.state_units.iter().cycle()) {
            largest.include(gap.abs(), *unit);
        }
        largest
    }

    /// Largest violation of constraints and dynamics.
    pub(crate) fn violation(&self) -> Measured {
        Measured {
            callers: self.point.violation,
            scaled: self.point.scaled_violation,
        }
    }

    /// Whether cost and first derivatives are numbers.
    pub(crate) fn is_finite(&self) -> bool {
        self.point.psi.is_finite() && math::all_finite(&self.gaps) && math::all_finite(&self.states)
    }
}
