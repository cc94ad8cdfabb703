//! Constraints as comparisons: each becomes values with bounds.

use alloc::vec::Vec;

use super::expand::Expander;
use super::graph::{Expr, Graph};
use super::operation::Binary;
use super::syntax::Comparison;
use super::value::{MATRIX, Value};
use crate::text::Fault;

/// Component of a constraint: a value, and the range that it must be in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounded {
    pub(crate) expr: Expr,
    /// `-inf` for no bound.
    pub(crate) min: f64,
    /// `inf` for no bound.
    pub(crate) max: f64,
}

impl Bounded {
    /// Whether the value must be 0.
    pub(crate) fn is_equality(&self) -> bool {
        self.min == self.max
    }
}

impl Expander {
    /// Components of a constraint; of one without comparisons, its elements without bounds.
    ///
    /// A side that is a constant becomes a bound of the other one; else the difference is bounded by 0, and that of an
    /// equality is 0. A strict comparison means what the other means: the optimum may be at the bound.
    pub(super) fn compare(&mut self, comparison: &Comparison) -> Result<Vec<Bounded>, Fault> {
        let formula = &comparison.formula;
        let root = formula.root;
        let mut left = self.side(formula, root)?;
        let unbounded = |expr| Bounded {
            expr,
            min: f64::NEG_INFINITY,
            max: f64::INFINITY,
        };
        if comparison.links.is_empty() {
            let elements = self.numbers(formula.terms[root].at, &left)?;
            return Ok(elements.into_iter().map(unbounded).collect());
        }
        let mut components: Vec<Bounded> = Vec::new();
        for &(at, symbol, right) in &comparison.links {
            let right = self.side(formula, right)?;
            let own = self.link(at, symbol, &left, &right)?;
            left = right;
            let known = components.len();
            for new in own {
                // low <= e <= high with constant ends bounds one value from both sides.
                let same = components[..known]
                    .iter_mut()
                    .find(|known| known.expr == new.expr && known.is_open_where_closed(&new));
                match same {
                    Some(known) => {
                        known.min = if new.min > known.min { new.min } else { known.min };
                        known.max = if new.max < known.max { new.max } else { known.max };
                    }
                    None => components.push(new),
                }
            }
        }
        Ok(components)
    }

    /// Components of `left symbol right`.
    fn link(&mut self, at: usize, symbol: &str, left: &Value, right: &Value) -> Result<Vec<Bounded>, Fault> {
        let (low, high) = match symbol {
            "<" | "<=" | "==" => (left, right),
            ">" | ">=" => (right, left),
            _ => return Err(Fault::new(at, "no constraint excludes a single value".into())),
        };
        // Both sides in the shape of the pair.
        let lows = self.elementwise(at, symbol, low, high, &|_, low, _| low)?;
        let highs = self.elementwise(at, symbol, low, high, &|_, _, high| high)?;
        let pairs = self
            .numbers(at, &lows)?
            .into_iter()
            .zip(self.numbers(at, &highs)?);
        Ok(pairs
            .map(|(low, high)| bounded(&mut self.graph, symbol == "==", low, high))
            .collect())
    }

    fn numbers(&self, at: usize, value: &Value) -> Result<Vec<Expr>, Fault> {
        let elements = value.as_scalar().map(|scalar| alloc::vec![scalar]);
        elements.or_else(|| value.elements()).ok_or_else(|| {
            let found = value.describe();
            Fault::new(at, alloc::format!("expected a number or a vector, found {found}")).help(MATRIX.into())
        })
    }
}

impl Bounded {
    /// Whether each of the other's bounds is one that this component lacks.
    fn is_open_where_closed(&self, other: &Self) -> bool {
        !self.is_equality()
            && (self.min == f64::NEG_INFINITY || other.min == f64::NEG_INFINITY)
            && (self.max == f64::INFINITY || other.max == f64::INFINITY)
    }
}

/// `low <= high`, or both equal.
fn bounded(graph: &mut Graph, is_equality: bool, low: Expr, high: Expr) -> Bounded {
    let (expr, min, max) = match (graph.constant_value(low), graph.constant_value(high)) {
        _ if is_equality => (graph.binary(Binary::Sub, low, high), 0.0, 0.0),
        (None, Some(max)) => (low, f64::NEG_INFINITY, max),
        (Some(min), None) => (high, min, f64::INFINITY),
        _ => (graph.binary(Binary::Sub, low, high), f64::NEG_INFINITY, 0.0),
    };
    Bounded { expr, min, max }
}
