//! The interpreter: evaluates a problem at one point, or at a block of points at once.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::graph::Input;
use super::operation::{Binary, masked_div, masked_mul, select};
use super::program::{Kind, Operands, Program, Run};
use crate::math;

/// A program with the memory to run it. Nothing here allocates after it is made.
///
/// With `LANES` above 1 it evaluates that many points at once: an element of a vector is then an array with one number
/// a point. Every lane gives the bits that one point alone gives. Lanes that are not needed may hold anything.
///
/// Vectors have the lengths that the problem says; of longer ones the rest is ignored, of shorter ones the missing
/// elements keep what they were.
#[derive(Clone, Debug)]
pub struct Evaluator<const LANES: usize = 1> {
    program: Arc<Program>,
    values: Vec<[f64; LANES]>,
}

/// The sections of a problem's program.
const FORWARD: usize = 0;
const REVERSE: usize = 1;

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
}

impl<const LANES: usize> Evaluator<LANES> {
    /// The parameters are 0 until they are set.
    pub(super) fn new(program: Arc<Program>) -> Self {
        let mut values = vec![[0.0; LANES]; program.slots];
        for (value, constant) in values.iter_mut().zip(&program.constants) {
            *value = [*constant; LANES];
        }
        let mut evaluator = Self { program, values };
        evaluator.set_parameters_block(&[]);
        evaluator
    }

    /// [`set_parameters`](Self::set_parameters) for a block of points.
    pub fn set_parameters_block(&mut self, parameters: &[[f64; LANES]]) {
        self.load(Input::Parameter, self.program.inputs.parameters, parameters);
        execute(
            &self.program.prepare.runs,
            &self.program.indices,
            &mut self.values,
        );
    }

    /// [`forward`](Self::forward) for a block of points.
    pub fn forward_block(&mut self, u: &[[f64; LANES]], g: &mut [[f64; LANES]]) -> [f64; LANES] {
        self.load(Input::Variable, self.program.inputs.variables, u);
        let section = &self.program.sections[FORWARD];
        execute(&section.runs, &self.program.indices, &mut self.values);
        let [cost, constraints @ ..] = section.outputs.as_slice() else {
            return [f64::NAN; LANES];
        };
        for (g, slot) in g.iter_mut().zip(constraints) {
            *g = self.values[*slot as usize];
        }
        self.values[*cost as usize]
    }

    /// [`reverse`](Self::reverse) for a block of points.
    pub fn reverse_block(&mut self, y: &[[f64; LANES]], gradient: &mut [[f64; LANES]]) {
        self.load(Input::Multiplier, self.program.inputs.multipliers, y);
        let section = &self.program.sections[REVERSE];
        execute(&section.runs, &self.program.indices, &mut self.values);
        for (entry, slot) in gradient.iter_mut().zip(&section.outputs) {
            *entry = self.values[*slot as usize];
        }
    }

    fn load(&mut self, input: Input, len: usize, source: &[[f64; LANES]]) {
        let start = self.program.input_slot(input);
        let len = len.min(source.len());
        self.values[start..start + len].copy_from_slice(&source[..len]);
    }
}

fn execute<const LANES: usize>(runs: &[Run], indices: &[u32], values: &mut [[f64; LANES]]) {
    for run in runs {
        let (before, after) = values.split_at_mut(run.destination as usize);
        let len = run.len as usize;
        let sources = Sources { before, indices };
        match run.kind {
            Kind::Unary(op) => sources.unary(run, &mut after[..len], op.function()),
            Kind::Binary(op) => binary(&sources, run, &mut after[..len], op),
            Kind::Select => sources.select(run, &mut after[..len]),
            Kind::SinCos => {
                let (sines, cosines) = after[..2 * len].split_at_mut(len);
                sources.sincos(run, sines, cosines);
            }
        }
    }
}

