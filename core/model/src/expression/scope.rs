//! Reader of the named inputs, definitions and expressions of a file.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::bounded::Bounded;
use super::expand::Expander;
use super::expand::units::{joined, never_converted};
use super::graph::{Expr, Input};
use super::named::{Named, unit};
use super::syntax::{parse, parse_comparison, parse_signature};
use super::unit::Quantity;
use super::value::{MATRIX, Value};
use crate::text::{DataTables, Entry, Fault, Place, TextError, TextLimits, find};

/// Characters of an expression that an error shows.
const SHOWN: usize = 40;

/// Expression that has been read.
pub(crate) struct Part<'t> {
    pub(crate) place: Place<'t>,
    /// Its elements.
    pub(crate) exprs: Vec<Expr>,
    /// Their unit.
    pub(crate) quantity: Quantity,
}

impl<'t> Part<'t> {
    /// Place, unit and number of elements.
    pub(crate) fn measure(&self) -> (Place<'t>, Quantity, usize) {
        (self.place.clone(), self.quantity.clone(), self.exprs.len())
    }
}

/// Constraint that has been read.
pub(crate) struct Compared {
    pub(crate) components: Vec<Bounded>,
    pub(crate) is_comparison: bool,
    /// Unit of its sides.
    pub(crate) quantity: Quantity,
}

/// Names defined in a file so far.
#[derive(Debug)]
pub struct Scope<'t> {
    /// Limits on the text.
    pub limits: &'t TextLimits,
    /// Names and the graph.
    pub expander: Expander,
    /// DataTables that the text may name.
    pub tables: DataTables<'t>,
    /// Unit of the costs so far.
    pub(crate) cost_unit: Quantity,
    /// Bodies of definitions with arguments, for faults found only when they are called.
    texts: Vec<Place<'t>>,
}

impl<'t> Scope<'t> {
    /// Creates an empty scope with an empty graph.
    #[must_use]
    pub fn new(limits: &'t TextLimits) -> Self {
        Self {
            limits,
            expander: Expander::new(limits),
            tables: DataTables::default(),
            cost_unit: Quantity::Unknown,
            texts: Vec::new(),
        }
    }

    /// Reads named vectors of variables or parameters, laid out in file order from the element `offset` on; an object in place
    /// of a length has these keys.
    pub(crate) fn inputs(
        &mut self,
        place: &Place<'t>,
        input: Input,
        offset: usize,
        known: &[&str],
    ) -> Result<Vec<Named>, TextError> {
        let entries = place.entries("an object of names and lengths, or shapes [rows, columns]")?;
        if entries.is_empty() && input == Input::Variable {
            return Err(place.error("expected at least one variable".into()));
        }
        let mut inputs = Vec::with_capacity(entries.len());
        let mut total = 0;
        let limit = u32::try_from(self.limits.variables).unwrap_or(u32::MAX);
        for entry in &entries {
            let name = self.new_name(place, entry)?;
            let own = match entry.value.is_object() {
                true => entry
                    .value
                    .entries_of("a length, a shape [rows, columns], or an object", known)?,
                false => Vec::new(),
            };
            let shape = match entry.value.is_object() {
                true => find(&own, "length"),
                false => Some(&entry.value),
            };
            let (len, columns) = shape.map_or(Ok((1, None)), |shape| lengths(shape, limit))?;
            total += len as usize;
            if total > self.limits.variables {
                let message = format!("more than {limit} in total (limit `variables`)");
                return Err(entry.value.error(message));
            }
            let first = (offset + total) as u32 - len;
            let elements: Vec<Expr> = (first..first + len)
                .map(|i| self.expander.graph.input(input, i))
                .collect();
            let value = match columns {
                Some(columns) => {
                    let rows = elements.chunks(columns);
                    Value::List(rows.map(|row| Value::vector(row.iter().copied())).collect())
                }
                None => Value::vector(elements),
            };
            self.expander.define_value(&name, value);
            let named = Named::new(&name, len as usize).described(&own)?;
            self.expander.set_quantity(&name, named.quantity());
            inputs.push(named);
        }
        Ok(inputs)
    }

    /// Name that `entry` introduces.
    ///
    /// # Errors
    /// If it is taken, reserved, or not a name.
    pub fn new_name(&self, place: &Place<'t>, entry: &Entry<'t>) -> Result<String, TextError> {
        let fault = |fault| place.fault_in_key(entry, fault);
        match parse_signature(entry.name).map_err(fault)? {
            (name, None) => {
                self.expander
                    .check_new_name(&name)
                    .map_err(|message| fault(Fault::new(0, message)))?;
                Ok(name)
            }
            (_, Some(_)) => Err(fault(Fault::new(0, "expected a name without arguments".into()))),
        }
    }

