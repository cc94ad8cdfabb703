//! Evaluation of a problem of either form, at one point or at a block of points.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use labwire_solve::{Functions, StageFunctions};

use super::parameter_tangents::{ParameterTangents, Rates};
use super::second::Second;
use super::stage_evaluator::StageEvaluator;
use super::stages::Shooting;
use super::{Body, Edge};
use crate::expression::graph::Input;
use crate::expression::interpreter::{FORWARD, FORWARD_TANGENT, REVERSE, REVERSE_TANGENT};
use crate::expression::program::Program;

/// Problem with the memory to evaluate it. Nothing allocates after creation.
///
/// With `LANES` above 1 it evaluates that many points at once: an element of a vector is then an array with one
/// number per point. Every lane has the bits that a single point would have. Unused lanes may contain anything.
///
/// Vectors must have the lengths of the problem; extra elements are ignored, and missing ones keep their old values
/// (in an optimal-control problem, the result is then NaN).
#[derive(Clone, Debug)]
pub struct Evaluator<const LANES: usize = 1> {
    form: Form<LANES>,
    /// Allocated when derivatives with respect to a parameter are first asked for.
    parameter_tangents: ParameterTangents,
}

#[derive(Clone, Debug)]
enum Form<const LANES: usize> {
    Plain {
        program: Arc<Program>,
        values: Vec<[f64; LANES]>,
        second: Option<SecondMemory<LANES>>,
    },
    Stages(StageEvaluator<LANES>),
}

/// Program for second derivatives, with its memory.
#[derive(Clone, Debug)]
struct SecondMemory<const LANES: usize> {
    second: Arc<Second>,
    values: Vec<[f64; LANES]>,
}

impl Evaluator<1> {
    /// Sets the parameters and computes everything that depends only on them.
    pub fn set_parameters(&mut self, parameters: &[f64]) {
        self.set_parameters_block(parameters.as_chunks().0);
    }

    /// Cost at the point `u`; `g` receives the constraint values, those of F1 before those of F2.
    pub fn forward(&mut self, u: &[f64], g: &mut [f64]) -> f64 {
        let [cost] = self.forward_block(u.as_chunks().0, g.as_chunks_mut().0);
        cost
    }

    /// Gradient of the cost plus `y` times the constraints, at the point of the last [`forward`](Self::forward).
    pub fn reverse(&mut self, y: &[f64], gradient: &mut [f64]) {
        self.reverse_block(y.as_chunks().0, gradient.as_chunks_mut().0);
    }

    /// Derivatives along the direction `v` at the point of the last [`forward`](Self::forward): returns that of the
    /// cost; `rates` receives those of the constraints, J v.
    pub fn forward_tangent(&mut self, v: &[f64], rates: &mut [f64]) -> f64 {
        let [rate] = self.forward_tangent_block(v.as_chunks().0, rates.as_chunks_mut().0);
        rate
    }

    /// Derivative of the gradient of the last [`reverse`](Self::reverse), along the direction of the last
    /// [`forward_tangent`](Self::forward_tangent) and with multipliers that change at the rates `w`: H v + J^T w,
    /// where H is the Hessian of cost plus multipliers times constraints.
    ///
    /// With w = D J v it is the product of v with the Hessian of an augmented Lagrangian, D its penalties where a
    /// constraint is active.
    pub fn reverse_tangent(&mut self, w: &[f64], product: &mut [f64]) {
        self.reverse_tangent_block(w.as_chunks().0, product.as_chunks_mut().0);
    }

