//! Reader of the functions of the stages: dynamics, cost and bounds, the same for all or phase by phase.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use labwire_solve::sets::Set;

use super::{Names, Text, choose, used_variable};
use crate::expression::graph::Expr;
use crate::expression::stage::Times;
use crate::expression::{Named, Part as Expression, Quantity, Scope};
use crate::problem::definition::{StageConstraint, StagePart};
use crate::problem::integrate::{INTEGRATORS, Integrator};
use crate::problem::keys;
use crate::problem::stages::total;
use crate::text::{Entry, Place, TextError, find};

/// Limit of `substeps`: each adds the operations of a step.
const MAX_SUBSTEPS: u32 = 1000;
/// Limit of the number of phases: each has programs of its own.
const MAX_PHASES: usize = 32;

/// Consecutive stages with keys of their own.
pub(super) struct Part<'t> {
    pub(super) stages: Range<usize>,
    entries: Vec<Entry<'t>>,
    place: Place<'t>,
}

/// Functions of all stages.
pub(super) struct Functions {
    pub(super) parts: Vec<StagePart>,
    pub(super) input_sets: Vec<Set>,
    /// Constraints of phases.
    pub(super) path: Vec<StageConstraint>,
    /// Constraints that stand for bounds of inputs.
    pub(super) bounds: Vec<StageConstraint>,
}

impl Functions {
    /// Number of stages.
    pub(super) fn horizon(&self) -> usize {
        self.parts.last().map_or(0, |part| part.stages.end)
    }
}

impl<'t> Text<'_, 't> {
    /// The phases, or one part with all stages.
    pub(super) fn parts(&self) -> Result<Vec<Part<'t>>, TextError> {
        let Some(phases) = self.find("phases") else {
            let horizon = self.required("horizon")?.whole_number(1, u32::MAX)? as usize;
            return Ok(alloc::vec![Part {
                stages: 0..horizon,
                entries: Vec::new(),
                place: self.place.clone(),
            }]);
        };
        let mut parts: Vec<Part<'t>> = Vec::new();
        for place in phases.items("a list of phases")? {
            let entries = place.entries_of("an object with \"stages\" and more", keys::phase::NAMES)?;
            let missing = || place.error("the key `stages` is missing".into());
            let count = find(&entries, "stages").ok_or_else(missing)?.clone();
            let first = parts.last().map_or(0, |part| part.stages.end);
            let own = count.whole_number(1, u32::MAX)? as usize;
            let end = first.checked_add(own).filter(|end| *end <= u32::MAX as usize);
            let end = end.ok_or_else(|| count.error(format!("more than {} stages together", u32::MAX)))?;
            parts.push(Part {
                stages: first..end,
                entries,
                place,
            });
        }
        if parts.is_empty() || parts.len() > MAX_PHASES {
            let found = parts.len();
            return Err(phases.error(format!("expected 1 to {MAX_PHASES} phases, found {found}")));
        }
        for key in ["step", "dynamics", "stage_cost", "input_bounds"] {
            let is_own = |part: &Part<'t>| find(&part.entries, key).is_some();
            if let Some(place) = self.find(key).filter(|_| parts.iter().all(is_own)) {
                return Err(place.error(format!("all phases have their own `{key}`; leave this one out")));
            }
        }
        let sum = parts.last().map_or(0, |part| part.stages.end);
        match self.find("horizon") {
            Some(horizon) if horizon.whole_number(1, u32::MAX)? as usize != sum => Err(horizon.error(
                format!("the phases have {sum} stages together; leave `horizon` out"),
            )),
            _ => Ok(parts),
        }
    }

    /// Key of a phase, or of all.
    fn find_in<'b>(&'b self, part: &'b Part<'t>, key: &str) -> Option<&'b Place<'t>> {
        find(&part.entries, key).or(self.find(key))
    }
}

