//! Interpreter: runs a program at one point or at a block of points.

use labwire_solve::math;

use super::graph::Input;
use super::operation::{Binary, masked_div, masked_mul, select};
use super::program::Program;
use super::run::{Kind, Operands, Run, Section};

/// The sections of a program that [`super::compile`] makes.
pub(crate) const FORWARD: usize = 0;
pub(crate) const REVERSE: usize = 1;
pub(crate) const FORWARD_TANGENT: usize = 2;
pub(crate) const REVERSE_TANGENT: usize = 3;

/// `values` is the memory of the program: one array of lanes per slot.
impl Program {
    /// Writes the constants.
    pub fn initialize<const LANES: usize>(&self, values: &mut [[f64; LANES]]) {
        for (value, constant) in values.iter_mut().zip(&self.constants) {
            *value = [*constant; LANES];
        }
    }

    /// Writes elements of an input vector, from the element `first` on; the shorter of the two lengths
    /// counts.
    pub(crate) fn load<const LANES: usize>(
        &self,
        values: &mut [[f64; LANES]],
        input: Input,
        first: usize,
        source: &[[f64; LANES]],
    ) {
        let start = self.input_slot(input) + first;
        let len = source.len().min(self.inputs.len(input).saturating_sub(first));
        values[start..start + len].copy_from_slice(&source[..len]);
    }

    /// Computes everything that depends only on the parameters.
    pub fn prepare<const LANES: usize>(&self, values: &mut [[f64; LANES]]) {
        execute(&self.prepare.runs, &self.indices, values);
    }

    /// Runs a section and returns its outputs.
    pub fn run<'a, const LANES: usize>(
        &'a self,
        section: usize,
        values: &'a mut [[f64; LANES]],
    ) -> impl Iterator<Item = [f64; LANES]> + use<'a, LANES> {
        let Section { runs, outputs } = &self.sections[section];
        execute(runs, &self.indices, values);
        outputs.iter().map(|slot| values[*slot as usize])
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

/// Selects a specialised loop for operations that take no longer than a call.
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

/// Slots that a run may read: those before its destination.
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
