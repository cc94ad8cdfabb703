//! Exact second derivatives of a problem without stages: their sparsity, and the program that evaluates them.

use alloc::vec::Vec;

use labwire_solve::SecondDerivatives;

use crate::expression::derivative::Columns;
use crate::expression::graph::{Expr, Graph};
use crate::expression::program::{InputLengths, Program};

/// Largest number of operations, relative to an evaluation of values and gradient, per decision variable and one: a
/// product with a direction takes about twice those of an evaluation.
const MAX_WORK: usize = 4;
/// Largest number of graph nodes that are visited to find the derivatives, all variables together.
const MAX_VISITS: usize = 20_000_000;

/// Program for the entries of the Jacobian and of the Hessian of the Lagrangian, and their places.
#[derive(Clone, Debug)]
pub(super) struct Second {
    pub(super) program: Program,
    pub(super) sparsity: SecondDerivatives,
}

impl Second {
    /// Differentiates the `gradient` of the Lagrangian and the constraints `g` by every variable. `None` if that takes
    /// more memory or work than products with directions; `operations` is the work of an evaluation.
    pub(super) fn new(
        graph: &mut Graph,
        gradient: &[Expr],
        g: &[Expr],
        inputs: InputLengths,
        operations: usize,
    ) -> Option<Self> {
        let outputs: Vec<Expr> = gradient.iter().chain(g).copied().collect();
        let columns = Columns::new(graph, &outputs);
        let n = inputs.variables;
        let limit = MAX_WORK * (n + 1) * (operations + n + 1);
        let mut visits = 0;
        let most_nodes = graph.len() + limit;
        let mut sparsity = SecondDerivatives::default();
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for variable in 0..n as u32 {
            // The Hessian is symmetric: its lower triangle, then the Jacobian.
            let (column, visited) = columns.column(graph, variable, variable as usize);
            visits += visited;
            for (index, entry) in column {
                if graph.constant_value(entry) == Some(0.0) {
                    continue;
                }
                match index.checked_sub(n) {
                    Some(row) => {
                        sparsity.jacobian.push((row as u32, variable));
                        first.push(entry);
                    }
                    None => {
                        sparsity.hessian.push((index as u32, variable));
                        second.push(entry);
                    }
                }
            }
            if graph.len() > most_nodes || visits > MAX_VISITS {
                return None;
            }
        }
        first.extend(second);
        let program = Program::new(graph, inputs, &[first]);
        sparsity.operations = program.sections.first()?.operations() as f64;
        sparsity.evaluation = operations as f64;
        Some(Self { program, sparsity })
    }
}
