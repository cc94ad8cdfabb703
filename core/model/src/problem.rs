//! Parametric problems: from text or Rust to their solutions.
//!
//! min over u of f(u; p)  subject to  u in U,  F1(u; p) in C,  F2(u; p) = 0
//!
//! ```text
//! file (JSON) -> syntax tree -> expression graph -> derivative graph -> program -> evaluator -> solver
//! ```

mod bounds;
mod builder;
mod comparison;
mod constraint_reader;
mod definition;
mod dynamics;
mod evaluator;
pub(crate) mod file;
mod graph_reader;
mod integers;
mod integrate;
pub mod keys;
mod magnitudes;
mod newton;
mod ocp_reader;
mod parameter_tangents;
mod parametric;
mod second;
mod set_reader;
mod stage_evaluator;
mod stage_expander;
mod stage_functions;
mod stage_inputs;
mod stage_second;
pub mod stages;
mod substitution;
mod summary;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use definition::{Definition, StageDefinition};
use labwire_solve::sets::Set;
use labwire_solve::{Integers, SecondDerivatives, Settings};
use second::Second;
use stages::{Stages, total};

use crate::expression::derivative;
use crate::expression::graph::{Expr, Graph, Input, Node};
use crate::expression::operation::Binary;
use crate::expression::program::{InputLengths, Program};
use crate::expression::run::Section;

pub use crate::expression::{Edge, Named};
pub use crate::text::{DataTable, DataTables, TextError, TextLimits};
pub use builder::{BuildError, Expression, ProblemBuilder};
pub use dynamics::Defect;
pub use evaluator::Evaluator;
pub use labwire_solve::{InputError, InputVector, NoSensitivities, Solution, SolveError, StartOptions};
pub use parametric::ProblemSolver;
pub use summary::{Operations, StageSummary, Summary};

/// Default problem file: the Rosenbrock function of five variables in a ball, with
/// one equality and one inequality as F1.
pub const DEFAULT_PROBLEM: &str = include_str!("../problems/default.json");

/// Problem, ready to be evaluated.
#[derive(Clone, Debug)]
pub struct Problem {
    name: String,
    variables: Vec<Named>,
    parameters: Vec<Named>,
    set: Set,
    blocks: Vec<Block>,
    num_f1: usize,
    num_f2: usize,
    /// Names of constraints, as the file gives them; not of an optimal-control problem, whose stages have them.
    constraint_names: Vec<String>,
    constraint_scales: Vec<Option<f64>>,
    settings: Settings,
    initial_guess: Option<Vec<f64>>,
    shifts_warm_start: bool,
    is_convex: bool,
    integers: Option<Integers>,
    body: Body,
}

/// The programs of a problem.
#[derive(Clone, Debug)]
enum Body {
    Plain {
        program: Arc<Program>,
        second: Option<Arc<Second>>,
    },
    Stages(Arc<Stages>),
}

/// Consecutive constraints with the same treatment: `g[range]` in `set`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Block {
    /// Indices of the components in `g`. Blocks follow one another without gaps: those of F1, then those of F2.
    pub range: Range<usize>,
    /// The set D of the components; not a product.
    pub set: Set,
    /// Form in which the problem states it.
    pub kind: BlockKind,
}

/// Form in which a problem states a block of constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockKind {
    /// A part of F1.
    F1,
    /// Components of F2 without kinks: `g = 0`, with multipliers.
    F2Equality,
    /// Components `max(0, h)` of F2: `g` is h, and h <= 0 has multipliers. As written, the value is `max(0, g)`.
    F2Inequality,
    /// Components of F2 with max, min, abs, a selection, or a jump: `g = 0`, by penalty only.
    F2Penalty,
}

impl Problem {
    /// Reads a problem file.
    ///
    /// # Errors
    /// The first fault of the text, with its position: see [`TextError`]. No text causes a panic.
    pub fn from_json(text: &str, limits: &TextLimits) -> Result<Self, TextError> {
        file::read(text, limits, DataTables::default())
    }

    /// Reads a problem file that may name tables in other files: one that the operator of the program has named, never one
    /// that has come from elsewhere.
    ///
    /// # Errors
    /// As those of [`from_json`](Self::from_json), and those of the tables.
    pub fn from_json_with_tables(
        text: &str,
        limits: &TextLimits,
        tables: DataTables<'_>,
    ) -> Result<Self, TextError> {
        file::read(text, limits, tables)
    }

