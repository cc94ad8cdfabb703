//! Boxes whose bounds are expressions.
//!
//! A bound that is a number stays one. A bound that parameters decide becomes a constraint: the component less the bound,
//! with its own sign, so that multipliers and sensitivities are those of any other constraint.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_solve::sets::Set;

use super::constraint_reader::Constraints;
use super::keys;
use super::stages::total;
use crate::expression::graph::Expr;
use crate::expression::operation::Binary;
use crate::expression::{Named, Quantity, Scope};
use crate::text::{Place, TextError, find};

/// Side of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Min,
    Max,
}

/// Bound of one component: its value, and its text.
#[derive(Clone, Debug)]
struct Bound {
    value: Expr,
    text: String,
}

/// Bounds of one side, `None` where there is none.
type Bounds = Vec<Option<Bound>>;

/// Lower and upper bounds of all stages, one stage after the other.
type StageBounds = (Vec<f64>, Vec<f64>);

/// Box whose bounds are expressions.
#[derive(Clone, Debug)]
pub(super) struct ExpressionBox {
    min: Bounds,
    max: Bounds,
}

impl Constraints {
    /// Adds components after the others.
    pub(super) fn append(&mut self, rows: Rows) {
        let first = self.components.len();
        let (components, names, set) = rows.into_set();
        self.components.extend(components);
        self.names.extend(names);
        self.scales.resize(self.components.len(), None);
        let others = core::mem::replace(&mut self.set, Set::All);
        self.set = match first {
            0 => set,
            _ => Set::Product(alloc::vec![(first, others), (self.components.len(), set)]),
        };
    }
}

impl ExpressionBox {
    /// Values of all bounds.
    pub(super) fn values(&self) -> Vec<Expr> {
        let bounds = self.min.iter().chain(&self.max);
        bounds.flatten().map(|bound| bound.value).collect()
    }
}

/// Components that must lie between bounds.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) components: Vec<Expr>,
    pub(super) names: Vec<String>,
    pub(super) min: Vec<f64>,
    pub(super) max: Vec<f64>,
}

impl Rows {
    pub(super) fn push(&mut self, component: Expr, name: String, (min, max): (f64, f64)) {
        self.components.push(component);
        self.names.push(name);
        self.min.push(min);
        self.max.push(max);
    }

    pub(super) fn append(&mut self, other: Self) {
        self.components.extend(other.components);
        self.names.extend(other.names);
        self.min.extend(other.min);
        self.max.extend(other.max);
    }

    pub(super) fn into_set(self) -> (Vec<Expr>, Vec<String>, Set) {
        let Self {
            components,
            names,
            min,
            max,
        } = self;
        (components, names, Set::Box { min, max })
    }
}

/// Whether a box, an object with `min`, `max` or both, has a bound that is an expression.
pub(super) fn has_expressions(place: &Place<'_>) -> bool {
    let is_text = |place: &Place<'_>| place.string("").is_ok();
    let has_text = |place: &Place<'_>| {
        is_text(place) || place.is_list() && place.items("").is_ok_and(|items| items.iter().any(is_text))
    };
    place
        .entries("")
        .is_ok_and(|entries| entries.iter().any(|entry| has_text(&entry.value)))
}

impl<'t> Scope<'t> {
    /// Reads a box: bounds that are numbers, `null` for none, or expressions; one for all components, or one each.
    pub(super) fn expression_box(
        &mut self,
        place: &Place<'t>,
        named: &[Named],
    ) -> Result<ExpressionBox, TextError> {
        let dimension = total(named);
        let entries = place.entries_of("an object with \"min\", \"max\" or both", keys::set_box::NAMES)?;
        let mut side = |key: &str| match find(&entries, key) {
            Some(place) => self.bounds(place, named),
            None => Ok(alloc::vec![None; dimension]),
        };
        Ok(ExpressionBox {
            min: side("min")?,
            max: side("max")?,
        })
    }

