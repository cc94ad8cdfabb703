//! Expansion of formulas: a syntax tree and the definitions of its names become values of a graph.

mod apply;
mod indexing;
mod stages;
pub(crate) mod units;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use indexing::{elements_of, named};

use super::functions::{CONSTANTS, Function, advice, function, is_reserved};
use super::graph::{Expr, Graph};
use super::operation::{Binary, Unary};
use super::stage::StageValues;
use super::syntax::{Formula, Loop, TermId, TermKind, too_deep};
use super::unit::Quantity;
use super::value::Value;
use crate::text::{Fault, TextLimits, suggestion};

/// Word of a fault about shapes.
pub(super) const EQUAL: &str = "equal";
/// Names of a file that an error lists.
const MAX_LISTED: usize = 20;

/// Names and values known while formulas are expanded.
#[derive(Debug)]
pub struct Expander {
    /// Graph to which expressions are added.
    pub graph: Graph,
    /// Values of single stages, if the problem has stages.
    pub(crate) stages: Option<StageValues>,
    limits: TextLimits,
    globals: BTreeMap<String, Global>,
    /// Units of names that have one.
    quantities: BTreeMap<String, Quantity>,
    /// Unit of the time of a stage.
    pub(crate) time: Quantity,
    locals: Vec<(String, Value)>,
    /// Definitions may refer only to earlier ones: names with a lower number.
    visible: usize,
    steps: usize,
    depth: usize,
}

#[derive(Debug)]
struct Global {
    number: usize,
    meaning: Meaning,
}

#[derive(Clone, Debug)]
enum Meaning {
    Value(Value),
    Function(Rc<Definition>),
}

/// Definition with arguments.
#[derive(Debug)]
struct Definition {
    arguments: Vec<String>,
    formula: Formula,
    /// Index of the text it was written in, for faults inside it.
    text: usize,
}

impl Expander {
    /// Creates an expander without names and with an empty graph.
    #[must_use]
    pub fn new(limits: &TextLimits) -> Self {
        Self {
            graph: Graph::new(),
            stages: None,
            limits: limits.clone(),
            globals: BTreeMap::new(),
            quantities: BTreeMap::new(),
            time: Quantity::Unknown,
            locals: Vec::new(),
            visible: usize::MAX,
            steps: 0,
            depth: 0,
        }
    }

    /// Checks that a name may be defined.
    ///
    /// # Errors
    /// The reason why it may not.
    pub fn check_new_name(&self, name: &str) -> Result<(), String> {
        if self.globals.contains_key(name) {
            return Err(format!("`{name}` is already defined"));
        }
        if CONSTANTS.iter().any(|(known, _)| *known == name) {
            return Err(format!("`{name}` is a constant; choose another name"));
        }
        if is_reserved(name) || matches!(name, "for" | "in") {
            return Err(format!("`{name}` is part of the language; choose another name"));
        }
        Ok(())
    }

    /// Defines `name` for later formulas.
    pub fn define_value(&mut self, name: &str, value: Value) {
        self.define(name, Meaning::Value(value));
    }

    /// Defines the function `name` for later formulas. `text` is the index that faults inside the formula
    /// will carry.
    pub(super) fn define_function(
        &mut self,
        name: &str,
        arguments: Vec<String>,
        formula: Formula,
        text: usize,
    ) {
        let definition = Definition {
            arguments,
            formula,
            text,
        };
        self.define(name, Meaning::Function(Rc::new(definition)));
    }

    /// Replaces values of names that are already defined: `replace` takes all numbers, in order.
    pub(crate) fn replace_values(&mut self, replace: impl FnOnce(&mut Graph, &[Expr]) -> Vec<Expr>) {
        fn collect(value: &Value, exprs: &mut Vec<Expr>) {
            match value {
                Value::Scalar(expr) => exprs.push(*expr),
                Value::List(elements) => elements.iter().for_each(|element| collect(element, exprs)),
            }
        }
        fn rebuild(value: &Value, exprs: &mut impl Iterator<Item = Expr>) -> Value {
            match value {
                Value::Scalar(expr) => Value::Scalar(exprs.next().unwrap_or(*expr)),
                Value::List(elements) => Value::List(elements.iter().map(|it| rebuild(it, exprs)).collect()),
            }
        }
        let mut exprs = Vec::new();
        for global in self.globals.values() {
            if let Meaning::Value(value) = &global.meaning {
                collect(value, &mut exprs);
            }
        }
        let mut exprs = replace(&mut self.graph, &exprs).into_iter();
        for global in self.globals.values_mut() {
            if let Meaning::Value(value) = &mut global.meaning {
                *value = rebuild(value, &mut exprs);
            }
        }
    }