impl<'t> Scope<'t> {
    /// Step of each part, and the times of the stages.
    pub(super) fn steps(
        &mut self,
        text: &Text<'_, 't>,
        parts: &[Part<'t>],
        names: &Names,
    ) -> Result<Vec<Option<Expr>>, TextError> {
        let mut steps = Vec::with_capacity(parts.len());
        for part in parts {
            let Some(place) = text.find_in(part, "step") else {
                steps.push(None);
                continue;
            };
            // A list on top is that of all phases.
            let own = find(&part.entries, "step").is_some();
            let horizon = parts.last().map_or(0, |part| part.stages.end);
            let stages = if own { part.stages.clone() } else { 0..horizon };
            let step = self.step(place, stages)?;
            let first = total(&names.states);
            let horizon_variables = first..first + total(&names.horizon_variables);
            let graph = &self.expander.graph;
            let used = |least| used_variable(graph, &[step], least);
            let is_state = used(0).is_some_and(|index| index < horizon_variables.start);
            if is_state || used(horizon_variables.end).is_some() {
                let message = "the step may depend only on parameters, data, horizon variables and `k`";
                return Err(place.error(message.into()));
            }
            self.refuse_missing(place, &[step], part.stages.clone())?;
            steps.push(Some(step));
        }
        self.spend_on_steps(text, &steps)?;
        let times = self.times(parts, &steps);
        if let Some(stages) = &mut self.expander.stages {
            stages.times = times;
        }
        Ok(steps)
    }

    /// Counts what [`times`](Self::times) takes.
    fn spend_on_steps(&mut self, text: &Text<'_, 't>, steps: &[Option<Expr>]) -> Result<(), TextError> {
        let graph = &self.expander.graph;
        let work = self.expander.stages.as_ref().map_or(0, |stages| {
            let work = steps.iter().flatten().map(|step| stages.work(graph, *step));
            work.fold(0, usize::saturating_add)
        });
        let spent = self.expander.spend(0, work);
        spent.map_err(|fault| text.place.fault(fault))
    }

    /// Times of the stages.
    fn times(&self, parts: &[Part<'t>], steps: &[Option<Expr>]) -> Times {
        let graph = &self.expander.graph;
        let Some(stages) = &self.expander.stages else {
            return Times::Unknown("there are no stages");
        };
        if steps.iter().any(Option::is_none) {
            return stages.times.clone();
        }
        if let [Some(step)] = steps
            && !stages.depends_on_stage(graph, *step)
        {
            return Times::Multiples(*step);
        }
        let mut times = alloc::vec![0.0];
        let mut time = 0.0;
        for (part, step) in parts.iter().zip(steps) {
            let Some(values) = step.and_then(|step| stages.evaluate(graph, step)) else {
                return Times::Unknown(
                    "`t` is not known, because steps of different lengths are not numbers",
                );
            };
            for step in values.get(part.stages.clone()).unwrap_or_default() {
                time += step;
                times.push(time);
            }
        }
        Times::Known(times)
    }

    /// Functions of all parts.
    pub(super) fn functions(
        &mut self,
        text: &Text<'_, 't>,
        parts: &[Part<'t>],
        steps: &[Option<Expr>],
        names: &Names,
    ) -> Result<Functions, TextError> {
        let has_cost = |part| text.find_in(part, "stage_cost").is_some();
        if text.find("terminal_cost").is_none() && !parts.iter().any(has_cost) {
            return Err(text
                .place
                .error("give `stage_cost`, `terminal_cost`, or both".into()));
        }
        let mut functions = Functions {
            parts: Vec::new(),
            input_sets: Vec::new(),
            path: Vec::new(),
            bounds: Vec::new(),
        };
        for (part, step) in parts.iter().zip(steps) {
            let stages = part.stages.clone();
            let missing = || part.place.error("the key `dynamics` is missing".into());
            let dynamics = text.find_in(part, "dynamics").ok_or_else(missing)?;
            let next = self.dynamics(dynamics, *step, &names.states)?;
            self.refuse_missing(dynamics, &next, stages.clone())?;
            let cost = self.cost_of(text.find_in(part, "stage_cost"), stages.clone())?;
            if let Some(place) = find(&part.entries, "path_constraints") {
                functions
                    .path
                    .extend(self.phase_constraints(place, stages.clone())?);
            }
            let mut sets = alloc::vec![Set::All];
            if let Some(place) = text.find_in(part, "input_bounds") {
                let bounds = self.input_bounds(place, names.variables(), stages.clone())?;
                sets = bounds.0;
                functions.bounds.extend(bounds.1);
            }
            let all = sets
                .iter()
                .chain(core::iter::repeat_n(&sets[sets.len() - 1], stages.len()));
            match parts {
                [_] => functions.input_sets = sets,
                _ => functions.input_sets.extend(all.take(stages.len()).cloned()),
            }
            functions.parts.push(StagePart { stages, next, cost });
        }
        Ok(functions)
    }

    /// Next state of the states that the problem names.
    fn dynamics(
        &mut self,
        place: &Place<'t>,
        step: Option<Expr>,
        states: &[Named],
    ) -> Result<Vec<Expr>, TextError> {
        const WHAT: &str = "an object with \"next\" or with \"derivative\"";
        let entries = place.entries_of(WHAT, keys::dynamics::NAMES)?;
        match (find(&entries, "next"), find(&entries, "derivative")) {
            (Some(next), None) => match find(&entries, "integrator").or(find(&entries, "substeps")) {
                None => self.states_of(next, states, &Quantity::Number),
                Some(integrator) => {
                    Err(integrator.error("`next` takes no integrator and no substeps".into()))
                }
            },
            (None, Some(derivative)) => {
                let integrator = match find(&entries, "integrator") {
                    None => Integrator::Rk4,
                    Some(place) => choose(place, INTEGRATORS)?,
                };
                let substeps = find(&entries, "substeps");
                let substeps = substeps.map_or(Ok(1), |place| place.whole_number(1, MAX_SUBSTEPS))?;
                let time = self.expander.time.clone();
                let derivative = self.states_of(derivative, states, &time)?;
                let step = step.ok_or_else(|| place.error("continuous dynamics also need `step`".into()))?;
                let limit = self.limits.graph_nodes;
                let next = integrator.next(&mut self.expander.graph, &derivative, step, substeps, limit);
                next.map_err(|why| self.unsolvable(place, why))
            }
            _ => Err(place.error(String::from("give either `next` or `derivative`"))),
        }
    }

    /// An expression for each state, in its unit, or in its unit over that of a time.
    fn states_of(
        &mut self,
        place: &Place<'t>,
        states: &[Named],
        time: &Quantity,
    ) -> Result<Vec<Expr>, TextError> {
        let parts = self.parts(place)?;
        let num_states = total(states);
        let found: usize = parts.iter().map(|part| part.exprs.len()).sum();
        if found == num_states {
            self.expect_units(parts.iter().map(Expression::measure), states, time)?;
            return Ok(parts.into_iter().flat_map(|part| part.exprs).collect());
        }
        Err(place.error(format!(
            "expected {num_states} expressions, one for each state, found {found}"
        )))
    }
}
