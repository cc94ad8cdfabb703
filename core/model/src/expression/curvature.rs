//! Curvature of expressions as functions of the decision variables, by the rules of composition (M. Grant, S. Boyd, Y. Ye,
//! Disciplined Convex Programming, 2006). What is not known to be convex may be so nevertheless.

use alloc::vec::Vec;

use labwire_solve::sets::Set;

use super::graph::{Expr, Graph, Input, Node};
use super::operation::{Binary, Unary};

/// What is known of a value, whatever the parameters are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Curvature {
    is_constant: bool,
    is_convex: bool,
    is_concave: bool,
    is_not_negative: bool,
    is_not_positive: bool,
    /// Whether it is a sum of squares of linear values.
    is_sum_of_squares: bool,
}

/// Curvature of every value of the graph.
pub(crate) fn curvatures(graph: &Graph) -> Vec<Curvature> {
    let mut known: Vec<Curvature> = Vec::with_capacity(graph.len());
    for expr in graph.exprs() {
        let of = |operand: Expr| known[operand.index()];
        let curvature = match graph.node(expr) {
            Node::Constant(bits) => Curvature::number(f64::from_bits(bits)),
            Node::Input(Input::Variable, _) => Curvature::linear(),
            Node::Input(..) => Curvature::constant(),
            node if node.operands().all(|operand| of(operand).is_constant) => Curvature::constant(),
            Node::Unary(op, x) => unary(op, of(x)),
            Node::Binary(Binary::Mul, a, b) if a == b => of(a).squared(),
            Node::Binary(Binary::Mul, a, b)
                if envelope(graph, a, b)
                    .or_else(|| envelope(graph, b, a))
                    .is_some_and(|v| of(v).is_convex && of(v).is_not_negative) =>
            {
                Curvature {
                    is_not_negative: true,
                    ..Curvature::convex(true)
                }
            }
            Node::Binary(op, a, b) => binary(op, of(a), of(b)),
            Node::Select(c, a, b) if of(c).is_constant => of(a).either(of(b)),
            Node::Select(..) => Curvature::default(),
        };
        known.push(curvature);
    }
    known
}

/// The v of a product that is the Moreau envelope of v >= 0 up to a positive factor: c*(v - c/2), where c is min(v, s) with a
/// positive number s, perhaps over a positive number. It grows with v, and is convex in it.
fn envelope(graph: &Graph, share: Expr, rest: Expr) -> Option<Expr> {
    let is_positive =
        |expr: Expr| matches!(graph.node(expr), Node::Constant(bits) if f64::from_bits(bits) > 0.0);
    let is_half = |expr: Expr| graph.node(expr) == Node::Constant(0.5_f64.to_bits());
    let cut = match graph.node(share) {
        Node::Binary(Binary::Div | Binary::Mul, cut, by) if is_positive(by) => cut,
        Node::Binary(Binary::Mul, by, cut) if is_positive(by) => cut,
        _ => share,
    };
    let Node::Binary(Binary::Min, a, b) = graph.node(cut) else {
        return None;
    };
    let value = if is_positive(b) { a } else { b };
    let Node::Binary(Binary::Sub, from, half) = graph.node(rest) else {
        return None;
    };
    let is_half_of_cut = matches!(graph.node(half), Node::Binary(Binary::Mul, a, b)
        if (is_half(a) && b == cut) || (is_half(b) && a == cut));
    ((is_positive(a) || is_positive(b)) && from == value && is_half_of_cut).then_some(value)
}

/// Whether these values lie in `set` for a convex set of decision variables.
pub(crate) fn is_convex_constraint(values: &[Curvature], set: &Set) -> bool {
    let are_linear = |values: &[Curvature]| values.iter().all(|value| value.is_linear());
    match set {
        Set::All => true,
        Set::Box { min, max } => values.iter().zip(min.iter().zip(max)).all(|(value, (min, max))| {
            (*max == f64::INFINITY || value.is_convex) && (*min == f64::NEG_INFINITY || value.is_concave)
        }),
        Set::Product(parts) => {
            let mut start = 0;
            parts.iter().all(|(end, part)| {
                // Those of a soft constraint are in the cost.
                let values = values.get(start..*end).unwrap_or_default();
                start = *end;
                is_convex_constraint(values, part)
            })
        }
        Set::Sphere2 { .. } | Set::Finite(_) => false,
        _ => are_linear(values),
    }
}