    /// Reads the definitions of an object: names, or functions with arguments, and their expressions.
    pub fn definitions(&mut self, place: &Place<'t>) -> Result<(), TextError> {
        for entry in place.entries("an object of names and expressions")? {
            let fault = |fault| place.fault_in_key(&entry, fault);
            let (name, arguments) = parse_signature(entry.name).map_err(fault)?;
            self.expander
                .check_new_name(&name)
                .map_err(|message| fault(Fault::new(0, message)))?;
            match arguments {
                None => {
                    let (value, quantity) = self.literal(&entry.value)?;
                    self.expander.define_value(&name, value);
                    self.expander.set_quantity(&name, quantity.of_name());
                }
                Some(arguments) => {
                    let formula = parse(entry.value.expression()?, self.limits.expression_depth)
                        .map_err(|fault| entry.value.fault_inside(fault))?;
                    self.expander
                        .define_function(&name, arguments, formula, self.texts.len());
                    self.texts.push(entry.value);
                }
            }
        }
        Ok(())
    }

    /// Value and unit of a definition: an expression, a list of definitions, an object with a value, or a table in a file.
    fn literal(&mut self, place: &Place<'t>) -> Result<(Value, Quantity), TextError> {
        if place.is_object() {
            return self.described(place);
        }
        if !place.is_list() {
            return self.measured(place);
        }
        let mut elements = Vec::new();
        let mut all = Quantity::Number;
        for item in place.items("a list")? {
            let (value, quantity) = self.literal(&item)?;
            all = joined(all, quantity);
            // A name of one element stands for its number.
            let is_list = item.is_list();
            elements.push(
                value
                    .as_scalar()
                    .filter(|_| !is_list)
                    .map_or(value, Value::Scalar),
            );
        }
        let wrong = || place.error("a list holds numbers, or rows of numbers of equal length".into());
        Ok((Value::list(elements).ok_or_else(wrong)?, all))
    }

    /// Reads `{"value": .., "unit": ..}`, or a table that may have a unit too.
    fn described(&mut self, place: &Place<'t>) -> Result<(Value, Quantity), TextError> {
        const WHAT: &str =
            "an expression, a list, a value {\"value\": 1, \"unit\": \"kW\"}, or a table {\"csv\": file}";
        let entries = place.entries_of(WHAT, &["value", "unit", "csv", "column"])?;
        let declared = unit(&entries)?;
        let value = find(&entries, "value");
        match (value, find(&entries, "csv").or(find(&entries, "column"))) {
            (Some(_), Some(table)) => Err(table.error("give either `value` or `csv`".into())),
            (None, _) => Ok((self.table(place, &entries)?, declared)),
            (Some(place), None) => {
                let (value, quantity) = self.literal(place)?;
                self.expect_unit(place, &quantity, "`unit`", &declared)?;
                let quantity = match declared {
                    Quantity::Unknown => quantity,
                    declared => declared,
                };
                Ok((value, quantity))
            }
        }
    }

