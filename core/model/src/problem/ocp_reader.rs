//! Reader of optimal-control problems: the key `ocp` of a problem file.

mod constraints;
mod free;
mod memory;
mod names;
mod parts;
mod values;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

use super::definition::{StageConstraint, StageDefinition};
use super::file::Keys;
use super::integers::{Candidates, are_convex_stages};
use super::keys;
use super::newton::{Unsolvable, newton, replace};
use super::stages::{Shooting, Stages, newton_memory, total, vector_element};
use crate::expression::derivative::ancestors;
use crate::expression::graph::{Expr, Graph, Input, Node};
use crate::expression::named::unit;
use crate::expression::stage::StageValues;
use crate::expression::{Named, Quantity, Scope, Value};
use crate::text::{Entry, Fault, Place, TextError, find};
use memory::{Memory, blocks};
use parts::Functions;

/// Number of states, after which the decision variables of a stage are its inputs, and the inputs.
type Variables<'a> = (usize, &'a [Named]);

/// Object with the key `ocp`.
struct Text<'a, 't> {
    place: &'a Place<'t>,
    entries: Vec<Entry<'t>>,
}

impl<'a, 't> Text<'a, 't> {
    fn find(&self, key: &str) -> Option<&Place<'t>> {
        find(&self.entries, key)
    }

    fn required(&self, key: &str) -> Result<&Place<'t>, TextError> {
        let missing = || self.place.error(format!("the key `{key}` is missing"));
        self.find(key).ok_or_else(missing)
    }
}

/// Names of a problem, in the order of its variables.
struct Names {
    states: Vec<Named>,
    horizon_variables: Vec<Named>,
    memory: Memory,
    inputs: Vec<Named>,
    parameters: Vec<Named>,
    /// First of the parameters in the graph that hold the values of the memory before the first stage.
    first_memory: Expr,
}

/// Constraints of a problem, and what to say about them.
struct AllConstraints {
    path: Vec<StageConstraint>,
    terminal: Vec<StageConstraint>,
    notes: Vec<String>,
}

impl Names {
    /// Number of states, with those that the problem does not name.
    fn num_states(&self) -> usize {
        total(&self.states) + total(&self.horizon_variables) + total(&self.memory.named)
    }

    fn variables(&self) -> Variables<'_> {
        (self.num_states(), &self.inputs)
    }
}

