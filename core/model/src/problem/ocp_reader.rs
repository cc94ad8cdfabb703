//! Reader of optimal-control problems: the key `ocp` of a problem file.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use labwire_solve::sets::Set;

use super::definition::{StageConstraint, StageDefinition};
use super::file::Keys;
use super::integrate::Integrator;
use super::keys;
use super::set_reader::{read_box, read_set};
use super::stages::{Shooting, Stages, total};
use crate::expression::derivative::ancestors;
use crate::expression::graph::{Expr, Graph, Input, Node};
use crate::expression::{Named, Scope, Value, parse_signature};
use crate::text::{Entry, Fault, Place, TextError, find};

/// Limit of the number of different `from`: each has a program of its own.
const MAX_PHASES: usize = 32;

impl<'t> Scope<'t> {
    /// Reads the problem of a file with the key `ocp`.
    pub(super) fn optimal_control(
        &mut self,
        keys: &Keys<'_, 't>,
    ) -> Result<(StageDefinition, Stages), TextError> {
        let ocp = keys.required("ocp")?;
        let entries = ocp.entries_of(
            "an object with \"horizon\", \"states\" and more",
            keys::ocp::NAMES,
        )?;
        let find = |key| find(&entries, key);
        let required = |key| find(key).ok_or_else(|| ocp.error(format!("the key `{key}` is missing")));
        let horizon = required("horizon")?.whole_number(1, u32::MAX)? as usize;
        let states = self.named(required("states")?, Input::Variable, 0)?;
        let num_states = total(&states);
        let inputs = self.named(required("inputs")?, Input::Variable, num_states)?;
        let num_inputs = total(&inputs);
        let parameters = match find("parameters") {
            Some(place) => self.named(place, Input::Parameter, 0)?,
            None => Vec::new(),
        };
        if let Some(place) = find("let") {
            self.definitions(place)?;
        }
        let initial_state = self.initial_state(required("initial_state")?, num_states)?;
        let next = self.dynamics(required("dynamics")?, find("step"), num_states)?;
        if find("stage_cost").or(find("terminal_cost")).is_none() {
            return Err(ocp.error("give `stage_cost`, `terminal_cost`, or both".into()));
        }
        let stage_cost = self.cost_of(find("stage_cost"))?;
        let terminal_cost = self.cost_of(find("terminal_cost"))?;
        if let Some(place) = find("terminal_cost") {
            self.refuse_inputs(place, &[terminal_cost], num_states, &inputs)?;
        }
        let path = self.constraints(find("path_constraints"), Some(horizon))?;
        let terminal = self.terminal_constraints(find("terminal_constraints"), num_states, &inputs)?;
        let mut definition = StageDefinition {
            name: keys.name()?,
            horizon,
            initial_state,
            next,
            stage_cost,
            terminal_cost,
            input_set: find("input_bounds").map_or(Ok(Set::All), |place| input_set(place, num_inputs))?,
            path,
            terminal,
            shooting: shooting(find("shooting"))?,
            shifts_warm_start: shifts_warm_start(find("warm_start"))?,
            settings: keys.settings()?,
            initial_guess: None,
            states,
            inputs,
            parameters,
            graph: core::mem::take(&mut self.expander.graph),
        };
        let mut graph = core::mem::take(&mut definition.graph);
        let stages = Stages::new(&definition, &mut graph);
        self.check_memory(&stages, required("horizon")?)?;
        definition.initial_guess = match keys.find("initial_guess") {
            Some(place) => Some(initial_guess(place, &stages)?),
            None => None,
        };
        Ok((definition, stages))
    }