    /// Reads `{"csv": file}`, all columns, or `{"csv": file, "column": name or number}`.
    fn table(&mut self, place: &Place<'t>, entries: &[Entry<'t>]) -> Result<Value, TextError> {
        let missing = || place.error("the key `csv` is missing".into());
        let file = find(entries, "csv").ok_or_else(missing)?;
        let name = file.string("the name of a file")?;
        let column = match find(entries, "column") {
            Some(place) if place.is_number() => Some((place, Ok(place.whole_number(0, u32::MAX)? as usize))),
            Some(place) => Some((place, Err(place.string("the name or the number of a column")?))),
            None => None,
        };
        let table = self
            .tables
            .read(name)
            .map_err(|why| file.error(format!("`{name}`: {why}")))?;
        let width = table.rows.first().map_or(0, Vec::len);
        if table.rows.len().saturating_mul(width) > self.limits.graph_nodes {
            let limit = self.limits.graph_nodes;
            return Err(file.error(format!(
                "`{name}` has more than {limit} numbers (limit `graph-nodes`)"
            )));
        }
        let graph = &mut self.expander.graph;
        let column = match column {
            None if width == 1 => 0,
            None => {
                let mut rows = Vec::with_capacity(table.rows.len());
                for row in &table.rows {
                    let row: Vec<Expr> = row.iter().map(|x| graph.constant(*x)).collect();
                    rows.push(Value::vector(row));
                }
                return Ok(Value::List(rows.into()));
            }
            Some((_, Ok(column))) if column < width => column,
            Some((place, Ok(column))) => {
                return Err(place.error(format!("there is no column {column}: `{name}` has {width}")));
            }
            Some((place, Err(column))) => {
                let known = table.names.iter().position(|known| known == column);
                known.ok_or_else(|| {
                    let help = format!("columns: {}", table.names.join(", "));
                    place.fault(Fault::new(0, format!("there is no column `{column}`")).help(help))
                })?
            }
        };
        let numbers = table.rows.iter().filter_map(|row| row.get(column));
        Ok(Value::vector(
            numbers.map(|x| graph.constant(*x)).collect::<Vec<_>>(),
        ))
    }

    /// Value of one expression.
    pub fn value(&mut self, place: &Place<'t>) -> Result<Value, TextError> {
        Ok(self.measured(place)?.0)
    }

    /// Value and unit of one expression.
    pub(crate) fn measured(&mut self, place: &Place<'t>) -> Result<(Value, Quantity), TextError> {
        let formula = parse(place.expression()?, self.limits.expression_depth);
        let measured = formula.and_then(|formula| {
            let value = self.expander.expand(&formula)?;
            Ok((value, self.expander.quantity(&formula)?))
        });
        measured.map_err(|fault| self.located(place, fault))
    }

    /// Components of a constraint, with the bounds that a comparison gives them.
    pub(crate) fn compared(&mut self, place: &Place<'t>) -> Result<Compared, TextError> {
        let comparison = parse_comparison(place.expression()?, self.limits.expression_depth);
        let compared = comparison.and_then(|comparison| {
            Ok(Compared {
                components: self.expander.compare(&comparison)?,
                is_comparison: !comparison.links.is_empty(),
                quantity: self.expander.compared_quantity(&comparison)?,
            })
        });
        compared.map_err(|fault| self.located(place, fault))
    }

    /// Refuses an expression whose unit is not that of `what`.
    pub(crate) fn expect_unit(
        &self,
        place: &Place<'t>,
        found: &Quantity,
        what: &str,
        expected: &Quantity,
    ) -> Result<(), TextError> {
        match (found.known(), expected.known()) {
            (Some(found), Some(expected)) if found != expected => {
                let text = place.expression().unwrap_or("the value");
                let text: String = text.trim().chars().take(SHOWN).collect();
                let fault = Fault::new(0, format!("`{text}` is in {found}, {what} in {expected}"));
                Err(place.fault_inside(fault.help(never_converted(expected, found))))
            }
            _ => Ok(()),
        }
    }

    /// Refuses expressions, each for so many elements of these vectors, whose units are not those of the elements over `time`.
    pub(crate) fn expect_units(
        &self,
        measures: impl IntoIterator<Item = (Place<'t>, Quantity, usize)>,
        named: &[Named],
        time: &Quantity,
    ) -> Result<(), TextError> {
        let mut names = named
            .iter()
            .flat_map(|named| core::iter::repeat_n(named, named.len));
        for (place, quantity, len) in measures {
            for named in names.by_ref().take(len) {
                let own = named.quantity();
                let what = match time {
                    Quantity::Number => format!("`{}`", named.name),
                    _ => format!("the derivative of `{}` with respect to time", named.name),
                };
                self.expect_unit(&place, &quantity, &what, &own.times(time, -1))?;
            }
        }
        Ok(())
    }

    fn located(&self, place: &Place<'t>, fault: Fault) -> TextError {
        match fault.text {
            Some(text) => self.texts[text].fault_inside(fault),
            None => place.fault_inside(fault),
        }
    }

    /// Components of an expression or of a list of expressions; vectors are concatenated.
    pub fn expressions(&mut self, place: &Place<'t>) -> Result<Vec<Expr>, TextError> {
        let parts = self.parts(place)?.into_iter();
        Ok(parts.flat_map(|part| part.exprs).collect())
    }

    /// An expression, or a list of expressions, with their units.
    pub(crate) fn parts(&mut self, place: &Place<'t>) -> Result<Vec<Part<'t>>, TextError> {
        let places = if place.is_list() {
            place.items("a list of expressions")?
        } else {
            alloc::vec![place.clone()]
        };
        let mut parts = Vec::with_capacity(places.len());
        let mut count = 0;
        for place in &places {
            let part = self.part(place)?;
            count += part.exprs.len();
            if count > self.limits.variables {
                let limit = self.limits.variables;
                return Err(place.error(format!("more than {limit} constraints (limit `variables`)")));
            }
            parts.push(part);
        }
        Ok(parts)
    }

    /// An expression with its unit.
    pub(crate) fn part(&mut self, place: &Place<'t>) -> Result<Part<'t>, TextError> {
        let (value, quantity) = self.measured(place)?;
        let exprs = match (value.as_scalar(), value.elements()) {
            (Some(scalar), _) => alloc::vec![scalar],
            (None, Some(elements)) => elements,
            (None, None) => {
                let message = format!("expected a number or a vector, found {}", value.describe());
                return Err(place.fault(Fault::new(0, message).help(MATRIX.into())));
            }
        };
        Ok(Part {
            place: place.clone(),
            exprs,
            quantity,
        })
    }
}

/// Length of a vector, or of a matrix and its number of columns.
fn lengths(place: &Place<'_>, limit: u32) -> Result<(u32, Option<usize>), TextError> {
    if !place.is_list() {
        return Ok((place.whole_number(1, limit)?, None));
    }
    let sides = place.vector(2, "a shape [rows, columns]", |side| {
        side.whole_number(1, limit).map(f64::from)
    })?;
    let len: f64 = sides.iter().product();
    let len = if len > f64::from(limit) {
        limit.saturating_add(1)
    } else {
        len as u32
    };
    Ok((len, sides.get(1).map(|columns| *columns as usize)))
}
