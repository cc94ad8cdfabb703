//! Comparisons where a constraint is expected: they are 1 or 0, have no gradient, and as a component of F2, which is driven
//! to 0, ask for the opposite of what they say. What is made of nothing but them is no better, nor as a cost.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::expression::Scope;
use crate::expression::graph::{Expr, Graph, Input, Node};
use crate::expression::operation::{Binary, Unary};
use crate::text::{Fault, Place, TextError};

/// Kind of a constraint, which decides how a comparison is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constraint {
    /// Components that must be 0.
    Zero,
    /// Components that must be in a set.
    InSet,
}

impl<'t> Scope<'t> {
    /// Components of a constraint, or of a list of constraints.
    ///
    /// # Errors
    /// Those of [`expressions`](Self::expressions), and a comparison, with the way to write it.
    pub(super) fn constraint_components(
        &mut self,
        place: &Place<'t>,
        kind: Constraint,
    ) -> Result<Vec<Expr>, TextError> {
        let components = self.expressions(place)?;
        if !self.has_steps(&components) {
            return Ok(components);
        }
        let items = match place.is_list() {
            true => place.items("a list of expressions")?,
            false => alloc::vec![place.clone()],
        };
        for item in &items {
            let components = self.expressions(item)?;
            if self.has_steps(&components) {
                return Err(item.fault_inside(fault(item.expression()?, kind)));
            }
        }
        Ok(components)
    }

    /// Refuses a cost that changes only in steps.
    pub(super) fn refuse_steps(&self, place: &Place<'t>, cost: Expr) -> Result<(), TextError> {
        match self.has_steps(&[cost]) {
            true => Err(place.error(format!("the cost {STEPS}"))),
            false => Ok(()),
        }
    }

    fn has_steps(&self, values: &[Expr]) -> bool {
        has_steps(&self.expander.graph, values)
    }
}

/// Predicate of values that [`Change::InSteps`].
const STEPS: &str = "changes only in steps, by comparisons, `sign` or `floor`, and has no gradient";

/// Dependence of a value on the decision variables; of a comparison, on anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    No,
    InSteps,
    Freely,
}

/// Whether one of the values changes only in steps.
fn has_steps(graph: &Graph, values: &[Expr]) -> bool {
    use Binary::{Equal, Less, LessEqual, NotEqual};
    let Some(last) = values.iter().max() else {
        return false;
    };
    let mut changes: Vec<Change> = Vec::with_capacity(last.index() + 1);
    for expr in graph.exprs().take(last.index() + 1) {
        let of = |operand: Expr| changes[operand.index()];
        let change = match graph.node(expr) {
            Node::Input(Input::Variable, _) => Change::Freely,
            // Of constants, they would be constants.
            Node::Binary(Less | LessEqual | Equal | NotEqual, ..) => Change::InSteps,
            Node::Unary(Unary::Sign | Unary::Floor, x) => of(x).min(Change::InSteps),
            Node::Select(condition, a, b) => of(condition).min(Change::InSteps).max(of(a)).max(of(b)),
            node => node.operands().map(of).max().unwrap_or(Change::No),
        };
        changes.push(change);
    }
    values
        .iter()
        .any(|value| changes[value.index()] == Change::InSteps)
}

fn fault(text: &str, kind: Constraint) -> Fault {
    let Some((at, operator)) = comparison(text) else {
        let help = "write the difference of the two sides of a comparison instead of it";
        return Fault::new(0, format!("this {STEPS}")).help(help.into());
    };
    let message = format!("`{operator}` is a comparison, which is 1 or 0 and has no gradient");
    let (left, right) = (text[..at].trim(), text[at + operator.len()..].trim());
    let difference = match operator {
        ">" | ">=" => difference(right, left),
        _ => difference(left, right),
    };
    let help = match (operator, kind) {
        ("!=", _) => String::from("no constraint excludes a single value"),
        ("==", Constraint::Zero) => format!("this constraint is driven to 0: write \"{difference}\""),
        (_, Constraint::Zero) => format!("this constraint is driven to 0: write \"max(0, {difference})\""),
        ("==", Constraint::InSet) => format!("write \"{difference}\" with the set \"zero\""),
        (_, Constraint::InSet) => {
            format!("write \"{difference}\" with the set {{\"box\": {{\"max\": 0}}}}")
        }
    };
    Fault::new(at, message).help(help)
}

/// `left - right`, simplified where one of them is 0.
fn difference(left: &str, right: &str) -> String {
    let grouped = match right.contains(['+', '-']) {
        true => format!("({right})"),
        false => right.into(),
    };
    match (left, right) {
        (_, "0") => left.into(),
        ("0", _) => format!("-{grouped}"),
        _ => format!("{left} - {grouped}"),
    }
}

/// First comparison outside of brackets: its place and operator.
fn comparison(text: &str) -> Option<(usize, &'static str)> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => {
                let rest = &text.as_bytes()[at..];
                let mut operators = ["<=", ">=", "==", "!=", "<", ">"].into_iter();
                if let Some(operator) = operators.find(|operator| rest.starts_with(operator.as_bytes())) {
                    return Some((at, operator));
                }
            }
            _ => {}
        }
    }
    None
}
