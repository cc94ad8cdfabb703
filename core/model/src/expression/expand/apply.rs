//! Functions and operators, applied to values.

use alloc::format;
use alloc::rc::Rc;
use alloc::vec::Vec;

use super::{EQUAL, Expander, wrong_count};
use crate::expression::functions::Function;
use crate::expression::graph::{Expr, Graph};
use crate::expression::operation::{Binary, Unary};
use crate::expression::value::Value;
use crate::text::Fault;

/// Advice where a matrix is found in place of a vector.
const MATRIX_HELP: &str = "a product with a matrix is written `A @ x`; `*` multiplies element by element";

impl Expander {
    pub(super) fn builtin(
        &mut self,
        at: usize,
        name: &str,
        function: Function,
        arguments: &[Value],
    ) -> Result<Value, Fault> {
        match (function, arguments) {
            (Function::Unary(op), [x]) => self.unary(at, op, x),
            (Function::Binary(op), [a, b]) => self.binary(at, name, op, a, b),
            (Function::Fold(op), [Value::List(elements)]) => self.fold(at, name, op, elements),
            (Function::Fold(op), [_, _, ..]) => self.fold(at, name, op, arguments),
            (Function::Fold(_), _) => {
                let message = format!("`{name}` takes a vector, or two or more arguments");
                Err(Fault::new(at, message))
            }
            (Function::Join(op), [Value::List(elements)]) => self.join(at, name, op, elements),
            (Function::Join(_), _) => {
                let message = format!("`{name}` takes a vector, or a range and an expression");
                Err(Fault::new(at, message).help(format!("write {name}(i in 0..4, ...)")))
            }
            (Function::Dot, [a, b]) => {
                let products = self.binary(at, name, Binary::Mul, a, b)?;
                let products = self.vector(at, name, &products)?;
                Ok(Value::Scalar(self.graph.sum(&products)))
            }
            (Function::Norm2, [x]) => {
                let elements = self.vector(at, name, x)?;
                let mut square = |x: &Expr| self.graph.binary(Binary::Mul, *x, *x);
                let squares: Vec<Expr> = elements.iter().map(&mut square).collect();
                let sum = self.graph.sum(&squares);
                Ok(Value::Scalar(self.graph.unary(Unary::NormSqrt, sum)))
            }
            (Function::NormInf, [x]) => {
                let elements = self.vector(at, name, x)?;
                let mut magnitude = |x: &Expr| self.graph.unary(Unary::Abs, *x);
                let magnitudes: Vec<Expr> = elements.iter().map(&mut magnitude).collect();
                let largest = self.graph.fold(Binary::Max, &magnitudes);
                Ok(Value::Scalar(largest.unwrap_or_else(|| self.graph.constant(0.0))))
            }
            (Function::Norm1, [x]) => self.norm1(at, x),
            (Function::Shape(shape), _) => self.shape(at, name, shape, arguments),
            (Function::Interp, _) => self.table(at, name, false, arguments),
            (Function::InterpCubic, _) => self.table(at, name, true, arguments),
            (Function::Interp2, _) => self.table2(at, name, arguments),
            (Function::Quad, [x, q]) => self.quadratic_form(at, x, q),
            (Function::Transpose, [a]) => self.transpose(at, a),
            (Function::Binary(_) | Function::Dot | Function::Quad, _) => {
                Err(wrong_count(at, name, arguments.len(), 2))
            }
            _ => Err(wrong_count(at, name, arguments.len(), 1)),
        }
    }

    pub(in crate::expression) fn vector(
        &mut self,
        at: usize,
        name: &str,
        value: &Value,
    ) -> Result<Vec<Expr>, Fault> {
        let one = value.as_scalar().map(|scalar| alloc::vec![scalar]);
        let elements = one.or_else(|| value.elements()).ok_or_else(|| {
            let message = format!("`{name}` takes a vector of numbers, found {}", value.describe());
            Fault::new(at, message).help(MATRIX_HELP.into())
        })?;
        self.spend(at, elements.len())?;
        Ok(elements)
    }

