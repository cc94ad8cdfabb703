//! Reader of constraints: expressions with a set, comparisons, and objects that give them a name.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_solve::Compact;
use labwire_solve::sets::Set;

use super::definition::StageConstraint;
use super::keys;
use super::set_reader::{checked, read_set};
use crate::expression::graph::{Expr, Graph};
use crate::expression::named::{in_brackets, scale, unit_text};
use crate::expression::operation::Binary;
use crate::expression::unit::Unit;
use crate::expression::{Bounded, Compared, Quantity, Scope};
use crate::text::{Entry, Place, TextError, find};

/// Characters of a constraint's expression that name it.
const MAX_NAME: usize = 40;
/// Violation below which the price of a soft constraint's slack grows quadratically, unless the file says otherwise.
const SMOOTHING: f64 = 1e-3;

/// Constraints of one kind: components, their names (empty for one that the file does not name), and their set.
pub(super) struct Constraints {
    pub(super) components: Vec<Expr>,
    pub(super) names: Vec<String>,
    /// Typical magnitudes of the components.
    pub(super) scales: Vec<Option<f64>>,
    pub(super) set: Set,
    /// Prices of the soft ones' slacks: terms of the cost.
    pub(super) penalties: Vec<Expr>,
}

/// Price of the slack of a soft constraint, for each component: `l1*v + l2*v^2`, where v is the violation.
struct Soft {
    l1: Option<Expr>,
    l2: Option<Expr>,
    smoothing: f64,
}

/// Constraint as written.
struct Written {
    components: Vec<Bounded>,
    /// The given name or the text of each.
    names: Vec<String>,
    /// Whether the names say more than the index: given ones, and comparisons.
    is_named: bool,
    is_comparison: bool,
    /// Unit of the components.
    quantity: Quantity,
    /// Typical magnitude of the components.
    scale: Option<f64>,
    /// Price of the slack, of a soft constraint: it belongs to the cost, and has no components left.
    penalty: Option<Expr>,
}

impl<'t> Scope<'t> {
    /// Reads F1: `{"expressions": .., "set": ..}`, where `set` may be left out for comparisons, or a list of constraints.
    pub(super) fn f1(&mut self, place: &Place<'t>) -> Result<Constraints, TextError> {
        const WHAT: &str = "an object with \"expressions\" and \"set\", or a list of constraints";
        let (items, set) = match place.is_list() {
            true => (place.items(WHAT)?, None),
            false => {
                let entries = place.entries_of(WHAT, keys::f1::NAMES)?;
                let missing = || place.error("the key `expressions` is missing".into());
                let expressions = find(&entries, "expressions").ok_or_else(missing)?;
                (listed(expressions)?, find(&entries, "set").cloned())
            }
        };
        let (mut components, mut names, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut scales, mut penalties) = (Vec::new(), Vec::new());
        for item in &items {
            let (written, own_set) = self.written(item, keys::constraint::NAMES, set.is_some())?;
            names.extend(written.names.into_iter().map(|name| match written.is_named {
                true => name,
                false => String::new(),
            }));
            components.extend(written.components.iter().map(|component| component.expr));
            scales.resize(components.len(), written.scale);
            penalties.extend(written.penalty);
            parts.extend(own_set.map(|set| (components.len(), set)));
            self.check_count(item, components.len())?;
        }
        let set = match set {
            Some(set) => read_set(&set, components.len())?,
            None => product(parts),
        };
        Ok(Constraints {
            components,
            names,
            scales,
            set,
            penalties,
        })
    }

    /// Reads F2: expressions that must be 0, and comparisons; a bound becomes `max(0, h)`.
    pub(super) fn f2(&mut self, place: &Place<'t>) -> Result<Constraints, TextError> {
        let (mut components, mut names, mut penalties) = (Vec::new(), Vec::new(), Vec::new());
        let mut scales = Vec::new();
        for item in &listed(place)? {
            let (written, _) = self.written(item, keys::named_expression::NAMES, true)?;
            penalties.extend(written.penalty);
            for (component, name) in written.components.into_iter().zip(written.names) {
                let name = if written.is_named { name } else { String::new() };
                let zeros = match written.is_comparison {
                    true => as_zeros(&mut self.expander.graph, component),
                    false => alloc::vec![component.expr],
                };
                names.extend(zeros.iter().map(|_| name.clone()));
                components.extend(zeros);
            }
            scales.resize(components.len(), written.scale);
            self.check_count(item, components.len())?;
        }
        Ok(Constraints {
            components,
            names,
            scales,
            set: Set::Zero,
            penalties,
        })
    }