impl Curvature {
    /// A number that parameters may decide.
    fn constant() -> Self {
        Self {
            is_constant: true,
            ..Self::linear()
        }
    }

    fn linear() -> Self {
        Self {
            is_convex: true,
            is_concave: true,
            ..Self::default()
        }
    }

    fn number(value: f64) -> Self {
        Self {
            is_not_negative: value >= 0.0,
            is_not_positive: value <= 0.0,
            ..Self::constant()
        }
    }

    fn convex(is_convex: bool) -> Self {
        Self {
            is_convex,
            ..Self::default()
        }
    }

    fn concave(is_concave: bool) -> Self {
        Self {
            is_concave,
            ..Self::default()
        }
    }

    /// Whether it is convex.
    pub(crate) fn is_convex(self) -> bool {
        self.is_convex
    }

    /// Whether it is linear, or constant.
    pub(crate) fn is_linear(self) -> bool {
        self.is_convex && self.is_concave
    }

    fn negative(self) -> Self {
        Self {
            is_constant: self.is_constant,
            is_convex: self.is_concave,
            is_concave: self.is_convex,
            is_not_negative: self.is_not_positive,
            is_not_positive: self.is_not_negative,
            is_sum_of_squares: false,
        }
    }

    /// What is known of both.
    fn either(self, other: Self) -> Self {
        Self {
            is_constant: self.is_constant && other.is_constant,
            is_convex: self.is_convex && other.is_convex,
            is_concave: self.is_concave && other.is_concave,
            is_not_negative: self.is_not_negative && other.is_not_negative,
            is_not_positive: self.is_not_positive && other.is_not_positive,
            is_sum_of_squares: false,
        }
    }

    /// Sum, of which is known what is known of both.
    fn plus(self, other: Self) -> Self {
        let is_square = |value: Self| value.is_sum_of_squares || (value.is_constant && value.is_not_negative);
        Self {
            is_sum_of_squares: is_square(self) && is_square(other),
            ..self.either(other)
        }
    }

    fn squared(self) -> Self {
        Self {
            is_convex: self.is_linear()
                || (self.is_convex && self.is_not_negative)
                || (self.is_concave && self.is_not_positive),
            is_not_negative: true,
            is_sum_of_squares: self.is_linear(),
            ..Self::default()
        }
    }

    /// Product with a number that parameters may decide.
    fn times(self, factor: Self) -> Self {
        match (factor.is_not_negative, factor.is_not_positive) {
            (true, true) => Self::number(0.0),
            (true, false) => self,
            (false, true) => self.negative(),
            (false, false) if self.is_linear() => Self::linear(),
            (false, false) => Self::default(),
        }
    }
}

fn unary(op: Unary, x: Curvature) -> Curvature {
    match op {
        Unary::Neg => x.negative(),
        Unary::Abs => Curvature {
            is_not_negative: true,
            ..Curvature::convex(x.squared().is_convex)
        },
        Unary::NormSqrt => Curvature {
            is_not_negative: true,
            ..Curvature::convex(x.is_sum_of_squares)
        },
        Unary::Exp => Curvature {
            is_not_negative: true,
            ..Curvature::convex(x.is_convex)
        },
        Unary::Expm1 => Curvature::convex(x.is_convex),
        Unary::Sqrt | Unary::Log | Unary::Log10 | Unary::Log1p => Curvature::concave(x.is_concave),
        _ => Curvature::default(),
    }
}

