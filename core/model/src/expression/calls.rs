//! Calls of functions that are made of several operations: norms, smooth shapes, tables, products of matrices.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::ToString;
use alloc::vec::Vec;

use labwire_solve::Compact;

use super::expand::{EQUAL, Expander, wrong_count};
use super::functions::Shape;
use super::graph::Expr;
use super::operation::{Binary, Unary};
use super::table::interpolate;
use super::value::Value;
use crate::text::Fault;

/// Operations of a table for each of its points, about.
const STEPS_PER_POINT: usize = 8;

impl Expander {
    pub(super) fn norm1(&mut self, at: usize, x: &Value) -> Result<Value, Fault> {
        let elements = self.vector(at, "norm1", x)?;
        let magnitudes: Vec<Expr> = elements
            .iter()
            .map(|x| self.graph.unary(Unary::Abs, *x))
            .collect();
        Ok(Value::Scalar(self.graph.sum(&magnitudes)))
    }

    /// Value of a smooth or piecewise function, elementwise.
    pub(super) fn shape(
        &mut self,
        at: usize,
        name: &str,
        shape: Shape,
        arguments: &[Value],
    ) -> Result<Value, Fault> {
        match (shape, arguments) {
            (Shape::SmoothAbs, [x, width]) => {
                let root = self.rounded(at, name, x, width)?;
                self.binary(at, name, Binary::Sub, &root, width)
            }
            (Shape::SmoothMax, [a, b, width]) => {
                let difference = self.binary(at, name, Binary::Sub, a, b)?;
                let root = self.rounded(at, name, &difference, width)?;
                let sum = self.binary(at, name, Binary::Add, a, b)?;
                let sum = self.binary(at, name, Binary::Add, &sum, &root)?;
                let half = Value::Scalar(self.graph.constant(0.5));
                self.binary(at, name, Binary::Mul, &half, &sum)
            }
            (Shape::Softplus, [x]) => self.softplus(at, name, x),
            (Shape::Softplus, [x, width]) => {
                let scaled = self.binary(at, name, Binary::Div, x, width)?;
                let value = self.softplus(at, name, &scaled)?;
                self.binary(at, name, Binary::Mul, width, &value)
            }
            (Shape::Huber, [x, width]) => {
                // With x cut at the width, c*(x - c/2) is x^2/2 inside, and a line outside.
                let low = self.unary(at, Unary::Neg, width)?;
                let cut = self.binary(at, name, Binary::Max, x, &low)?;
                let cut = self.binary(at, name, Binary::Min, &cut, width)?;
                let half = Value::Scalar(self.graph.constant(0.5));
                let half = self.binary(at, name, Binary::Mul, &half, &cut)?;
                let rest = self.binary(at, name, Binary::Sub, x, &half)?;
                self.binary(at, name, Binary::Mul, &cut, &rest)
            }
            (Shape::SmoothMax, _) => Err(wrong_count(at, name, arguments.len(), 3)),
            (Shape::Softplus, _) => Err(wrong_count(at, name, arguments.len(), 1)),
            _ => Err(wrong_count(at, name, arguments.len(), 2)),
        }
    }

    /// `sqrt(x^2 + width^2)`
    fn rounded(&mut self, at: usize, name: &str, x: &Value, width: &Value) -> Result<Value, Fault> {
        let square = self.binary(at, name, Binary::Mul, x, x)?;
        let floor = self.binary(at, name, Binary::Mul, width, width)?;
        let sum = self.binary(at, name, Binary::Add, &square, &floor)?;
        self.unary(at, Unary::Sqrt, &sum)
    }

    /// `log(1 + exp(x))`, of the exponential that does not overflow.
    fn softplus(&mut self, at: usize, name: &str, x: &Value) -> Result<Value, Fault> {
        let zero = Value::Scalar(self.graph.constant(0.0));
        self.elementwise(at, name, x, &zero, &|graph, x, zero| {
            let minus = graph.unary(Unary::Neg, x);
            let [low, high] = [x, minus].map(|exponent| {
                let power = graph.unary(Unary::Exp, exponent);
                graph.unary(Unary::Log1p, power)
            });
            let high = graph.binary(Binary::Add, x, high);
            let is_negative = graph.binary(Binary::Less, x, zero);
            graph.select(is_negative, low, high)
        })
    }

    /// `interp(x, xs, ys)`, elementwise in x.
    pub(super) fn table(
        &mut self,
        at: usize,
        name: &str,
        is_smooth: bool,
        arguments: &[Value],
    ) -> Result<Value, Fault> {
        let [x, xs, ys] = arguments else {
            return Err(wrong_count(at, name, arguments.len(), 3));
        };
        let xs = self.grid(at, name, xs)?;
        let ys = self.table_values(at, name, xs.len(), ys)?;
        self.look_up(at, is_smooth, x, &xs, &ys)
    }

