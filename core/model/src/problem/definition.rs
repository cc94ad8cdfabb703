//! The definition of a problem, however it was written down.

use alloc::string::String;
use alloc::vec::Vec;

use labwire_solve::Settings;
use labwire_solve::sets::Set;

use crate::expression::Named;
use crate::expression::graph::{Expr, Graph};

/// Origin of the states of an optimal-control problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shooting {
    /// They are computed from the inputs, one after the other.
    #[default]
    Single,
    /// They are decision variables, and the dynamics are equality constraints.
    Multiple,
}

/// A problem before it is compiled.
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
    pub(super) settings: Settings,
    pub(super) initial_guess: Option<Vec<f64>>,
}

/// An optimal-control problem before it is compiled. In the graph the decision variables are the state of a stage,
/// then its input.
#[derive(Clone, Debug)]
pub(super) struct StageDefinition {
    pub(super) name: String,
    pub(super) horizon: usize,
    pub(super) states: Vec<Named>,
    pub(super) inputs: Vec<Named>,
    pub(super) parameters: Vec<Named>,
    pub(super) graph: Graph,
    /// Depends on parameters only.
    pub(super) initial_state: Vec<Expr>,
    pub(super) next: Vec<Expr>,
    pub(super) stage_cost: Expr,
    /// Depends on states and parameters only.
    pub(super) terminal_cost: Expr,
    pub(super) input_set: Set,
    pub(super) path: Vec<StageConstraint>,
    /// Depend on states and parameters only.
    pub(super) terminal: Vec<StageConstraint>,
    pub(super) shooting: Shooting,
    /// Whether a solve starts one stage further on than the last one ended.
    pub(super) shifts_warm_start: bool,
    pub(super) settings: Settings,
    /// One number, one for each element of an input, or one for each decision variable.
    pub(super) initial_guess: Option<Vec<f64>>,
}

/// A constraint on each stage, or on the end.
#[derive(Clone, Debug)]
pub(super) struct StageConstraint {
    pub(super) components: Vec<Expr>,
    pub(super) set: Set,
    /// The first stage that it holds for.
    pub(super) from: usize,
}
