//! Problems written in Rust: overloaded operators build the same graph as a file.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::ops::{Add, Div, Mul, Neg, Sub};

use labwire_solve::Settings;
use labwire_solve::sets::{Set, SetError};

use super::Problem;
use super::definition::Definition;
use crate::expression::Named;
use crate::expression::graph::{Expr, Graph, Input};
use crate::expression::operation::{Binary, Unary};

/// Builder of a problem.
///
/// ```
/// use labwire_model::problem::ProblemBuilder;
/// use labwire_solve::sets::Set;
///
/// let mut builder = ProblemBuilder::new("valley");
/// let u = builder.variables("u", 2);
/// let p = builder.parameters("p", 1);
/// let curve = &u[1] - &u[0] * &u[0];
/// let offset = 1.0 - &u[0];
/// builder.set = Set::Ball2 { center: None, radius: 1.0 };
/// let problem = builder.build(&p[0] * &curve * &curve + &offset * &offset)?;
///
/// let mut evaluator = problem.evaluator();
/// evaluator.set_parameters(&[100.0]);
/// assert_eq!(evaluator.forward(&[0.0, 0.0], &mut []), 1.0);
/// # Ok::<(), labwire_model::problem::BuildError>(())
/// ```
#[derive(Debug)]
pub struct ProblemBuilder {
    /// The set U of the decision variables. Default: every vector.
    pub set: Set,
    /// Settings of the solver.
    pub settings: Settings,
    /// Default initial guess, one entry per variable; `None`: the origin.
    pub initial_guess: Option<Vec<f64>>,
    name: String,
    graph: Rc<RefCell<Graph>>,
    variables: Vec<Named>,
    parameters: Vec<Named>,
    f1: (Vec<Expression>, Set),
    f2: Vec<Expression>,
}

/// Reason why a problem cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// An expression contains parts of another builder's problem.
    #[error("an expression belongs to another problem")]
    ForeignExpression,
    /// The set of the variables, or that of F1, is invalid.
    #[error("the set of {0}: {1}")]
    Set(&'static str, SetError),
    /// The initial guess and the variables differ in length.
    #[error("the initial guess has {found} elements, expected {expected}")]
    InitialGuess {
        /// Length of the initial guess.
        found: usize,
        /// Number of variables.
        expected: usize,
    },
}

impl ProblemBuilder {
    /// Creates a problem without variables.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            set: Set::All,
            settings: Settings::default(),
            initial_guess: None,
            name: String::from(name),
            graph: Rc::default(),
            variables: Vec::new(),
            parameters: Vec::new(),
            f1: (Vec::new(), Set::All),
            f2: Vec::new(),
        }
    }

    /// Adds decision variables after the existing ones.
    pub fn variables(&mut self, name: &str, len: usize) -> Vec<Expression> {
        inputs(&self.graph, &mut self.variables, Input::Variable, name, len)
    }

    /// Adds parameters after the existing ones.
    pub fn parameters(&mut self, name: &str, len: usize) -> Vec<Expression> {
        inputs(&self.graph, &mut self.parameters, Input::Parameter, name, len)
    }

    /// Constant number.
    #[must_use]
    pub fn constant(&self, value: f64) -> Expression {
        let expr = self.graph.borrow_mut().constant(value);
        self.expression(Some(expr))
    }

    /// The sum of `terms`, in the order of [`Graph::sum`].
    #[must_use]
    pub fn sum(&self, terms: &[Expression]) -> Expression {
        let terms: Option<Vec<Expr>> = terms.iter().map(|term| self.own(term)).collect();
        let sum = terms.map(|terms| self.graph.borrow_mut().sum(&terms));
        self.expression(sum)
    }

    /// Requires F1 to lie in `set`.
    pub fn f1(&mut self, components: Vec<Expression>, set: Set) {
        self.f1 = (components, set);
    }

    /// Requires F2 to be 0.
    pub fn f2(&mut self, components: Vec<Expression>) {
        self.f2 = components;
    }

    /// Builds the problem of minimising `cost`.
    ///
    /// # Errors
    /// If a part does not fit the rest: see [`BuildError`].
    pub fn build(self, cost: Expression) -> Result<Problem, BuildError> {
        let own = |expression: &Expression| self.own(expression).ok_or(BuildError::ForeignExpression);
        let num_variables = self.variables.iter().map(|named| named.len).sum();
        self.set
            .check(num_variables)
            .map_err(|error| BuildError::Set("the variables", error))?;
        let (f1, f1_set) = &self.f1;
        f1_set
            .check(f1.len())
            .map_err(|error| BuildError::Set("F1", error))?;
        if let Some(guess) = &self.initial_guess
            && guess.len() != num_variables
        {
            return Err(BuildError::InitialGuess {
                found: guess.len(),
                expected: num_variables,
            });
        }
        Ok(Problem::new(Definition {
            cost: own(&cost)?,
            f1: f1.iter().map(own).collect::<Result<_, _>>()?,
            f2: self.f2.iter().map(own).collect::<Result<_, _>>()?,
            graph: self.graph.borrow().clone(),
            constraint_names: Vec::new(),
            constraint_scales: Vec::new(),
            integers: Vec::new(),
            f1_set: self.f1.1,
            name: self.name,
            variables: self.variables,
            parameters: self.parameters,
            set: self.set,
            settings: self.settings,
            initial_guess: self.initial_guess,
        }))
    }

    fn expression(&self, expr: Option<Expr>) -> Expression {
        Expression {
            graph: Rc::clone(&self.graph),
            expr,
        }
    }

    fn own(&self, expression: &Expression) -> Option<Expr> {
        expression
            .expr
            .filter(|_| Rc::ptr_eq(&self.graph, &expression.graph))
    }
}

