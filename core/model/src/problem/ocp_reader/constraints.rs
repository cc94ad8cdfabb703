//! Reader of the constraints of an optimal-control problem.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use labwire_solve::sets::Set;

use super::{Names, Variables, used_variable};
use crate::expression::graph::{Expr, Input};
use crate::expression::{Named, Scope};
use crate::problem::bounds::{ExpressionBox, Rows, has_expressions};
use crate::problem::definition::StageConstraint;
use crate::problem::keys;
use crate::problem::set_reader::{read_box, read_set};
use crate::problem::stages::{total, vector_element};
use crate::text::{Entry, Place, TextError, find};

/// Limit of the number of different stages from which on path constraints hold: each has a program of its own.
const MAX_PHASES: usize = 32;

impl<'t> Scope<'t> {
    /// Terminal constraints, which depend on no input: there is none at the last stage.
    pub(super) fn terminal_constraints(
        &mut self,
        place: Option<&Place<'t>>,
        variables: Variables<'_>,
        horizon: usize,
    ) -> Result<Vec<StageConstraint>, TextError> {
        let Some(place) = place else {
            return Ok(Vec::new());
        };
        let mut constraints = Vec::new();
        for item in place.items("a list of constraints")? {
            let (mut constraint, _) = self.stage_constraint(&item, keys::terminal_constraint::NAMES)?;
            constraint.stages = horizon..horizon + 1;
            let values = constraint.values();
            self.refuse_missing(&item, &values, constraint.stages.clone())?;
            self.refuse_inputs(place, &values, variables)?;
            constraints.push(constraint);
        }
        Ok(constraints)
    }

    /// Path constraints: of stages with inputs, unless `at` says otherwise.
    pub(super) fn path_constraints(
        &mut self,
        place: Option<&Place<'t>>,
        variables: Variables<'_>,
        horizon: usize,
    ) -> Result<Vec<StageConstraint>, TextError> {
        let Some(place) = place else {
            return Ok(Vec::new());
        };
        let mut constraints: Vec<StageConstraint> = Vec::new();
        for item in place.items("a list of constraints")? {
            let (mut constraint, entries) = self.stage_constraint(&item, keys::path_constraint::NAMES)?;
            let stages = match (find(&entries, "from"), find(&entries, "at")) {
                (Some(_), Some(at)) => return Err(at.error("give either `from` or `at`".into())),
                // From the horizon on: for no stage, which lets one file serve every horizon.
                (Some(from), None) => from.whole_number(0, horizon as u32)? as usize..horizon,
                (None, Some(at)) => stages_of(at, horizon)?,
                (None, None) => 0..horizon,
            };
            let is_at_end = stages.end > horizon;
            self.refuse_missing(&item, &constraint.values(), stages.clone())?;
            constraint.stages = stages;
            if let Some(at) = find(&entries, "at") {
                constraint.is_placed = true;
                if is_at_end {
                    self.refuse_inputs(at, &constraint.values(), variables)?;
                }
            }
            constraints.push(constraint);
        }
        let ends = constraints.iter();
        let mut ends: Vec<usize> = ends
            .flat_map(|constraint| [constraint.stages.start, constraint.stages.end])
            .filter(|end| 0 < *end && *end < horizon)
            .collect();
        ends.sort_unstable();
        ends.dedup();
        if ends.len() > MAX_PHASES {
            return Err(place.error(format!(
                "more than {MAX_PHASES} different stages at which constraints begin or end (`from`, `at`)"
            )));
        }
        Ok(constraints)
    }

    /// Path constraints of the stages of a phase.
    pub(super) fn phase_constraints(
        &mut self,
        place: &Place<'t>,
        stages: Range<usize>,
    ) -> Result<Vec<StageConstraint>, TextError> {
        let mut constraints = Vec::new();
        for item in place.items("a list of constraints")? {
            let (mut constraint, _) = self.stage_constraint(&item, keys::constraint::NAMES)?;
            self.refuse_missing(&item, &constraint.values(), stages.clone())?;
            constraint.stages = stages.clone();
            constraints.push(constraint);
        }
        Ok(constraints)
    }

    /// Set of the last state.
    pub(super) fn terminal_set(
        &mut self,
        place: &Place<'t>,
        states: &[Named],
        horizon: usize,
    ) -> Result<StageConstraint, TextError> {
        let (components, names) = self.elements(states, 0);
        Ok(StageConstraint {
            set: read_set(place, components.len())?,
            components,
            names,
            stages: horizon..horizon + 1,
            is_placed: true,
            scale: None,
            penalty: None,
        })
    }

    /// Bounds of the states, from the first one on that a solve decides to the end.
    pub(super) fn state_bounds(
        &mut self,
        place: &Place<'t>,
        known: &Names,
        stages: Range<usize>,
    ) -> Result<StageConstraint, TextError> {
        let (components, names) = self.elements(&known.states, 0);
        let bounds = self.expression_box(place, &known.states)?;
        let rows = self.constrained(place, components, names, &bounds)?;
        let (components, names, set) = rows.into_set();
        self.refuse_inputs(place, &components, known.variables())?;
        self.refuse_missing(place, &components, stages.clone())?;
        Ok(StageConstraint {
            components,
            names,
            set,
            stages,
            is_placed: false,
            scale: None,
            penalty: None,
        })
    }

