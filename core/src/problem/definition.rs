//! What defines a problem, however it was written down.

use alloc::string::String;
use alloc::vec::Vec;

use super::graph::{Expr, Graph};
use super::options::SolverOptions;
use crate::sets::Set;

/// A named vector of decision variables or parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its length.
    pub len: usize,
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
    pub(super) options: SolverOptions,
    pub(super) initial_guess: Option<Vec<f64>>,
    pub(super) initial_penalty: Option<f64>,
}
