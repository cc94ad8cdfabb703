//! Reader of what a solve decides once for the whole horizon: elements of the initial state, and horizon variables.
//!
//! They are the inputs of stages before the first, as many as it takes; a horizon variable is a state that does not change. The
//! solver needs nothing new for them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use labwire_solve::Compact;
use labwire_solve::sets::Set;

use super::used_variable;
use crate::expression::graph::{Expr, Graph, Input};
use crate::expression::{Named, Quantity, Scope, Value};
use crate::problem::definition::FreeStages;
use crate::problem::keys;
use crate::problem::stages::vector_element;
use crate::problem::substitution::substitute;
use crate::text::{Fault, Place, TextError, find};

/// Number that a solve decides.
#[derive(Clone, Debug)]
pub(super) struct FreeValue {
    name: String,
    /// Index of the state that it becomes.
    state: usize,
    min: f64,
    max: f64,
    guess: f64,
    scale: Option<f64>,
}

/// Initial state: expressions, or free elements.
pub(super) struct InitialState {
    /// `None` where the element is free.
    given: Vec<Option<Expr>>,
    pub(super) free: Vec<FreeValue>,
}

impl InitialState {
    /// Whether an element is free.
    pub(super) fn is_free(&self) -> bool {
        !self.free.is_empty()
    }
}

impl<'t> Scope<'t> {
    /// Reads horizon variables, states from `first` on: a list of names, or an object of names with bounds and guesses.
    pub(super) fn horizon_variables(
        &mut self,
        place: &Place<'t>,
        first: usize,
    ) -> Result<(Vec<Named>, Vec<FreeValue>), TextError> {
        if place.is_list() {
            let named = self.named(place, Input::Variable, first)?;
            let free = |(i, named): (usize, &Named)| FreeValue::new(named.name.clone(), first + i);
            let free = named.iter().enumerate().map(free).collect();
            return Ok((named, free));
        }
        let (mut named, mut free) = (Vec::new(), Vec::new());
        for entry in place.entries("a list of names, or an object of names and their bounds")? {
            let name = self.new_name(place, &entry)?;
            let state = first + named.len();
            let value = self.expander.graph.input(Input::Variable, state as u32);
            self.expander.define_value(&name, Value::Scalar(value));
            let own = entry.value.entries("").unwrap_or_default();
            let own = Named::new(&name, 1).described(&own);
            free.push(
                FreeValue::new(name.clone(), state)
                    .with_bounds(&entry.value, keys::horizon_variable::NAMES)?,
            );
            let own = own?;
            if let Some(last) = free.last_mut() {
                last.scale = own.scale;
            }
            self.expander.set_quantity(&name, own.quantity());
            named.push(own);
        }
        if named.is_empty() {
            return Err(place.error("expected at least one name".into()));
        }
        Ok((named, free))
    }