    fn define(&mut self, name: &str, meaning: Meaning) {
        let number = self.globals.len();
        self.globals.insert(name.to_string(), Global { number, meaning });
    }

    /// Value of a formula.
    pub(super) fn expand(&mut self, formula: &Formula) -> Result<Value, Fault> {
        self.term(formula, formula.root)
    }

    /// Value of a side of a comparison.
    pub(super) fn side(&mut self, formula: &Formula, side: TermId) -> Result<Value, Fault> {
        self.term(formula, side)
    }

    fn term(&mut self, formula: &Formula, id: TermId) -> Result<Value, Fault> {
        let term = &formula.terms[id];
        self.depth += 1;
        if self.depth > self.limits.expression_depth {
            return Err(too_deep(term.at, self.limits.expression_depth));
        }
        let value = match &term.kind {
            TermKind::Number(value) => Ok(Value::Scalar(self.graph.constant(*value))),
            TermKind::Name(name) => self.name(term.at, name),
            TermKind::Negate(operand) => {
                let operand = self.term(formula, *operand)?;
                self.unary(term.at, Unary::Neg, &operand)
            }
            TermKind::Binary(..) => self.chain(formula, id),
            TermKind::Call(name, arguments) => self.call(formula, term.at, name, arguments),
            TermKind::Index(base, index) => self.index(formula, term.at, *base, *index),
            TermKind::Slice(base, from, to) => {
                let elements = elements_of(term.at, self.term(formula, *base)?)?;
                let range = self
                    .range(formula, term.at, (*from, *to), elements.len())
                    .map_err(|fault| named(fault, name_of(formula, *base), elements.len()))?;
                self.spend(term.at, range.len())?;
                Ok(Value::List(elements[range].into()))
            }
            TermKind::List(elements) => {
                let values = self.arguments(formula, elements)?;
                let is_name = |id: &TermId| matches!(formula.terms[*id].kind, TermKind::Name(_));
                self.list(term.at, numbers(values, elements.iter().any(is_name)))
            }
            TermKind::Stack(lines) => {
                let lines = lines.iter().map(|line| self.arguments(formula, line));
                let lines = lines.collect::<Result<Vec<Vec<Value>>, Fault>>()?;
                self.stack(term.at, &lines)
            }
            TermKind::Block(base, rows, columns) => self.block(formula, term.at, *base, *rows, *columns),
            TermKind::Loop(body) => self.repeat(formula, term.at, body),
        }?;
        self.depth -= 1;
        self.spend(term.at, 1)?;
        Ok(value)
    }

    /// Counts operations of the expansion, which has a limit.
    pub(crate) fn spend(&mut self, at: usize, steps: usize) -> Result<(), Fault> {
        self.steps = self.steps.saturating_add(steps);
        let limits = &self.limits;
        if self.steps > limits.expansion_steps {
            let limit = limits.expansion_steps;
            return Err(Fault::new(
                at,
                format!("takes more than {limit} steps (limit `expansion-steps`)"),
            ));
        }
        if self.graph.len() > limits.graph_nodes {
            let limit = limits.graph_nodes;
            return Err(Fault::new(
                at,
                format!("needs more than {limit} operations (limit `graph-nodes`)"),
            ));
        }
        Ok(())
    }

