//! Elements, slices and blocks of values.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use labwire_solve::Compact;

use super::{Expander, name_of};
use crate::expression::graph::Expr;
use crate::expression::syntax::{Formula, Pick, TermId};
use crate::expression::value::Value;
use crate::text::Fault;

impl Expander {
    pub(super) fn index(
        &mut self,
        formula: &Formula,
        at: usize,
        base: TermId,
        index: TermId,
    ) -> Result<Value, Fault> {
        let list = self.term(formula, base)?;
        let value = self.term(formula, index)?;
        let index_at = formula.terms[index].at;
        let name = name_of(formula, base).unwrap_or_default();
        if let Some(value) = self.other_stage(index_at, name, &list, &value)? {
            return Ok(value);
        }
        let elements = elements_of(at, list)?;
        if let Some(value) = self.stage_element(index_at, name, &elements, &value)? {
            return Ok(value);
        }
        let i = self.as_whole_number(index_at, &value, "an index")?;
        within(index_at, i, elements.len())
            .map(|i| elements[i].clone())
            .map_err(|fault| named(fault, name_of(formula, base), elements.len()))
    }

    /// Index below `len`.
    fn position(&mut self, formula: &Formula, index: TermId, len: usize) -> Result<usize, Fault> {
        let i = self.whole_number(formula, index, "an index")?;
        within(formula.terms[index].at, i, len)
    }

    /// Range within `len`.
    pub(super) fn range(
        &mut self,
        formula: &Formula,
        at: usize,
        (from, to): (Option<TermId>, Option<TermId>),
        len: usize,
    ) -> Result<Range<usize>, Fault> {
        let mut bound = |bound: Option<TermId>, otherwise: usize| match bound {
            Some(bound) => self.whole_number(formula, bound, "a bound of a slice"),
            None => Ok(otherwise as i64),
        };
        let (start, end) = (bound(from, 0)?, bound(to, len)?);
        let bounds = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let range = bounds.map(|(start, end)| start..end);
        range
            .filter(|range| range.start <= range.end && range.end <= len)
            .ok_or_else(|| {
                let message = format!("{start}..{end} is outside of {len} elements");
                Fault::new(from.map_or(at, |from| formula.terms[from].at), message)
                    .help("a slice a..b goes from a up to, not including, b".into())
            })
    }

    /// Element, row, column or block of a matrix.
    pub(super) fn block(
        &mut self,
        formula: &Formula,
        at: usize,
        base: TermId,
        rows: Pick,
        columns: Pick,
    ) -> Result<Value, Fault> {
        let value = self.term(formula, base)?;
        let Some(matrix) = value.rows() else {
            let message = format!("two indices are for a matrix, found {}", value.describe());
            return Err(Fault::new(at, message));
        };
        let width = matrix.first().map_or(0, Vec::len);
        let mut picked = |pick: Pick, len: usize| match pick {
            Pick::One(index) => self.position(formula, index, len).map(|i| (i..i + 1, true)),
            Pick::Range(from, to) => self
                .range(formula, at, (from, to), len)
                .map(|range| (range, false)),
        };
        let (rows, is_row) = picked(rows, matrix.len())?;
        let (columns, is_column) = picked(columns, width)?;
        self.spend(at, rows.len() * columns.len())?;
        let block = matrix[rows]
            .iter()
            .map(|row| row[columns.clone()].iter().copied());
        if !is_row && !is_column {
            return Ok(Value::List(block.map(Value::vector).collect()));
        }
        let elements: Vec<Expr> = block.flatten().collect();
        Ok(match elements.as_slice() {
            [element] if is_row && is_column => Value::Scalar(*element),
            _ => Value::vector(elements),
        })
    }

    pub(super) fn whole_number(&mut self, formula: &Formula, id: TermId, what: &str) -> Result<i64, Fault> {
        let value = self.term(formula, id)?;
        self.as_whole_number(formula.terms[id].at, &value, what)
    }

    fn as_whole_number(&self, at: usize, value: &Value, what: &str) -> Result<i64, Fault> {
        let Some(expr) = value.as_scalar() else {
            return Err(Fault::new(
                at,
                format!("{what} must be a whole number, found {}", value.describe()),
            ));
        };
        match self.graph.constant_value(expr) {
            None => Err(
                Fault::new(at, format!("{what} must be known when the file is loaded")).help(
                    "it cannot depend on variables or parameters; a table is read by interp(x, xs, ys)"
                        .into(),
                ),
            ),
            Some(value) if value == labwire_solve::math::floor(value) && value.abs() < 1e15 => {
                Ok(value as i64)
            }
            Some(value) => Err(Fault::new(
                at,
                format!("{what} must be a whole number, found {}", Compact(value)),
            )),
        }
    }
}

pub(super) fn elements_of(at: usize, value: Value) -> Result<Rc<[Value]>, Fault> {
    match value {
        Value::List(elements) => Ok(elements),
        Value::Scalar(_) => Err(Fault::new(at, "a number has no elements".into())),
    }
}

/// Index `i`, if it is below `len`.
fn within(at: usize, i: i64, len: usize) -> Result<usize, Fault> {
    usize::try_from(i).ok().filter(|i| *i < len).ok_or_else(|| {
        let message = format!("index {i} is outside of {len} elements");
        Fault::new(at, message).help(indices_help(len))
    })
}

/// Adds the name of what has too few elements to the advice.
pub(super) fn named(fault: Fault, name: Option<&str>, len: usize) -> Fault {
    match (name, &fault.help) {
        (Some(name), Some(help)) if len > 0 => {
            let noun = if len == 1 { "element" } else { "elements" };
            let help = format!("`{name}` has {len} {noun}: {help}");
            fault.help(help)
        }
        _ => fault,
    }
}

fn indices_help(len: usize) -> String {
    match len {
        0 => String::from("it is empty"),
        1 => String::from("the only index is 0"),
        _ => format!("indices go from 0 to {}", len - 1),
    }
}