    /// Reads the initial state: expressions, `"free"`, or an object with bounds for a free element; one `"free"` for all.
    pub(super) fn initial_state(
        &mut self,
        place: &Place<'t>,
        states: &[Named],
        num_horizon_variables: usize,
    ) -> Result<InitialState, TextError> {
        let num_states = super::total(states);
        let (mut given, mut free) = (Vec::new(), Vec::new());
        let is_free = |place: &Place<'t>| place.string("").is_ok_and(|text| text.trim() == "free");
        let is_free = |scope: &Self, place: &Place<'t>| {
            (is_free(place) && scope.expander.check_new_name("free").is_ok()) || place.is_object()
        };
        let element = |state: usize| FreeValue {
            scale: element_scale(states, state),
            ..FreeValue::new(vector_element(states, state), state)
        };
        if is_free(self, place) {
            for state in 0..num_states {
                free.push(element(state).with_bounds(place, keys::free_value::NAMES)?);
            }
            let given = alloc::vec![None; num_states];
            return Ok(InitialState { given, free });
        }
        let items = match place.is_list() {
            true => place.items("a list of expressions")?,
            false => alloc::vec![place.clone()],
        };
        let mut measures = Vec::new();
        for item in &items {
            if is_free(self, item) {
                free.push(element(given.len()).with_bounds(item, keys::free_value::NAMES)?);
                given.push(None);
                measures.push((item.clone(), Quantity::Unknown, 1));
            } else {
                let part = self.part(item)?;
                measures.push(part.measure());
                given.extend(part.exprs.into_iter().map(Some));
            }
        }
        if given.len() != num_states {
            let found = given.len();
            return Err(place.error(format!(
                "expected {num_states} expressions, one for each state, found {found}"
            )));
        }
        self.expect_units(measures, states, &Quantity::Number)?;
        let exprs: Vec<Expr> = given.iter().flatten().copied().collect();
        self.refuse_decided(place, &exprs, num_states, num_horizon_variables)?;
        self.refuse_missing(place, &exprs, 0..1)?;
        Ok(InitialState { given, free })
    }

    /// Refuses an initial state that depends on what a solve decides, but for horizon variables.
    fn refuse_decided(
        &self,
        place: &Place<'t>,
        exprs: &[Expr],
        num_states: usize,
        num_horizon_variables: usize,
    ) -> Result<(), TextError> {
        let used = |expr: &Expr, least| used_variable(&self.expander.graph, &[*expr], least);
        let is_decided = |expr: &Expr| {
            used(expr, 0).is_some_and(|index| index < num_states)
                || used(expr, num_states + num_horizon_variables).is_some()
        };
        if !exprs.iter().any(is_decided) {
            return Ok(());
        }
        let fault = Fault::new(0, "the initial state may depend only on parameters".into());
        let help = "write \"free\" in place of what a solve is to decide, or use `horizon_variables`";
        Err(place.fault(fault.help(help.into())))
    }

    /// Stages before the first that decide the free values, horizon variables first; with the state before them.
    pub(super) fn free_stages(
        &mut self,
        initial: InitialState,
        mut values: Vec<FreeValue>,
        (num_states, num_inputs): (usize, usize),
        cost: Option<Expr>,
        memory: &[Expr],
    ) -> (Vec<Expr>, FreeStages) {
        let graph = &mut self.expander.graph;
        let horizon_variables: Vec<usize> = values.iter().map(|value| value.state).collect();
        values.extend(initial.free);
        let zero = graph.constant(0.0);
        // Where something is free, the last stage before the first gives the rest, which may depend on it.
        let is_given = values.is_empty();
        let given = |expr: &Option<Expr>| expr.filter(|_| is_given).unwrap_or(zero);
        let mut given: Vec<Expr> = initial.given.iter().map(given).collect();
        given.extend(horizon_variables.iter().map(|_| zero));
        given.extend(memory);
        let mut free = FreeStages {
            names: values.iter().map(|value| value.name.clone()).collect(),
            scales: values.iter().map(|value| value.scale).collect(),
            ..FreeStages::default()
        };
        if values.is_empty() {
            return (given, free);
        }
        let states: Vec<Expr> = (0..num_states)
            .map(|i| graph.input(Input::Variable, i as u32))
            .collect();
        let count = values.len().div_ceil(num_inputs);
        for (stage, values) in values.chunks(num_inputs).enumerate() {
            let mut next = states.clone();
            for (i, value) in values.iter().enumerate() {
                let input = graph.input(Input::Variable, (num_states + i) as u32);
                if let Some(next) = next.get_mut(value.state) {
                    *next = input;
                }
            }
            if stage + 1 == count {
                give_rest(graph, &initial.given, &states, &horizon_variables, &mut next);
                let pairs: Vec<_> = states.iter().copied().zip(next.iter().copied()).collect();
                free.cost = cost.and_then(|cost| substitute(graph, &[cost], &pairs).pop());
            }
            free.next.push(next);
        }
        let padded = count * num_inputs;
        let bounds = |bound: fn(&FreeValue) -> f64| {
            let mut bounds: Vec<f64> = values.iter().map(bound).collect();
            bounds.resize(padded, 0.0);
            bounds
        };
        free.set = Set::Box {
            min: bounds(|value| value.min),
            max: bounds(|value| value.max),
        };
        free.guess = bounds(|value| value.guess);
        (given, free)
    }
}

/// Gives the states that are not free, as functions of the horizon variables in `next`.
fn give_rest(
    graph: &mut Graph,
    given: &[Option<Expr>],
    states: &[Expr],
    horizon_variables: &[usize],
    next: &mut [Expr],
) {
    let decided = |i: &usize| Some((*states.get(*i)?, *next.get(*i)?));
    let pairs: Vec<_> = horizon_variables.iter().filter_map(decided).collect();
    let exprs: Vec<Expr> = given.iter().flatten().copied().collect();
    let mut exprs = substitute(graph, &exprs, &pairs).into_iter();
    for (next, given) in next.iter_mut().zip(given) {
        if given.is_some() {
            *next = exprs.next().unwrap_or(*next);
        }
    }
}

/// Typical magnitude of an element of these vectors.
fn element_scale(named: &[Named], index: usize) -> Option<f64> {
    let mut elements = named
        .iter()
        .flat_map(|named| core::iter::repeat_n(named.scale, named.len));
    elements.nth(index).flatten()
}

impl FreeValue {
    fn new(name: String, state: usize) -> Self {
        Self {
            name,
            state,
            min: f64::NEG_INFINITY,
            max: f64::INFINITY,
            guess: 0.0,
            scale: None,
        }
    }

    /// Reads `min`, `max` and `guess`, if there are any.
    fn with_bounds(mut self, place: &Place<'_>, known: &[&str]) -> Result<Self, TextError> {
        if !place.is_object() {
            return match place.string("") {
                Ok(_) => Ok(self),
                Err(_) => Err(place.error(String::from(
                    "expected an object with \"min\", \"max\" and \"guess\", all optional",
                ))),
            };
        }
        let what = "an object with \"min\", \"max\" and \"guess\", all optional";
        let entries = place.entries_of(what, known)?;
        let number = |key: &str, default: f64| match find(&entries, key) {
            Some(place) if !place.is_null() => place.number("a number"),
            _ => Ok(default),
        };
        (self.min, self.max) = (number("min", self.min)?, number("max", self.max)?);
        if !(self.min <= self.max) {
            let (min, max) = (Compact(self.min), Compact(self.max));
            return Err(place.error(format!("the bounds exclude each other: min {min}, max {max}")));
        }
        let nearest = labwire_solve::math::clamp(0.0, self.min, self.max);
        self.guess = number("guess", nearest)?;
        Ok(self)
    }
}