    /// `interp2(x, y, xs, ys, table)`: linear in both, the rows of the table belong to `xs`.
    pub(super) fn table2(&mut self, at: usize, name: &str, arguments: &[Value]) -> Result<Value, Fault> {
        let [x, y, xs, ys, table] = arguments else {
            return Err(wrong_count(at, name, arguments.len(), 5));
        };
        let (Some(x), Some(y)) = (x.as_scalar(), y.as_scalar()) else {
            return Err(Fault::new(at, format!("`{name}` takes numbers as x and y")));
        };
        let (xs, ys) = (self.grid(at, name, xs)?, self.grid(at, name, ys)?);
        let rows = match table {
            Value::List(rows) if rows.len() == xs.len() => Rc::clone(rows),
            _ => {
                let (rows, columns, found) = (xs.len(), ys.len(), table.describe());
                let message =
                    format!("`{name}` needs a {rows} x {columns} table for these xs and ys, found {found}");
                return Err(Fault::new(at, message));
            }
        };
        let mut values = Vec::with_capacity(xs.len());
        for row in rows.iter() {
            let row = self.table_values(at, name, ys.len(), row)?;
            self.spend(at, STEPS_PER_POINT * row.len())?;
            values.push(interpolate(&mut self.graph, y, &ys, &row, false));
        }
        Ok(Value::Scalar(interpolate(
            &mut self.graph,
            x,
            &xs,
            &values,
            false,
        )))
    }

    fn look_up(
        &mut self,
        at: usize,
        is_smooth: bool,
        x: &Value,
        xs: &[f64],
        ys: &[Expr],
    ) -> Result<Value, Fault> {
        self.spend(at, STEPS_PER_POINT * xs.len())?;
        match x {
            Value::Scalar(x) => Ok(Value::Scalar(interpolate(&mut self.graph, *x, xs, ys, is_smooth))),
            Value::List(elements) => {
                let values: Result<Rc<[Value]>, Fault> = elements
                    .iter()
                    .map(|x| self.look_up(at, is_smooth, x, xs, ys))
                    .collect();
                values.map(Value::List)
            }
        }
    }

    fn table_values(&mut self, at: usize, name: &str, len: usize, ys: &Value) -> Result<Vec<Expr>, Fault> {
        let values = self.vector(at, name, ys)?;
        match values.len() == len {
            true => Ok(values),
            false => {
                let found = values.len();
                Err(Fault::new(
                    at,
                    format!("`{name}` has {len} points, and {found} values for them"),
                ))
            }
        }
    }

    /// Points of a table: numbers that grow.
    fn grid(&mut self, at: usize, name: &str, xs: &Value) -> Result<Vec<f64>, Fault> {
        let exprs = self.vector(at, name, xs)?;
        let numbers: Option<Vec<f64>> = exprs.iter().map(|x| self.graph.constant_value(*x)).collect();
        let Some(numbers) = numbers else {
            return Err(Fault::new(at, format!("the points of `{name}` must be numbers"))
                .help("they cannot depend on variables or parameters; its values can".into()));
        };
        if numbers.len() < 2 {
            return Err(Fault::new(
                at,
                format!("`{name}` needs two points or more, found {}", numbers.len()),
            ));
        }
        match numbers.windows(2).find(|pair| !(pair[0] < pair[1])) {
            None => Ok(numbers),
            Some(pair) => Err(Fault::new(
                at,
                format!(
                    "the points of `{name}` must grow, found {} and then {}",
                    Compact(pair[0]),
                    Compact(pair[1])
                ),
            )),
        }
    }

    /// `a @ b`: the product of matrices and vectors; of two vectors their inner product.
    pub(super) fn matrix_product(
        &mut self,
        at: usize,
        name: &str,
        a: &Value,
        b: &Value,
    ) -> Result<Value, Fault> {
        match (a.rows(), b.rows()) {
            (Some(a), Some(b)) => {
                let columns = transposed(&b);
                let rows = a
                    .iter()
                    .map(|row| self.products(at, name, row, &columns).map(Value::vector));
                let rows: Result<Rc<[Value]>, Fault> = rows.collect();
                rows.map(Value::List)
            }
            (Some(a), None) => {
                let x = self.vector(at, name, b)?;
                self.products(at, name, &x, &a).map(Value::vector)
            }
            (None, Some(b)) => {
                let x = self.vector(at, name, a)?;
                self.products(at, name, &x, &transposed(&b)).map(Value::vector)
            }
            (None, None) => {
                let (a, b) = (self.vector(at, name, a)?, self.vector(at, name, b)?);
                let product = self.products(at, name, &a, &[b])?;
                Ok(Value::Scalar(self.graph.sum(&product)))
            }
        }
    }