fn inputs(
    graph: &Rc<RefCell<Graph>>,
    known: &mut Vec<Named>,
    input: Input,
    name: &str,
    len: usize,
) -> Vec<Expression> {
    let first: usize = known.iter().map(|named| named.len).sum();
    known.push(Named::new(name, len));
    let element = |i| Expression {
        graph: Rc::clone(graph),
        expr: Some(graph.borrow_mut().input(input, i as u32)),
    };
    (first..first + len).map(element).collect()
}

/// Number that depends on variables and parameters. `+ - * /` work on it, on references to it, and with `f64`.
#[derive(Clone, Debug)]
pub struct Expression {
    graph: Rc<RefCell<Graph>>,
    /// `None` if it mixes problems, which [`ProblemBuilder::build`] refuses.
    expr: Option<Expr>,
}

impl Expression {
    /// Applies an operation.
    #[must_use]
    pub fn unary(&self, op: Unary) -> Self {
        let expr = self.expr.map(|x| self.graph.borrow_mut().unary(op, x));
        self.with(expr)
    }

    /// Applies an operation to this number and another.
    #[must_use]
    pub fn binary(&self, op: Binary, other: &Self) -> Self {
        let operands = self.expr.zip(self.own(other));
        let expr = operands.map(|(a, b)| self.graph.borrow_mut().binary(op, a, b));
        self.with(expr)
    }

    /// `then` where this number is not 0, else `otherwise`.
    #[must_use]
    pub fn select(&self, then: &Self, otherwise: &Self) -> Self {
        let operands = self.expr.zip(self.own(then)).zip(self.own(otherwise));
        let expr = operands.map(|((c, a), b)| self.graph.borrow_mut().select(c, a, b));
        self.with(expr)
    }

    /// Power with a constant exponent.
    #[must_use]
    pub fn pow(&self, exponent: f64) -> Self {
        self.binary(Binary::Pow, &self.constant(exponent))
    }

    /// Its sine.
    #[must_use]
    pub fn sin(&self) -> Self {
        self.unary(Unary::Sin)
    }

    /// Its cosine.
    #[must_use]
    pub fn cos(&self) -> Self {
        self.unary(Unary::Cos)
    }

    /// Its exponential.
    #[must_use]
    pub fn exp(&self) -> Self {
        self.unary(Unary::Exp)
    }

