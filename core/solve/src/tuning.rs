//! Constants of the method.

use crate::range::{InvalidSetting, fraction, growth, in_range, ordered, positive};

/// The constants that steer the method, with the source of each default.
///
/// "Measured" refers to the problems of `labwire-benches`; `cargo run --release -p labwire-benches --example tuning` prints
/// the cost of half and twice the value there.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct Tuning {
    /// The smallest penalty; a smaller one would drown the constraint values in `g + y / sigma`. Default 1e-9: the
    /// inverse of the default largest.
    pub min_penalty: f64,
    /// Fraction to which an error has to fall in an outer iteration, else its penalty grows. Default 0.25:
    /// Bertsekas, Constrained Optimization and Lagrange Multiplier Methods (1982), section 2.2.
    pub error_reduction: f64,
    /// Step, in units of the double's epsilon relative to each variable, below which a Newton step is round-off. Default 4:
    /// that of a few operations.
    pub negligible_step: f64,
    /// Smallest factor by which a penalty grows. Default 2: measured.
    pub min_penalty_growth: f64,
    /// Largest factor by which a penalty grows, which the largest error gets. Default 10: Bertsekas 1982, 4 to 10.
    pub max_penalty_growth: f64,
    /// Factor by which the inner tolerance falls in an outer iteration. Default 0.1: OpEn and alpaqa.
    pub tolerance_reduction: f64,
    /// Fraction of the last error above which an error at its largest penalty counts as irreducible. Default 0.9:
    /// measured.
    pub stagnation: f64,
    /// Residual, relative to the largest multiplier, that counts as stationary when constraints cannot be satisfied, where
    /// multipliers grow without bound. Default 1e-8: the square root of the round-off of a double.
    pub negligible_residual: f64,
    /// Tolerances in the units of the method, relative to those in the caller's. Default 10: measured.
    pub scaled_tolerance: f64,
    /// Residual in the units of the method, where it chooses them, above which an inner problem is not solved, however small
    /// the residual is in the caller's units. Default 1e-5: measured.
    pub small_residual: f64,
    /// Slope of a violation, relative to it, below which no step lowers it. Default 1e-3: penalties are finite.
    pub stationary_violation: f64,
    /// Largest ratio of the penalties of two constraints that weigh a violation alike in the caller's units. Default 1e6: a
    /// thousandfold unit.
    pub settling_range: f64,
    /// A merit below the negative of this, in units of what the first gradient changes over a distance as that of the
    /// initial guess from the origin, has no minimum. Default 1e20: where a double no longer resolves a difference of 1e4.
    pub unbounded: f64,
    /// Violation, in units of that at the start of an inner solve, and at least 1 there, at which the penalties are too
    /// small to hold the problem; its square is the least such violation. Default 10: measured.
    pub drift: f64,
    /// The same of a merit below the negative of this, in units of the first cost, at least 1. Default 1e10: measured.
    pub drift_value: f64,
    /// Deviation from a constraint, relative to the point, that is taken for round-off far out. Default 1e-9: chosen.
    pub straight: f64,
    /// Growth of the first penalties before a problem is called infeasible or unbounded. Default 100: measured.
    pub retry_growth: f64,
    /// First step from a start where a function is not finite, relative to the point. Default 1e-8: the square root of the
    /// round-off of a double.
    pub edge_step: f64,
    /// Growth of that step. Default 100.
    pub edge_growth: f64,
    /// Largest number of such steps. Default 4: the last is 1e-2 of the point.
    pub edge_trials: u32,
    /// Decrease that a Newton step promises, relative to the cost and its decrease so far, below which a solution is
    /// confirmed. Default 1e-11: measured.
    pub negligible_decrease: f64,
    /// Violation, weighed by multipliers and relative as that decrease, that is negligible. Default 1e-3: measured.
    pub negligible_violation: f64,
    /// Evaluations for a lower point than the first solution, besides as many as that took. Default 100: measured.
    pub confirmation_work: u32,
    /// Trials along a direction of negative curvature at a stationary point. Default 12: six lengths, both ways.
    pub curvature_trials: u32,
    /// Directions along which the slopes of the constraints are sampled for the first penalties, one evaluation each.
    /// Default 4: measured; every benchmark converges in units from 1e-3 to 1e3.
    pub slope_probes: u32,
    /// Step of the differences along them, relative to the point. Default 1e-6: between the square and the cube root of
    /// the round-off of a double.
    pub slope_step: f64,
    /// Squared slopes smaller than this fraction of the largest are taken as lost at this very point. Default 1e-12: the
    /// square of the slopes' step.
    pub negligible_slope: f64,
    /// Step of a difference of gradients, and of projections, relative to the point. Default 1e-7: near the square root
    /// of the round-off of a double (Nocedal and Wright, Numerical Optimization, 2006, section 8.1).
    pub difference_step: f64,
    /// Step of the first estimate of the gradient's Lipschitz constant, relative to the gradient. Default 1e-6: OpEn and
    /// alpaqa.
    pub lipschitz_step: f64,
    /// Smallest such step, in the units of the variables. Default 1e-12: OpEn and alpaqa.
    pub min_lipschitz_step: f64,
    /// Smallest estimate of the Lipschitz constant. Default 1e-5: alpaqa.
    pub min_lipschitz: f64,
    /// Largest estimate of the Lipschitz constant. Default 1e20: alpaqa.
    pub max_lipschitz: f64,
    /// Rise that counts as round-off, in units of the double's epsilon relative to the value. Default 10: alpaqa.
    pub round_off: f64,
    /// Fraction of the decrease predicted by the slope that a step must achieve. Default 1e-4: Nocedal and Wright 2006,
    /// section 3.1 (Armijo).
    pub sufficient_decrease: f64,
    /// Largest number of trials of a line search. Default 40: at halves, a step of 1e-12 of the first.
    pub max_trials: u32,
    /// Shortest trial relative to the one before. Default 0.1: Dennis and Schnabel, Numerical Methods for
    /// Unconstrained Optimization (1983), algorithm A6.3.1.
    pub min_shrinkage: f64,
    /// Longest trial relative to the one before. Default 0.5: Dennis and Schnabel 1983.
    pub max_shrinkage: f64,
    /// Quasi-Newton iterations before Newton steps are tried, which lead out of long curved valleys. Default 300:
    /// measured.
    pub quasi_newton_iterations: u32,
    /// Newton steps in a row; 0 for none. Default 10: measured.
    pub newton_iterations: u32,
    /// First trust region, in lengths of a quasi-Newton step. Default 10: measured.
    pub first_radius: f64,
    /// Growth of the trust region after a full step. Default 2.5: PANTR (Bodard, Pas and Patrinos 2023).
    pub radius_growth: f64,
    /// Residual to which conjugate gradients solve for a Newton step, relative to the gradient. Default 0.1: with the
    /// root of the gradient below it, superlinear (Nocedal and Wright 2006, section 7.1).
    pub newton_tolerance: f64,
    /// Largest number of Hessian products of a Newton step. Default 100: measured.
    pub max_hessian_products: u32,
    /// First shift of a Hessian that is not positive definite, relative to its diagonal, unless one was needed before.
    /// Default 1e-4: Waechter and Biegler, Math. Program. 106 (2006), section 3.1.
    pub first_shift: f64,
    /// Growth of the shift while it is too small. Default 8: Waechter and Biegler 2006.
    pub shift_growth: f64,
    /// First shift of a step, relative to the last that was needed. Default 1/3: Waechter and Biegler 2006.
    pub shift_decay: f64,
    /// Smallest shift. Default 1e-10: measured.
    pub min_shift: f64,
    /// Curvature along a variable, relative to the largest, that is taken as lost. Default 1e-10: measured.
    pub negligible_curvature: f64,
    /// Largest number of shifts of a Newton step. Default 30: a shift of 1e23 of the first.
    pub max_shifts: u32,
    /// Largest number of changes of the active bounds and constraints in a Newton step. Default 20: measured.
    pub max_model_changes: u32,
    /// Largest number of variables and constraints together for dense Newton steps. Default 1000: 8 MB.
    pub max_newton_size: u32,
    /// Largest number of entries of a sparse factor for Newton steps. Default 1,000,000: it takes 8 MB, and about twice as
    /// much with its working memory.
    pub max_newton_fill: u32,
    /// Work of a Newton step, in evaluations, up to which steps are taken from the start. Default 20: measured.
    pub newton_work_at_once: f64,
    /// Quasi-Newton iterations before the first step that costs more, in units of its work. Default 10: measured; a solve
    /// takes about so many steps.
    pub newton_delay: f64,
    /// Factor to which a Newton step on the optimality conditions must reduce residual and violation. Default 0.5:
    /// measured.
    pub polish_reduction: f64,
    /// Weight of the violation against the residual there, in the units of the method. Default 100: measured.
    pub polish_violation: f64,
    /// First penalty if Newton steps serve it, in units of the one that balances cost and constraint. Default 50:
    /// measured.
    pub newton_penalty: f64,
    /// Evaluations after which quasi-Newton iterations on a problem of stages are judged, in units of the cost of a
    /// Newton step; 0 to begin with Newton steps. Default 2: measured.
    pub stage_window: f64,
    /// Newton steps by which quasi-Newton iterations on a problem of stages have to be done at their present pace, else
    /// Newton steps are taken. Default 8: measured.
    pub stage_newton_steps: f64,
    /// Largest number of backward sweeps of a Newton step, which find the bounds that hold. Default 10: measured.
    pub stage_sweeps: u32,
    /// Largest number of trials along a Newton step through the stages, before more curvature. Default 5: measured.
    pub stage_trials: u32,
    /// Largest number of interior-point iterations on a problem of stages. Default 1000: chosen, not measured.
    pub max_interior_iterations: u32,
    /// Iterations after which interior-point iterations are tried on a problem without stages of whose constraints some are
    /// equations; where all or many are, they come first. Default 8: measured.
    pub interior_delay: u32,
    /// The same where none is an equation. Default 120: measured; before, they may lead to another minimum.
    pub interior_long_delay: u32,
    /// Largest number of interior-point iterations on a problem without stages. Default 200: measured.
    pub max_barrier_iterations: u32,
    /// Weight of the first barrier, in units of the change of the cost when an input goes from bound to bound. Default 0.1:
    /// measured on cart-poles; which of their minima is found depends on it.
    pub interior_weight: f64,
    /// Short interior-point steps in a row after which the barrier gets more weight. Default 3: measured on
    /// cart-poles, against none.
    pub interior_patience: u32,
    /// Newton steps through the stages after which interior-point iterations are tried. Default 12: chosen; 1 was
    /// worse.
    pub stage_newton_limit: u32,
    /// Largest number of steps through the stages from a start that may be near a solution. Default 8: measured.
    pub max_active_steps: u32,
    /// Growth of what is missing to the optimality conditions from which on such a step has failed. Default 10: measured.
    pub active_growth: f64,
    /// Growth of a gradient step after one that met no curvature. Default 10: measured; a cost without a minimum is
    /// recognised within about twenty steps.
    pub flat_growth: f64,
    /// Consecutive iterations without a better value or residual that end the solve as round-off. Default 50: measured.
    pub max_idle_iterations: u32,
    /// Number of iterations whose step the edge of a function's domain cuts short, without a smaller residual, that ends
    /// the solve: the merit has its lowest value on the edge, or none. Default 20: chosen.
    pub max_edge_iterations: u32,
    /// Number of inner solves that end so before the solve does. Default 3: chosen.
    pub max_edge_ends: u32,
    /// Step size of PANOC in units of the inverse Lipschitz constant, and slope of its line search relative to the
    /// largest that is guaranteed. Default 0.95: PANOC+ (De Marchi and Themelis 2022), as OpEn and alpaqa.
    pub panoc_step: f64,
    /// Shortest step along a direction of PANOC. Default 1/256: alpaqa.
    pub panoc_min_step: f64,
    /// Shortest such step that leaves the quadratic upper bound. Default 1/16: measured.
    pub panoc_min_step_out_of_bound: f64,
    /// Line searches of PANOC in a row that end at the base point and drop the quasi-Newton memory. Default 3: measured.
    pub panoc_max_useless_directions: u32,
    /// Lipschitz constant with which PANOC starts warm, relative to the last one. Default 0.25: measured; it was
    /// estimated from above.
    pub panoc_warm_lipschitz: f64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            min_penalty: 1e-9,
            error_reduction: 0.25,
            negligible_step: 4.0,
            min_penalty_growth: 2.0,
            max_penalty_growth: 10.0,
            tolerance_reduction: 0.1,
            stagnation: 0.9,
            negligible_residual: 1e-8,
            scaled_tolerance: 10.0,
            small_residual: 1e-5,
            stationary_violation: 1e-3,
            settling_range: 1e6,
            unbounded: 1e20,
            drift: 10.0,
            drift_value: 1e10,
            straight: 1e-9,
            retry_growth: 100.0,
            edge_step: 1e-8,
            edge_growth: 100.0,
            edge_trials: 4,
            negligible_decrease: 1e-11,
            negligible_violation: 1e-3,
            confirmation_work: 100,
            curvature_trials: 12,
            slope_probes: 4,
            slope_step: 1e-6,
            negligible_slope: 1e-12,
            difference_step: 1e-7,
            lipschitz_step: 1e-6,
            min_lipschitz_step: 1e-12,
            min_lipschitz: 1e-5,
            max_lipschitz: 1e20,
            round_off: 10.0,
            sufficient_decrease: 1e-4,
            max_trials: 40,
            min_shrinkage: 0.1,
            max_shrinkage: 0.5,
            quasi_newton_iterations: 300,
            newton_iterations: 10,
            first_radius: 10.0,
            radius_growth: 2.5,
            newton_tolerance: 0.1,
            max_hessian_products: 100,
            first_shift: 1e-4,
            shift_growth: 8.0,
            max_shifts: 30,
            shift_decay: 1.0 / 3.0,
            min_shift: 1e-10,
            negligible_curvature: 1e-10,
            max_model_changes: 20,
            max_newton_size: 1000,
            max_newton_fill: 1_000_000,
            newton_work_at_once: 20.0,
            newton_delay: 10.0,
            polish_reduction: 0.5,
            polish_violation: 100.0,
            newton_penalty: 50.0,
            stage_window: 2.0,
            stage_newton_steps: 8.0,
            stage_sweeps: 10,
            stage_trials: 5,
            max_interior_iterations: 1000,
            interior_delay: 8,
            interior_long_delay: 120,
            max_barrier_iterations: 200,
            interior_weight: 0.1,
            interior_patience: 3,
            stage_newton_limit: 12,
            max_active_steps: 8,
            active_growth: 10.0,
            flat_growth: 10.0,
            max_idle_iterations: 50,
            max_edge_iterations: 20,
            max_edge_ends: 3,
            panoc_step: 0.95,
            panoc_min_step: 1.0 / 256.0,
            panoc_min_step_out_of_bound: 1.0 / 16.0,
            panoc_max_useless_directions: 3,
            panoc_warm_lipschitz: 0.25,
        }
    }
}