    /// Reads a constraint of a stage or of the end: a comparison, or an object with these keys, whose entries are returned.
    pub(super) fn stage_constraint(
        &mut self,
        place: &Place<'t>,
        keys: &[&str],
    ) -> Result<(StageConstraint, Vec<Entry<'t>>), TextError> {
        let (written, set) = self.written(place, keys, false)?;
        let components: Vec<Expr> = written
            .components
            .iter()
            .map(|component| component.expr)
            .collect();
        let constraint = StageConstraint {
            components,
            names: written.names,
            set: set.unwrap_or(Set::All),
            stages: 0..0,
            is_placed: false,
            scale: written.scale,
            penalty: written.penalty,
        };
        let entries = match place.is_object() {
            true => place.entries("")?,
            false => Vec::new(),
        };
        Ok((constraint, entries))
    }

    /// Reads one constraint, and its set, unless all share one (`is_settled`).
    fn written(
        &mut self,
        place: &Place<'t>,
        keys: &[&str],
        is_settled: bool,
    ) -> Result<(Written, Option<Set>), TextError> {
        if !place.is_object() {
            let written = self.components(core::slice::from_ref(place), None, "")?;
            return self.with_set(place, written, None, keys, is_settled);
        }
        let entries = place.entries_of(
            "a constraint: an expression, or an object with \"expression\"",
            keys,
        )?;
        let missing = || place.error("the key `expression` is missing".into());
        let expression = find(&entries, "expression").ok_or_else(missing)?;
        let name = find(&entries, "name").map(|name| name.name()).transpose()?;
        let unit = unit_text(&entries)?;
        let written = self.components(&listed(expression)?, name, &unit)?;
        let (mut written, mut set) =
            self.with_set(place, written, find(&entries, "set"), keys, is_settled)?;
        written.scale = scale(&entries)?;
        if let Some(soft) = find(&entries, "soft") {
            if let Some(scale) = find(&entries, "scale") {
                let message = "a soft constraint is a part of the cost: leave out `scale`";
                return Err(scale.error(message.into()));
            }
            let shared = is_settled && keys.contains(&"set");
            if shared {
                return Err(
                    soft.error("the constraints around share one `set`: write a list of constraints".into())
                );
            }
            self.soften(soft, &mut written, set.take().unwrap_or(Set::Zero))?;
            set = Some(Set::All);
        }
        Ok((written, set))
    }

    /// Moves a constraint to the cost.
    fn soften(&mut self, place: &Place<'t>, written: &mut Written, set: Set) -> Result<(), TextError> {
        let price = self.soft(place, &written.quantity)?;
        let components = core::mem::take(&mut written.components);
        written.names.clear();
        let Some((min, max)) = set.bounds(components.len()) else {
            return Err(place.error(
                "a soft constraint is a comparison, or has bounds: a box, a ball_inf or zero".into(),
            ));
        };
        let graph = &mut self.expander.graph;
        let mut terms = Vec::new();
        for (component, (min, max)) in components.iter().zip(min.into_iter().zip(max)) {
            // In F2 a comparison keeps its own bounds.
            let (min, max) = match written.is_comparison {
                true => (component.min, component.max),
                false => (min, max),
            };
            for (bound, is_upper) in [(min, false), (max, true)] {
                if bound.is_finite() {
                    let bound = graph.constant(bound);
                    let (a, b) = if is_upper {
                        (component.expr, bound)
                    } else {
                        (bound, component.expr)
                    };
                    let excess = graph.binary(Binary::Sub, a, b);
                    terms.extend(price.terms(graph, excess));
                }
            }
        }
        written.penalty = Some(graph.sum(&terms));
        Ok(())
    }

