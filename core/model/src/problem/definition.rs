//! The definition of a problem, however it was written down.

use alloc::string::String;
use alloc::vec::Vec;

use labwire_solve::Settings;
use labwire_solve::sets::Set;

use crate::expression::Named;
use crate::expression::graph::{Expr, Graph};

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
    pub(super) settings: Settings,
    pub(super) initial_guess: Option<Vec<f64>>,
}

/// Optimal-control problem before it is compiled. In the graph the decision variables are the state of a stage, then
/// its input.
#[derive(Clone, Debug)]
pub(super) struct StageDefinition {
    pub(super) name: String,
    pub(super) horizon: usize,
    pub(super) states: Vec<Named>,
    pub(super) inputs: Vec<Named>,
    pub(super) parameters: Vec<Named>,
    pub(super) graph: Graph,
    /// Depends only on parameters.
    pub(super) initial_state: Vec<Expr>,
    pub(super) next: Vec<Expr>,
    pub(super) stage_cost: Expr,
    /// Depends only on states and parameters.
    pub(super) terminal_cost: Expr,
    pub(super) input_set: Set,
    pub(super) path: Vec<StageConstraint>,
    /// Depend only on states and parameters.
    pub(super) terminal: Vec<StageConstraint>,
    pub(super) shooting: Shooting,
    /// Whether a solve starts one stage after the previous solution.
    pub(super) shifts_warm_start: bool,
    pub(super) settings: Settings,
    /// One number, one per element of an input, or one per decision variable.
    pub(super) initial_guess: Option<Vec<f64>>,
}

/// Constraint on each stage, or on the end.
#[derive(Clone, Debug)]
pub(super) struct StageConstraint {
    pub(super) components: Vec<Expr>,
    /// Text of each component.
    pub(super) names: Vec<String>,
    pub(super) set: Set,
    /// First stage to which it applies.
    pub(super) from: usize,
}
