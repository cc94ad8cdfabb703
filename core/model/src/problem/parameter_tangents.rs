//! Derivatives with respect to the parameters, at the point where an evaluator's functions were evaluated last.

use alloc::vec;
use alloc::vec::Vec;

use super::stage_evaluator::StageEvaluator;
use super::stages::{Shooting, Stages};
use crate::expression::graph::Input;
use crate::expression::interpreter::{FORWARD, REVERSE};
use crate::expression::program::Program;

/// Memory for the tangents of one program, or of those of all stages.
#[derive(Clone, Debug, Default)]
pub(super) struct ParameterTangents {
    tangents: Vec<f64>,
    /// Tangents of a state, or of its adjoint.
    state: Vec<f64>,
}

/// Rates along a parameter: of the gradient and of the constraint values.
pub(super) struct Rates<'a> {
    pub(super) gradient: &'a mut [f64],
    pub(super) constraints: &'a mut [f64],
}

impl ParameterTangents {
    /// Follows a parameter through a program without stages.
    pub(super) fn follow(
        &mut self,
        program: &Program,
        values: &[[f64; 1]],
        parameter: usize,
        rates: &mut Rates<'_>,
    ) {
        self.tangents.resize(program.slots, 0.0);
        self.tangents.fill(0.0);
        self.tangents[program.input_slot(Input::Parameter) + parameter] = 1.0;
        program.prepare_tangents(values, &mut self.tangents);
        let outputs = program.run_tangents(FORWARD, values, &mut self.tangents);
        write(rates.constraints, outputs.skip(1));
        write(
            rates.gradient,
            program.run_tangents(REVERSE, values, &mut self.tangents),
        );
    }

    /// Follows a parameter through the stages: states forward, adjoints backward.
    pub(super) fn follow_stages(
        &mut self,
        evaluator: &StageEvaluator<1>,
        parameter: usize,
        rates: &mut Rates<'_>,
    ) {
        let stages = &*evaluator.stages;
        self.tangents.resize(evaluator.values.len(), 0.0);
        self.state.resize(stages.num_states(), 0.0);
        self.follow_initial(evaluator, parameter);
        let is_multiple = stages.shooting == Shooting::Multiple;
        let num_states = stages.num_states();
        let (f1, f2) = rates.constraints.split_at_mut(stages.num_f1());
        let mut at = 0;
        for t in 0..=stages.horizon {
            let (program, values, tangents) = stage(evaluator, &mut self.tangents, t);
            seed(stages, t, (program, values), tangents, parameter);
            let first = program.input_slot(Input::Variable);
            tangents[first..first + num_states].copy_from_slice(&self.state);
            let mut outputs = program.run_tangents(FORWARD, values, tangents).skip(1);
            if t < stages.horizon {
                write(&mut self.state, &mut outputs);
            }
            let num_path = num_path(stages, program, t);
            write(&mut f1[at..at + num_path], outputs);
            at += num_path;
            if is_multiple && t < stages.horizon {
                // The gap is `x_(t+1) - f`, and x_(t+1) a decision variable.
                for (gap, x) in f2[t * num_states..].iter_mut().zip(&mut self.state) {
                    *gap = -core::mem::take(x);
                }
            }
        }
        self.state.fill(0.0);
        let (inputs, states) = rates.gradient.split_at_mut(stages.horizon * stages.num_inputs());
        let num_inputs = stages.num_inputs();
        for t in (0..=stages.horizon).rev() {
            let (program, values, tangents) = stage(evaluator, &mut self.tangents, t);
            if t < stages.horizon {
                let first = program.input_slot(Input::Multiplier);
                tangents[first..first + num_states].copy_from_slice(&self.state);
            }
            let mut outputs = program.run_tangents(REVERSE, values, tangents);
            write(&mut self.state, &mut outputs);
            if t < stages.horizon {
                write(&mut inputs[t * num_inputs..(t + 1) * num_inputs], outputs);
            }
            if is_multiple && t > 0 {
                // The multipliers of the gaps do not change.
                let entries = &mut states[(t - 1) * num_states..t * num_states];
                for (entry, adjoint) in entries.iter_mut().zip(&mut self.state) {
                    *entry = core::mem::take(adjoint);
                }
            }
        }
    }

    /// Writes the tangent of the initial state.
    fn follow_initial(&mut self, evaluator: &StageEvaluator<1>, parameter: usize) {
        let stages = &evaluator.stages;
        let mut tangents = vec![0.0; stages.initial.slots];
        follow_initial(
            stages,
            &evaluator.initial_values,
            &mut tangents,
            parameter,
            &mut self.state,
        );
    }
}

fn follow_initial(
    stages: &Stages,
    values: &[[f64; 1]],
    tangents: &mut [f64],
    parameter: usize,
    state: &mut [f64],
) {
    let program = &stages.initial;
    seed(stages, 0, (program, values), tangents, parameter);
    write(state, program.run_tangents(FORWARD, values, tangents));
}

impl StageEvaluator<1> {
    /// Follows a parameter to the initial state.
    pub(super) fn follow_to_initial_state(&mut self, parameter: usize, state: &mut [f64]) {
        self.tangents.resize(self.stages.initial.slots, 0.0);
        follow_initial(
            &self.stages,
            &self.initial_values,
            &mut self.tangents,
            parameter,
            state,
        );
    }

    /// Follows a parameter through stage `t` alone, with its state, input and multipliers held.
    pub(super) fn follow_through_stage(
        &mut self,
        t: usize,
        parameter: usize,
        next: &mut [f64],
        rates: Rates<'_>,
    ) {
        let (phase, start) = self.starts[t];
        let stages = &*self.stages;
        let program = stages
            .phases
            .get(phase)
            .map_or(&stages.terminal, |phase| &phase.program);
        let values = &self.values[start..start + program.slots];
        self.tangents.resize(program.slots, 0.0);
        seed(stages, t, (program, values), &mut self.tangents, parameter);
        let mut outputs = program.run_tangents(FORWARD, values, &mut self.tangents).skip(1);
        write(next, &mut outputs);
        write(rates.constraints, outputs);
        write(
            rates.gradient,
            program.run_tangents(REVERSE, values, &mut self.tangents),
        );
    }
}

/// Tangents at stage `t` along one parameter of everything that depends only on the parameters; those of the other inputs
/// are 0.
fn seed(
    stages: &Stages,
    t: usize,
    (program, values): (&Program, &[[f64; 1]]),
    tangents: &mut [f64],
    parameter: usize,
) {
    tangents.fill(0.0);
    stages.parameters.seed(t, parameter, program, tangents);
    program.prepare_tangents(values, tangents);
}

fn num_path(stages: &Stages, program: &Program, t: usize) -> usize {
    let next = if t < stages.horizon {
        stages.num_states()
    } else {
        0
    };
    program.inputs.multipliers - next
}

fn write(places: &mut [f64], outputs: impl Iterator<Item = f64>) {
    places
        .iter_mut()
        .zip(outputs)
        .for_each(|(place, output)| *place = output);
}

/// Program of a stage, its values and its tangents.
fn stage<'a>(
    evaluator: &'a StageEvaluator<1>,
    tangents: &'a mut [f64],
    t: usize,
) -> (&'a Program, &'a [[f64; 1]], &'a mut [f64]) {
    let (phase, start) = evaluator.starts[t];
    let stages = &*evaluator.stages;
    let program = stages
        .phases
        .get(phase)
        .map_or(&stages.terminal, |phase| &phase.program);
    let range = start..start + program.slots;
    (program, &evaluator.values[range.clone()], &mut tangents[range])
}
