//! Operations at the edge of their domain, where a derivative is huge or infinite.

use core::fmt;

use super::operation::{Binary, Unary};
use super::program::Program;
use super::run::{Kind, Section};
use super::tangent::{binary_slopes, unary_slope};

/// Slope from which on an operand lies at the edge of a domain.
const STEEP: f64 = 1e3;

/// Name of the division.
const DIVISION: &str = "/";

/// An operation whose operand lies at the edge of its domain.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Edge {
    /// Function, as in problem files; `/` for a division.
    pub function: &'static str,
    /// Operand at the edge: of a division, its divisor.
    pub operand: f64,
    /// Derivative by that operand.
    pub slope: f64,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            function,
            operand,
            slope,
        } = self;
        match *function {
            DIVISION => write!(
                f,
                "a divisor is {operand:.1e}: the quotient's slope is {slope:.1e}"
            ),
            name => write!(f, "{name}({operand:.6e}) has the slope {slope:.1e}"),
        }
    }
}

impl Program {
    /// The steepest operation of a section that was run, if one is at the edge of its domain.
    pub(crate) fn edge(&self, section: usize, values: &[[f64; 1]]) -> Option<Edge> {
        let Section { runs, .. } = &self.sections[section];
        let mut steepest: Option<Edge> = None;
        for run in runs {
            let Some(function) = edged(run.kind) else {
                continue;
            };
            for step in 0..run.len as usize {
                let slots = run.operands_at(&self.indices, step);
                let [x, y, _] = slots.map(|slot| values[slot][0]);
                // A number is where it is meant to be.
                let at = if function == DIVISION { slots[1] } else { slots[0] };
                if at < self.constants.len() {
                    continue;
                }
                let [result] = values[run.destination as usize + step];
                let (operand, slope) = match run.kind {
                    Kind::Binary(Binary::Div) => (y, -result / y),
                    Kind::Binary(op) => (x, binary_slopes(op, x, y, result, false)[0]),
                    Kind::Unary(op) => (x, unary_slope(op, x, result)),
                    _ => continue,
                };
                let is_steep = !(slope.abs() < STEEP) && operand.is_finite();
                if is_steep && !steepest.is_some_and(|known| known.slope.abs() >= slope.abs()) {
                    steepest = Some(Edge {
                        function,
                        operand,
                        slope,
                    });
                }
            }
        }
        steepest
    }
}

/// Name of an operation whose domain has an edge.
fn edged(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Unary(Unary::Sqrt) => Some("sqrt"),
        Kind::Unary(Unary::Log) => Some("log"),
        Kind::Unary(Unary::Log10) => Some("log10"),
        Kind::Unary(Unary::Log1p) => Some("log1p"),
        Kind::Unary(Unary::Asin) => Some("asin"),
        Kind::Unary(Unary::Acos) => Some("acos"),
        Kind::Unary(Unary::Acosh) => Some("acosh"),
        Kind::Unary(Unary::Atanh) => Some("atanh"),
        Kind::Binary(Binary::Pow) => Some("pow"),
        Kind::Binary(Binary::Div) => Some(DIVISION),
        _ => None,
    }
}
