//! Exact second derivatives in multiple shooting, from those of the stages.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use labwire_solve::{SecondDerivatives, StageFunctions};

use super::stage_evaluator::StageEvaluator;
use super::stages::{Shooting, Stages};
use crate::expression::program::Program;

/// Largest number of entries of Jacobian and Hessian.
const MAX_ENTRIES: usize = 1_000_000;

/// Derivatives of one stage.
#[derive(Clone, Debug)]
pub(super) struct StageDerivatives {
    jacobian: Vec<f64>,
    hessian: Vec<f64>,
}

impl StageDerivatives {
    /// Memory for any stage.
    pub(super) fn new(stages: &Stages) -> Self {
        let size = stages.num_states() + stages.num_inputs();
        let width = stages.programs().map(|program| program.inputs.multipliers).max();
        Self {
            jacobian: vec![0.0; size * width.unwrap_or(0)],
            hessian: vec![0.0; size * size],
        }
    }
}

impl Stages {
    /// Places of the second derivatives in multiple shooting, a full block per stage; `None` if there are too many, or states
    /// are no decision variables.
    pub(super) fn second_derivatives(&self) -> Option<SecondDerivatives> {
        if self.shooting != Shooting::Multiple || self.num_entries() > MAX_ENTRIES {
            return None;
        }
        let mut sparsity = SecondDerivatives::default();
        for stage in self.each() {
            stage.visit_jacobian(|row, column, _| sparsity.jacobian.push((row as u32, column as u32)));
            stage.visit_hessian(|row, column, _| sparsity.hessian.push((row as u32, column as u32)));
        }
        (sparsity.operations, sparsity.evaluation) = self.operations();
        Some(sparsity)
    }

    /// Number of entries of Jacobian and Hessian.
    fn num_entries(&self) -> usize {
        let stages = self
            .phases
            .iter()
            .map(|phase| (&phase.program, phase.stages.len()));
        stages.fold(0, |sum: usize, (program, count)| {
            let (size, width) = (program.inputs.variables, program.inputs.multipliers);
            let entries = size.saturating_mul(width + 1 + size / 2);
            sum.saturating_add(entries.saturating_mul(count))
        })
    }

    /// The stages, the last one at the end.
    fn each(&self) -> impl Iterator<Item = Stage<'_>> {
        let last = (&self.terminal, 1);
        let phases = self
            .phases
            .iter()
            .map(|phase| (&phase.program, phase.stages.len()));
        let programs = phases
            .chain([last])
            .flat_map(|(program, count)| core::iter::repeat_n(program, count));
        let mut f1 = 0;
        programs.enumerate().map(move |(t, program)| {
            let next = if t == self.horizon { 0 } else { self.num_states() };
            let first = f1;
            f1 += program.inputs.multipliers - next;
            Stage {
                stages: self,
                t,
                program,
                next,
                first,
            }
        })
    }
}

/// A stage, and the places of its derivatives among all.
struct Stage<'a> {
    stages: &'a Stages,
    t: usize,
    program: &'a Program,
    /// Length of the next state.
    next: usize,
    /// First of its constraints of F1.
    first: usize,
}

impl Stage<'_> {
    /// Place of the element `i` of a state among the decision variables.
    fn state(&self, t: usize, i: usize) -> Option<usize> {
        let states = self.stages.horizon * self.stages.num_inputs();
        Some(states + t.checked_sub(1)? * self.stages.num_states() + i)
    }

    /// Place of a variable of the stage; the initial state is given.
    fn variable(&self, a: usize) -> Option<usize> {
        match a.checked_sub(self.stages.num_states()) {
            Some(input) => Some(self.t * self.stages.num_inputs() + input),
            None => self.state(self.t, a),
        }
    }

    /// Visits the entries of the Jacobian: row, column, and the place in that of the stage with the sign; those of the next
    /// state itself have none.
    fn visit_jacobian(&self, mut visit: impl FnMut(usize, usize, Option<(usize, f64)>)) {
        let width = self.program.inputs.multipliers;
        let f2 = self.stages.num_f1() + self.t * self.stages.num_states();
        for i in 0..self.next {
            if let Some(column) = self.state(self.t + 1, i) {
                visit(f2 + i, column, None);
            }
        }
        for a in 0..self.program.inputs.variables {
            let Some(column) = self.variable(a) else { continue };
            for i in 0..width {
                match i.checked_sub(self.next) {
                    Some(path) => visit(self.first + path, column, Some((a * width + i, 1.0))),
                    None => visit(f2 + i, column, Some((a * width + i, -1.0))),
                }
            }
        }
    }

    /// Visits the entries of the lower triangle of the Hessian: row, column, and the place in that of the stage.
    fn visit_hessian(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let size = self.program.inputs.variables;
        for a in 0..size {
            let Some(row) = self.variable(a) else { continue };
            for b in 0..size {
                match self.variable(b) {
                    Some(column) if column <= row => visit(row, column, a * size + b),
                    _ => {}
                }
            }
        }
    }
}

impl StageEvaluator<1> {
    /// Entries of [`Stages::second_derivatives`] at the point of the last sweeps forward and backward.
    pub(super) fn second_derivatives(&mut self, jacobian: &mut [f64], hessian: &mut [f64]) {
        let stages = Arc::clone(&self.stages);
        let Some(mut own) = self.derivatives.take() else {
            return;
        };
        let (mut jacobian, mut hessian) = (jacobian.iter_mut(), hessian.iter_mut());
        for stage in stages.each() {
            let (size, width) = (stage.program.inputs.variables, stage.program.inputs.multipliers);
            let of_stage = &mut own.jacobian[..size * width];
            self.expand(stage.t, of_stage, &mut own.hessian[..size * size]);
            stage.visit_jacobian(|_, _, place| {
                if let Some(entry) = jacobian.next() {
                    *entry = place.map_or(1.0, |(place, sign)| sign * of_stage[place]);
                }
            });
            stage.visit_hessian(|_, _, place| {
                if let Some(entry) = hessian.next() {
                    *entry = own.hessian[place];
                }
            });
        }
        self.derivatives = Some(own);
    }
}