/// Picks a loop of its own for the operations that take no longer than a call.
fn binary<const LANES: usize>(
    sources: &Sources<'_, LANES>,
    run: &Run,
    results: &mut [[f64; LANES]],
    op: Binary,
) {
    match op {
        Binary::Add => sources.binary(run, results, |a, b| a + b),
        Binary::Sub => sources.binary(run, results, |a, b| a - b),
        Binary::Mul => sources.binary(run, results, |a, b| a * b),
        Binary::Div => sources.binary(run, results, |a, b| a / b),
        Binary::MaskedMul => sources.binary(run, results, masked_mul),
        Binary::MaskedDiv => sources.binary(run, results, masked_div),
        Binary::Min => sources.binary(run, results, math::min),
        Binary::Max => sources.binary(run, results, math::max),
        _ => sources.binary(run, results, op.function()),
    }
}

/// Where a run reads from: the slots before its destination.
struct Sources<'a, const LANES: usize> {
    before: &'a [[f64; LANES]],
    indices: &'a [u32],
}

impl<const LANES: usize> Sources<'_, LANES> {
    #[inline(always)]
    fn unary(&self, run: &Run, results: &mut [[f64; LANES]], f: impl Fn(f64) -> f64) {
        match run.operands {
            Operands::Strided([x, ..]) => {
                for (result, x) in results.iter_mut().zip(&self.before[x.start as usize..]) {
                    *result = x.map(&f);
                }
            }
            Operands::Gathered(offset) => {
                for (result, x) in results.iter_mut().zip(self.gathered::<1>(offset)) {
                    *result = self.before[x[0] as usize].map(&f);
                }
            }
        }
    }

    #[inline(always)]
    fn binary(&self, run: &Run, results: &mut [[f64; LANES]], f: impl Fn(f64, f64) -> f64) {
        let lanes = |a: &[f64; LANES], b: &[f64; LANES]| core::array::from_fn(|lane| f(a[lane], b[lane]));
        match run.operands {
            Operands::Strided([a, b, _]) => {
                let from_a = &self.before[a.start as usize..];
                let from_b = &self.before[b.start as usize..];
                match (a.stride, b.stride) {
                    (0, _) => {
                        let a = from_a[0];
                        for (result, b) in results.iter_mut().zip(from_b) {
                            *result = lanes(&a, b);
                        }
                    }
                    (_, 0) => {
                        let b = from_b[0];
                        for (result, a) in results.iter_mut().zip(from_a) {
                            *result = lanes(a, &b);
                        }
                    }
                    _ => {
                        for ((result, a), b) in results.iter_mut().zip(from_a).zip(from_b) {
                            *result = lanes(a, b);
                        }
                    }
                }
            }
            Operands::Gathered(offset) => {
                for (result, [a, b]) in results.iter_mut().zip(self.gathered::<2>(offset)) {
                    *result = lanes(&self.before[*a as usize], &self.before[*b as usize]);
                }
            }
        }
    }

    fn select(&self, run: &Run, results: &mut [[f64; LANES]]) {
        let lanes = |[c, a, b]: [u32; 3]| {
            let [c, a, b] = [c, a, b].map(|slot| &self.before[slot as usize]);
            core::array::from_fn(|lane| select(c[lane], a[lane], b[lane]))
        };
        match run.operands {
            Operands::Strided(operands) => {
                for (result, step) in results.iter_mut().zip(0..) {
                    *result = lanes(operands.map(|operand| operand.start + operand.stride * step));
                }
            }
            Operands::Gathered(offset) => {
                for (result, slots) in results.iter_mut().zip(self.gathered::<3>(offset)) {
                    *result = lanes(*slots);
                }
            }
        }
    }

    fn sincos(&self, run: &Run, sines: &mut [[f64; LANES]], cosines: &mut [[f64; LANES]]) {
        self.unary(run, sines, |x| x);
        for (sine, cosine) in sines.iter_mut().zip(cosines) {
            for lane in 0..LANES {
                (sine[lane], cosine[lane]) = math::sincos(sine[lane]);
            }
        }
    }

    fn gathered<const OPERANDS: usize>(&self, offset: u32) -> &[[u32; OPERANDS]] {
        self.indices[offset as usize..].as_chunks().0
    }
}