    /// Reads `{"l1": price, "l2": price}`; a price may depend on parameters.
    fn soft(&mut self, place: &Place<'t>, violation: &Quantity) -> Result<Soft, TextError> {
        let entries = place.entries_of(
            "prices of the slack, {\"l1\": 100} or {\"l2\": 100}",
            keys::soft::NAMES,
        )?;
        let mut price = |key: &str, violation: &Quantity| -> Result<Option<Expr>, TextError> {
            let Some(place) = find(&entries, key) else {
                return Ok(None);
            };
            let (value, quantity) = self.measured(place)?;
            // A price that is a number as it is is one of any unit, like the weights of a cost.
            let expected = self.cost_unit.times(violation, -1);
            self.expect_unit(place, &quantity, "the cost over the violation", &expected)?;
            if self.cost_unit.known().is_none() {
                self.cost_unit = quantity.of_name().times(violation, 1);
            }
            let graph = &self.expander.graph;
            let fixed = value
                .as_scalar()
                .filter(|price| graph.is_fixed_by_parameters(*price));
            let Some(price) = fixed else {
                return Err(place.error("a price must be a number, of constants and parameters".into()));
            };
            match graph.constant_value(price) {
                Some(number) if !(number > 0.0 && number.is_finite()) => {
                    Err(place.error(format!("expected a positive price, found {}", Compact(number))))
                }
                _ => Ok(Some(price)),
            }
        };
        let square = violation.power(Some(2.0));
        let (l1, l2) = (price("l1", violation)?, price("l2", &square)?);
        if l1.is_none() && l2.is_none() {
            return Err(place.error("give the price of the slack, `l1`, `l2` or both".into()));
        }
        let smoothing = find(&entries, "smoothing").map_or(Ok(SMOOTHING), Place::positive)?;
        Ok(Soft { l1, l2, smoothing })
    }

    fn with_set(
        &mut self,
        place: &Place<'t>,
        written: Written,
        set: Option<&Place<'t>>,
        keys: &[&str],
        is_settled: bool,
    ) -> Result<(Written, Option<Set>), TextError> {
        let has_set = keys.contains(&"set");
        match set {
            _ if is_settled && has_set && (written.is_comparison || set.is_some()) => Err(place.error(
                "the constraints around share one `set`: write a list of constraints, each with its own"
                    .into(),
            )),
            Some(set) if written.is_comparison => {
                Err(set.error("a comparison says what it must be: leave out `set`".into()))
            }
            Some(set) => {
                let set = read_set(set, written.components.len())?;
                Ok((written, Some(set)))
            }
            None if is_settled => Ok((written, None)),
            None if written.is_comparison => {
                let set = checked(place, set_of(&written.components), written.components.len())?;
                Ok((written, Some(set)))
            }
            None => Err(place.error(
                "the key `set` is missing, and the expression is not a comparison such as \"x <= 2\"".into(),
            )),
        }
    }