    fn new(definition: Definition) -> Self {
        let Definition {
            mut graph,
            cost,
            f1,
            f2,
            ..
        } = definition;
        let (num_f1, num_f2) = (f1.len(), f2.len());
        let mut blocks = Vec::new();
        push_f1(&mut blocks, definition.f1_set, 0..num_f1);
        let mut g = f1;
        for component in f2 {
            let (component, set, kind) = treat_f2(&graph, component);
            push_f2(&mut blocks, g.len(), set, kind);
            g.push(component);
        }
        let is_convex = integers::is_convex_problem(&graph, cost, &g, &blocks, &definition.set);
        let inputs = InputLengths {
            parameters: total(&definition.parameters),
            variables: total(&definition.variables),
            multipliers: g.len(),
        };
        let sections = differentiate(&mut graph, cost, g, inputs);
        let program = Program::new(&graph, inputs, &sections);
        let operations = program.sections[..2].iter().map(Section::operations).sum();
        // Newton steps need bounds.
        let second = match definition.set.bounds(inputs.variables) {
            Some(_) => Second::new(&mut graph, &sections[1], &sections[0][1..], inputs, operations),
            None => None,
        };
        Self {
            name: definition.name,
            variables: definition.variables,
            parameters: definition.parameters,
            set: definition.set,
            blocks,
            num_f1,
            num_f2,
            constraint_names: definition.constraint_names,
            constraint_scales: definition.constraint_scales,
            settings: definition.settings,
            initial_guess: definition.initial_guess,
            shifts_warm_start: false,
            is_convex,
            integers: integers::of_problem(definition.integers, is_convex),
            body: Body::Plain {
                program: Arc::new(program),
                second: second.map(Arc::new),
            },
        }
    }

    fn from_stages(definition: StageDefinition, stages: Stages) -> Self {
        let mut variables = Vec::new();
        if stages.num_free() > 0 {
            variables.push(Named::new("free", stages.num_free()));
        }
        variables.push(Named::new("inputs", stages.num_stages() * stages.num_inputs()));
        if stages.num_f2() > 0 {
            variables.push(Named::new("states", stages.num_f2()));
        }
        let (num_f1, num_f2) = (stages.num_f1(), stages.num_f2());
        Self {
            is_convex: definition.is_convex,
            integers: integers::of_stages(&definition, &stages),
            set: stages::variable_set(&definition, &stages),
            blocks: stages::blocks(&definition, &stages),
            name: definition.name,
            variables,
            parameters: definition.parameters,
            num_f1,
            num_f2,
            constraint_names: Vec::new(),
            constraint_scales: Vec::new(),
            settings: definition.settings,
            initial_guess: definition.initial_guess,
            shifts_warm_start: definition.shifts_warm_start,
            body: Body::Stages(Arc::new(stages)),
        }
    }

    /// Name given in the file, or "unnamed".
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Vectors that make up the decision variables `u`, in order.
    #[must_use]
    pub fn variables(&self) -> &[Named] {
        &self.variables
    }

    /// Vectors that make up the parameters `p`, in order.
    #[must_use]
    pub fn parameters(&self) -> &[Named] {
        &self.parameters
    }

    /// The set U of the decision variables.
    #[must_use]
    pub fn set(&self) -> &Set {
        &self.set
    }

    /// The constraints, in the order of `g`.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Settings of the solver; defaults where the file has none.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Default initial guess, one entry per variable.
    #[must_use]
    pub fn initial_guess(&self) -> Option<&[f64]> {
        self.initial_guess.as_deref()
    }

    /// Whether the problem is known to be convex by the rules of composition, for all parameters, and without the condition
    /// that variables be integers.
    #[must_use]
    pub fn is_convex(&self) -> bool {
        self.is_convex
    }

    /// Decision variables that take only integer values, if there are any.
    #[must_use]
    pub fn integers(&self) -> Option<&Integers> {
        self.integers.as_ref()
    }

    /// The length of `u`.
    #[must_use]
    pub fn num_variables(&self) -> usize {
        total(&self.variables)
    }

