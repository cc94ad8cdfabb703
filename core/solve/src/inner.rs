//! The contract between the outer loop and an inner solver.

use core::ops::{Deref, DerefMut};

use super::functions::Functions;
use super::merit::{AugmentedLagrangian, Point};
use super::panoc::Panoc;
use super::projected::Projected;
use super::tuning::Tuning;
use crate::sets::Set;

/// Outcome of one iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Go on.
    Continue,
    /// Go on: the iteration has not ended.
    Unfinished,
    /// The residual at [`InnerSolver::solution`] is below the tolerance.
    Converged,
    /// Cost or gradient is not finite at the start.
    NotFinite,
    /// No step makes progress in double precision.
    Stalled,
}

/// A method for `min psi(u)` over `u` in U, at most one iteration at a time. All memory is allocated when it is made.
pub(crate) trait InnerSolver {
    /// The point that is (or will be) returned: in U, with the residual [`residual`](Self::residual).
    fn solution(&self) -> &Point;

    /// The unscaled stationarity residual at [`solution`](Self::solution), in the infinity norm.
    fn residual(&self) -> f64;

    /// The Lipschitz constant of the gradient, as the last step met it.
    fn lipschitz(&self) -> f64;

    /// The point to start from; to be set to a point of U, and evaluated, before [`start`](Self::start).
    fn start_point(&mut self) -> &mut Point;

    /// Begins at the start point; estimates the step size unless a Lipschitz constant from an earlier solve is given.
    fn start(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        lipschitz: Option<f64>,
    ) -> Outcome;

    /// Begins again at the last solution, after multipliers or penalties have changed. Step size and curvature are
    /// kept: most of what was learnt still holds, and the line search guards against the rest.
    fn resume(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> Outcome;

    /// One iteration: test, direction, line search. Or a part of it, where finding the direction takes long.
    fn iterate(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        tolerance: f64,
    ) -> Outcome;
}

/// The inner solver that suits U.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "a solver holds one, and moves it never")]
pub(crate) enum Inner {
    /// U is nothing but bounds.
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
