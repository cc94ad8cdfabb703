//! The stages of an optimal-control problem as the solver sees them: values and gradients one stage at a time, Jacobians
//! and Hessians along the unit directions, in lanes.

use alloc::vec::Vec;

use labwire_solve::{StageFunctions, StageStructure};

use super::parameter_tangents::Rates;
use super::stage_evaluator::StageEvaluator;
use super::stage_expander::WIDTH;
use super::stages::{Shooting, Stages};
use crate::expression::graph::Input;
use crate::expression::interpreter::{FORWARD, FORWARD_TANGENT, REVERSE, REVERSE_TANGENT};
use crate::expression::program::Program;
use crate::expression::run::Section;

/// Cost of an operation on all lanes, in operations on one.
const WIDTH_COST: f64 = 2.0;
/// Multiplications of small matrices that cost as much as an operation.
const DENSE_PER_OPERATION: f64 = 4.0;

impl Stages {
    /// Lengths and costs for the solver.
    pub(super) fn structure(&self) -> StageStructure {
        let mut first_constraints = Vec::with_capacity(self.horizon + 2);
        let mut at = 0;
        for phase in &self.phases {
            let count = phase.program.inputs.multipliers - self.num_states();
            for _ in phase.stages.clone() {
                first_constraints.push(at);
                at += count;
            }
        }
        first_constraints.extend([at, self.num_f1()]);
        StageStructure {
            horizon: self.horizon,
            num_states: self.num_states(),
            num_inputs: self.num_inputs(),
            first_constraints,
            has_free_states: self.shooting != Shooting::Single,
            expansion_work: self.expansion_work(),
        }
    }

    /// Cost of the derivatives of all stages and of a backward sweep over them, in fused evaluations.
    fn expansion_work(&self) -> f64 {
        let (expansion, evaluation) = self.operations();
        let mut dense = 0.0;
        for phase in &self.phases {
            let (nx, nz) = (self.num_states() as f64, phase.program.inputs.variables as f64);
            dense += phase.stages.len() as f64 * (nz * nx * nx + nz * nz * nx / 2.0 + nx * nx * (nz - nx));
        }
        (expansion + dense / DENSE_PER_OPERATION) / labwire_solve::math::max(evaluation, 1.0)
    }

    /// Operations for the derivatives of all stages, and for a fused evaluation.
    pub(super) fn operations(&self) -> (f64, f64) {
        let count = |section: &Section| section.operations() as f64;
        let (mut expansion, mut evaluation) = (0.0, 0.0);
        for phase in &self.phases {
            let (stages, program) = (phase.stages.len() as f64, &phase.program);
            let [forward, reverse, forward_tangent, reverse_tangent] =
                [FORWARD, REVERSE, FORWARD_TANGENT, REVERSE_TANGENT]
                    .map(|section| count(&program.sections[section]));
            let size = program.inputs.variables;
            let passes = size.div_ceil(WIDTH) as f64;
            evaluation += stages * (forward + reverse);
            expansion += stages * passes * WIDTH_COST * (forward_tangent + reverse_tangent);
        }
        (expansion, evaluation)
    }
}

impl StageFunctions for StageEvaluator<1> {
    fn initial_state(&mut self, state: &mut [f64]) {
        state.copy_from_slice(self.initial.as_flattened());
    }

    fn forward(
        &mut self,
        t: usize,
        state: &[f64],
        input: &[f64],
        next: &mut [f64],
        constraints: &mut [f64],
    ) -> f64 {
        let (program, memory, _) = stage(&self.stages, &mut self.values, &self.starts, t);
        program.load(memory, Input::Variable, 0, state.as_chunks().0);
        program.load(memory, Input::Variable, state.len(), input.as_chunks().0);
        let mut outputs = program.run(FORWARD, memory).map(|[output]| output);
        let cost = outputs.next().unwrap_or(f64::NAN);
        next.iter_mut()
            .zip(&mut outputs)
            .for_each(|(x, output)| *x = output);
        constraints
            .iter_mut()
            .zip(outputs)
            .for_each(|(g, output)| *g = output);
        cost
    }