    /// The length of `p`.
    #[must_use]
    pub fn num_parameters(&self) -> usize {
        total(&self.parameters)
    }

    /// Number of states of an optimal-control problem, over all stages and the end; 0 of other problems.
    #[must_use]
    pub fn num_states(&self) -> usize {
        self.stages()
            .map_or(0, |stages| (stages.horizon + 1) * stages.num_states())
    }

    /// The number of components of F1.
    #[must_use]
    pub fn num_f1(&self) -> usize {
        self.num_f1
    }

    /// The number of components of F2.
    #[must_use]
    pub fn num_f2(&self) -> usize {
        self.num_f2
    }

    /// Name of the component `index` of `g`, such as `F1[0]`, with the name or the comparison that the file has for it; of an
    /// optimal-control problem with its stage.
    #[must_use]
    pub fn constraint_name(&self, index: usize) -> String {
        let own = self.constraint_names.get(index).filter(|name| !name.is_empty());
        let place = match self.stages() {
            Some(stages) => Some(stages.constraint_place(index)),
            None => own.map(|name| format!("`{name}`")),
        };
        let place = place.map_or_else(String::new, |place| format!(" ({place})"));
        match index.checked_sub(self.num_f1) {
            None => format!("F1[{index}]{place}"),
            Some(index) => format!("F2[{index}]{place}"),
        }
    }

    /// Name of the decision variable `index`, such as `u[0]`; of an optimal-control problem that of the input or state,
    /// with its stage.
    #[must_use]
    pub fn variable_name(&self, index: usize) -> String {
        if let Some(stages) = self.stages() {
            return stages.variable_name(index);
        }
        match element(&self.variables, index) {
            Some((name, element)) => format!("{name}[{element}]"),
            None => format!("u[{index}]"),
        }
    }

    /// Program of a problem that is not an optimal-control problem.
    #[must_use]
    pub fn program(&self) -> Option<&Program> {
        match &self.body {
            Body::Plain { program, .. } => Some(program),
            Body::Stages(_) => None,
        }
    }

    /// Stages of an optimal-control problem.
    #[must_use]
    pub fn stages(&self) -> Option<&Stages> {
        match &self.body {
            Body::Plain { .. } => None,
            Body::Stages(stages) => Some(stages),
        }
    }

    /// Sparsity of the second derivatives that [`Evaluator`] computes exactly, if it does.
    #[must_use]
    pub fn second_derivatives(&self) -> Option<&SecondDerivatives> {
        match &self.body {
            Body::Plain { second, .. } => second.as_ref().map(|second| &second.sparsity),
            Body::Stages(stages) => stages.second.as_ref(),
        }
    }

    /// Whether warm starts are shifted by one stage.
    #[must_use]
    pub fn shifts_warm_start(&self) -> bool {
        self.shifts_warm_start
    }

    /// Evaluator of the problem, for one point at a time.
    #[must_use]
    pub fn evaluator(&self) -> Evaluator {
        self.block_evaluator()
    }

    /// Evaluator for `LANES` points at once; 4 and 8 suit current processors.
    #[must_use]
    pub fn block_evaluator<const LANES: usize>(&self) -> Evaluator<LANES> {
        Evaluator::new(&self.body)
    }
}

/// Name of the vector that holds the element `index` of all of them, and the index in it.
fn element(vectors: &[Named], mut index: usize) -> Option<(&str, usize)> {
    for Named { name, len, .. } in vectors {
        if index < *len {
            return Some((name, index));
        }
        index -= len;
    }
    None
}

/// Program that [`Evaluator`] runs: values, gradient, and the derivatives of both along a direction.
fn compile(graph: &mut Graph, cost: Expr, g: Vec<Expr>, inputs: InputLengths) -> Program {
    let sections = differentiate(graph, cost, g, inputs);
    Program::new(graph, inputs, &sections)
}