    fn bounds(&mut self, place: &Place<'t>, named: &[Named]) -> Result<Bounds, TextError> {
        let dimension = total(named);
        let items = match place.is_list() {
            true => place.items("a list of bounds")?,
            false => alloc::vec![place.clone()],
        };
        let (mut bounds, mut measures) = (Vec::new(), Vec::new());
        for item in &items {
            if item.is_null() {
                measures.push((item.clone(), Quantity::Unknown, 1));
                bounds.push(None);
                continue;
            }
            let text = item.expression()?;
            let part = self.part(item)?;
            let len = if place.is_list() {
                part.exprs.len()
            } else {
                dimension
            };
            measures.push((item.clone(), part.quantity, len));
            for value in part.exprs {
                bounds.push(Some(Bound {
                    value,
                    text: text.into(),
                }));
            }
        }
        self.expect_units(measures, named, &Quantity::Number)?;
        match bounds.as_slice() {
            [bound] if !place.is_list() => Ok(alloc::vec![bound.clone(); dimension]),
            _ if bounds.len() == dimension => Ok(bounds),
            _ => Err(place.error(format!("expected {dimension} bounds, found {}", bounds.len()))),
        }
    }

    /// The constant bounds of a box; infinite where there are others, or none.
    ///
    /// # Errors
    /// Where they exclude each other.
    pub(super) fn constant_box(&self, place: &Place<'t>, bounds: &ExpressionBox) -> Result<Set, TextError> {
        let constants = |side: &Bounds, unbounded: f64| -> Vec<f64> {
            let constant = |bound: &Option<Bound>| {
                let bound = bound.as_ref()?;
                self.expander.graph.constant_value(bound.value)
            };
            side.iter()
                .map(|bound| constant(bound).unwrap_or(unbounded))
                .collect()
        };
        let set = Set::Box {
            min: constants(&bounds.min, f64::NEG_INFINITY),
            max: constants(&bounds.max, f64::INFINITY),
        };
        match set.check(bounds.min.len()) {
            Ok(()) => Ok(set),
            Err(error) => Err(place.error(format!("{error}"))),
        }
    }

    /// Constraints on `components` for the bounds that are no numbers.
    pub(super) fn bound_rows(
        &mut self,
        components: &[Expr],
        names: &[String],
        bounds: &ExpressionBox,
    ) -> Rows {
        let mut rows = Rows::default();
        for (i, (component, name)) in components.iter().zip(names).enumerate() {
            for (side, bounds) in [(Side::Min, &bounds.min), (Side::Max, &bounds.max)] {
                let Some(Some(bound)) = bounds.get(i) else {
                    continue;
                };
                let graph = &mut self.expander.graph;
                if graph.constant_value(bound.value).is_some() {
                    continue;
                }
                let difference = graph.binary(Binary::Sub, *component, bound.value);
                let text = &bound.text;
                match side {
                    Side::Min => rows.push(difference, format!("{name} >= {text}"), (0.0, f64::INFINITY)),
                    Side::Max => {
                        rows.push(difference, format!("{name} <= {text}"), (f64::NEG_INFINITY, 0.0));
                    }
                }
            }
        }
        rows
    }

    /// Numbers of each stage 0, ..., N-1 in place of the bounds that `data` and the index of the stage decide, which are then
    /// no longer among the bounds; infinite where there are others. `None` if there is no such bound.
    ///
    /// # Errors
    /// If that takes more steps than the limit `expansion-steps`.
    pub(super) fn stage_bounds(
        &mut self,
        place: &Place<'t>,
        bounds: &mut ExpressionBox,
    ) -> Result<Option<StageBounds>, TextError> {
        let graph = &self.expander.graph;
        let Some(stages) = self.expander.stages.as_ref() else {
            return Ok(None);
        };
        let work = bounds.values().into_iter().map(|value| stages.work(graph, value));
        let work = work.fold(0, usize::saturating_add);
        self.expander.spend(0, work).map_err(|fault| place.fault(fault))?;
        let graph = &self.expander.graph;
        let Some(stages) = self.expander.stages.as_ref() else {
            return Ok(None);
        };
        let width = bounds.min.len();
        let mut is_any = false;
        let mut numbers = |side: &mut Bounds, unbounded: f64| {
            let mut all = alloc::vec![unbounded; stages.horizon * width];
            for (i, bound) in side.iter_mut().enumerate() {
                let value = bound.as_ref().map(|bound| bound.value);
                let Some(values) = value.and_then(|value| stages.evaluate(graph, value)) else {
                    continue;
                };
                is_any |= value.is_some_and(|value| graph.constant_value(value).is_none());
                let places = all.iter_mut().skip(i).step_by(width);
                places.zip(values).for_each(|(place, number)| *place = number);
                *bound = None;
            }
            all
        };
        let copy = bounds.clone();
        let all = (
            numbers(&mut bounds.min, f64::NEG_INFINITY),
            numbers(&mut bounds.max, f64::INFINITY),
        );
        if !is_any {
            *bounds = copy;
            return Ok(None);
        }
        Ok(Some(all))
    }
}
