//! Comparisons where a constraint is expected: they are 1 or 0, have no gradient, and as a component of F2, which is driven
//! to 0, ask for the opposite of what they say.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::expression::Scope;
use crate::expression::graph::{Expr, Graph, Node};
use crate::expression::operation::Binary;
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
        if !self.has_comparison(&components) {
            return Ok(components);
        }
        let items = match place.is_list() {
            true => place.items("a list of expressions")?,
            false => alloc::vec![place.clone()],
        };
        for item in &items {
            let components = self.expressions(item)?;
            if self.has_comparison(&components) {
                return Err(item.fault_inside(fault(item.expression()?, kind)));
            }
        }
        Ok(components)
    }

    fn has_comparison(&self, components: &[Expr]) -> bool {
        let graph = &self.expander.graph;
        components.iter().any(|component| is_condition(graph, *component))
    }
}

/// Whether a value is a comparison, or joins comparisons.
fn is_condition(graph: &Graph, expr: Expr) -> bool {
    use Binary::{Equal, Less, LessEqual, MaskedMul, Max, Min, Mul, NotEqual};
    match graph.node(expr) {
        Node::Binary(Less | LessEqual | Equal | NotEqual, ..) => true,
        Node::Binary(Mul | MaskedMul | Min | Max, a, b) => is_condition(graph, a) && is_condition(graph, b),
        _ => false,
    }
}

fn fault(text: &str, kind: Constraint) -> Fault {
    let Some((at, operator)) = comparison(text) else {
        let fault = Fault::new(
            0,
            "this is a comparison, which is 1 or 0 and has no gradient".into(),
        );
        return fault.help(String::from("write the difference of its two sides instead"));
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