    /// Inner products of `x` with each row. Elements that are constants 0 count nothing: matrices are often sparse.
    fn products(
        &mut self,
        at: usize,
        name: &str,
        x: &[Expr],
        rows: &[Vec<Expr>],
    ) -> Result<Vec<Expr>, Fault> {
        let mut results = Vec::with_capacity(rows.len());
        for row in rows {
            if row.len() != x.len() {
                let message = format!(
                    "`{name}` needs {EQUAL} inner lengths, found {} and {}",
                    x.len(),
                    row.len()
                );
                return Err(Fault::new(at, message));
            }
            self.spend(at, row.len())?;
            let is_zero = |x: &Expr| self.graph.constant_value(*x) == Some(0.0);
            let pairs: Vec<(Expr, Expr)> = x.iter().copied().zip(row.iter().copied()).collect();
            let pairs = pairs.into_iter().filter(|(a, b)| !is_zero(a) && !is_zero(b));
            let pairs: Vec<(Expr, Expr)> = pairs.collect();
            let terms: Vec<Expr> = pairs
                .into_iter()
                .map(|(a, b)| self.graph.binary(Binary::Mul, a, b))
                .collect();
            results.push(self.graph.sum(&terms));
        }
        Ok(results)
    }

    /// `x` times `q` times `x`.
    pub(super) fn quadratic_form(&mut self, at: usize, x: &Value, q: &Value) -> Result<Value, Fault> {
        let x = Value::vector(self.vector(at, "quad", x)?);
        if q.rows().is_none() && q.as_scalar().is_none() {
            let message = format!(
                "`quad` takes a vector and a matrix, found {} as the matrix",
                q.describe()
            );
            return Err(Fault::new(at, message));
        }
        let product = match q.rows() {
            Some(_) => self.matrix_product(at, "quad", q, &x)?,
            None => self.binary(at, "quad", Binary::Mul, q, &x)?,
        };
        self.matrix_product(at, "quad", &x, &product)
    }

    pub(super) fn transpose(&mut self, at: usize, a: &Value) -> Result<Value, Fault> {
        match a.rows() {
            Some(rows) => {
                self.spend(at, rows.iter().map(Vec::len).sum())?;
                Ok(matrix(transposed(&rows)))
            }
            None => {
                let message = format!("`transpose` takes a matrix, found {}", a.describe());
                Err(Fault::new(at, message).help(
                    "a vector is row and column: `x @ A` is the product with the transpose".to_string(),
                ))
            }
        }
    }

    /// `[a; b]`: numbers and vectors one after the other, or matrices and rows under one another. Of several items in a line,
    /// `[1, 2; 3, 4]`, numbers make a row, and matrices stand side by side.
    pub(super) fn stack(&mut self, at: usize, lines: &[Vec<Value>]) -> Result<Value, Fault> {
        let has_rows = lines
            .iter()
            .any(|line| line.len() > 1 || line.iter().any(|item| item.rows().is_some()));
        if !has_rows {
            let mut elements = Vec::new();
            for item in lines.iter().flatten() {
                elements.extend(self.vector(at, "[;]", item)?);
            }
            return Ok(Value::vector(elements));
        }
        let mut rows: Vec<Vec<Expr>> = Vec::new();
        for line in lines {
            rows.extend(self.beside(at, line)?);
        }
        let first = rows.first().map_or(0, Vec::len);
        match rows.iter().find(|row| row.len() != first) {
            None => Ok(matrix(rows)),
            Some(row) => {
                let message = format!(
                    "rows of {first} and of {} elements stand under one another",
                    row.len()
                );
                Err(Fault::new(at, message))
            }
        }
    }

    /// Rows of what stands side by side.
    fn beside(&mut self, at: usize, line: &[Value]) -> Result<Vec<Vec<Expr>>, Fault> {
        let is_row = line.iter().all(|item| item.rows().is_none());
        if is_row {
            let mut row = Vec::new();
            for item in line {
                row.extend(self.vector(at, "[;]", item)?);
            }
            return Ok(alloc::vec![row]);
        }
        let mut rows: Vec<Vec<Expr>> = Vec::new();
        for (i, item) in line.iter().enumerate() {
            // A vector beside a matrix is a column.
            let block = match item.rows() {
                Some(block) => block,
                None => self
                    .vector(at, "[;]", item)?
                    .into_iter()
                    .map(|x| alloc::vec![x])
                    .collect(),
            };
            self.spend(at, block.iter().map(Vec::len).sum())?;
            if i == 0 {
                rows = block;
            } else if rows.len() == block.len() {
                rows.iter_mut()
                    .zip(block)
                    .for_each(|(row, more)| row.extend(more));
            } else {
                let message = format!("{} and {} rows stand side by side", rows.len(), block.len());
                return Err(Fault::new(at, message));
            }
        }
        Ok(rows)
    }
}

fn transposed(rows: &[Vec<Expr>]) -> Vec<Vec<Expr>> {
    let columns = rows.first().map_or(0, Vec::len);
    (0..columns)
        .map(|i| rows.iter().map(|row| row[i]).collect())
        .collect()
}

fn matrix(rows: Vec<Vec<Expr>>) -> Value {
    Value::List(rows.into_iter().map(Value::vector).collect())
}