    /// Its natural logarithm.
    #[must_use]
    pub fn log(&self) -> Self {
        self.unary(Unary::Log)
    }

    /// Its square root.
    #[must_use]
    pub fn sqrt(&self) -> Self {
        self.unary(Unary::Sqrt)
    }

    fn constant(&self, value: f64) -> Self {
        let expr = self.graph.borrow_mut().constant(value);
        self.with(Some(expr))
    }

    fn own(&self, other: &Self) -> Option<Expr> {
        other.expr.filter(|_| Rc::ptr_eq(&self.graph, &other.graph))
    }

    fn with(&self, expr: Option<Expr>) -> Self {
        Self {
            graph: Rc::clone(&self.graph),
            expr,
        }
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident) => {
        operator!($trait, $method, (a: Expression, b: Expression) => a.binary(Binary::$trait, &b));
        operator!($trait, $method, (a: Expression, b: &Expression) => a.binary(Binary::$trait, b));
        operator!($trait, $method, (a: &Expression, b: Expression) => a.binary(Binary::$trait, &b));
        operator!($trait, $method, (a: &Expression, b: &Expression) => a.binary(Binary::$trait, b));
        operator!($trait, $method, (a: Expression, b: f64) => a.binary(Binary::$trait, &a.constant(b)));
        operator!($trait, $method, (a: &Expression, b: f64) => a.binary(Binary::$trait, &a.constant(b)));
        operator!($trait, $method, (a: f64, b: Expression) => b.constant(a).binary(Binary::$trait, &b));
        operator!($trait, $method, (a: f64, b: &Expression) => b.constant(a).binary(Binary::$trait, b));
    };
    ($trait:ident, $method:ident, ($a:ident: $left:ty, $b:ident: $right:ty) => $result:expr) => {
        impl $trait<$right> for $left {
            type Output = Expression;

            fn $method(self, other: $right) -> Expression {
                let ($a, $b) = (self, other);
                $result
            }
        }
    };
}

operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl Neg for Expression {
    type Output = Self;

    fn neg(self) -> Self {
        self.unary(Unary::Neg)
    }
}

impl Neg for &Expression {
    type Output = Expression;

    fn neg(self) -> Expression {
        self.unary(Unary::Neg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{DEFAULT_PROBLEM, TextLimits};

    #[test]
    fn makes_the_program_of_the_file() {
        let mut builder = ProblemBuilder::new("rosenbrock");
        let u = builder.variables("u", 5);
        let p = builder.parameters("p", 2);
        let term = |i: usize| &p[1] * (&u[i + 1] - u[i].pow(2.0)).pow(2.0) + (&p[0] - &u[i]).pow(2.0);
        let terms: Vec<Expression> = (0..4).map(term).collect();
        let set = Set::Box {
            min: alloc::vec![0.0, f64::NEG_INFINITY],
            max: alloc::vec![0.0; 2],
        };
        builder.f1(alloc::vec![1.5 * &u[0] - &u[1], &u[2] - &u[3] + 0.1], set);
        let cost = builder.sum(&terms);
        let built = builder.build(cost).unwrap();
        let read = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default()).unwrap();
        assert_eq!(
            built.program().unwrap().sections,
            read.program().unwrap().sections
        );
        assert_eq!(built.blocks(), read.blocks());
    }

    #[test]
    fn refuses_what_does_not_belong() {
        let x = ProblemBuilder::new("other").variables("x", 1).remove(0);
        let mut builder = ProblemBuilder::new("mixed");
        let u = builder.variables("u", 1).remove(0);
        assert_eq!(builder.build(u * x).unwrap_err(), BuildError::ForeignExpression);
    }

    #[test]
    fn refuses_a_set_of_another_dimension() {
        let mut builder = ProblemBuilder::new("wrong");
        let u = builder.variables("u", 2).remove(0);
        builder.set = Set::Box {
            min: alloc::vec![0.0],
            max: alloc::vec![1.0],
        };
        assert!(matches!(
            builder.build(-u),
            Err(BuildError::Set("the variables", _))
        ));
    }
}
