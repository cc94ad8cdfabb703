//! Choice of the inner solver.

use alloc::boxed::Box;
use core::ops::{Deref, DerefMut};

use super::functions::Structure;
#[cfg(feature = "stages")]
use super::functions::{Constraint, StageStructure};
use super::inner::InnerSolver;
use super::panoc::Panoc;
use super::projected::Projected;
use super::settings::Settings;
#[cfg(feature = "stages")]
use super::stagewise::Stagewise;

/// Inner solver suited to U. In boxes, because they are large, and because a plain tag is quickly read.
#[derive(Clone, Debug)]
pub(crate) enum Inner {
    /// U consists of bounds only.
    Projected(Box<Projected>),
    /// The same, and the problem consists of stages.
    #[cfg(feature = "stages")]
    Stagewise(Box<Stagewise>),
    /// Any other U.
    Panoc(Box<Panoc>),
}

impl Inner {
    pub(crate) fn new(structure: &Structure, memory: usize, settings: &Settings) -> Self {
        let (n, m) = (structure.num_variables, structure.num_constraints());
        let tuning = settings.tuning;
        match structure.set.bounds(n) {
            Some(bounds) => Self::Projected(Projected::new(m, bounds, memory, tuning).into()),
            None => Self::Panoc(Panoc::new(n, m, structure.set.clone(), memory, tuning).into()),
        }
    }

    /// Inner solver for a problem that consists of stages.
    #[cfg(feature = "stages")]
    pub(crate) fn with_stages(
        structure: &Structure,
        stages: StageStructure,
        memory: usize,
        settings: &Settings,
    ) -> Self {
        // The penalty of a set that is no box couples its constraints, which the stages' Hessians do not know.
        let are_separable = structure.constraints.iter().all(Constraint::is_separable);
        match structure.set.bounds(structure.num_variables) {
            Some(bounds) if are_separable => {
                Self::Stagewise(Stagewise::new(stages, structure, bounds, memory, settings).into())
            }
            _ => Self::new(structure, memory, settings),
        }
    }
}

impl Deref for Inner {
    type Target = dyn InnerSolver;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Projected(solver) => solver.as_ref(),
            #[cfg(feature = "stages")]
            Self::Stagewise(solver) => solver.as_ref(),
            Self::Panoc(solver) => solver.as_ref(),
        }
    }
}

impl DerefMut for Inner {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Self::Projected(solver) => solver.as_mut(),
            #[cfg(feature = "stages")]
            Self::Stagewise(solver) => solver.as_mut(),
            Self::Panoc(solver) => solver.as_mut(),
        }
    }
}
