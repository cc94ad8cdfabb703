//! Integration of differential equations to the next state.

use alloc::vec::Vec;

use super::newton::{Unsolvable, newton, replace};
use crate::expression::graph::{Expr, Graph, Input};
use crate::expression::operation::Binary;

/// Integration method with a fixed step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Integrator {
    Euler,
    /// Classical Runge-Kutta method of order 4.
    Rk4,
    Implicit(&'static Tableau),
}

/// Coefficients of an implicit Runge-Kutta method (E. Hairer, G. Wanner, Solving Ordinary Differential Equations II,
/// Springer 1996, sections IV.3 and IV.5): A by rows, and b.
#[derive(Debug, PartialEq)]
pub(super) struct Tableau {
    a: &'static [&'static [f64]],
    b: &'static [f64],
}

/// Integrators by name.
pub(super) const INTEGRATORS: [(&str, Integrator); 6] = [
    ("euler", Integrator::Euler),
    ("rk4", Integrator::Rk4),
    ("backward_euler", Integrator::Implicit(&BACKWARD_EULER)),
    ("radau2", Integrator::Implicit(&RADAU2)),
    ("gauss2", Integrator::Implicit(&GAUSS2)),
    ("gauss4", Integrator::Implicit(&GAUSS4)),
];

/// Order 1.
const BACKWARD_EULER: Tableau = Tableau {
    a: &[&[1.0]],
    b: &[1.0],
};

/// Radau IIA of order 3.
const RADAU2: Tableau = Tableau {
    a: &[&[5.0 / 12.0, -1.0 / 12.0], &[0.75, 0.25]],
    b: &[0.75, 0.25],
};

/// Gauss-Legendre of order 4.
const GAUSS2: Tableau = Tableau {
    a: &[&[0.25, -0.03867513459481288], &[0.5386751345948129, 0.25]],
    b: &[0.5, 0.5],
};

/// Gauss-Legendre of order 8.
const GAUSS4: Tableau = Tableau {
    a: &[
        &[
            0.08696371128436346,
            -0.026604180084998794,
            0.012627462689404725,
            -0.0035551496857956833,
        ],
        &[
            0.18811811749986806,
            0.16303628871563652,
            -0.027880428602470895,
            0.006735500594538156,
        ],
        &[
            0.16719192197418878,
            0.35395300603374397,
            0.16303628871563652,
            -0.014190694931141144,
        ],
        &[
            0.1774825722545226,
            0.31344511474186837,
            0.35267675751627187,
            0.08696371128436346,
        ],
    ],
    b: &[
        0.17392742256872692,
        0.32607257743127305,
        0.32607257743127305,
        0.17392742256872692,
    ],
};

impl Integrator {
    /// State after `substeps` steps of length `step` in all, where the states are the first decision variables and
    /// `derivative` gives their rates. The inputs are held constant. `limit` bounds the graph.
    pub(super) fn next(
        self,
        graph: &mut Graph,
        derivative: &[Expr],
        step: Expr,
        substeps: u32,
        limit: usize,
    ) -> Result<Vec<Expr>, Unsolvable> {
        let step = match substeps {
            1 => step,
            _ => {
                let substeps = graph.constant(f64::from(substeps));
                graph.binary(Binary::Div, step, substeps)
            }
        };
        let one = match self {
            Self::Euler => advance(graph, derivative, step),
            Self::Rk4 => rk4(graph, derivative, step),
            Self::Implicit(tableau) => implicit(graph, derivative, step, tableau, limit)?,
        };
        let mut next = one.clone();
        for _ in 1..substeps {
            next = replace(graph, &one, 0, &next);
            if graph.len() > limit {
                return Err(Unsolvable::TooLarge);
            }
        }
        Ok(next)
    }
}

fn advance(graph: &mut Graph, rates: &[Expr], step: Expr) -> Vec<Expr> {
    let mut next = Vec::with_capacity(rates.len());
    for (i, rate) in (0..).zip(rates) {
        let x = graph.input(Input::Variable, i);
        let change = graph.binary(Binary::Mul, step, *rate);
        next.push(graph.binary(Binary::Add, x, change));
    }
    next
}

fn rk4(graph: &mut Graph, derivative: &[Expr], step: Expr) -> Vec<Expr> {
    let half = graph.constant(0.5);
    let half_step = graph.binary(Binary::Mul, half, step);
    let halfway = advance(graph, derivative, half_step);
    let second = replace(graph, derivative, 0, &halfway);
    let halfway = advance(graph, &second, half_step);
    let third = replace(graph, derivative, 0, &halfway);
    let end = advance(graph, &third, step);
    let fourth = replace(graph, derivative, 0, &end);
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

/// Rates k of the stages, `k_i = f(x + step * sum_j a_ij k_j)`, by Newton steps from 0, then the step that they give.
fn implicit(
    graph: &mut Graph,
    derivative: &[Expr],
    step: Expr,
    tableau: &Tableau,
    limit: usize,
) -> Result<Vec<Expr>, Unsolvable> {
    let num_states = derivative.len();
    let states: Vec<Expr> = (0..num_states as u32)
        .map(|i| graph.input(Input::Variable, i))
        .collect();
    // The unknowns are inputs beyond those that there are.
    let first = graph.num_inputs(Input::Variable);
    let unknowns: Vec<Expr> = (0..(num_states * tableau.b.len()) as u32)
        .map(|i| graph.input(Input::Variable, first + i))
        .collect();
    let point = |graph: &mut Graph, weights: &[f64]| -> Vec<Expr> {
        let mut point = Vec::with_capacity(num_states);
        for (i, state) in states.iter().enumerate() {
            let mut value = *state;
            for (j, weight) in weights.iter().enumerate() {
                let weight = graph.constant(*weight);
                let weight = graph.binary(Binary::Mul, step, weight);
                let change = graph.binary(Binary::Mul, weight, unknowns[j * num_states + i]);
                value = graph.binary(Binary::Add, value, change);
            }
            point.push(value);
        }
        point
    };
    let mut residuals = Vec::with_capacity(unknowns.len());
    for (row, rates) in tableau.a.iter().zip(unknowns.chunks(num_states)) {
        let point = point(graph, row);
        let values = replace(graph, derivative, 0, &point);
        for (value, rate) in values.into_iter().zip(rates) {
            residuals.push(graph.binary(Binary::Sub, *rate, value));
        }
    }
    let zero = graph.constant(0.0);
    let start = alloc::vec![zero; unknowns.len()];
    let rates = newton(graph, &residuals, first, &start, limit)?;
    let end = point(graph, tableau.b);
    Ok(replace(graph, &end, first, &rates))
}