impl<'t> Scope<'t> {
    /// Reads the problem of a file with the key `ocp`.
    pub(super) fn optimal_control(
        &mut self,
        file: &Keys<'_, 't>,
    ) -> Result<(StageDefinition, Stages), TextError> {
        let ocp = file.required("ocp")?;
        let text = Text {
            place: ocp,
            entries: ocp.entries_of(
                "an object with \"horizon\", \"states\" and more",
                keys::ocp::NAMES,
            )?,
        };
        let find = |key| text.find(key);
        let parts = text.parts()?;
        let horizon = parts.last().map_or(0, |part| part.stages.end);
        self.expander.stages = Some(StageValues::new(horizon, self.limits.stage_memory));
        let (names, free_values) = self.names(&text, horizon)?;
        let steps = self.steps(&text, &parts, &names)?;
        self.definitions_and_unknowns(&text, names.num_states() + total(&names.inputs))?;
        let initial = self.initial_state(
            text.required("initial_state")?,
            &names.states,
            names.horizon_variables.len(),
        )?;
        let mut functions = self.functions(&text, &parts, &steps, &names)?;
        let terminal_cost = self.end_cost(find("terminal_cost"), horizon..horizon + 1, names.variables())?;
        let mut constraints = self.all_constraints(&text, &names, &mut functions, initial.is_free())?;
        let penalties = constraints
            .terminal
            .iter()
            .filter_map(|constraint| constraint.penalty);
        let terminal_cost = self.with_penalties(terminal_cost, penalties);
        let is_held = find("blocks").map_or(Ok(Vec::new()), |place| blocks(place, horizon))?;
        let path = &mut constraints.path;
        self.remember(&names, &is_held, &mut functions, path, find("blocks"))?;
        let is_decided = initial.is_free() || !free_values.is_empty();
        let cost = self.initial_cost(find("initial_cost"), is_decided, names.variables())?;
        let memory = self.first_memory(&names);
        let sizes = (names.num_states(), total(&names.inputs));
        let (initial_state, free) = self.free_stages(initial, free_values, sizes, cost, &memory);
        let integers = self.integers(
            find("integers"),
            &Candidates {
                first: sizes.0,
                len: sizes.1,
                sets: &functions.input_sets,
                name: &|index| vector_element(&names.inputs, index),
                kind: "an input",
            },
        )?;
        let (num_own_states, num_horizon_variables) = (names.states.len(), names.horizon_variables.len());
        let states = [names.states, names.horizon_variables, names.memory.named].concat();
        let values = self.expander.stages.take();
        let definition = StageDefinition {
            name: file.name()?,
            horizon,
            initial_state,
            free,
            num_own_states,
            num_horizon_variables,
            parts: functions.parts,
            is_held,
            terminal_cost,
            input_sets: functions.input_sets,
            integers,
            is_convex: false,
            path: constraints.path,
            terminal: constraints.terminal,
            notes: constraints.notes,
            shooting: shooting(find("shooting"))?,
            shifts_warm_start: shifts_warm_start(find("warm_start"))?,
            settings: file.settings()?,
            initial_guess: None,
            states,
            inputs: names.inputs,
            parameters: names.parameters,
            values: values.unwrap_or_else(|| StageValues::new(horizon, 0)),
            graph: core::mem::take(&mut self.expander.graph),
        };
        self.compiled(definition, &text, file.find("initial_guess"))
    }

    /// Compiles the stages, and reads the start, whose length they give.
    fn compiled(
        &self,
        mut definition: StageDefinition,
        text: &Text<'_, 't>,
        guess: Option<&Place<'t>>,
    ) -> Result<(StageDefinition, Stages), TextError> {
        let mut graph = core::mem::take(&mut definition.graph);
        definition.is_convex = are_convex_stages(&definition, &graph);
        let stages = Stages::new(&definition, &mut graph);
        let memory = newton_memory(stages.horizon, stages.num_states(), stages.num_inputs());
        self.check_memory(text, memory.saturating_add(stages.memory()), definition.horizon)?;
        definition.initial_guess = initial_guess(guess, &definition, &stages)?;
        Ok((definition, stages))
    }

    /// Defines the names of `let`, which may depend on the unknowns of `algebraic` equations.
    fn definitions_and_unknowns(
        &mut self,
        text: &Text<'_, 't>,
        first_unknown: usize,
    ) -> Result<(), TextError> {
        let unknowns = match text.find("algebraic") {
            Some(place) => self.unknowns(place, first_unknown)?,
            None => Vec::new(),
        };
        if let Some(place) = text.find("let") {
            self.definitions(place)?;
        }
        match text.find("algebraic") {
            Some(place) => self.algebraic(place, &unknowns, first_unknown),
            None => Ok(()),
        }
    }