/// Cost and constraints, gradient, and the rates of both.
fn differentiate(graph: &mut Graph, cost: Expr, g: Vec<Expr>, inputs: InputLengths) -> [Vec<Expr>; 4] {
    let one = graph.constant(1.0);
    let zero = graph.constant(0.0);
    let mut weighted = alloc::vec![(cost, one)];
    let mut seeds = Vec::with_capacity(inputs.variables + g.len());
    for i in 0..inputs.variables as u32 {
        let variable = graph.input(Input::Variable, i);
        seeds.push((variable, graph.input(Input::Direction, i)));
    }
    for (component, i) in g.iter().zip(0..) {
        let multiplier = graph.input(Input::Multiplier, i);
        weighted.push((*component, multiplier));
        seeds.push((multiplier, graph.input(Input::MultiplierRate, i)));
    }
    let or_zero = |entries: Vec<Option<Expr>>| -> Vec<Expr> {
        entries.into_iter().map(|entry| entry.unwrap_or(zero)).collect()
    };
    let gradient = derivative::gradient(graph, &weighted, inputs.variables as u32);
    let gradient = or_zero(gradient);
    let values: Vec<Expr> = core::iter::once(cost).chain(g).collect();
    let value_rates = or_zero(derivative::directional(graph, &values, &seeds));
    let gradient_rates = or_zero(derivative::directional(graph, &gradient, &seeds));
    [values, gradient, value_rates, gradient_rates]
}

/// Adds one block per factor of the set.
fn push_f1(blocks: &mut Vec<Block>, set: Set, range: Range<usize>) {
    match set {
        _ if range.is_empty() => {}
        Set::Product(parts) => {
            let mut start = range.start;
            for (end, part) in parts {
                let end = range.start + end;
                push_f1(blocks, part, start..end);
                start = end;
            }
        }
        set => blocks.push(Block {
            range,
            set,
            kind: BlockKind::F1,
        }),
    }
}

/// Expression, set and kind of a component of F2: `max(0, h) = 0` is `h <= 0` written with a kink.
fn treat_f2(graph: &Graph, component: Expr) -> (Expr, Set, BlockKind) {
    if !graph.has_kink(component) {
        return (component, Set::Zero, BlockKind::F2Equality);
    }
    if let Node::Binary(Binary::Max, a, b) = graph.node(component) {
        for (zero, h) in [(a, b), (b, a)] {
            if graph.constant_value(zero) == Some(0.0) && !graph.has_kink(h) {
                let set = Set::Box {
                    min: alloc::vec![f64::NEG_INFINITY],
                    max: alloc::vec![0.0],
                };
                return (h, set, BlockKind::F2Inequality);
            }
        }
    }
    (component, Set::Zero, BlockKind::F2Penalty)
}

/// Extends the last block if it is of the same kind.
fn push_f2(blocks: &mut Vec<Block>, at: usize, set: Set, kind: BlockKind) {
    match (blocks.last_mut(), set) {
        (Some(last), set) if last.kind == kind => {
            last.range.end += 1;
            if let (Set::Box { min, max }, Set::Box { min: more, max: most }) = (&mut last.set, set) {
                min.extend(more);
                max.extend(most);
            }
        }
        (_, set) => blocks.push(Block {
            range: at..at + 1,
            set,
            kind,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use labwire_solve::check_derivatives;

    #[test]
    fn default_problem_is_problem_9() {
        let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default()).unwrap();
        assert_eq!((problem.num_variables(), problem.num_parameters()), (5, 2));
        assert_eq!((problem.num_f1(), problem.num_f2()), (2, 0));
        assert_eq!(problem.settings().tolerance, 1e-5);
        let ball = Set::Ball2 {
            center: None,
            radius: 1.5,
        };
        assert_eq!(problem.set(), &ball);

        // The optimum at p = (1, 50) of problem 9 in the list of reference problems.
        let u = [0.0211229, 0.0316843, -0.0314985, 0.0685015, 0.0046925];
        let mut evaluator = problem.evaluator();
        evaluator.set_parameters(&[1.0, 50.0]);
        let mut g = [0.0; 2];
        let cost = evaluator.forward(&u, &mut g);
        assert!((cost - 4.1570012325).abs() < 1e-7, "{cost}");
        assert!(g.iter().all(|g| g.abs() < 1e-6), "{g:?}");

        let check = check_derivatives(&mut evaluator, &[0.3, -0.2, 0.5, 0.1, 0.4]).unwrap();
        assert!(check.error < 1e-7, "{check}");
    }
}
