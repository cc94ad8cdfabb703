//! Expressions with other values in place of decision variables.

use alloc::vec::Vec;

use crate::expression::derivative::ancestors;
use crate::expression::graph::{Expr, Graph, Input, Node};

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
