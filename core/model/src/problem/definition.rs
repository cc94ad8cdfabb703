//! The definition of a problem, however it was written down.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use labwire_solve::Settings;
use labwire_solve::sets::Set;

use crate::expression::Named;
use crate::expression::graph::{Expr, Graph};
use crate::expression::stage::StageValues;

/// Origin of the states of an optimal-control problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shooting {
    /// The decision variables are the inputs; while a solve runs, the solver may let states leave the trajectory of the
    /// inputs.
    #[default]
    Auto,
    /// States are computed from the inputs, one after the other.
    Single,
    /// States are decision variables, and the dynamics are equality constraints.
    Multiple,
}

/// Problem before it is compiled.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) variables: Vec<Named>,
    pub(super) parameters: Vec<Named>,
    pub(super) set: Set,
    pub(super) graph: Graph,
    pub(super) cost: Expr,
    pub(super) f1: Vec<Expr>,
    pub(super) f1_set: Set,
    /// As written, `max(0, h)` included.
    pub(super) f2: Vec<Expr>,
    /// Names of the components of F1, then of F2; empty where the file gives none.
    pub(super) constraint_names: Vec<String>,
    /// Typical magnitudes of the same components.
    pub(super) constraint_scales: Vec<Option<f64>>,
    /// Indices of the variables that are integers.
    pub(super) integers: Vec<usize>,
    pub(super) settings: Settings,
    pub(super) initial_guess: Option<Vec<f64>>,
}

/// Optimal-control problem before it is compiled. In the graph the decision variables are the state of a stage, then
/// its input; the parameters are those of the whole horizon, then the values of single stages.
#[derive(Clone, Debug)]
pub(super) struct StageDefinition {
    pub(super) name: String,
    /// Number N of stages.
    pub(super) horizon: usize,
    pub(super) states: Vec<Named>,
    pub(super) inputs: Vec<Named>,
    pub(super) parameters: Vec<Named>,
    pub(super) values: StageValues,
    pub(super) graph: Graph,
    /// Depends only on parameters.
    pub(super) initial_state: Vec<Expr>,
    /// Stages before the first, which decide what is free.
    pub(super) free: FreeStages,
    /// Numbers of vectors in `states` that are states of the problem, and horizon variables; the others are last inputs.
    pub(super) num_own_states: usize,
    pub(super) num_horizon_variables: usize,
    /// Functions of all stages but the end, in order and without gaps.
    pub(super) parts: Vec<StagePart>,
    /// Whether a stage has the input of the stage before; empty if none has.
    pub(super) is_held: Vec<bool>,
    /// Depends only on states and parameters.
    pub(super) terminal_cost: Expr,
    /// Sets of the inputs of stages 0, 1, ...; the last holds for all further stages.
    pub(super) input_sets: Vec<Set>,
    /// Indices of the inputs of a stage that are integers, and whether the problem is known to be convex without that.
    pub(super) integers: Vec<usize>,
    pub(super) is_convex: bool,
    pub(super) path: Vec<StageConstraint>,
    /// Depend only on states and parameters.
    pub(super) terminal: Vec<StageConstraint>,
    /// What a user may not expect of the constraints.
    pub(super) notes: Vec<String>,
    pub(super) shooting: Shooting,
    /// Whether a solve starts one stage after the previous solution.
    pub(super) shifts_warm_start: bool,
    pub(super) settings: Settings,
    /// One number, one per element of an input, or one per decision variable.
    pub(super) initial_guess: Option<Vec<f64>>,
}

/// Stages before the first: their inputs are what a solve decides once for the whole horizon.
#[derive(Clone, Debug)]
pub(super) struct FreeStages {
    /// Next state of each.
    pub(super) next: Vec<Vec<Expr>>,
    /// Cost of the last.
    pub(super) cost: Option<Expr>,
    /// Names of what is decided, in the order of the inputs; inputs beyond have no effect, and are 0.
    pub(super) names: Vec<String>,
    /// Set and initial guess of all their inputs.
    pub(super) set: Set,
    pub(super) guess: Vec<f64>,
    /// Typical magnitudes of their inputs.
    pub(super) scales: Vec<Option<f64>>,
}

impl Default for FreeStages {
    fn default() -> Self {
        Self {
            next: Vec::new(),
            cost: None,
            names: Vec::new(),
            set: Set::All,
            guess: Vec::new(),
            scales: Vec::new(),
        }
    }
}

/// Stages with the same functions.
#[derive(Clone, Debug)]
pub(super) struct StagePart {
    pub(super) stages: Range<usize>,
    pub(super) next: Vec<Expr>,
    pub(super) cost: Expr,
}

/// Constraint on each stage, or on the end.
#[derive(Clone, Debug)]
pub(super) struct StageConstraint {
    pub(super) components: Vec<Expr>,
    /// Text of each component.
    pub(super) names: Vec<String>,
    pub(super) set: Set,
    /// Stages 0, ..., N at which it holds.
    pub(super) stages: Range<usize>,
    /// Whether the file says at which.
    pub(super) is_placed: bool,
    /// Typical magnitude of the components.
    pub(super) scale: Option<f64>,
    /// Price of the slack, of a soft constraint, which has no components.
    pub(super) penalty: Option<Expr>,
}

impl StageConstraint {
    /// All that it evaluates: components, or the price of its slack.
    pub(super) fn values(&self) -> Vec<Expr> {
        self.components.iter().copied().chain(self.penalty).collect()
    }
}
