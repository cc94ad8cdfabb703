//! Reader of the named inputs, definitions and expressions of a file.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::bounded::Bounded;
use super::expand::Expander;
use super::graph::{Expr, Input};
use super::syntax::{parse, parse_comparison, parse_signature};
use super::value::{MATRIX, Value};
use crate::text::{DataTables, Entry, Fault, Place, TextError, TextLimits, find};

/// Named vector of decision variables or parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Named {
    /// Name of the vector.
    pub name: String,
    /// Length of the vector.
    pub len: usize,
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
            texts: Vec::new(),
        }
    }

    /// Reads named vectors of variables or parameters, laid out in file order from the element `offset` on.
    pub(crate) fn inputs(
        &mut self,
        place: &Place<'t>,
        input: Input,
        offset: usize,
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
            let columns = match entry.value.is_list() {
                true => Some(entry.value.vector(2, "a shape [rows, columns]", |side| {
                    side.whole_number(1, limit).map(f64::from)
                })?),
                false => None,
            };
            let len = match columns.as_deref() {
                Some([rows, columns]) => rows * columns,
                _ => f64::from(entry.value.whole_number(1, limit)?),
            };
            let len = if len > f64::from(limit) {
                limit.saturating_add(1)
            } else {
                len as u32
            };
            total += len as usize;
            if total > self.limits.variables {
                let message = format!("more than {limit} in total (limit `variables`)");
                return Err(entry.value.error(message));
            }
            let first = (offset + total) as u32 - len;
            let elements: Vec<Expr> = (first..first + len)
                .map(|i| self.expander.graph.input(input, i))
                .collect();
            let value = match columns.as_deref() {
                Some([_, columns]) => {
                    let rows = elements.chunks(*columns as usize);
                    Value::List(rows.map(|row| Value::vector(row.iter().copied())).collect())
                }
                _ => Value::vector(elements),
            };
            self.expander.define_value(&name, value);
            inputs.push(Named {
                name,
                len: len as usize,
            });
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
                    let value = self.literal(&entry.value)?;
                    self.expander.define_value(&name, value);
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

    /// Value of a definition: an expression, a list of definitions, or a table in a file.
    fn literal(&mut self, place: &Place<'t>) -> Result<Value, TextError> {
        if place.is_object() {
            return self.table(place);
        }
        if !place.is_list() {
            return self.value(place);
        }
        let mut elements = Vec::new();
        for item in place.items("a list")? {
            let value = self.literal(&item)?;
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
        Value::list(elements).ok_or_else(wrong)
    }

    /// Reads `{"csv": file}`, all columns, or `{"csv": file, "column": name or number}`.
    fn table(&mut self, place: &Place<'t>) -> Result<Value, TextError> {
        let entries = place.entries_of(
            "an expression, a list, or a table {\"csv\": file}",
            &["csv", "column"],
        )?;
        let missing = || place.error("the key `csv` is missing".into());
        let file = find(&entries, "csv").ok_or_else(missing)?;
        let name = file.string("the name of a file")?;
        let column = match find(&entries, "column") {
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
        let formula = parse(place.expression()?, self.limits.expression_depth);
        let value = formula.and_then(|formula| self.expander.expand(&formula));
        value.map_err(|fault| self.located(place, fault))
    }

    /// Components of a constraint, with the bounds that a comparison gives them, and whether it is one.
    pub(crate) fn compared(&mut self, place: &Place<'t>) -> Result<(Vec<Bounded>, bool), TextError> {
        let comparison = parse_comparison(place.expression()?, self.limits.expression_depth);
        let components = comparison.and_then(|comparison| {
            let components = self.expander.compare(&comparison)?;
            Ok((components, !comparison.links.is_empty()))
        });
        components.map_err(|fault| self.located(place, fault))
    }

    fn located(&self, place: &Place<'t>, fault: Fault) -> TextError {
        match fault.text {
            Some(text) => self.texts[text].fault_inside(fault),
            None => place.fault_inside(fault),
        }
    }

    /// Components of an expression or of a list of expressions; vectors are concatenated.
    pub fn expressions(&mut self, place: &Place<'t>) -> Result<Vec<Expr>, TextError> {
        let places = if place.is_list() {
            place.items("a list of expressions")?
        } else {
            alloc::vec![place.clone()]
        };
        let mut components = Vec::new();
        for place in &places {
            let value = self.value(place)?;
            match (value.as_scalar(), value.elements()) {
                (Some(scalar), _) => components.push(scalar),
                (None, Some(elements)) => components.extend(elements),
                (None, None) => {
                    let message = format!("expected a number or a vector, found {}", value.describe());
                    return Err(place.fault(Fault::new(0, message).help(MATRIX.into())));
                }
            }
            if components.len() > self.limits.variables {
                let limit = self.limits.variables;
                return Err(place.error(format!("more than {limit} constraints (limit `variables`)")));
            }
        }
        Ok(components)
    }
}