    /// Defines the unknowns of algebraic equations: decision variables after states and inputs, for as long as the file is
    /// read.
    fn unknowns(&mut self, place: &Place<'t>, first: usize) -> Result<Vec<Entry<'t>>, TextError> {
        let entries = place.entries("an object of unknowns and their equations")?;
        if entries.len() > self.limits.variables {
            let limit = self.limits.variables;
            return Err(place.error(format!("more than {limit} (limit `variables`)")));
        }
        for (i, entry) in (first..).zip(&entries) {
            let name = self.new_name(place, entry)?;
            let unknown = self.expander.graph.input(Input::Variable, i as u32);
            self.expander.define_value(&name, Value::Scalar(unknown));
            self.expander.set_quantity(&name, unknown_unit(entry)?);
        }
        Ok(entries)
    }

    /// Solves the algebraic equations for their unknowns, in whose place the solution then stands everywhere.
    fn algebraic(
        &mut self,
        place: &Place<'t>,
        unknowns: &[Entry<'t>],
        first: usize,
    ) -> Result<(), TextError> {
        let zero = self.expander.graph.constant(0.0);
        let (mut residuals, mut start) = (Vec::new(), Vec::new());
        for entry in unknowns {
            let (equation, guess) = match entry.value.is_object() {
                false => (entry.value.clone(), None),
                true => {
                    let entries = entry
                        .value
                        .entries_of("an equation, or an object", keys::algebraic::NAMES)?;
                    let missing = || entry.value.error("the key `equation` is missing".into());
                    let equation = find(&entries, "equation").cloned().ok_or_else(missing)?;
                    (equation, find(&entries, "guess").cloned())
                }
            };
            let compared = self.compared(&equation)?;
            match compared.components.as_slice() {
                [only] if !compared.is_comparison || only.is_equality() => residuals.push(only.expr),
                _ => {
                    let message = "expected one equation, \"a == b\", or a number that must be 0";
                    return Err(equation.error(message.into()));
                }
            }
            let guess = guess.map(|place| {
                let (value, quantity) = self.measured(&place)?;
                let what = format!("`{}`", entry.name);
                self.expect_unit(&place, &quantity, &what, &unknown_unit(entry)?)?;
                let known = value
                    .as_scalar()
                    .filter(|value| used_variable(&self.expander.graph, &[*value], first).is_none());
                known.ok_or_else(|| place.error("a guess is a number that depends on no unknown".into()))
            });
            start.push(guess.transpose()?.unwrap_or(zero));
        }
        let limit = self.limits.graph_nodes;
        let graph = &mut self.expander.graph;
        let solution = newton(graph, &residuals, first as u32, &start, limit);
        let solution = solution.map_err(|why| self.unsolvable(place, why))?;
        self.expander
            .replace_values(|graph, values| replace(graph, values, first as u32, &solution));
        Ok(())
    }

    fn unsolvable(&self, place: &Place<'t>, why: Unsolvable) -> TextError {
        let limit = self.limits.graph_nodes;
        place.error(match why {
            Unsolvable::Singular => "the equations do not determine all of their unknowns".to_string(),
            Unsolvable::TooLarge => format!("needs more than {limit} operations (limit `graph-nodes`)"),
        })
    }

    /// Constraints of the stages and of the end.
    fn all_constraints(
        &mut self,
        text: &Text<'_, 't>,
        names: &Names,
        functions: &mut Functions,
        is_first_free: bool,
    ) -> Result<AllConstraints, TextError> {
        let horizon = functions.horizon();
        let mut path = self.path_constraints(text.find("path_constraints"), names.variables(), horizon)?;
        path.append(&mut functions.path);
        if let Some(place) = text.find("state_bounds") {
            let first = usize::from(!is_first_free);
            path.push(self.state_bounds(place, names, first..horizon + 1)?);
        }
        path.append(&mut functions.bounds);
        let place = text.find("terminal_constraints");
        let mut terminal = self.terminal_constraints(place, names.variables(), horizon)?;
        if let Some(place) = text.find("terminal_set") {
            terminal.push(self.terminal_set(place, &names.states, horizon)?);
        }
        let notes = self.coverage(&path, &terminal, names, !is_first_free);
        Ok(AllConstraints {
            path,
            terminal,
            notes,
        })
    }

    /// Defines all names but those of `let`.
    fn names(
        &mut self,
        text: &Text<'_, 't>,
        horizon: usize,
    ) -> Result<(Names, Vec<free::FreeValue>), TextError> {
        let states = self.named(text.required("states")?, Input::Variable, 0)?;
        let mut first = total(&states);
        let (horizon_variables, free) = match text.find("horizon_variables") {
            Some(place) => self.horizon_variables(place, first)?,
            None => (Vec::new(), Vec::new()),
        };
        first += total(&horizon_variables);
        let place = inputs(text)?;
        let memory = self.memory(text.find("previous"), text.find("blocks").is_some(), place)?;
        let inputs = self.named(place, Input::Variable, first + total(&memory.named))?;
        let num_states = first + total(&memory.named);
        self.check_memory(text, newton_memory(horizon, num_states, total(&inputs)), horizon)?;
        let last = memory.known();
        let (parameters, shared) = self.stage_parameters(text.find("parameters"), last, horizon)?;
        self.define_memory(&memory, first);
        if let Some(place) = text.find("data") {
            self.stage_data(place, horizon)?;
        }
        let names = Names {
            first_memory: self.expander.graph.input(Input::Parameter, shared as u32),
            states,
            horizon_variables,
            memory,
            inputs,
            parameters,
        };
        Ok((names, free))
    }

    /// Refuses values that are not known at all of the stages.
    fn refuse_missing(
        &self,
        place: &Place<'t>,
        exprs: &[Expr],
        stages: Range<usize>,
    ) -> Result<(), TextError> {
        let values = self.expander.stages.as_ref();
        let missing = values.and_then(|values| values.missing(&self.expander.graph, exprs, stages));
        match missing {
            None => Ok(()),
            Some((channel, stage)) => {
                let message = format!("`{}` has no value at stage {stage}", channel.name);
                Err(place.fault(Fault::new(0, message).help(channel.help.clone())))
            }
        }
    }

    /// Cost before the first stage, where something is decided.
    fn initial_cost(
        &mut self,
        place: Option<&Place<'t>>,
        is_decided: bool,
        variables: Variables<'_>,
    ) -> Result<Option<Expr>, TextError> {
        let Some(place) = place else {
            return Ok(None);
        };
        let cost = self.end_cost(Some(place), 0..1, variables)?;
        if !is_decided {
            let message = "needs something to decide before the first stage: a \"free\" initial state, or horizon variables";
            return Err(place.error(message.into()));
        }
        Ok(Some(cost))
    }

    /// Cost at an end of the horizon, where there are no inputs.
    fn end_cost(
        &mut self,
        place: Option<&Place<'t>>,
        stages: Range<usize>,
        variables: Variables<'_>,
    ) -> Result<Expr, TextError> {
        let cost = self.cost_of(place, stages)?;
        if let Some(place) = place {
            self.refuse_inputs(place, &[cost], variables)?;
        }
        Ok(cost)
    }

    fn cost_of(&mut self, place: Option<&Place<'t>>, stages: Range<usize>) -> Result<Expr, TextError> {
        let Some(place) = place else {
            return Ok(self.expander.graph.constant(0.0));
        };
        let cost = self.cost(place)?;
        self.refuse_missing(place, &[cost], stages)?;
        Ok(cost)
    }

    /// Refuses more stages than `stage-memory` allows.
    fn check_memory(&self, text: &Text<'_, 't>, memory: usize, horizon: usize) -> Result<(), TextError> {
        let limit = self.limits.stage_memory;
        if memory <= limit {
            return Ok(());
        }
        let place = text.find("horizon").unwrap_or(text.place);
        Err(place.error(format!(
            "{horizon} stages need {memory} numbers of memory, more than {limit} (limit `stage-memory`)"
        )))
    }

    /// Refuses inputs, which do not exist at the end.
    fn refuse_inputs(
        &self,
        place: &Place<'t>,
        exprs: &[Expr],
        (num_states, inputs): Variables<'_>,
    ) -> Result<(), TextError> {
        let Some(index) = used_variable(&self.expander.graph, exprs, num_states) else {
            return Ok(());
        };
        let mut end = num_states;
        let is_past = |named: &&Named| {
            end += named.len;
            index < end
        };
        let name = inputs.iter().find(is_past).map_or("", |named| &named.name);
        let fault = Fault::new(
            0,
            format!("depends on the input `{name}`, which does not exist there"),
        );
        Err(place.fault(fault.help("the end of the horizon has only states and parameters".into())))
    }
}

/// Unit of an unknown.
fn unknown_unit(entry: &Entry<'_>) -> Result<Quantity, TextError> {
    match entry.value.is_object() {
        true => unit(&entry.value.entries("")?),
        false => Ok(Quantity::Unknown),
    }
}

/// First decision variable with this index or a higher one on which `exprs` depend.
fn used_variable(graph: &Graph, exprs: &[Expr], least: usize) -> Option<usize> {
    let operands = ancestors(graph, exprs, &[Input::Variable]).into_iter();
    let operands = operands.flat_map(|expr| graph.node(expr).operands());
    let variables = operands
        .chain(exprs.iter().copied())
        .filter_map(|operand| match graph.node(operand) {
            Node::Input(Input::Variable, index) if index as usize >= least => Some(index as usize),
            _ => None,
        });
    variables.min()
}

/// Value of the key `inputs`, which names at least one.
fn inputs<'a, 't>(text: &'a Text<'_, 't>) -> Result<&'a Place<'t>, TextError> {
    let (place, message) = match text.find("inputs") {
        None => (text.place, "the key `inputs` is missing"),
        Some(place) if place.is_list() && place.items("a list of names")?.is_empty() => {
            (place, "expected at least one name")
        }
        Some(place) => return Ok(place),
    };
    let help = "where only `horizon_variables` or a free initial state are decided, add an input that nothing uses: \"inputs\": [\"idle\"]";
    Err(place.fault(Fault::new(0, message.into()).help(help.into())))
}

fn shooting(place: Option<&Place<'_>>) -> Result<Shooting, TextError> {
    let choices = [
        ("auto", Shooting::Auto),
        ("single", Shooting::Single),
        ("multiple", Shooting::Multiple),
    ];
    place.map_or(Ok(Shooting::Auto), |place| choose(place, choices))
}

fn shifts_warm_start(place: Option<&Place<'_>>) -> Result<bool, TextError> {
    place.map_or(Ok(false), |place| {
        choose(place, [("keep", false), ("shift", true)])
    })
}

/// Meaning of the word.
fn choose<T, const N: usize>(place: &Place<'_>, choices: [(&str, T); N]) -> Result<T, TextError> {
    let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let what = names.join(" or ");
    let word = place.string(&what)?;
    let chosen = choices.into_iter().find(|(name, _)| *name == word);
    chosen
        .map(|(_, value)| value)
        .ok_or_else(|| place.error(format!("expected {what}, found \"{word}\"")))
}

/// One number for all decision variables but those that have a guess of their own, one per element of an input (the states
/// of multiple shooting are then 0), or one per decision variable. Without any, the guesses of what is free.
fn initial_guess(
    place: Option<&Place<'_>>,
    definition: &StageDefinition,
    stages: &Stages,
) -> Result<Option<Vec<f64>>, TextError> {
    let number = |place: &Place<'_>| place.number("a number");
    let (num_inputs, free) = (stages.num_inputs(), &definition.free.guess);
    let is_list =
        |place: &Place<'_>, len: usize| Ok(place.is_list() && place.items("a list of numbers")?.len() == len);
    let inputs = match place {
        None if free.is_empty() => return Ok(None),
        None => alloc::vec![0.0; num_inputs],
        Some(place) if is_list(place, num_inputs)? => {
            place.vector(num_inputs, "a list of numbers", number)?
        }
        Some(place) => {
            let mut guess = place.vector(stages.num_variables(), "a list of numbers", number)?;
            if !place.is_list() {
                guess
                    .iter_mut()
                    .zip(free)
                    .for_each(|(guess, free)| *guess = *free);
            }
            return Ok(Some(guess));
        }
    };
    let mut guess = free.clone();
    guess.extend(inputs.repeat(definition.horizon));
    guess.resize(stages.num_variables(), 0.0);
    Ok(Some(guess))
}
