//! Value of an expression during expansion: a number, a vector or a matrix of graph values.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use super::graph::Expr;

/// Advice where a matrix stands in place of a number or a vector.
pub(super) const MATRIX: &str =
    "the product of a matrix and a vector is written `A @ x`; `*` acts on each element";

/// Number, list of numbers, or list of lists of numbers.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a scalar or a list")]
pub enum Value {
    /// A number.
    Scalar(Expr),
    /// A vector of numbers, or a matrix by rows.
    List(Rc<[Value]>),
}

impl Value {
    /// A vector of numbers.
    pub fn vector(elements: impl IntoIterator<Item = Expr>) -> Self {
        Self::List(elements.into_iter().map(Value::Scalar).collect())
    }

    /// Description for error messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Scalar(_) => String::from("a number"),
            Self::List(elements) => match elements.first() {
                Some(Self::List(row)) => format!("a {} x {} matrix", elements.len(), row.len()),
                _ => format!("a vector of {}", elements.len()),
            },
        }
    }

    /// List of these elements; `None` if numbers and rows are mixed, rows differ in length, or rows contain
    /// rows.
    #[must_use]
    pub fn list(elements: Vec<Value>) -> Option<Self> {
        let row_length = |value: &Value| match value {
            Self::Scalar(_) => Some(None),
            Self::List(row) if matches!(row.first(), Some(Self::List(_))) => None,
            Self::List(row) => Some(Some(row.len())),
        };
        let mut lengths = elements.iter().map(row_length);
        let first = lengths.next().unwrap_or(Some(None))?;
        lengths
            .all(|length| length == Some(first))
            .then(|| Self::List(elements.into()))
    }

    /// The rows of a matrix; `None` for any other value.
    #[must_use]
    pub(super) fn rows(&self) -> Option<Vec<Vec<Expr>>> {
        let Self::List(rows) = self else {
            return None;
        };
        rows.iter()
            .map(|row| match row {
                Self::List(_) => row.elements(),
                Self::Scalar(_) => None,
            })
            .collect::<Option<Vec<Vec<Expr>>>>()
            .filter(|rows| !rows.is_empty())
    }

    /// The number, also if it is the only element of a vector.
    #[must_use]
    pub fn as_scalar(&self) -> Option<Expr> {
        match self {
            Self::Scalar(expr) => Some(*expr),
            Self::List(elements) => match **elements {
                [Self::Scalar(expr)] => Some(expr),
                _ => None,
            },
        }
    }

    /// The elements of a vector; `None` for any other value.
    #[must_use]
    pub fn elements(&self) -> Option<Vec<Expr>> {
        let Self::List(elements) = self else {
            return None;
        };
        let scalar = |value: &Value| match value {
            Self::Scalar(expr) => Some(*expr),
            Self::List(_) => None,
        };
        elements.iter().map(scalar).collect()
    }
}