    /// Entries of [`Problem::second_derivatives`](super::Problem::second_derivatives) at the point of the last
    /// [`forward`](Self::forward), with the multipliers of the last [`reverse`](Self::reverse); nothing is written if the
    /// problem has none.
    pub fn second_derivatives(&mut self, jacobian: &mut [f64], hessian: &mut [f64]) {
        let (program, values, memory) = match &mut self.form {
            Form::Plain {
                program,
                values,
                second: Some(memory),
            } => (program, values, memory),
            Form::Stages(stages) if stages.stages.second.is_some() => {
                return stages.second_derivatives(jacobian, hessian);
            }
            _ => return,
        };
        let SecondMemory { second, values: own } = memory;
        for input in [Input::Variable, Input::Multiplier] {
            let start = program.input_slot(input);
            let range = start..start + program.inputs.len(input);
            second.program.load(own, input, 0, &values[range]);
        }
        let mut entries = second.program.run(0, own).map(|[entry]| entry);
        for (place, entry) in jacobian.iter_mut().zip(&mut entries) {
            *place = entry;
        }
        for (place, entry) in hessian.iter_mut().zip(entries) {
            *place = entry;
        }
    }

    /// Derivatives with respect to the parameter `index` at the point of the last [`forward`](Self::forward) and
    /// [`reverse`](Self::reverse): `constraints` receives those of the constraint values, `gradient` those of the gradient
    /// with the multipliers held; NaN if there is no such parameter. The first call allocates.
    pub fn parameter_tangent(&mut self, index: usize, constraints: &mut [f64], gradient: &mut [f64]) {
        if index >= self.num_parameters() {
            constraints.fill(f64::NAN);
            return gradient.fill(f64::NAN);
        }
        let tangents = &mut self.parameter_tangents;
        let mut rates = Rates {
            gradient,
            constraints,
        };
        match &self.form {
            Form::Plain { program, values, .. } => tangents.follow(program, values, index, &mut rates),
            Form::Stages(stages) => tangents.follow_stages(stages, index, &mut rates),
        }
    }

    fn num_parameters(&self) -> usize {
        match &self.form {
            Form::Plain { program, .. } => program.inputs.parameters,
            Form::Stages(stages) => stages.stages.parameters.num_parameters,
        }
    }