    fn reverse(&mut self, t: usize, adjoint: &[f64], y: &[f64], gradient: &mut [f64]) {
        let (program, memory, _) = stage(&self.stages, &mut self.values, &self.starts, t);
        program.load(memory, Input::Multiplier, 0, adjoint.as_chunks().0);
        program.load(memory, Input::Multiplier, adjoint.len(), y.as_chunks().0);
        let outputs = program.run(REVERSE, memory).map(|[output]| output);
        gradient
            .iter_mut()
            .zip(outputs)
            .for_each(|(entry, output)| *entry = output);
    }

    fn expand(&mut self, t: usize, jacobian: &mut [f64], hessian: &mut [f64]) {
        let (program, memory, shared) = stage(&self.stages, &mut self.values, &self.starts, t);
        if let Some(expander) = &mut self.expander {
            expander.expand(program, shared, memory, jacobian, hessian);
        }
    }

    fn initial_state_tangent(&mut self, parameter: usize, state: &mut [f64]) -> bool {
        self.follow_to_initial_state(parameter, state);
        true
    }

    fn parameter_tangent(
        &mut self,
        t: usize,
        parameter: usize,
        next: &mut [f64],
        constraints: &mut [f64],
        gradient: &mut [f64],
    ) -> bool {
        let rates = Rates {
            gradient,
            constraints,
        };
        self.follow_through_stage(t, parameter, next, rates);
        true
    }
}

/// Program and memory of a stage, and the slots that its derivatives share.
fn stage<'a>(
    stages: &'a Stages,
    values: &'a mut [[f64; 1]],
    starts: &[(usize, usize)],
    t: usize,
) -> (&'a Program, &'a mut [[f64; 1]], &'a [u32]) {
    let (phase, start) = starts[t];
    let program = stages
        .phases
        .get(phase)
        .map_or(&stages.terminal, |phase| &phase.program);
    (
        program,
        &mut values[start..start + program.slots],
        &stages.shared_slots[phase],
    )
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use crate::problem::{Problem, TextLimits};
    use labwire_solve::Functions;

    /// Of every kind of stage: without and with path constraints, and the last.
    #[test]
    fn derivatives_are_differences_of_values_and_gradients() {
        let text = include_str!("../../problems/trailer.json");
        let problem = Problem::from_json(text, &TextLimits::default()).unwrap();
        let lengths = problem.stages().unwrap().structure();
        let (nx, nu) = (lengths.num_states, lengths.num_inputs);
        let mut evaluator = problem.evaluator();
        evaluator.set_parameters(&[-1.0, 2.0, 0.0]);
        let stages = evaluator.stages().unwrap();
        let (adjoint, y) = ([0.7, -0.3, 0.4], [1.5, 0.2]);
        for t in [0, 1, lengths.horizon] {
            let m = lengths.first_constraints[t + 1] - lengths.first_constraints[t];
            let (size, next) = if t == lengths.horizon {
                (nx, 0)
            } else {
                (nx + nu, nx)
            };
            let mut evaluate = |z: &[f64]| {
                let (mut f, mut g, mut gradient) = (vec![0.0; next], vec![0.0; m], vec![0.0; size]);
                stages.forward(t, &z[..nx], &z[nx..], &mut f, &mut g);
                stages.reverse(t, &adjoint[..next], &y[..m], &mut gradient);
                let (mut jacobian, mut hessian) = (vec![0.0; size * (next + m)], vec![0.0; size * size]);
                stages.expand(t, &mut jacobian, &mut hessian);
                f.extend(g);
                (f, gradient, jacobian, hessian)
            };
            let z = &[0.3, -0.2, 0.9, 1.1, -0.6][..size];
            let (values, gradient, jacobian, hessian) = evaluate(z);
            for j in 0..size {
                let mut moved = z.to_vec();
                moved[j] += 1e-6;
                let (more, steeper, ..) = evaluate(&moved);
                for i in 0..next + m {
                    let slope = (more[i] - values[i]) / 1e-6;
                    assert!((jacobian[j * (next + m) + i] - slope).abs() < 1e-4, "{t} {i} {j}");
                }
                for i in 0..size {
                    let slope = (steeper[i] - gradient[i]) / 1e-6;
                    assert!((hessian[j * size + i] - slope).abs() < 1e-3, "{t} {i} {j}");
                }
            }
            assert!(hessian.iter().any(|entry| *entry != 0.0));
        }
    }
}
