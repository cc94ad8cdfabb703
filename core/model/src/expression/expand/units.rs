//! Check of units over the syntax tree: what is added, compared, or given to a function has one unit.
//!
//! Names without a unit are of any unit, so that only what the file says is checked.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Definition, Expander, Meaning};
use crate::expression::functions::{CONSTANTS, Function, Shape, function};
use crate::expression::operation::{Binary, Unary};
use crate::expression::syntax::{Comparison, Formula, TermId, TermKind, too_deep};
use crate::expression::unit::{Quantity, Unit};
use crate::text::Fault;

/// Term of a formula, and its unit.
type Measured = (TermId, Quantity);
/// Characters of a term that an error shows.
const SHOWN: usize = 40;

/// Formula whose units are checked, and the names that only it knows.
#[derive(Clone, Copy)]
struct Context<'f> {
    formula: &'f Formula,
    locals: &'f [(&'f str, Quantity)],
    /// Definitions may refer only to those with a lower number.
    visible: usize,
}

impl Context<'_> {
    fn show(&self, id: TermId) -> String {
        let text = self.formula.text(id);
        match text.char_indices().nth(SHOWN) {
            None => text.to_string(),
            Some((end, _)) => format!("{}...", &text[..end]),
        }
    }
}

impl Expander {
    /// Says what the unit of a name is.
    pub(crate) fn set_quantity(&mut self, name: &str, quantity: Quantity) {
        if quantity.known().is_some() {
            self.quantities.insert(name.into(), quantity);
        }
    }

    /// What is known of the unit of a name.
    pub(crate) fn quantity_of(&self, name: &str) -> Quantity {
        self.quantities.get(name).cloned().unwrap_or_default()
    }

    /// Unit of a formula that has been expanded.
    pub(in crate::expression) fn quantity(&mut self, formula: &Formula) -> Result<Quantity, Fault> {
        self.checked(formula, formula.root)
    }

    /// Unit of the sides of a comparison that has been expanded.
    pub(in crate::expression) fn compared_quantity(
        &mut self,
        comparison: &Comparison,
    ) -> Result<Quantity, Fault> {
        let formula = &comparison.formula;
        let mut left = (formula.root, self.checked(formula, formula.root)?);
        for (at, _, side) in &comparison.links {
            let right = (*side, self.checked(formula, *side)?);
            let context = Context {
                formula,
                locals: &[],
                visible: usize::MAX,
            };
            left = same(context, *at, "a comparison", [left, right])?;
        }
        Ok(left.1)
    }

    fn checked(&mut self, formula: &Formula, id: TermId) -> Result<Quantity, Fault> {
        if self.quantities.is_empty() && self.time.known().is_none() {
            return Ok(Quantity::Unknown);
        }
        let context = Context {
            formula,
            locals: &[],
            visible: usize::MAX,
        };
        self.unit_of(context, id)
    }

    fn unit_of(&mut self, context: Context<'_>, id: TermId) -> Result<Quantity, Fault> {
        let term = &context.formula.terms[id];
        self.depth += 1;
        if self.depth > self.limits.expression_depth {
            return Err(too_deep(term.at, self.limits.expression_depth));
        }
        self.spend(term.at, 1)?;
        let quantity = match &term.kind {
            TermKind::Number(_) => Quantity::Number,
            TermKind::Name(name) => self.unit_of_name(context, name),
            TermKind::Negate(operand) => self.unit_of(context, *operand)?,
            TermKind::Binary(..) => self.unit_of_chain(context, id)?,
            TermKind::Call(name, arguments) => self.unit_of_call(context, term.at, name, arguments)?,
            TermKind::Index(base, _) | TermKind::Slice(base, ..) | TermKind::Block(base, ..) => {
                self.unit_of(context, *base)?
            }
            TermKind::List(elements) => self.unit_of_list(context, elements)?,
            TermKind::Stack(lines) => self.unit_of_list(context, &lines.concat())?,
            TermKind::Loop(body) => {
                let mut locals = context.locals.to_vec();
                locals.push((&body.name, Quantity::Number));
                let inner = Context {
                    locals: &locals,
                    ..context
                };
                let quantity = self.unit_of(inner, body.body)?;
                match body.join {
                    Some(Binary::Mul) => product_of_many(quantity),
                    _ => quantity,
                }
            }
        };
        self.depth -= 1;
        Ok(quantity)
    }

    fn unit_of_name(&self, context: Context<'_>, name: &str) -> Quantity {
        if let Some((_, quantity)) = context.locals.iter().rev().find(|(local, _)| *local == name) {
            return quantity.clone();
        }
        match self.globals.get(name) {
            Some(global) if global.number < context.visible => self.quantity_of(name),
            Some(_) => Quantity::Unknown,
            None if name == "k" || CONSTANTS.iter().any(|(known, _)| *known == name) => Quantity::Number,
            None if name == "t" => self.time.clone(),
            None => Quantity::Unknown,
        }
    }

