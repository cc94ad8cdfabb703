//! Expansion of formulas: a syntax tree and the definitions of its names become values of a graph.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

use super::functions::{CONSTANTS, Function, advice, function, is_reserved};
use super::graph::{Expr, Graph};
use super::operation::{Binary, Unary};
use super::stage::StageValues;
use super::syntax::{Formula, Loop, Pick, TermId, TermKind, too_deep};
use super::value::Value;
use crate::text::{Fault, TextLimits, suggestion};

/// Advice where a matrix is found in place of a vector.
const MATRIX_HELP: &str = "a product with a matrix is written `A @ x`; `*` multiplies element by element";
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
                let range = self.range(formula, term.at, (*from, *to), elements.len())?;
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
            let arguments = self.arguments(formula, arguments)?;
            return self.builtin(at, name, function, &arguments);
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

    fn builtin(
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

    pub(super) fn vector(&mut self, at: usize, name: &str, value: &Value) -> Result<Vec<Expr>, Fault> {
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

    fn join(&mut self, at: usize, name: &str, op: Binary, values: &[Value]) -> Result<Value, Fault> {
        if values.is_empty() {
            let neutral = if op == Binary::Mul { 1.0 } else { 0.0 };
            return Ok(Value::Scalar(self.graph.constant(neutral)));
        }
        self.fold(at, name, op, values)
    }

    pub(super) fn unary(&mut self, at: usize, op: Unary, x: &Value) -> Result<Value, Fault> {
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

    pub(super) fn binary(
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
    pub(super) fn elementwise(
        &mut self,
        at: usize,
        name: &str,
        a: &Value,
        b: &Value,
        f: &dyn Fn(&mut Graph, Expr, Expr) -> Expr,
    ) -> Result<Value, Fault> {
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
            value = result.map_err(|fault| match fault.message.contains(EQUAL) {
                true => fault.help(shapes([(left_name, &value), (right_name, &right)])),
                false => fault,
            })?;
            left_name = None;
            self.spend(at, 1)?;
        }
        Ok(value)
    }

    fn operator(&mut self, at: usize, symbol: &str, a: &Value, b: &Value) -> Result<Value, Fault> {
        let (op, a, b) = match symbol {
            "@" => return self.matrix_product(at, a, b),
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
        Value::list(elements).ok_or_else(|| {
            Fault::new(
                at,
                "a list holds numbers, or rows of numbers of equal length".into(),
            )
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

    fn index(&mut self, formula: &Formula, at: usize, base: TermId, index: TermId) -> Result<Value, Fault> {
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
        within(index_at, i, elements.len()).map(|i| elements[i].clone())
    }

    /// Index below `len`.
    fn position(&mut self, formula: &Formula, index: TermId, len: usize) -> Result<usize, Fault> {
        let i = self.whole_number(formula, index, "an index")?;
        within(formula.terms[index].at, i, len)
    }

    /// Range within `len`.
    fn range(
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
    fn block(
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

    fn whole_number(&mut self, formula: &Formula, id: TermId, what: &str) -> Result<i64, Fault> {
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
                format!("{what} must be a whole number, found {value}"),
            )),
        }
    }
}

fn elements_of(at: usize, value: Value) -> Result<Rc<[Value]>, Fault> {
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

/// Items of a list. A name of one element stands for its number, as it does beside numbers.
fn numbers(values: Vec<Value>, has_names: bool) -> Vec<Value> {
    let has_numbers = has_names || values.iter().any(|value| matches!(value, Value::Scalar(_)));
    if !has_numbers || !values.iter().all(|value| value.as_scalar().is_some()) {
        return values;
    }
    let scalars = values.iter().filter_map(Value::as_scalar);
    scalars.map(Value::Scalar).collect()
}

/// Description of both sides of an operator, with their names.
fn shapes(sides: [(Option<&str>, &Value); 2]) -> String {
    let [left, right] = sides;
    let side = |(name, value): (Option<&str>, &Value), place: &str| match name {
        Some(name) => format!("`{name}` is {}", value.describe()),
        None => format!("the {place} side is {}", value.describe()),
    };
    format!("{}, {}", side(left, "left"), side(right, "right"))
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

fn indices_help(len: usize) -> String {
    match len {
        0 => String::from("it is empty"),
        1 => String::from("the only index is 0"),
        _ => format!("indices go from 0 to {}", len - 1),
    }
}