impl Tuning {
    /// Checks every field.
    ///
    /// # Errors
    /// The first field that is out of range.
    pub fn validate(&self) -> Result<(), InvalidSetting> {
        macro_rules! check {
            ($rule:ident $($field:ident)*) => {
                $($rule(stringify!($field), f64::from(self.$field))?;)*
            };
        }
        check!(positive scaled_tolerance polish_violation negligible_step small_residual interior_delay interior_long_delay max_barrier_iterations stage_newton_steps stage_sweeps stage_trials max_interior_iterations interior_weight interior_patience stage_newton_limit max_active_steps min_shift newton_work_at_once newton_delay
            newton_penalty max_newton_size max_newton_fill first_shift max_shifts max_model_changes min_penalty unbounded slope_step
            difference_step lipschitz_step min_lipschitz_step min_lipschitz max_lipschitz round_off first_radius slope_probes max_trials
            quasi_newton_iterations max_hessian_products max_idle_iterations max_edge_iterations max_edge_ends panoc_max_useless_directions
            drift_value edge_step edge_trials confirmation_work curvature_trials);
        check!(fraction straight stationary_violation shift_decay negligible_curvature polish_reduction newton_tolerance error_reduction
            tolerance_reduction stagnation negligible_residual negligible_slope negligible_decrease
            negligible_violation sufficient_decrease min_shrinkage max_shrinkage panoc_step panoc_min_step
            panoc_min_step_out_of_bound panoc_warm_lipschitz);
        check!(growth settling_range active_growth shift_growth min_penalty_growth max_penalty_growth radius_growth flat_growth drift retry_growth
            edge_growth);
        in_range(
            "stage_window",
            self.stage_window,
            (0.0..f64::INFINITY).contains(&self.stage_window),
            "a finite number, not negative",
        )?;
        ordered(
            "max_penalty_growth",
            self.min_penalty_growth,
            self.max_penalty_growth,
        )?;
        ordered("max_shrinkage", self.min_shrinkage, self.max_shrinkage)?;
        ordered("max_lipschitz", self.min_lipschitz, self.max_lipschitz)
    }
}
