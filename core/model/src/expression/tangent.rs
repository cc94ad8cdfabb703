//! Tangents: derivatives of a program's values along a direction of its inputs, by the chain rule over its runs.
//!
//! A program has sections for directions of the decision variables. Directions of anything else, the parameters above
//! all, are rare: their derivatives come from the runs themselves, after these have computed the values.

use labwire_solve::math;

use super::operation::{Binary, Unary, masked_div, masked_mul, select};
use super::program::Program;
use super::run::{Kind, Run, Section};

impl Program {
    /// Writes the tangents of everything that depends only on the parameters; `values` and `tangents` have a number per
    /// slot.
    pub(crate) fn prepare_tangents(&self, values: &[[f64; 1]], tangents: &mut [f64]) {
        differentiate(&self.prepare.runs, &self.indices, values, tangents);
    }

    /// Writes the tangents of a section that was run, and returns those of its outputs.
    pub(crate) fn run_tangents<'a>(
        &'a self,
        section: usize,
        values: &[[f64; 1]],
        tangents: &'a mut [f64],
    ) -> impl Iterator<Item = f64> + use<'a> {
        let Section { runs, outputs } = &self.sections[section];
        differentiate(runs, &self.indices, values, tangents);
        outputs.iter().map(|slot| tangents[*slot as usize])
    }
}

fn differentiate(runs: &[Run], indices: &[u32], values: &[[f64; 1]], tangents: &mut [f64]) {
    for run in runs {
        let (first, len) = (run.destination as usize, run.len as usize);
        for step in 0..len {
            let operands = run.operands_at(indices, step);
            let [x, y, _] = operands.map(|slot| values[slot][0]);
            let [dx, dy, dz] = operands.map(|slot| tangents[slot]);
            let at = first + step;
            let [result] = values[at];
            tangents[at] = match run.kind {
                Kind::Unary(op) => masked_mul(dx, unary_slope(op, x, result)),
                Kind::Binary(op) => {
                    let [by_x, by_y] = binary_slopes(op, x, y, result, dy != 0.0);
                    masked_mul(dx, by_x) + masked_mul(dy, by_y)
                }
                Kind::Select => select(x, dy, dz),
                Kind::SinCos => {
                    let [cosine] = values[at + len];
                    tangents[at + len] = masked_mul(dx, -result);
                    masked_mul(dx, cosine)
                }
            };
        }
    }
}

/// Derivative of `result = op(x)`.
pub(super) fn unary_slope(op: Unary, x: f64, result: f64) -> f64 {
    match op {
        Unary::Neg => -1.0,
        Unary::Sign | Unary::Floor => 0.0,
        Unary::Abs => math::sign(x),
        Unary::Sqrt => 0.5 / result,
        Unary::NormSqrt if result == 0.0 => 0.0,
        Unary::NormSqrt => 0.5 / result,
        Unary::Exp => result,
        Unary::Log => 1.0 / x,
        Unary::Log10 => core::f64::consts::LOG10_E / x,
        Unary::Log1p => 1.0 / (1.0 + x),
        Unary::Expm1 => result + 1.0,
        Unary::Sin => math::cos(x),
        Unary::Cos => -math::sin(x),
        Unary::Tan => 1.0 + result * result,
        Unary::Asin => 1.0 / math::sqrt((1.0 - x) * (1.0 + x)),
        Unary::Acos => -1.0 / math::sqrt((1.0 - x) * (1.0 + x)),
        Unary::Atan => 1.0 / (1.0 + x * x),
        Unary::Sinh => math::cosh(x),
        Unary::Cosh => math::sinh(x),
        Unary::Tanh => (1.0 - result) * (1.0 + result),
        Unary::Asinh => 1.0 / math::hypot(x, 1.0),
        Unary::Acosh => 1.0 / (math::sqrt(x - 1.0) * math::sqrt(x + 1.0)),
        Unary::Atanh => 1.0 / ((1.0 - x) * (1.0 + x)),
        Unary::Erf => core::f64::consts::FRAC_2_SQRT_PI * math::exp(-x * x),
    }
}

/// Derivatives of `result = op(x, y)` by x and by y; the second only where it is needed.
pub(super) fn binary_slopes(op: Binary, x: f64, y: f64, result: f64, needs_second: bool) -> [f64; 2] {
    match op {
        Binary::Add => [1.0, 1.0],
        Binary::Sub => [1.0, -1.0],
        Binary::Mul => [y, x],
        Binary::Div => [1.0 / y, -result / y],
        Binary::MaskedMul => [y, x],
        Binary::MaskedDiv => [1.0 / y, -masked_div(result, y)],
        Binary::Pow => {
            let by_exponent = match needs_second {
                true => masked_mul(result, math::log(x)),
                false => 0.0,
            };
            [y * math::pow(x, y - 1.0), by_exponent]
        }
        Binary::Atan2 => {
            let square = x * x + y * y;
            [y / square, -x / square]
        }
        Binary::Hypot => [masked_div(x, result), masked_div(y, result)],
        Binary::Min if y < x => [0.0, 1.0],
        Binary::Max if x < y => [0.0, 1.0],
        Binary::Min | Binary::Max => [1.0, 0.0],
        Binary::Less | Binary::LessEqual | Binary::Equal | Binary::NotEqual => [0.0, 0.0],
    }
}