    fn name(&mut self, at: usize, name: &str) -> Result<Value, Fault> {
        if let Some((_, value)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return Ok(value.clone());
        }
        match self.globals.get(name) {
            Some(Global { number, .. }) if *number >= self.visible => {
                let message = format!("`{name}` is defined further down");
                Err(Fault::new(at, message).help("definitions may refer to earlier ones only".into()))
            }
            Some(Global {
                meaning: Meaning::Value(value),
                ..
            }) => Ok(value.clone()),
            Some(_) => {
                let message = format!("`{name}` is a definition with arguments");
                Err(Fault::new(at, message).help(format!("write `{name}(...)`")))
            }
            None => match CONSTANTS.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => Ok(Value::Scalar(self.graph.constant(*value))),
                None => self
                    .stage_name(at, name)
                    .unwrap_or_else(|| Err(self.unknown_name(at, name))),
            },
        }
    }

    fn unknown_name(&self, at: usize, name: &str) -> Fault {
        let fault = Fault::new(at, format!("unknown name `{name}`"));
        if function(name).is_some() {
            return fault.help(format!("`{name}` is a function: write `{name}(...)`"));
        }
        let locals = self.locals.iter().map(|(local, _)| local.as_str());
        let constants = CONSTANTS.iter().map(|(known, _)| *known);
        let known = locals
            .chain(self.globals.keys().map(String::as_str))
            .chain(constants);
        match suggestion(name, known) {
            Some(meant) => fault.suggest(Some(meant)),
            None => fault.help(self.known_names()),
        }
    }

    /// The names that the file has defined, as far as they are few.
    fn known_names(&self) -> String {
        let locals = self.locals.iter().map(|(local, _)| local.as_str());
        let visible = self
            .globals
            .iter()
            .filter(|(_, global)| global.number < self.visible);
        let names: Vec<&str> = locals.chain(visible.map(|(name, _)| name.as_str())).collect();
        match names.len() {
            0..=MAX_LISTED => format!("known names: {}", names.join(", ")),
            len => format!(
                "known names: {}, and {} more",
                names[..MAX_LISTED].join(", "),
                len - MAX_LISTED
            ),
        }
    }

    fn call(
        &mut self,
        formula: &Formula,
        at: usize,
        name: &str,
        arguments: &[TermId],
    ) -> Result<Value, Fault> {
        // A definition of the file goes before a function that came later.
        let is_own = self.globals.contains_key(name);
        if let Some(function) = function(name).filter(|_| !is_own) {
            if function == Function::If {
                return self.choose(formula, at, arguments);
            }
            let values = self.arguments(formula, arguments)?;
            return self.builtin(at, name, function, &values).map_err(|fault| {
                match (arguments, &values[..]) {
                    (&[first, second], [a, b]) => {
                        let sides = [(name_of(formula, first), a), (name_of(formula, second), b)];
                        with_shapes(fault, sides, ["argument 1", "argument 2"])
                    }
                    _ => fault,
                }
            });
        }
        match self.globals.get(name) {
            Some(Global {
                number,
                meaning: Meaning::Function(definition),
            }) if *number < self.visible => {
                let (number, definition) = (*number, Rc::clone(definition));
                let arguments = self.arguments(formula, arguments)?;
                self.call_definition(at, name, number, &definition, arguments)
            }
            Some(Global {
                meaning: Meaning::Value(value),
                ..
            }) => {
                let message = format!("`{name}` is {}, not a function", value.describe());
                Err(Fault::new(at, message).help(format!("an element is written `{name}[i]`")))
            }
            Some(_) => {
                let message = format!("`{name}` is defined further down");
                Err(Fault::new(at, message).help("definitions may refer to earlier ones only".into()))
            }
            None => {
                let defined = self.globals.iter().filter(|(_, global)| {
                    global.number < self.visible && matches!(global.meaning, Meaning::Function(_))
                });
                let advice = advice(name, defined.map(|(name, _)| name.as_str()));
                Err(Fault::new(at, format!("unknown function `{name}`")).help(advice))
            }
        }
    }

    fn arguments(&mut self, formula: &Formula, arguments: &[TermId]) -> Result<Vec<Value>, Fault> {
        arguments
            .iter()
            .map(|argument| self.term(formula, *argument))
            .collect()
    }

    fn call_definition(
        &mut self,
        at: usize,
        name: &str,
        number: usize,
        definition: &Definition,
        arguments: Vec<Value>,
    ) -> Result<Value, Fault> {
        check_count(at, name, arguments.len(), definition.arguments.len())?;
        let names = definition.arguments.iter().cloned();
        let locals = core::mem::replace(&mut self.locals, names.zip(arguments).collect());
        let visible = core::mem::replace(&mut self.visible, number);
        let value = self.expand(&definition.formula);
        self.locals = locals;
        self.visible = visible;
        value.map_err(|fault| fault.in_text(definition.text))
    }

    /// A branch that a constant condition rules out is not expanded.
    fn choose(&mut self, formula: &Formula, at: usize, arguments: &[TermId]) -> Result<Value, Fault> {
        let &[condition, first, second] = arguments else {
            return Err(
                Fault::new(at, format!("`if` takes 3 arguments, found {}", arguments.len()))
                    .help("write if(condition, then, else)".into()),
            );
        };
        let Some(condition) = self.term(formula, condition)?.as_scalar() else {
            return Err(Fault::new(at, "the condition of `if` must be a number".into()));
        };
        match self.graph.constant_value(condition) {
            Some(value) if value != 0.0 => self.term(formula, first),
            Some(_) => self.term(formula, second),
            None => {
                let (first, second) = (self.term(formula, first)?, self.term(formula, second)?);
                let select = |graph: &mut Graph, a, b| graph.select(condition, a, b);
                self.elementwise(at, "if", &first, &second, &select)
            }
        }
    }

    /// Expands a chain of operators along its left sides, without recursion: its length is not limited.
    fn chain(&mut self, formula: &Formula, id: TermId) -> Result<Value, Fault> {
        let mut links = Vec::new();
        let mut first = id;
        while let TermKind::Binary(symbol, left, right) = formula.terms[first].kind {
            links.push((formula.terms[first].at, symbol, right));
            first = left;
        }
        let mut value = self.term(formula, first)?;
        let mut left_name = name_of(formula, first);
        for (at, symbol, right) in links.into_iter().rev() {
            let right_name = name_of(formula, right);
            let right = self.term(formula, right)?;
            let result = self.operator(at, symbol, &value, &right);
            value = result.map_err(|fault| {
                let sides = [(left_name, &value), (right_name, &right)];
                with_shapes(fault, sides, ["the left side", "the right side"])
            })?;
            left_name = None;
            self.spend(at, 1)?;
        }
        Ok(value)
    }

    fn operator(&mut self, at: usize, symbol: &str, a: &Value, b: &Value) -> Result<Value, Fault> {
        let (op, a, b) = match symbol {
            "@" => return self.matrix_product(at, symbol, a, b),
            "+" => (Binary::Add, a, b),
            "-" => (Binary::Sub, a, b),
            "*" => (Binary::Mul, a, b),
            "/" => (Binary::Div, a, b),
            "^" => (Binary::Pow, a, b),
            "<" => (Binary::Less, a, b),
            "<=" => (Binary::LessEqual, a, b),
            ">" => (Binary::Less, b, a),
            ">=" => (Binary::LessEqual, b, a),
            "==" => (Binary::Equal, a, b),
            _ => (Binary::NotEqual, a, b),
        };
        self.binary(at, symbol, op, a, b)
    }

    fn list(&mut self, at: usize, elements: Vec<Value>) -> Result<Value, Fault> {
        self.spend(at, elements.len())?;
        let shapes: Vec<String> = elements.iter().map(Value::describe).collect();
        Value::list(elements).ok_or_else(|| {
            let other = shapes.iter().find(|shape| **shape != shapes[0]);
            let found = match other {
                Some(other) => format!("{} and {other}", shapes[0]),
                None => format!("{} in it", shapes[0]),
            };
            let message = format!("a list holds numbers, or rows of numbers of equal length, found {found}");
            Fault::new(at, message)
        })
    }

    fn repeat(&mut self, formula: &Formula, at: usize, body: &Loop) -> Result<Value, Fault> {
        let from = self.whole_number(formula, body.from, "a bound of a range")?;
        let to = self.whole_number(formula, body.to, "a bound of a range")?;
        let mut values = Vec::new();
        for i in from..to {
            self.spend(at, 1)?;
            let index = Value::Scalar(self.graph.constant(i as f64));
            self.locals.push((body.name.clone(), index));
            let value = self.term(formula, body.body);
            self.locals.pop();
            values.push(value?);
        }
        match body.join {
            Some(op) => self.join(at, if op == Binary::Mul { "prod" } else { "sum" }, op, &values),
            None => self.list(at, values),
        }
    }
}