    /// The steepest operation at the edge of its domain at the point of the last [`forward`](Self::forward), if there is
    /// one; not looked for in problems of stages.
    #[must_use]
    pub fn edge(&self) -> Option<Edge> {
        match &self.form {
            Form::Plain { program, values, .. } => program.edge(FORWARD, values),
            Form::Stages(_) => None,
        }
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

impl Functions for Evaluator {
    fn num_variables(&self) -> usize {
        match &self.form {
            Form::Plain { program, .. } => program.inputs.variables,
            Form::Stages(stages) => stages.stages.num_variables(),
        }
    }

    fn num_constraints(&self) -> usize {
        match &self.form {
            Form::Plain { program, .. } => program.inputs.multipliers,
            Form::Stages(stages) => stages.stages.num_f1() + stages.stages.num_f2(),
        }
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> bool {
        Evaluator::set_parameters(self, parameters);
        true
    }

    fn forward(&mut self, u: &[f64], g: &mut [f64]) -> f64 {
        Evaluator::forward(self, u, g)
    }

    fn reverse(&mut self, _u: &[f64], y: &[f64], gradient: &mut [f64]) {
        Evaluator::reverse(self, y, gradient);
    }

    fn forward_tangent(&mut self, v: &[f64], rates: &mut [f64]) -> bool {
        Evaluator::forward_tangent(self, v, rates);
        true
    }

    fn reverse_tangent(&mut self, w: &[f64], product: &mut [f64]) {
        Evaluator::reverse_tangent(self, w, product);
    }

    fn second_derivatives(&mut self, jacobian: &mut [f64], hessian: &mut [f64]) {
        Evaluator::second_derivatives(self, jacobian, hessian);
    }

    fn parameter_tangent(&mut self, index: usize, constraints: &mut [f64], gradient: &mut [f64]) -> bool {
        Evaluator::parameter_tangent(self, index, constraints, gradient);
        true
    }

    fn stages(&mut self) -> Option<&mut dyn StageFunctions> {
        match &mut self.form {
            Form::Stages(stages) if stages.stages.shooting != Shooting::Multiple => Some(stages),
            _ => None,
        }
    }
}

impl<const LANES: usize> Evaluator<LANES> {
    /// The parameters are 0 until they are set.
    pub(super) fn new(body: &Body) -> Self {
        let form = match body {
            Body::Plain { program, second } => {
                let memory = |program: &Program| {
                    let mut values = vec![[0.0; LANES]; program.slots];
                    program.initialize(&mut values);
                    values
                };
                // Blocks of points are evaluated for their values and gradients.
                let second = second.as_ref().filter(|_| LANES == 1);
                Form::Plain {
                    program: Arc::clone(program),
                    values: memory(program),
                    second: second.map(|second| SecondMemory {
                        values: memory(&second.program),
                        second: Arc::clone(second),
                    }),
                }
            }
            Body::Stages(stages) => Form::Stages(StageEvaluator::new(Arc::clone(stages))),
        };
        let mut evaluator = Self {
            form,
            parameter_tangents: ParameterTangents::default(),
        };
        evaluator.set_parameters_block(&[]);
        evaluator
    }

    /// [`set_parameters`](Self::set_parameters) for a block of points.
    pub fn set_parameters_block(&mut self, parameters: &[[f64; LANES]]) {
        match &mut self.form {
            Form::Plain {
                program,
                values,
                second,
            } => {
                program.load(values, Input::Parameter, 0, parameters);
                program.prepare(values);
                if let Some(SecondMemory { second, values }) = second {
                    second.program.load(values, Input::Parameter, 0, parameters);
                    second.program.prepare(values);
                }
            }
            Form::Stages(stages) => stages.set_parameters(parameters),
        }
    }

    /// [`forward`](Self::forward) for a block of points.
    pub fn forward_block(&mut self, u: &[[f64; LANES]], g: &mut [[f64; LANES]]) -> [f64; LANES] {
        self.sweep_forward(FORWARD, Input::Variable, u, g)
    }

    /// [`reverse`](Self::reverse) for a block of points.
    pub fn reverse_block(&mut self, y: &[[f64; LANES]], gradient: &mut [[f64; LANES]]) {
        self.sweep_backward(REVERSE, Input::Multiplier, y, gradient);
    }

    /// [`forward_tangent`](Self::forward_tangent) for a block of points.
    pub fn forward_tangent_block(&mut self, v: &[[f64; LANES]], rates: &mut [[f64; LANES]]) -> [f64; LANES] {
        self.sweep_forward(FORWARD_TANGENT, Input::Direction, v, rates)
    }

    /// [`reverse_tangent`](Self::reverse_tangent) for a block of points.
    pub fn reverse_tangent_block(&mut self, w: &[[f64; LANES]], product: &mut [[f64; LANES]]) {
        self.sweep_backward(REVERSE_TANGENT, Input::MultiplierRate, w, product);
    }

    /// Sweeps from variables, or their rates, to cost and constraints, or their rates.
    fn sweep_forward(
        &mut self,
        section: usize,
        input: Input,
        u: &[[f64; LANES]],
        g: &mut [[f64; LANES]],
    ) -> [f64; LANES] {
        match &mut self.form {
            Form::Plain { program, values, .. } => {
                program.load(values, input, 0, u);
                let mut outputs = program.run(section, values);
                let cost = outputs.next().unwrap_or([f64::NAN; LANES]);
                g.iter_mut().zip(outputs).for_each(|(g, output)| *g = output);
                cost
            }
            Form::Stages(stages) => stages.sweep_forward(section, input, u, g),
        }
    }

    /// Sweeps from multipliers, or their rates, to the gradient, or its rate.
    fn sweep_backward(
        &mut self,
        section: usize,
        input: Input,
        y: &[[f64; LANES]],
        gradient: &mut [[f64; LANES]],
    ) {
        match &mut self.form {
            Form::Plain { program, values, .. } => {
                program.load(values, input, 0, y);
                let outputs = program.run(section, values);
                let entries = gradient.iter_mut().zip(outputs);
                entries.for_each(|(entry, output)| *entry = output);
            }
            Form::Stages(stages) => stages.sweep_backward(section, input, y, gradient),
        }
    }
}
