//! Reader of instructions: the key `graph` of a problem file, as exported from CasADi's SX functions.
//!
//! ```text
//! "graph": {
//!   "instructions": [["OP_INPUT", "x", 0], ["OP_CONST", 2], ["OP_MUL", 0, 1], ["OP_SIN", 2]],
//!   "outputs": {"f": [3]}
//! }
//! ```
//! Every instruction makes one value, and later ones refer to it by its index in the list. Operations have CasADi's
//! names; `OP_INPUT` takes an element of a variable or parameter. Outputs are names for use in expressions.

use alloc::format;
use alloc::vec::Vec;

use super::keys;
use crate::expression::graph::{Expr, Graph};
use crate::expression::operation::{Binary, Unary};
use crate::expression::{Scope, Value};
use crate::text::{Fault, Place, TextError, find, suggestion};

/// Effect of an instruction.
#[derive(Clone, Copy)]
enum Operation {
    Unary(Unary),
    Binary(Binary),
    /// Composed of other operations.
    OfOne(fn(&mut Graph, Expr) -> Expr),
    /// Composed of other operations.
    OfTwo(fn(&mut Graph, Expr, Expr) -> Expr),
}

/// Operations by CasADi's names. `OP_ERFINV`, `OP_REMAINDER` and calls of other functions are missing.
const OPERATIONS: [(&str, Operation); 49] = {
    use Operation::{Binary as B, OfOne, OfTwo, Unary as U};
    [
        ("OP_ASSIGN", OfOne(|_, x| x)),
        ("OP_NEG", U(Unary::Neg)),
        ("OP_FABS", U(Unary::Abs)),
        ("OP_SIGN", U(Unary::Sign)),
        ("OP_FLOOR", U(Unary::Floor)),
        ("OP_CEIL", OfOne(ceil)),
        ("OP_SQRT", U(Unary::Sqrt)),
        ("OP_SQ", OfOne(|graph, x| graph.binary(Binary::Mul, x, x))),
        ("OP_TWICE", OfOne(|graph, x| graph.binary(Binary::Add, x, x))),
        ("OP_INV", OfOne(inverse)),
        ("OP_EXP", U(Unary::Exp)),
        ("OP_EXPM1", U(Unary::Expm1)),
        ("OP_LOG", U(Unary::Log)),
        ("OP_LOG1P", U(Unary::Log1p)),
        ("OP_SIN", U(Unary::Sin)),
        ("OP_COS", U(Unary::Cos)),
        ("OP_TAN", U(Unary::Tan)),
        ("OP_ASIN", U(Unary::Asin)),
        ("OP_ACOS", U(Unary::Acos)),
        ("OP_ATAN", U(Unary::Atan)),
        ("OP_SINH", U(Unary::Sinh)),
        ("OP_COSH", U(Unary::Cosh)),
        ("OP_TANH", U(Unary::Tanh)),
        ("OP_ASINH", U(Unary::Asinh)),
        ("OP_ACOSH", U(Unary::Acosh)),
        ("OP_ATANH", U(Unary::Atanh)),
        ("OP_ERF", U(Unary::Erf)),
        ("OP_NOT", OfOne(not)),
        ("OP_ADD", B(Binary::Add)),
        ("OP_SUB", B(Binary::Sub)),
        ("OP_MUL", B(Binary::Mul)),
        ("OP_DIV", B(Binary::Div)),
        ("OP_POW", B(Binary::Pow)),
        ("OP_CONSTPOW", B(Binary::Pow)),
        ("OP_ATAN2", B(Binary::Atan2)),
        ("OP_HYPOT", B(Binary::Hypot)),
        ("OP_FMIN", B(Binary::Min)),
        ("OP_FMAX", B(Binary::Max)),
        ("OP_LT", B(Binary::Less)),
        ("OP_LE", B(Binary::LessEqual)),
        ("OP_EQ", B(Binary::Equal)),
        ("OP_NE", B(Binary::NotEqual)),
        ("OP_AND", OfTwo(and)),
        ("OP_OR", OfTwo(or)),
        ("OP_IF_ELSE_ZERO", OfTwo(if_else_zero)),
        ("OP_COPYSIGN", OfTwo(copysign)),
        ("OP_FMOD", OfTwo(remainder)),
        ("OP_LIFT", OfTwo(|_, x, _| x)),
        ("OP_PRINTME", OfTwo(|_, x, _| x)),
    ]
};

fn ceil(graph: &mut Graph, x: Expr) -> Expr {
    let negative = graph.unary(Unary::Neg, x);
    let floor = graph.unary(Unary::Floor, negative);
    graph.unary(Unary::Neg, floor)
}

fn inverse(graph: &mut Graph, x: Expr) -> Expr {
    let one = graph.constant(1.0);
    graph.binary(Binary::Div, one, x)
}

fn not(graph: &mut Graph, x: Expr) -> Expr {
    let zero = graph.constant(0.0);
    graph.binary(Binary::Equal, x, zero)
}

fn truth(graph: &mut Graph, x: Expr) -> Expr {
    let zero = graph.constant(0.0);
    graph.binary(Binary::NotEqual, x, zero)
}

fn and(graph: &mut Graph, a: Expr, b: Expr) -> Expr {
    let (b, zero) = (truth(graph, b), graph.constant(0.0));
    graph.select(a, b, zero)
}

fn or(graph: &mut Graph, a: Expr, b: Expr) -> Expr {
    let (b, one) = (truth(graph, b), graph.constant(1.0));
    graph.select(a, one, b)
}

fn if_else_zero(graph: &mut Graph, condition: Expr, x: Expr) -> Expr {
    let zero = graph.constant(0.0);
    graph.select(condition, x, zero)
}

