//! Values that change only in steps, by comparisons inside of an expression, `sign` or `floor`: they have no gradient, and no
//! solve can do anything with them as a constraint or as a cost. (A comparison that is the whole constraint has a meaning.)

use alloc::format;
use alloc::vec::Vec;

use crate::expression::Scope;
use crate::expression::graph::{Expr, Graph, Input, Node};
use crate::expression::operation::{Binary, Unary};
use crate::text::{Fault, Place, TextError};

impl<'t> Scope<'t> {
    /// Refuses components of a constraint that change only in steps.
    pub(super) fn refuse_step_constraints(
        &self,
        place: &Place<'t>,
        components: &[Expr],
    ) -> Result<(), TextError> {
        if !self.has_steps(components) {
            return Ok(());
        }
        let help = "a comparison is a constraint if it stands alone, as in \"x <= 2\"; else write the difference of its sides";
        Err(place.fault_inside(Fault::new(0, format!("this {STEPS}")).help(help.into())))
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