    /// Unit of a chain of operators, along its left sides without recursion.
    fn unit_of_chain(&mut self, context: Context<'_>, id: TermId) -> Result<Quantity, Fault> {
        let terms = &context.formula.terms;
        let mut links = Vec::new();
        let mut first = id;
        while let TermKind::Binary(symbol, left, right) = terms[first].kind {
            links.push((first, symbol, right));
            first = left;
        }
        let mut left = (first, self.unit_of(context, first)?);
        for (link, symbol, right) in links.into_iter().rev() {
            let at = terms[link].at;
            self.spend(at, 1)?;
            let right = (right, self.unit_of(context, right)?);
            left = match symbol {
                "+" => same(context, at, "a sum", [left, right])?,
                "-" => same(context, at, "a difference", [left, right])?,
                "*" | "@" => (link, left.1.times(&right.1, 1)),
                "/" => (link, left.1.times(&right.1, -1)),
                "^" => (link, power(context, at, &left, &right)?),
                _ => {
                    same(context, at, "a comparison", [left, right])?;
                    (link, Quantity::Number)
                }
            };
        }
        Ok(left.1)
    }

    /// That of all elements; unknown if they differ.
    fn unit_of_list(&mut self, context: Context<'_>, elements: &[TermId]) -> Result<Quantity, Fault> {
        let mut all = Quantity::Number;
        for element in elements {
            let own = self.unit_of(context, *element)?;
            all = joined(all, own);
        }
        Ok(all)
    }

    fn unit_of_call(
        &mut self,
        context: Context<'_>,
        at: usize,
        name: &str,
        arguments: &[TermId],
    ) -> Result<Quantity, Fault> {
        let mut measured = Vec::with_capacity(arguments.len());
        for argument in arguments {
            measured.push((*argument, self.unit_of(context, *argument)?));
        }
        match self.globals.get(name) {
            Some(global) if global.number < context.visible => {
                let number = global.number;
                match &global.meaning {
                    Meaning::Function(definition) => {
                        let definition = Rc::clone(definition);
                        self.unit_of_definition(number, &definition, measured)
                    }
                    Meaning::Value(_) => Ok(Quantity::Unknown),
                }
            }
            Some(_) => Ok(Quantity::Unknown),
            None => match function(name) {
                Some(function) => unit_of_function(context, at, name, function, measured),
                None => Ok(Quantity::Unknown),
            },
        }
    }

    fn unit_of_definition(
        &mut self,
        number: usize,
        definition: &Definition,
        arguments: Vec<Measured>,
    ) -> Result<Quantity, Fault> {
        let names = definition.arguments.iter().map(String::as_str);
        let locals: Vec<(&str, Quantity)> = names.zip(arguments.into_iter().map(|(_, own)| own)).collect();
        let inner = Context {
            formula: &definition.formula,
            locals: &locals,
            visible: number,
        };
        self.unit_of(inner, definition.formula.root)
            .map_err(|fault| fault.in_text(definition.text))
    }
}

/// Unit of values that belong together without being added; unknown if they differ.
pub(crate) fn joined(a: Quantity, b: Quantity) -> Quantity {
    match (a, b) {
        (Quantity::Number, other) | (other, Quantity::Number) => other,
        (Quantity::Known(a), Quantity::Known(b)) if a == b => Quantity::Known(a),
        _ => Quantity::Unknown,
    }
}

fn product_of_many(quantity: Quantity) -> Quantity {
    match quantity {
        Quantity::Known(unit) if !unit.is_one() => Quantity::Unknown,
        other => other,
    }
}

/// The one unit of several terms, with the first that has it.
fn same(
    context: Context<'_>,
    at: usize,
    what: &str,
    terms: impl IntoIterator<Item = Measured>,
) -> Result<Measured, Fault> {
    let mut terms = terms.into_iter();
    let mut first = terms.next().unwrap_or_default();
    for other in terms {
        match (&first.1, &other.1) {
            (Quantity::Known(a), Quantity::Known(b)) if a != b => {
                let (left, right) = (context.show(first.0), context.show(other.0));
                let fault = Fault::new(at, format!("{what} of `{left}` in {a} and `{right}` in {b}"));
                return Err(fault.help(never_converted(a, b)));
            }
            (Quantity::Known(_), _) => {}
            (_, Quantity::Known(_)) | (Quantity::Number, Quantity::Unknown) => first = other,
            _ => {}
        }
    }
    Ok(first)
}