/// Items of a list. A name of one element stands for its number, as it does beside numbers.
fn numbers(values: Vec<Value>, has_names: bool) -> Vec<Value> {
    let has_numbers = has_names || values.iter().any(|value| matches!(value, Value::Scalar(_)));
    if !has_numbers || !values.iter().all(|value| value.as_scalar().is_some()) {
        return values;
    }
    let scalars = values.iter().filter_map(Value::as_scalar);
    scalars.map(Value::Scalar).collect()
}

/// Adds the shapes of both operands, with their names, to a fault about shapes.
fn with_shapes(fault: Fault, sides: [(Option<&str>, &Value); 2], places: [&str; 2]) -> Fault {
    if !fault.message.contains(EQUAL) {
        return fault;
    }
    let side = |i: usize| match sides[i] {
        (Some(name), value) => format!("`{name}` is {}", value.describe()),
        (None, value) => format!("{} is {}", places[i], value.describe()),
    };
    let help = fault
        .help
        .iter()
        .map(|help| format!("; {help}"))
        .collect::<String>();
    fault.help(format!("{}, {}{help}", side(0), side(1)))
}

/// The name that a term is.
fn name_of(formula: &Formula, id: TermId) -> Option<&str> {
    match &formula.terms[id].kind {
        TermKind::Name(name) => Some(name),
        _ => None,
    }
}

fn check_count(at: usize, name: &str, found: usize, expected: usize) -> Result<(), Fault> {
    if found == expected {
        Ok(())
    } else {
        Err(wrong_count(at, name, found, expected))
    }
}

pub(super) fn wrong_count(at: usize, name: &str, found: usize, expected: usize) -> Fault {
    let noun = if expected == 1 { "argument" } else { "arguments" };
    Fault::new(at, format!("`{name}` takes {expected} {noun}, found {found}"))
}
