//! Integration of differential equations to the next state.

use alloc::vec::Vec;

use crate::expression::derivative::ancestors;
use crate::expression::graph::{Expr, Graph, Input, Node};
use crate::expression::operation::Binary;

/// Integration method with a fixed step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Integrator {
    Euler,
    /// Classical Runge-Kutta method of order 4.
    Rk4,
}

impl Integrator {
    /// State after one step of length `step`, where the states are the first decision variables and `derivative`
    /// gives their rates. The inputs are held constant.
    pub(super) fn next(self, graph: &mut Graph, derivative: &[Expr], step: Expr) -> Vec<Expr> {
        let num_states = derivative.len() as u32;
        let states: Vec<Expr> = (0..num_states).map(|i| graph.input(Input::Variable, i)).collect();
        let advance = |graph: &mut Graph, rates: &[Expr], step: Expr| -> Vec<Expr> {
            let pairs = states.iter().zip(rates);
            pairs
                .map(|(x, rate)| {
                    let change = graph.binary(Binary::Mul, step, *rate);
                    graph.binary(Binary::Add, *x, change)
                })
                .collect()
        };
        if self == Self::Euler {
            return advance(graph, derivative, step);
        }
        let half = graph.constant(0.5);
        let half_step = graph.binary(Binary::Mul, half, step);
        let at = |graph: &mut Graph, values: &[Expr]| {
            let pairs: Vec<_> = states.iter().copied().zip(values.iter().copied()).collect();
            substitute(graph, derivative, &pairs)
        };
        let halfway = advance(graph, derivative, half_step);
        let second = at(graph, &halfway);
        let halfway = advance(graph, &second, half_step);
        let third = at(graph, &halfway);
        let end = advance(graph, &third, step);
        let fourth = at(graph, &end);
        let mut sums = Vec::with_capacity(derivative.len());
        for i in 0..derivative.len() {
            let outer = graph.binary(Binary::Add, derivative[i], fourth[i]);
            let inner = graph.binary(Binary::Add, second[i], third[i]);
            let inner = graph.binary(Binary::Add, inner, inner);
            sums.push(graph.binary(Binary::Add, outer, inner));
        }
        let six = graph.constant(6.0);
        let sixth = graph.binary(Binary::Div, step, six);
        advance(graph, &sums, sixth)
    }
}

/// `exprs` with other values in place of decision variables: pairs of a variable and its value.
pub(super) fn substitute(graph: &mut Graph, exprs: &[Expr], pairs: &[(Expr, Expr)]) -> Vec<Expr> {
    let mut replaced: Vec<Expr> = graph.exprs().collect();
    for (variable, value) in pairs {
        if let Some(entry) = replaced.get_mut(variable.index()) {
            *entry = *value;
        }
    }
    for expr in ancestors(graph, exprs, &[Input::Variable]) {
        let new = |operand: Expr| replaced[operand.index()];
        replaced[expr.index()] = match graph.node(expr) {
            Node::Constant(_) | Node::Input(..) => expr,
            Node::Unary(op, x) => graph.unary(op, new(x)),
            Node::Binary(op, a, b) => graph.binary(op, new(a), new(b)),
            Node::Select(c, a, b) => graph.select(new(c), new(a), new(b)),
        };
    }
    exprs.iter().map(|expr| replaced[expr.index()]).collect()
}
