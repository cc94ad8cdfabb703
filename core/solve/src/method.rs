//! Choice of the inner solver.

use core::ops::{Deref, DerefMut};

use super::functions::{Constraint, Structure};
use super::inner::InnerSolver;
use super::panoc::Panoc;
use super::projected::Projected;
use super::settings::Settings;
use super::stagewise::{StageStructure, Stagewise};

/// Inner solver suited to U.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a solver holds one, and moves it never")]
pub(crate) enum Inner {
    /// U consists of bounds only.
    Projected(Projected),
    /// The same, and the problem consists of stages.
    Stagewise(Stagewise),
    /// Any other U.
    Panoc(Panoc),
}

impl Inner {
    pub(crate) fn new(
        structure: &Structure,
        stages: Option<StageStructure>,
        memory: usize,
        settings: &Settings,
    ) -> Self {
        let (n, m) = (structure.num_variables, structure.num_constraints());
        let tuning = settings.tuning;
        // The penalty of a set that is no box couples its constraints, which the stages' Hessians do not know.
        let stages = stages.filter(|_| structure.constraints.iter().all(Constraint::is_separable));
        match (structure.set.bounds(n), stages) {
            (Some(bounds), Some(stages)) => {
                Self::Stagewise(Stagewise::new(stages, structure, bounds, memory, settings))
            }
            (Some(bounds), None) => Self::Projected(Projected::new(m, bounds, memory, tuning)),
            (None, _) => Self::Panoc(Panoc::new(n, m, structure.set.clone(), memory, tuning)),
        }
    }
}

impl Deref for Inner {
    type Target = dyn InnerSolver;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Projected(solver) => solver,
            Self::Stagewise(solver) => solver,
            Self::Panoc(solver) => solver,
        }
    }
}

impl DerefMut for Inner {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Self::Projected(solver) => solver,
            Self::Stagewise(solver) => solver,
            Self::Panoc(solver) => solver,
        }
    }
}