fn binary(op: Binary, a: Curvature, b: Curvature) -> Curvature {
    match op {
        Binary::Add => a.plus(b),
        Binary::Sub => a.plus(b.negative()),
        Binary::Mul if b.is_constant => a.times(b),
        Binary::Mul if a.is_constant => b.times(a),
        Binary::Div if b.is_constant && !(b.is_not_negative && b.is_not_positive) => a.times(b),
        Binary::Max => Curvature {
            is_not_negative: a.is_not_negative || b.is_not_negative,
            ..Curvature::convex(a.is_convex && b.is_convex)
        },
        Binary::Min => Curvature {
            is_not_positive: a.is_not_positive || b.is_not_positive,
            ..Curvature::concave(a.is_concave && b.is_concave)
        },
        Binary::Hypot => Curvature {
            is_not_negative: true,
            ..Curvature::convex(a.is_linear() && b.is_linear())
        },
        _ => Curvature::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Curvature of x, y in variables 0 and 1, with the parameter p.
    fn of(build: impl Fn(&mut Graph, [Expr; 3]) -> Expr) -> (bool, bool) {
        let mut graph = Graph::new();
        let x = graph.input(Input::Variable, 0);
        let y = graph.input(Input::Variable, 1);
        let p = graph.input(Input::Parameter, 0);
        let expr = build(&mut graph, [x, y, p]);
        let curvature = curvatures(&graph)[expr.index()];
        (curvature.is_convex, curvature.is_concave)
    }

    #[test]
    fn what_is_convex_is_told_from_what_may_not_be() {
        use Binary::{Add, Max, Mul, Sub};
        let linear = (true, true);
        assert_eq!(
            of(|graph, [x, y, p]| {
                let scaled = graph.binary(Mul, p, x);
                graph.binary(Sub, scaled, y)
            }),
            linear
        );
        let square = |graph: &mut Graph, [x, _, p]: [Expr; 3]| {
            let difference = graph.binary(Sub, x, p);
            graph.binary(Mul, difference, difference)
        };
        assert_eq!(of(square), (true, false));
        let minus = |graph: &mut Graph, inputs: [Expr; 3]| {
            let square = square(graph, inputs);
            graph.unary(Unary::Neg, square)
        };
        assert_eq!(of(minus), (false, true));
        // Of a parameter the sign is not known.
        let priced = |graph: &mut Graph, inputs: [Expr; 3]| {
            let square = square(graph, inputs);
            graph.binary(Mul, inputs[2], square)
        };
        assert_eq!(of(priced), (false, false));
        assert_eq!(of(|graph, [x, y, _]| graph.binary(Mul, x, y)), (false, false));
        let norm = |graph: &mut Graph, inputs: [Expr; 3]| {
            let first = square(graph, inputs);
            let second = graph.binary(Mul, inputs[1], inputs[1]);
            let sum = graph.binary(Add, first, second);
            graph.unary(Unary::NormSqrt, sum)
        };
        assert_eq!(of(norm), (true, false));
        let fourth = |graph: &mut Graph, inputs: [Expr; 3]| {
            let square = square(graph, inputs);
            let fourth = graph.binary(Mul, square, square);
            graph.binary(Max, fourth, inputs[1])
        };
        assert_eq!(of(fourth), (true, false));
        assert_eq!(of(|graph, [x, ..]| graph.unary(Unary::Sin, x)), (false, false));
    }

    #[test]
    fn the_smooth_price_of_a_violation_is_convex() {
        use Binary::{Div, Max, Min, Mul, Sub};
        let price = |half: f64, smoothing: f64| {
            of(move |graph: &mut Graph, [x, _, _]: [Expr; 3]| {
                let (zero, half) = (graph.constant(0.0), graph.constant(half));
                let smoothing = graph.constant(smoothing);
                let violation = graph.binary(Max, zero, x);
                let cut = graph.binary(Min, violation, smoothing);
                let less = graph.binary(Mul, half, cut);
                let rest = graph.binary(Sub, violation, less);
                let share = graph.binary(Div, cut, smoothing);
                graph.binary(Mul, share, rest)
            })
        };
        assert_eq!(price(0.5, 1e-3), (true, false));
        assert_eq!(price(0.75, 1e-3), (false, false));
        assert_eq!(price(0.5, -1e-3), (false, false));
    }
}