fn copysign(graph: &mut Graph, x: Expr, sign: Expr) -> Expr {
    let (size, zero) = (graph.unary(Unary::Abs, x), graph.constant(0.0));
    let is_negative = graph.binary(Binary::Less, sign, zero);
    let negative = graph.unary(Unary::Neg, size);
    graph.select(is_negative, negative, size)
}

/// Remainder of a division with the sign of the dividend, as C's `fmod`, but for the rounding of the quotient.
fn remainder(graph: &mut Graph, x: Expr, y: Expr) -> Expr {
    let quotient = graph.binary(Binary::Div, x, y);
    let zero = graph.constant(0.0);
    let is_negative = graph.binary(Binary::Less, quotient, zero);
    let floor = graph.unary(Unary::Floor, quotient);
    let ceil = ceil(graph, quotient);
    let whole = graph.select(is_negative, ceil, floor);
    let multiple = graph.binary(Binary::Mul, whole, y);
    graph.binary(Binary::Sub, x, multiple)
}

impl<'t> Scope<'t> {
    /// Defines the outputs as names. Returns the first, which is the cost if no other is given.
    pub(super) fn graph(&mut self, place: &Place<'t>) -> Result<Value, TextError> {
        let entries = place.entries_of(
            "an object with \"instructions\" and \"outputs\"",
            keys::graph::NAMES,
        )?;
        let missing = |key: &str| place.error(format!("the key `{key}` is missing"));
        let instructions = find(&entries, "instructions").ok_or_else(|| missing("instructions"))?;
        let outputs = find(&entries, "outputs").ok_or_else(|| missing("outputs"))?;
        let instructions = instructions.items("a list of instructions")?;
        let mut values = Vec::with_capacity(instructions.len());
        for instruction in &instructions {
            let value = self.instruction(instruction, &values)?;
            values.push(value);
            if self.expander.graph.len() > self.limits.graph_nodes {
                let limit = self.limits.graph_nodes;
                let message = format!("needs more than {limit} operations (limit `graph-nodes`)");
                return Err(instruction.error(message));
            }
        }
        let mut first = None;
        for entry in outputs.entries("an object of names and lists of values")? {
            let name = self.new_name(outputs, &entry)?;
            let elements = entry.value.items("a list of values")?;
            let elements: Result<Vec<Expr>, _> =
                elements.iter().map(|element| operand(element, &values)).collect();
            let value = Value::vector(elements?);
            self.expander.define_value(&name, value.clone());
            first.get_or_insert(value);
        }
        first.ok_or_else(|| outputs.error("expected at least one output".into()))
    }

    fn instruction(&mut self, place: &Place<'t>, values: &[Expr]) -> Result<Expr, TextError> {
        let items = place.items("an instruction such as [\"OP_ADD\", 0, 1]")?;
        let Some((name, operands)) = items.split_first() else {
            return Err(place.error("expected an instruction such as [\"OP_ADD\", 0, 1]".into()));
        };
        let op = name.string("the name of an operation, such as \"OP_ADD\"")?;
        match (op, operands) {
            ("OP_INPUT", [input, index]) => return self.element(input, index),
            ("OP_CONST", [number]) => {
                let value = constant(number)?;
                return Ok(self.expander.graph.constant(value));
            }
            _ => {}
        }
        let operation = OPERATIONS.iter().find(|(known, _)| *known == op);
        let graph = &mut self.expander.graph;
        let operand = |place: &Place<'t>| operand(place, values);
        match (operation.map(|(_, operation)| *operation), operands) {
            (Some(Operation::Unary(op)), [x]) => Ok(graph.unary(op, operand(x)?)),
            (Some(Operation::OfOne(f)), [x]) => Ok(f(graph, operand(x)?)),
            (Some(Operation::Binary(op)), [a, b]) => Ok(graph.binary(op, operand(a)?, operand(b)?)),
            (Some(Operation::OfTwo(f)), [a, b]) => Ok(f(graph, operand(a)?, operand(b)?)),
            (None, _) if !matches!(op, "OP_INPUT" | "OP_CONST") => {
                let names = OPERATIONS.iter().map(|(known, _)| *known);
                let names = names.chain(["OP_INPUT", "OP_CONST"]);
                let fault = Fault::new(0, format!("unknown operation `{op}`"));
                Err(name.fault(fault.suggest(suggestion(op, names))))
            }
            _ => Err(place.error(format!("wrong number of operands for `{op}`"))),
        }
    }

    /// Element of a variable or parameter.
    fn element(&mut self, name: &Place<'t>, index: &Place<'t>) -> Result<Expr, TextError> {
        let elements = self.value(name)?.elements().unwrap_or_default();
        let last = elements.len().saturating_sub(1) as u32;
        let i = index.whole_number(0, last)? as usize;
        elements
            .get(i)
            .copied()
            .ok_or_else(|| name.error("expected the name of a variable or parameter".into()))
    }
}

/// Value of an earlier instruction.
fn operand(place: &Place<'_>, values: &[Expr]) -> Result<Expr, TextError> {
    let Some(last) = values.len().checked_sub(1) else {
        return Err(place.error("there is no instruction before this one".into()));
    };
    let i = place.whole_number(0, u32::try_from(last).unwrap_or(u32::MAX))?;
    Ok(values[i as usize])
}

/// Number, or one of the values that JSON cannot express as a number.
fn constant(place: &Place<'_>) -> Result<f64, TextError> {
    const WHAT: &str = "a number, \"inf\", \"-inf\" or \"nan\"";
    match place.string(WHAT) {
        Ok("inf") => Ok(f64::INFINITY),
        Ok("-inf") => Ok(f64::NEG_INFINITY),
        Ok("nan") => Ok(f64::NAN),
        _ => place.number(WHAT),
    }
}