    /// Combines values in the order of [`Graph::sum`].
    fn fold(&mut self, at: usize, name: &str, op: Binary, values: &[Value]) -> Result<Value, Fault> {
        let mut values = values.to_vec();
        if values.is_empty() {
            return Err(Fault::new(at, format!("`{name}` of nothing has no value")));
        }
        while values.len() > 1 {
            let half = values.len().div_ceil(2);
            for i in half..values.len() {
                values[i - half] = self.binary(at, name, op, &values[i - half], &values[i])?;
            }
            values.truncate(half);
        }
        Ok(values.remove(0))
    }

    pub(super) fn join(
        &mut self,
        at: usize,
        name: &str,
        op: Binary,
        values: &[Value],
    ) -> Result<Value, Fault> {
        if values.is_empty() {
            let neutral = if op == Binary::Mul { 1.0 } else { 0.0 };
            return Ok(Value::Scalar(self.graph.constant(neutral)));
        }
        self.fold(at, name, op, values)
    }

    pub(in crate::expression) fn unary(&mut self, at: usize, op: Unary, x: &Value) -> Result<Value, Fault> {
        match x {
            Value::Scalar(x) => Ok(Value::Scalar(self.graph.unary(op, *x))),
            Value::List(elements) => {
                self.spend(at, elements.len())?;
                let results: Result<Rc<[Value]>, Fault> = elements
                    .iter()
                    .map(|element| self.unary(at, op, element))
                    .collect();
                Ok(Value::List(results?))
            }
        }
    }

    pub(in crate::expression) fn binary(
        &mut self,
        at: usize,
        name: &str,
        op: Binary,
        a: &Value,
        b: &Value,
    ) -> Result<Value, Fault> {
        let binary = |graph: &mut Graph, a, b| graph.binary(op, a, b);
        self.elementwise(at, name, a, b, &binary)
    }

    /// Applies `f` to corresponding elements; a number, or a list of one, is combined with every element.
    pub(in crate::expression) fn elementwise(
        &mut self,
        at: usize,
        name: &str,
        a: &Value,
        b: &Value,
        f: &dyn Fn(&mut Graph, Expr, Expr) -> Expr,
    ) -> Result<Value, Fault> {
        if let Some(fault) = different_ranks(at, name, a, b) {
            return Err(fault);
        }
        let len = match (a, b) {
            (Value::Scalar(a), Value::Scalar(b)) => return Ok(Value::Scalar(f(&mut self.graph, *a, *b))),
            (Value::List(a), Value::List(b)) => match (a.len(), b.len()) {
                (len, 1) | (1, len) => len,
                (left, right) if left == right => left,
                (left, right) => {
                    let message = format!(
                        "`{name}` needs {EQUAL} lengths: the left has {left} elements, the right {right}"
                    );
                    return Err(Fault::new(at, message));
                }
            },
            (Value::List(list), _) | (_, Value::List(list)) => list.len(),
        };
        self.spend(at, len)?;
        let element = |value: &Value, i: usize| match value {
            Value::Scalar(_) => value.clone(),
            Value::List(elements) if elements.len() == 1 => elements[0].clone(),
            Value::List(elements) => elements[i].clone(),
        };
        let results: Result<Rc<[Value]>, Fault> = (0..len)
            .map(|i| self.elementwise(at, name, &element(a, i), &element(b, i), f))
            .collect();
        Ok(Value::List(results?))
    }
}

/// Fault of a matrix beside a vector of several elements, of which no element corresponds to one of the matrix.
fn different_ranks(at: usize, name: &str, a: &Value, b: &Value) -> Option<Fault> {
    let is_matrix =
        |value: &Value| matches!(value, Value::List(rows) if matches!(rows.first(), Some(Value::List(_))));
    let is_vector = |value: &Value| matches!(value, Value::List(list) if list.len() > 1) && !is_matrix(value);
    if !(is_matrix(a) && is_vector(b) || is_vector(a) && is_matrix(b)) {
        return None;
    }
    let fault = Fault::new(
        at,
        format!(
            "`{name}` needs {EQUAL} shapes, found {} and {}",
            a.describe(),
            b.describe()
        ),
    );
    Some(match name {
        "*" => fault.help(MATRIX_HELP.into()),
        _ => fault,
    })
}