    /// What the path constraints leave out: the last state, or what they cannot change, the first. Constraints on inputs, and
    /// those whose terms are terminal constraints too, leave nothing out.
    pub(super) fn coverage(
        &self,
        path: &[StageConstraint],
        terminal: &[StageConstraint],
        names: &Names,
        is_first_given: bool,
    ) -> Vec<String> {
        let graph = &self.expander.graph;
        let mut notes = Vec::new();
        let mut index = 0;
        for constraint in path {
            let StageConstraint {
                components, stages, ..
            } = constraint;
            let first = index;
            index += components.len();
            let used = |least| used_variable(graph, components, least);
            let is_of_states = used(0).is_some_and(|index| index < total(&names.states));
            if stages.is_empty() || !is_of_states || used(names.num_states()).is_some() {
                continue;
            }
            let name = constraint.names.first().map_or("", String::as_str);
            let path = format!("path constraint {first} `{name}`");
            let is_given = is_first_given && stages.start == 0;
            let is_terminal = terminal.iter().any(|other| other.components == *components);
            let end = self.expander.stages.as_ref().map_or(0, |stages| stages.horizon);
            if is_given {
                notes.push(format!(
                    "{path} holds at stage 0 too, whose state is given (\"from\": 1 or \"at\": \"after_first\" leave it out)"
                ));
            }
            if stages.end == end && !is_terminal && !constraint.is_placed {
                notes.push(format!(
                    "{path} does not hold at the last state, of stage {end} (\"at\": \"after_first\" or \"all\" include it)"
                ));
            }
        }
        notes
    }

    /// Elements of states or inputs, the first of which is the decision variable `first`, and their names.
    pub(super) fn elements(&mut self, named: &[Named], first: usize) -> (Vec<Expr>, Vec<String>) {
        let element = |i: usize| {
            let variable = (first + i) as u32;
            let graph = &mut self.expander.graph;
            (graph.input(Input::Variable, variable), vector_element(named, i))
        };
        (0..total(named)).map(element).unzip()
    }

    /// Components between bounds: those with numbers as bounds, then a difference for each other bound.
    fn constrained(
        &mut self,
        place: &Place<'t>,
        components: Vec<Expr>,
        names: Vec<String>,
        bounds: &ExpressionBox,
    ) -> Result<Rows, TextError> {
        let Set::Box { min, max } = self.constant_box(place, bounds)? else {
            return Ok(Rows::default());
        };
        let others = self.bound_rows(&components, &names, bounds);
        let mut rows = Rows::default();
        let constants = components.into_iter().zip(names).zip(min.into_iter().zip(max));
        for ((component, name), (min, max)) in constants {
            if min.is_finite() || max.is_finite() {
                rows.push(component, name, (min, max));
            }
        }
        rows.append(others);
        Ok(rows)
    }

    /// Set of the inputs of each stage, the last of which holds for all further ones, and constraints for the bounds that
    /// no projection can keep.
    pub(super) fn input_bounds(
        &mut self,
        place: &Place<'t>,
        (num_states, inputs): Variables<'_>,
        stages: Range<usize>,
    ) -> Result<(Vec<Set>, Option<StageConstraint>), TextError> {
        let num_inputs = total(inputs);
        let is_bound = |entry: &Entry<'_>| matches!(entry.name, "min" | "max");
        let is_box = place
            .entries("")
            .is_ok_and(|entries| entries.iter().any(is_bound));
        if !is_box {
            return Ok((alloc::vec![read_set(place, num_inputs)?], None));
        }
        if !has_expressions(place) {
            return Ok((alloc::vec![read_box(place, num_inputs)?], None));
        }
        let mut bounds = self.expression_box(place, inputs)?;
        self.refuse_missing(place, &bounds.values(), stages.clone())?;
        let sets = match self.stage_bounds(place, &mut bounds)? {
            None => alloc::vec![self.constant_box(place, &bounds)?],
            Some((min, max)) => {
                let bounds = min.chunks_exact(num_inputs).zip(max.chunks_exact(num_inputs));
                let set = |(stage, (min, max)): (usize, (&[f64], &[f64]))| {
                    let set = Set::Box {
                        min: min.to_vec(),
                        max: max.to_vec(),
                    };
                    match set.check(num_inputs) {
                        Ok(()) => Ok(set),
                        Err(error) => Err(place.error(format!("stage {stage}: {error}"))),
                    }
                };
                let bounds = bounds.enumerate().skip(stages.start).take(stages.len());
                bounds.map(set).collect::<Result<_, _>>()?
            }
        };
        let (components, names) = self.elements(inputs, num_states);
        let rows = self.bound_rows(&components, &names, &bounds);
        let (components, names, set) = rows.into_set();
        let constraint = StageConstraint {
            components,
            names,
            set,
            stages,
            is_placed: false,
            scale: None,
            penalty: None,
        };
        Ok((
            sets,
            Some(constraint).filter(|constraint| !constraint.components.is_empty()),
        ))
    }
}

/// Stages at which a constraint holds: a word, one stage, or a range of them.
fn stages_of(at: &Place<'_>, horizon: usize) -> Result<Range<usize>, TextError> {
    if at.number("").is_ok() {
        let stage = at.whole_number(0, horizon as u32)? as usize;
        return Ok(stage..stage + 1);
    }
    const WHAT: &str = "\"all\", \"stages\", \"after_first\", a stage such as 5, or a range such as \"2..5\"";
    let text = at.string(WHAT)?;
    match text {
        "all" => return Ok(0..horizon + 1),
        "stages" => return Ok(0..horizon),
        "after_first" => return Ok(1..horizon + 1),
        _ => {}
    }
    let bounds = text.split_once("..");
    let bounds = bounds.and_then(|(start, end)| start.trim().parse().ok().zip(end.trim().parse().ok()));
    let Some((start, end)) = bounds else {
        return Err(at.error(format!("expected {WHAT}, found \"{text}\"")));
    };
    if start >= end || end > horizon + 1 {
        let most = horizon + 1;
        return Err(at.error(format!(
            "expected a range that is not empty, to {most} at most, found \"{text}\""
        )));
    }
    Ok(start..end)
}
