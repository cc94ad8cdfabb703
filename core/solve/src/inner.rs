//! The contract between the outer loop and an inner solver.

use super::functions::Functions;
use super::merit::{AugmentedLagrangian, Point};
use super::outcome::{Outcome, Search, Verdict};
use super::states::Horizon;
use super::status::Step;
use super::units::{Scaled, Units};

/// Method for `min psi(u)` over `u` in U, which runs at most one iteration at a time. All memory is allocated on
/// creation.
pub(crate) trait InnerSolver {
    /// Point that is (or will be) returned: in U, with the residual [`residual`](Self::residual).
    fn solution(&self) -> &Point;

    /// States over the horizon, x_0 first, if they are the solution's own and not those that its inputs lead to.
    fn states(&self) -> Option<Horizon<'_>> {
        None
    }

    /// Unscaled stationarity residual at [`solution`](Self::solution), in the infinity norm and in the caller's units.
    fn residual(&self) -> f64;

    /// The same in the units of the method.
    fn scaled_residual(&self) -> f64 {
        self.residual()
    }

    /// Last step of this solve.
    fn last_step(&self) -> Step;

    /// Lipschitz constant of the gradient along the last step.
    fn lipschitz(&self) -> f64;

    /// Starting point, to be set to a point of U, and evaluated, before [`start`](Self::start).
    fn start_point(&mut self) -> &mut Point;

    /// Writes the squared norms of the constraints' gradients at the starting point, where the functions were evaluated
    /// last, to the penalties. Returns false if they are not known.
    fn squared_slopes(&mut self, _merit: &mut AugmentedLagrangian, _functions: &mut dyn Functions) -> bool {
        false
    }

    /// Chooses units at the starting point, where the functions were evaluated last in the problem's own, and takes them.
    fn choose_units(&mut self, _merit: &mut AugmentedLagrangian, _functions: &mut Scaled<'_>) {}

    /// Chooses the units of the constraints by their squared slopes at the starting point, which are in the penalties.
    fn choose_constraint_units(&mut self, _merit: &mut AugmentedLagrangian, _functions: &mut Scaled<'_>) {}

    /// Takes bounds in these units.
    fn set_units(&mut self, _units: &Units) {}

    /// Improves solution and multipliers together by a Newton step on the optimality conditions, if residual or violation
    /// exceeds its tolerance. [`Search::Found`]: the step was taken, and the multipliers have changed.
    fn polish(&mut self, _merit: &mut AugmentedLagrangian, _functions: &mut dyn Functions) -> Search {
        Search::Failed
    }

    /// Whether the last step was round-off of the variables: the residual cannot be less.
    fn is_at_round_off(&self) -> bool {
        false
    }

    /// Looks at the curvature at the solution, whose residual is below its tolerance, and leaves it if a lower point is
    /// found: the decrease that a Newton step promises is not negligible against `scale`, or the curvature is negative.
    fn confirm(
        &mut self,
        _merit: &mut AugmentedLagrangian,
        _functions: &mut dyn Functions,
        _scale: f64,
    ) -> Verdict {
        Verdict::Minimum
    }

    /// Whether a point far from the constraints means that the penalties are too small.
    fn obeys_penalties(&self) -> bool {
        true
    }

    /// Forgets the attempts of an earlier solve.
    fn begin_solve(&mut self) {}

    /// Starts from the starting point; estimates the step size unless a Lipschitz constant from an earlier solve is
    /// given.
    fn start(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        lipschitz: Option<f64>,
    ) -> Outcome;

    /// Starts from the inputs of the starting point and states near those that they lead to; without stages, as
    /// [`start`](Self::start).
    fn start_from_states(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        _states: Horizon<'_>,
    ) -> Outcome {
        self.start(merit, functions, None)
    }

    /// Restarts from the last solution, after multipliers or penalties have changed. Step size and curvature are
    /// kept: most of the information is still valid, and the line search guards against the rest.
    fn resume(&mut self, merit: &mut AugmentedLagrangian, functions: &mut dyn Functions) -> Outcome;

    /// Runs one iteration: test, direction, line search; or a part of it, if finding the direction takes long.
    fn iterate(
        &mut self,
        merit: &mut AugmentedLagrangian,
        functions: &mut dyn Functions,
        tolerance: f64,
    ) -> Outcome;
}
