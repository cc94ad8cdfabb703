//! Derivatives of one stage along the unit directions, in lanes.

use alloc::vec;
use alloc::vec::Vec;

use crate::expression::graph::Input;
use crate::expression::interpreter::{FORWARD_TANGENT, REVERSE_TANGENT};
use crate::expression::program::Program;
use crate::expression::run::Run;

/// Directions that are followed at once.
pub(super) const WIDTH: usize = 8;

/// Memory for the derivatives of one stage along directions.
#[derive(Clone, Debug)]
pub(super) struct Expander {
    values: Vec<[f64; WIDTH]>,
    directions: Vec<[f64; WIDTH]>,
}

impl Expander {
    /// Memory for programs with at most so many slots and decision variables.
    pub(super) fn new(slots: usize, variables: usize) -> Self {
        Self {
            values: vec![[0.0; WIDTH]; slots],
            directions: vec![[0.0; WIDTH]; variables],
        }
    }

    /// Derivatives at the point in `memory`: of next state and constraints, and of the gradient; a row per variable.
    pub(super) fn expand(
        &mut self,
        program: &Program,
        shared: &[u32],
        memory: &[[f64; 1]],
        jacobian: &mut [f64],
        hessian: &mut [f64],
    ) {
        let Self { values, directions } = self;
        let values = &mut values[..program.slots];
        for &slot in shared {
            let [value] = memory[slot as usize];
            values[slot as usize] = [value; WIDTH];
        }
        let (size, width) = (program.inputs.variables, program.inputs.multipliers);
        let rates = program.input_slot(Input::MultiplierRate);
        values[rates..rates + width].fill([0.0; WIDTH]);
        for first in (0..size).step_by(WIDTH) {
            let lanes = WIDTH.min(size - first);
            let directions = &mut directions[..size];
            directions.fill([0.0; WIDTH]);
            for lane in 0..lanes {
                directions[first + lane][lane] = 1.0;
            }
            program.load(values, Input::Direction, 0, directions);
            // The first output is the rate of the cost.
            for (i, rates) in program.run(FORWARD_TANGENT, values).skip(1).enumerate() {
                for lane in 0..lanes {
                    jacobian[(first + lane) * width + i] = rates[lane];
                }
            }
            for (i, rates) in program.run(REVERSE_TANGENT, values).enumerate() {
                for lane in 0..lanes {
                    hessian[(first + lane) * size + i] = rates[lane];
                }
            }
        }
    }
}

/// Slots that the derivatives along a direction take from the values and the gradient.
pub(super) fn shared_slots(program: &Program) -> Vec<u32> {
    let tangents = [
        &program.sections[FORWARD_TANGENT],
        &program.sections[REVERSE_TANGENT],
    ];
    let mut is_shared = vec![false; program.slots];
    for section in tangents {
        for run in &section.runs {
            operands(run, &program.indices, |slot| is_shared[slot] = true);
        }
        section
            .outputs
            .iter()
            .for_each(|slot| is_shared[*slot as usize] = true);
    }
    for section in tangents {
        for run in &section.runs {
            let first = run.destination as usize;
            is_shared[first..first + run.len as usize * run.kind.results()].fill(false);
        }
    }
    let rates = program.input_slot(Input::Direction)..program.first_computed_slot();
    is_shared[rates].fill(false);
    (0..program.slots as u32)
        .filter(|slot| is_shared[*slot as usize])
        .collect()
}

fn operands(run: &Run, indices: &[u32], mut visit: impl FnMut(usize)) {
    for step in 0..run.len as usize {
        let slots = run.operands_at(indices, step);
        slots.into_iter().for_each(&mut visit);
    }
}