    /// Components of expressions, all of them comparisons or none.
    fn components(
        &mut self,
        items: &[Place<'t>],
        name: Option<&str>,
        unit: &str,
    ) -> Result<Written, TextError> {
        let mut written = Written {
            components: Vec::new(),
            names: Vec::new(),
            is_named: name.is_some(),
            is_comparison: false,
            quantity: Quantity::Unknown,
            scale: None,
            penalty: None,
        };
        let declared = Unit::parse(unit).map_or(Quantity::Unknown, Quantity::Known);
        let unit = in_brackets(unit);
        for (i, item) in items.iter().enumerate() {
            let Compared {
                components,
                is_comparison,
                quantity,
            } = self.compared(item)?;
            self.expect_unit(item, &quantity, "`unit`", &declared)?;
            written.quantity = match &declared {
                Quantity::Known(_) => declared.clone(),
                _ => quantity,
            };
            if i > 0 && is_comparison != written.is_comparison {
                return Err(item.error(
                    "comparisons and other expressions are mixed: write a constraint for each".into(),
                ));
            }
            let exprs: Vec<Expr> = components.iter().map(|component| component.expr).collect();
            self.refuse_step_constraints(item, &exprs)?;
            written.is_comparison = is_comparison;
            written.is_named |= is_comparison;
            let text = match name {
                Some(name) => String::from(name),
                None => shortened(item.expression()?),
            };
            match components.len() {
                1 if items.len() == 1 || name.is_none() => written.names.push(text + &unit),
                // The elements of a named constraint are counted over all of its expressions.
                len => {
                    let first = if name.is_some() {
                        written.components.len()
                    } else {
                        0
                    };
                    written
                        .names
                        .extend((first..first + len).map(|i| format!("{text}[{i}]{unit}")));
                }
            }
            written.components.extend(components);
        }
        Ok(written)
    }

    fn check_count(&self, place: &Place<'t>, count: usize) -> Result<(), TextError> {
        let limit = self.limits.variables;
        match count > limit {
            true => Err(place.error(format!("more than {limit} constraints (limit `variables`)"))),
            false => Ok(()),
        }
    }
}

impl Default for Constraints {
    fn default() -> Self {
        Self {
            components: Vec::new(),
            names: Vec::new(),
            scales: Vec::new(),
            set: Set::All,
            penalties: Vec::new(),
        }
    }
}

impl Soft {
    /// Price of the slack that `excess <= 0` needs.
    ///
    /// That of L1 is smooth: v^2/(2 s) up to the smoothing s, then the line v - s/2 (the Moreau envelope of the exact price).
    /// Where the price is above the multiplier of the hard constraint, the violation stays below s; where it is not, the
    /// minimum is that of the exact price.
    fn terms(&self, graph: &mut Graph, excess: Expr) -> Vec<Expr> {
        let zero = graph.constant(0.0);
        let slack = graph.binary(Binary::Max, zero, excess);
        let mut terms = Vec::new();
        if let Some(price) = self.l1 {
            let (smoothing, half) = (graph.constant(self.smoothing), graph.constant(0.5));
            let cut = graph.binary(Binary::Min, slack, smoothing);
            let rest = graph.binary(Binary::Mul, half, cut);
            let rest = graph.binary(Binary::Sub, slack, rest);
            let share = graph.binary(Binary::Div, cut, smoothing);
            let value = graph.binary(Binary::Mul, share, rest);
            terms.push(graph.binary(Binary::Mul, price, value));
        }
        if let Some(price) = self.l2 {
            let square = graph.binary(Binary::Mul, slack, slack);
            terms.push(graph.binary(Binary::Mul, price, square));
        }
        terms
    }
}

/// The items of a list, or the only one.
fn listed<'t>(place: &Place<'t>) -> Result<Vec<Place<'t>>, TextError> {
    match place.is_list() {
        true => place.items("a list of constraints"),
        false => Ok(alloc::vec![place.clone()]),
    }
}

/// Components of F2 that are 0 where the bounds hold.
fn as_zeros(graph: &mut Graph, component: Bounded) -> Vec<Expr> {
    let Bounded { expr, min, max } = component;
    if component.is_equality() {
        return alloc::vec![expr];
    }
    let (zero, mut components) = (graph.constant(0.0), Vec::new());
    if min > f64::NEG_INFINITY {
        let min = graph.constant(min);
        let missing = graph.binary(Binary::Sub, min, expr);
        components.push(graph.binary(Binary::Max, zero, missing));
    }
    if max < f64::INFINITY {
        let max = graph.constant(max);
        let excess = graph.binary(Binary::Sub, expr, max);
        components.push(graph.binary(Binary::Max, zero, excess));
    }
    components
}

/// Set of components with bounds.
fn set_of(components: &[Bounded]) -> Set {
    let mut parts = Vec::new();
    let mut end = 0;
    for run in components.chunk_by(|a, b| a.is_equality() == b.is_equality()) {
        end += run.len();
        let set = match run.first() {
            Some(first) if first.is_equality() => Set::Zero,
            _ => Set::Box {
                min: run.iter().map(|component| component.min).collect(),
                max: run.iter().map(|component| component.max).collect(),
            },
        };
        parts.push((end, set));
    }
    product(parts)
}

/// Cartesian product of sets with the ends of their ranges; neighbouring boxes become one.
fn product(parts: Vec<(usize, Set)>) -> Set {
    let mut merged: Vec<(usize, Set)> = Vec::with_capacity(parts.len());
    for (end, set) in parts {
        match (merged.last_mut(), set) {
            (Some((known_end, Set::Box { min, max })), Set::Box { min: low, max: high }) => {
                *known_end = end;
                min.extend(low);
                max.extend(high);
            }
            (Some((known_end, Set::Zero)), Set::Zero) => *known_end = end,
            (_, set) => merged.push((end, set)),
        }
    }
    match merged.len() {
        0 => Set::All,
        1 => merged.remove(0).1,
        _ => Set::Product(merged),
    }
}

/// Beginning of a text, with at most `MAX_NAME` characters.
fn shortened(text: &str) -> String {
    let mut name: String = text.chars().take(MAX_NAME).collect();
    if name.len() < text.len() {
        name.push_str("...");
    }
    name
}
