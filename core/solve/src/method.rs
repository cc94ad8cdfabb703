//! Choice of the inner solver.

use core::ops::{Deref, DerefMut};

use super::inner::InnerSolver;
use super::panoc::Panoc;
use super::projected::Projected;
use super::tuning::Tuning;
use crate::sets::Set;

/// Inner solver suited to U.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a solver holds one, and moves it never")]
pub(crate) enum Inner {
    /// U consists of bounds only.
    Projected(Projected),
    /// Any other U.
    Panoc(Panoc),
}

impl Inner {
    pub(crate) fn new(
        num_variables: usize,
        num_constraints: usize,
        set: &Set,
        memory: usize,
        tuning: Tuning,
    ) -> Self {
        match set.bounds(num_variables) {
            Some(bounds) => Self::Projected(Projected::new(num_constraints, bounds, memory, tuning)),
            None => Self::Panoc(Panoc::new(
                num_variables,
                num_constraints,
                set.clone(),
                memory,
                tuning,
            )),
        }
    }
}

impl Deref for Inner {
    type Target = dyn InnerSolver;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Projected(solver) => solver,
            Self::Panoc(solver) => solver,
        }
    }
}

impl DerefMut for Inner {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Self::Projected(solver) => solver,
            Self::Panoc(solver) => solver,
        }
    }
}
