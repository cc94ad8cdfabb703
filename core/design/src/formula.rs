//! Models from text: compiled expressions, evaluated over blocks of points.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use labwire_model::expression::graph::{Expr, Graph, Input};
use labwire_model::expression::program::Program;

use super::inputs::{self, PARAMETER, SETTING};
use super::model::{LANES, Model, Points};

/// Compiled expressions of settings and parameters.
#[derive(Clone, Debug)]
pub(super) struct Formula {
    program: Arc<Program>,
    values: Vec<[f64; LANES]>,
}

impl Formula {
    pub(super) fn new(graph: &Graph, setting: usize, parameters: usize, outputs: Vec<Expr>) -> Self {
        let program = Program::new(graph, inputs::lengths(setting, parameters), &[outputs]);
        let mut values = vec![[0.0; LANES]; program.slots];
        program.initialize(&mut values);
        Self {
            program: Arc::new(program),
            values,
        }
    }

    /// Loads the values of an input at the points from `start` on; lanes beyond the last point keep their
    /// old values.
    fn load(&mut self, input: Input, points: Points<'_>, start: usize) {
        let count = self.program.inputs.len(input);
        let slot = self.program.input_slot(input);
        for (row, lanes) in self.values[slot..slot + count].iter_mut().enumerate() {
            match *points.row(row) {
                [value] => lanes.fill(value),
                ref values => {
                    let values = &values[start..];
                    let len = values.len().min(LANES);
                    lanes[..len].copy_from_slice(&values[..len]);
                }
            }
        }
    }
}

impl Model for Formula {
    fn num_outputs(&self) -> usize {
        self.program.sections[0].outputs.len()
    }

    fn evaluate(&mut self, settings: Points<'_>, parameters: Points<'_>, outputs: &mut [f64]) {
        let program = Arc::clone(&self.program);
        let len = settings.len().max(parameters.len());
        for start in (0..len).step_by(LANES) {
            // Whatever is the same at all points is computed once.
            if start == 0 || settings.len() > 1 {
                self.load(SETTING, settings, start);
                program.prepare(&mut self.values);
            }
            if start == 0 || parameters.len() > 1 {
                self.load(PARAMETER, parameters, start);
            }
            let results = program.run(0, &mut self.values);
            for (row, lanes) in outputs.chunks_exact_mut(len).zip(results) {
                let row = &mut row[start..];
                let count = row.len().min(LANES);
                row[..count].copy_from_slice(&lanes[..count]);
            }
        }
    }

    fn operations(&self) -> usize {
        self.program.slots
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}