    /// Reads states, inputs or parameters: a list of names of numbers, or an object of names and lengths.
    fn named(&mut self, place: &Place<'t>, input: Input, first: usize) -> Result<Vec<Named>, TextError> {
        if !place.is_list() {
            return self.inputs(place, input, first);
        }
        let items = place.items("a list of names")?;
        if items.is_empty() && input == Input::Variable {
            return Err(place.error("expected at least one name".into()));
        }
        if items.len() > self.limits.variables {
            let limit = self.limits.variables;
            return Err(place.error(format!("more than {limit} (limit `variables`)")));
        }
        let mut names = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let name = self.new_scalar_name(item)?;
            let element = self.expander.graph.input(input, (first + i) as u32);
            self.expander.define_value(&name, Value::Scalar(element));
            names.push(Named { name, len: 1 });
        }
        Ok(names)
    }

    fn new_scalar_name(&self, item: &Place<'t>) -> Result<String, TextError> {
        let signature = parse_signature(item.string("a name (a string)")?);
        let fault = match signature.map_err(|fault| item.fault_inside(fault))? {
            (name, None) => match self.expander.check_new_name(&name) {
                Ok(()) => return Ok(name),
                Err(message) => message,
            },
            (_, Some(_)) => "expected a name without arguments".to_string(),
        };
        Err(item.error(fault))
    }

    fn initial_state(&mut self, place: &Place<'t>, num_states: usize) -> Result<Vec<Expr>, TextError> {
        let state = self.states_of(place, num_states)?;
        let graph = &self.expander.graph;
        if state.iter().any(|expr| graph.depends_on(*expr, Input::Variable)) {
            return Err(place.error("the initial state may depend only on parameters".into()));
        }
        Ok(state)
    }

    fn states_of(&mut self, place: &Place<'t>, num_states: usize) -> Result<Vec<Expr>, TextError> {
        let exprs = self.expressions(place)?;
        if exprs.len() == num_states {
            return Ok(exprs);
        }
        let found = exprs.len();
        Err(place.error(format!(
            "expected {num_states} expressions, one for each state, found {found}"
        )))
    }

    /// Next state.
    fn dynamics(
        &mut self,
        place: &Place<'t>,
        step: Option<&Place<'t>>,
        num_states: usize,
    ) -> Result<Vec<Expr>, TextError> {
        const WHAT: &str = "an object with \"next\" or with \"derivative\"";
        let entries = place.entries_of(WHAT, keys::dynamics::NAMES)?;
        let step = step.map(Place::positive).transpose()?;
        match (find(&entries, "next"), find(&entries, "derivative")) {
            (Some(next), None) => match find(&entries, "integrator") {
                None => self.states_of(next, num_states),
                Some(integrator) => Err(integrator.error("`next` takes no integrator".into())),
            },
            (None, Some(derivative)) => {
                let integrator = match find(&entries, "integrator") {
                    None => Integrator::Rk4,
                    Some(place) => choose(place, [("euler", Integrator::Euler), ("rk4", Integrator::Rk4)])?,
                };
                let derivative = self.states_of(derivative, num_states)?;
                let step = step.ok_or_else(|| place.error("continuous dynamics also need `step`".into()))?;
                Ok(integrator.next(&mut self.expander.graph, &derivative, step))
            }
            _ => Err(place.error("give either `next` or `derivative`".into())),
        }
    }

    fn cost_of(&mut self, place: Option<&Place<'t>>) -> Result<Expr, TextError> {
        match place {
            Some(place) => self.cost(place),
            None => Ok(self.expander.graph.constant(0.0)),
        }
    }

    /// Refuses more stages than `stage-memory` allows.
    fn check_memory(&self, stages: &Stages, place: &Place<'t>) -> Result<(), TextError> {
        let memory = stages.memory().saturating_add(stages.newton_memory());
        let (horizon, limit) = (stages.horizon, self.limits.stage_memory);
        if memory <= limit {
            return Ok(());
        }
        Err(place.error(format!(
            "{horizon} stages need {memory} numbers of memory, more than {limit} (limit `stage-memory`)"
        )))
    }

    /// Terminal constraints, which depend on no input: there is none at the last stage.
    fn terminal_constraints(
        &mut self,
        place: Option<&Place<'t>>,
        num_states: usize,
        inputs: &[Named],
    ) -> Result<Vec<StageConstraint>, TextError> {
        let constraints = self.constraints(place, None)?;
        if let Some(place) = place {
            for constraint in &constraints {
                self.refuse_inputs(place, &constraint.components, num_states, inputs)?;
            }
        }
        Ok(constraints)
    }

    /// Path constraints over `horizon` stages, or terminal ones.
    fn constraints(
        &mut self,
        place: Option<&Place<'t>>,
        horizon: Option<usize>,
    ) -> Result<Vec<StageConstraint>, TextError> {
        let Some(place) = place else {
            return Ok(Vec::new());
        };
        let names = match horizon {
            Some(_) => keys::path_constraint::NAMES,
            None => keys::terminal_constraint::NAMES,
        };
        let mut constraints = Vec::new();
        let mut starts = Vec::new();
        for item in place.items("a list of constraints")? {
            let (mut constraint, entries) = self.stage_constraint(&item, names)?;
            // From the horizon on: for no stage, which lets one file serve every horizon.
            let last = horizon.unwrap_or(0) as u32;
            let from = find(&entries, "from").map_or(Ok(0), |from| from.whole_number(0, last))?;
            constraint.from = from as usize;
            starts.push(constraint.from);
            constraints.push(constraint);
        }
        starts.sort_unstable();
        starts.dedup();
        if starts.len() > MAX_PHASES {
            return Err(place.error(format!("more than {MAX_PHASES} different `from`")));
        }
        Ok(constraints)
    }

    /// Refuses inputs, which do not exist at the end.
    fn refuse_inputs(
        &self,
        place: &Place<'t>,
        exprs: &[Expr],
        num_states: usize,
        inputs: &[Named],
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

/// Bounds, as in a box, or any set by its name.
fn input_set(place: &Place<'_>, num_inputs: usize) -> Result<Set, TextError> {
    let is_bound = |entry: &Entry<'_>| matches!(entry.name, "min" | "max");
    match place.entries("") {
        Ok(entries) if entries.iter().any(is_bound) => read_box(place, num_inputs),
        _ => read_set(place, num_inputs),
    }
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

/// One number for all decision variables, one per element of an input (the states of multiple shooting are then 0),
/// or one per decision variable.
fn initial_guess(place: &Place<'_>, stages: &Stages) -> Result<Vec<f64>, TextError> {
    let number = |place: &Place<'_>| place.number("a number");
    let num_inputs = stages.num_inputs();
    let is_one_stage = place.is_list() && place.items("")?.len() == num_inputs;
    if !is_one_stage {
        return place.vector(stages.num_variables(), "a list of numbers", number);
    }
    let mut guess = place
        .vector(num_inputs, "a list of numbers", number)?
        .repeat(stages.horizon);
    guess.resize(stages.num_variables(), 0.0);
    Ok(guess)
}