/// Advice where two units meet.
pub(crate) fn never_converted(a: &Unit, b: &Unit) -> String {
    let factor = a
        .times(b, -1)
        .map_or_else(String::new, |unit| format!(", here in {unit}"));
    format!(
        "units are compared, never converted: a factor is a name with a \"value\" and a \"unit\" in `let`{factor}"
    )
}

fn power(context: Context<'_>, at: usize, base: &Measured, exponent: &Measured) -> Result<Quantity, Fault> {
    let of = plain(context, at, "an exponent", exponent)?;
    let value = number(context.formula, exponent.0);
    Ok(match &base.1 {
        Quantity::Number => joined(Quantity::Number, of),
        known => known.power(value),
    })
}

/// A number that a formula has as it is: `2`, `-1`, `1/2`.
fn number(formula: &Formula, id: TermId) -> Option<f64> {
    let literal = |id: TermId| match formula.terms[id].kind {
        TermKind::Number(value) => Some(value),
        _ => None,
    };
    let signed = |id: TermId| match formula.terms[id].kind {
        TermKind::Negate(operand) => literal(operand).map(|value| -value),
        _ => literal(id),
    };
    match formula.terms[id].kind {
        TermKind::Binary("/", a, b) => Some(signed(a)? / literal(b)?),
        TermKind::Negate(operand) => match formula.terms[operand].kind {
            TermKind::Binary("/", a, b) => Some(-literal(a)? / literal(b)?),
            _ => signed(id),
        },
        _ => signed(id),
    }
}

/// Refuses a unit where only numbers make sense.
fn plain(context: Context<'_>, at: usize, what: &str, (id, quantity): &Measured) -> Result<Quantity, Fault> {
    match quantity {
        Quantity::Known(unit) if !unit.is_one() => {
            let shown = context.show(*id);
            let fault = Fault::new(at, format!("{what} of `{shown}` in {unit}"));
            Err(fault.help(format!(
                "only a number without a unit makes sense there: divide by something in {unit}"
            )))
        }
        other => Ok(other.clone()),
    }
}

fn unit_of_function(
    context: Context<'_>,
    at: usize,
    name: &str,
    function: Function,
    mut arguments: Vec<Measured>,
) -> Result<Quantity, Fault> {
    let what = format!("`{name}`");
    let one = |arguments: &[Measured]| {
        arguments
            .first()
            .map_or(Quantity::Unknown, |(_, own)| own.clone())
    };
    let own = |i: usize| arguments.get(i).map_or(Quantity::Unknown, |(_, own)| own.clone());
    let together = |arguments: Vec<Measured>| Ok(same(context, at, &what, arguments)?.1);
    match function {
        Function::Unary(Unary::Abs | Unary::Floor) | Function::Transpose => Ok(one(&arguments)),
        Function::Norm1 | Function::Norm2 | Function::NormInf | Function::Join(Binary::Add) => {
            Ok(one(&arguments))
        }
        Function::Unary(Unary::Sign) => Ok(Quantity::Number),
        Function::Unary(Unary::Sqrt) => Ok(one(&arguments).power(Some(0.5))),
        Function::Unary(_) => match arguments.first() {
            Some(argument) => plain(context, at, &what, argument),
            None => Ok(Quantity::Unknown),
        },
        Function::Binary(Binary::Pow) => match arguments.as_slice() {
            [base, exponent] => power(context, at, base, exponent),
            _ => Ok(Quantity::Unknown),
        },
        Function::Binary(Binary::Atan2) => Ok(match together(arguments)? {
            Quantity::Known(_) => Quantity::Known(Unit::one()),
            other => other,
        }),
        Function::Binary(_) | Function::Fold(_) => together(arguments),
        Function::Join(_) => Ok(product_of_many(one(&arguments))),
        Function::If => together(arguments.split_off(arguments.len().min(1))),
        Function::Dot => Ok(own(0).times(&own(1), 1)),
        Function::Quad => Ok(own(0).times(&own(0), 1).times(&own(1), 1)),
        Function::Shape(Shape::Softplus) if arguments.len() == 1 => plain(context, at, &what, &arguments[0]),
        Function::Shape(Shape::Huber) => Ok(together(arguments)?.power(Some(2.0))),
        Function::Shape(_) => together(arguments),
        Function::Interp | Function::InterpCubic => {
            let values = own(2);
            arguments.truncate(2);
            together(arguments)?;
            Ok(values)
        }
        Function::Interp2 => {
            let values = own(4);
            if let [x, y, xs, ys, _] = arguments.as_slice() {
                same(context, at, &what, [x.clone(), xs.clone()])?;
                same(context, at, &what, [y.clone(), ys.clone()])?;
            }
            Ok(values)
        }
    }
}
