//! Where a solve stands.

use crate::outcome::Outcome;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing to do; the status tells whether a solve has ended.
    Idle,
    /// Evaluate at the initial guess, choose penalties, begin the first inner solve.
    Start,
    /// Inner iterations.
    Inner,
    /// An inner solve has ended: update multipliers and penalties.
    Outer(Outcome),
    /// Newton steps on the optimality conditions before the next inner solve; whether one was taken.
    Polish(bool),
    /// A look at the curvature at the solution.
    Confirm,
}
