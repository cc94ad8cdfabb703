//! Evaluates a problem, of whichever form, at one point or at a block of points at once.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::Body;
use super::graph::Input;
use super::interpreter::{FORWARD, REVERSE};
use super::program::Program;
use super::stage_evaluator::StageEvaluator;

/// A problem with the memory to evaluate it. Nothing here allocates after it is made.
///
/// With `LANES` above 1 it evaluates that many points at once: an element of a vector is then an array with one number
/// a point. Every lane gives the bits that one point alone gives. Lanes that are not needed may hold anything.
///
/// Vectors have the lengths that the problem says; of longer ones the rest is ignored, of shorter ones the missing
/// elements keep what they were (in an optimal-control problem, there is no result but NaN).
#[derive(Clone, Debug)]
pub struct Evaluator<const LANES: usize = 1> {
    form: Form<LANES>,
}

#[derive(Clone, Debug)]
enum Form<const LANES: usize> {
    Plain {
        program: Arc<Program>,
        values: Vec<[f64; LANES]>,
    },
    Stages(StageEvaluator<LANES>),
}

impl Evaluator<1> {
    /// Sets the parameters and computes what depends on nothing else.
    pub fn set_parameters(&mut self, parameters: &[f64]) {
        self.set_parameters_block(parameters.as_chunks().0);
    }

    /// The cost at the point `u`; `g` receives the constraint values, those of F1 before those of F2.
    pub fn forward(&mut self, u: &[f64], g: &mut [f64]) -> f64 {
        let [cost] = self.forward_block(u.as_chunks().0, g.as_chunks_mut().0);
        cost
    }

    /// The gradient of cost plus `y` times the constraints, at the point of the last [`forward`](Self::forward).
    pub fn reverse(&mut self, y: &[f64], gradient: &mut [f64]) {
        self.reverse_block(y.as_chunks().0, gradient.as_chunks_mut().0);
    }

    /// The states x_0, x_1, ..., x_N of an optimal-control problem at the point of the last
    /// [`forward`](Self::forward), the elements of a state together; empty for other problems.
    pub fn states(&self) -> impl Iterator<Item = &[f64]> {
        let stages = match &self.form {
            Form::Plain { .. } => None,
            Form::Stages(stages) => Some(stages.states().map(<[[f64; 1]]>::as_flattened)),
        };
        stages.into_iter().flatten()
    }
}

impl<const LANES: usize> Evaluator<LANES> {
    /// The parameters are 0 until they are set.
    pub(super) fn new(body: &Body) -> Self {
        let form = match body {
            Body::Plain(program) => {
                let mut values = vec![[0.0; LANES]; program.slots];
                program.initialize(&mut values);
                Form::Plain {
                    program: Arc::clone(program),
                    values,
                }
            }
            Body::Stages(stages) => Form::Stages(StageEvaluator::new(Arc::clone(stages))),
        };
        let mut evaluator = Self { form };
        evaluator.set_parameters_block(&[]);
        evaluator
    }

    /// [`set_parameters`](Self::set_parameters) for a block of points.
    pub fn set_parameters_block(&mut self, parameters: &[[f64; LANES]]) {
        match &mut self.form {
            Form::Plain { program, values } => {
                program.load(values, Input::Parameter, 0, parameters);
                program.prepare(values);
            }
            Form::Stages(stages) => stages.set_parameters(parameters),
        }
    }

    /// [`forward`](Self::forward) for a block of points.
    pub fn forward_block(&mut self, u: &[[f64; LANES]], g: &mut [[f64; LANES]]) -> [f64; LANES] {
        match &mut self.form {
            Form::Plain { program, values } => {
                program.load(values, Input::Variable, 0, u);
                let mut outputs = program.run(FORWARD, values);
                let cost = outputs.next().unwrap_or([f64::NAN; LANES]);
                g.iter_mut().zip(outputs).for_each(|(g, output)| *g = output);
                cost
            }
            Form::Stages(stages) => stages.forward(u, g),
        }
    }

    /// [`reverse`](Self::reverse) for a block of points.
    pub fn reverse_block(&mut self, y: &[[f64; LANES]], gradient: &mut [[f64; LANES]]) {
        match &mut self.form {
            Form::Plain { program, values } => {
                program.load(values, Input::Multiplier, 0, y);
                let outputs = program.run(REVERSE, values);
                gradient
                    .iter_mut()
                    .zip(outputs)
                    .for_each(|(entry, output)| *entry = output);
            }
            Form::Stages(stages) => stages.reverse(y, gradient),
        }
    }
}
