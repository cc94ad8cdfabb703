//! Equations solved inside of a graph, by Newton steps that are written out: what depends on their solution has derivatives
//! of every order, and no unknowns are left to the solver.

use alloc::vec::Vec;

use super::substitution::substitute;
use crate::expression::derivative::{ancestors, gradient};
use crate::expression::graph::{Expr, Graph, Input, Node};
use crate::expression::operation::Binary;

/// Newton steps for equations that are not linear in their unknowns.
const STEPS: usize = 6;

/// Reason why equations are not solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsolvable {
    /// No equation determines some unknown.
    Singular,
    /// The graph would exceed its limit.
    TooLarge,
}

/// Solution of `residuals = 0` for the decision variables from `first` on, as many as there are residuals, from `start` on.
/// Linear equations take one step, and others [`STEPS`].
pub(super) fn newton(
    graph: &mut Graph,
    residuals: &[Expr],
    first: u32,
    start: &[Expr],
    limit: usize,
) -> Result<Vec<Expr>, Unsolvable> {
    let size = residuals.len();
    let one = graph.constant(1.0);
    let mut jacobian = Vec::with_capacity(size * size);
    for residual in residuals {
        let slopes = gradient(graph, &[(*residual, one)], first + size as u32);
        jacobian.extend(slopes.into_iter().skip(first as usize));
        within(graph, limit)?;
    }
    let entries: Vec<Expr> = jacobian.iter().flatten().copied().collect();
    let steps = if depends_from(graph, &entries, first) {
        STEPS
    } else {
        1
    };
    let mut outputs = Vec::from(residuals);
    outputs.extend(&entries);
    let mut point = Vec::from(start);
    for _ in 0..steps {
        let values = replace(graph, &outputs, first, &point);
        let (values, entries) = values.split_at(size);
        let mut entries = entries.iter();
        let matrix = jacobian
            .iter()
            .map(|entry| entry.and_then(|_| entries.next().copied()))
            .collect();
        let change = eliminate(graph, matrix, Vec::from(values), limit)?;
        for (value, change) in point.iter_mut().zip(change) {
            *value = graph.binary(Binary::Sub, *value, change);
        }
    }
    Ok(point)
}

/// Solution of a linear system, by Gaussian elimination of what is not 0 by structure. A row takes its own column, if it
/// can: rows are exchanged only where the structure asks for it.
fn eliminate(
    graph: &mut Graph,
    mut matrix: Vec<Option<Expr>>,
    mut right: Vec<Expr>,
    limit: usize,
) -> Result<Vec<Expr>, Unsolvable> {
    let size = right.len();
    for entry in &mut matrix {
        *entry = entry.filter(|entry| graph.constant_value(*entry) != Some(0.0));
    }
    for column in 0..size {
        let pivot = (column..size).find(|row| matrix[row * size + column].is_some());
        let pivot = pivot.ok_or(Unsolvable::Singular)?;
        if pivot != column {
            for i in 0..size {
                matrix.swap(pivot * size + i, column * size + i);
            }
            right.swap(pivot, column);
        }
        let Some(divisor) = matrix[column * size + column] else {
            return Err(Unsolvable::Singular);
        };
        for row in column + 1..size {
            let Some(entry) = matrix[row * size + column].take() else {
                continue;
            };
            let factor = graph.binary(Binary::Div, entry, divisor);
            for i in column + 1..size {
                if let Some(above) = matrix[column * size + i] {
                    let product = graph.binary(Binary::Mul, factor, above);
                    let entry = &mut matrix[row * size + i];
                    let reduced = match *entry {
                        Some(entry) => graph.binary(Binary::Sub, entry, product),
                        None => graph.unary(crate::expression::operation::Unary::Neg, product),
                    };
                    *entry = Some(reduced).filter(|entry| graph.constant_value(*entry) != Some(0.0));
                }
            }
            let product = graph.binary(Binary::Mul, factor, right[column]);
            right[row] = graph.binary(Binary::Sub, right[row], product);
        }
        within(graph, limit)?;
    }
    for row in (0..size).rev() {
        for i in row + 1..size {
            if let Some(entry) = matrix[row * size + i] {
                let product = graph.binary(Binary::Mul, entry, right[i]);
                right[row] = graph.binary(Binary::Sub, right[row], product);
            }
        }
        if let Some(divisor) = matrix[row * size + row] {
            right[row] = graph.binary(Binary::Div, right[row], divisor);
        }
        within(graph, limit)?;
    }
    Ok(right)
}

fn within(graph: &Graph, limit: usize) -> Result<(), Unsolvable> {
    if graph.len() > limit {
        Err(Unsolvable::TooLarge)
    } else {
        Ok(())
    }
}

/// Whether a value depends on a decision variable from `first` on.
fn depends_from(graph: &Graph, exprs: &[Expr], first: u32) -> bool {
    let is_unknown =
        |expr: Expr| matches!(graph.node(expr), Node::Input(Input::Variable, index) if index >= first);
    let operands = ancestors(graph, exprs, &[Input::Variable]).into_iter();
    let operands = operands.flat_map(|expr| graph.node(expr).operands());
    operands.chain(exprs.iter().copied()).any(is_unknown)
}

/// `exprs` with other values in place of the decision variables from `first` on.
pub(super) fn replace(graph: &mut Graph, exprs: &[Expr], first: u32, values: &[Expr]) -> Vec<Expr> {
    let variables = (first..).map(|i| graph.input(Input::Variable, i));
    let pairs: Vec<(Expr, Expr)> = variables.zip(values.iter().copied()).collect();
    substitute(graph, exprs, &pairs)
}
