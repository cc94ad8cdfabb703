//! Minimisation of a quadratic model of stages (Riccati), with bounds on the inputs, and the linear trajectory that
//! follows from it.

mod curvature;
mod factor;
mod sweep;

use alloc::vec;
use alloc::vec::Vec;

use super::measure::Measured;
use super::model::Model;
use super::trajectory::Trajectory;
use crate::functions::StageStructure;
use crate::math;
use crate::merit::Bounds;
use factor::Factor;

/// Fraction of the first slope that is left when the bounds that hold are found.
const SLOPE_LEFT: f64 = 1e-3;
/// Rounding error of an input, relative to its size.
const ROUND_OFF: f64 = 8.0 * f64::EPSILON;
/// Largest number of halvings along a projected step.
const MAX_HALVINGS: u32 = 10;

/// Minimiser of a quadratic model over inputs within their bounds: projected Newton steps (Bertsekas, SIAM J. Control
/// Optim. 20, 1982) whose linear systems are solved by a backward sweep. Also its feedback laws `du = k + K dx`.
#[derive(Clone, Debug)]
pub(crate) struct Riccati {
    /// Bounds of all inputs.
    min: Vec<f64>,
    max: Vec<f64>,
    /// Unit of the derivative with respect to each input, in the caller's.
    slope_units: Vec<f64>,
    /// Laws of every stage: K with one row per input, and k.
    feedback: Vec<f64>,
    feedforward: Vec<f64>,
    /// Changes of the inputs, and of the states x_0, ..., x_N.
    pub(crate) inputs: Vec<f64>,
    pub(crate) states: Vec<f64>,
    trial_inputs: Vec<f64>,
    trial_states: Vec<f64>,
    target_inputs: Vec<f64>,
    target_states: Vec<f64>,
    /// Multipliers of the dynamics at the minimiser, as in [`Trajectory`].
    pub(crate) adjoints: Vec<f64>,
    /// Value function of each stage: gradient and Hessian.
    value_gradients: Vec<f64>,
    value_hessians: Vec<f64>,
    /// Derivatives of the model with respect to the inputs at the present changes.
    gradient: Vec<f64>,
    /// Inputs that are not held by a bound.
    is_free: Vec<bool>,
    /// Hessian of one stage with everything that follows, and its gradient.
    matrix: Vec<f64>,
    vector: Vec<f64>,
    /// One row per variable of a stage, one column per state.
    product: Vec<f64>,
    change: Vec<f64>,
    /// Cholesky factor of the free inputs of a stage.
    factor: Factor,
    column: Vec<f64>,
}

impl Riccati {
    pub(crate) fn new(structure: &StageStructure, bounds: (Vec<f64>, Vec<f64>)) -> Self {
        let (nx, nu, nz) = (
            structure.num_states,
            structure.num_inputs,
            structure.num_stage_variables(),
        );
        let horizon = structure.horizon;
        let states = vec![0.0; (horizon + 1) * nx];
        let inputs = vec![0.0; horizon * nu];
        Self {
            min: bounds.0,
            max: bounds.1,
            slope_units: vec![1.0; horizon * nu],
            feedback: vec![0.0; horizon * nu * nx],
            feedforward: inputs.clone(),
            trial_inputs: inputs.clone(),
            target_inputs: inputs.clone(),
            gradient: inputs.clone(),
            is_free: vec![true; horizon * nu],
            inputs,
            adjoints: states.clone(),
            trial_states: states.clone(),
            target_states: states.clone(),
            value_gradients: states.clone(),
            value_hessians: vec![0.0; (horizon + 1) * nx * nx],
            states,
            matrix: vec![0.0; nz * nz],
            vector: vec![0.0; nz],
            product: vec![0.0; nz * nx],
            change: vec![0.0; nx],
            factor: Factor::new(nu),
            column: vec![0.0; nu],
        }
    }

    /// Input within its bounds. What is a rounding error away from a bound is put there.
    pub(crate) fn clamp(&self, i: usize, u: f64) -> f64 {
        let (min, max) = (self.min[i], self.max[i]);
        let round_off = ROUND_OFF * (1.0 + u.abs());
        if u <= min + round_off {
            min
        } else if u >= max - round_off {
            max
        } else {
            u
        }
    }

    /// Takes other bounds, of which the same are finite, and units of the derivatives.
    pub(crate) fn set_units(&mut self, bounds: &Bounds, slope_units: &[f64]) {
        self.min.copy_from_slice(&bounds.min);
        self.max.copy_from_slice(&bounds.max);
        self.slope_units.copy_from_slice(slope_units);
    }

    /// Distance of the negative gradient from the normal cone of the bounds, in the infinity norm.
    pub(crate) fn residual(&self, u: &[f64], gradient: &[f64]) -> Measured {
        let mut largest = Measured::ZERO;
        for (i, (u, gradient)) in u.iter().zip(gradient).enumerate() {
            let is_blocked = (*u <= self.min[i] && *gradient > 0.0) || (*u >= self.max[i] && *gradient < 0.0);
            if !is_blocked {
                largest.include(gradient.abs(), self.slope_units[i]);
            }
        }
        largest
    }

    /// Minimises the model by up to `max_sweeps` sweeps. Returns false if there is none, because a stage has
    /// negative curvature along its inputs. If the dynamics count as linear, such inputs get more curvature instead.
    pub(crate) fn minimize(&mut self, parts: &mut Parts<'_>, max_sweeps: u32) -> bool {
        if self.minimize_by_sets(parts, max_sweeps) {
            return true;
        }
        self.inputs.fill(0.0);
        roll(parts, &self.inputs, &mut self.states);
        let mut first_slope = 0.0;
        let mut is_moved = true;
        let mut is_lower = false;
        for sweep in 0..max_sweeps {
            if is_moved {
                self.differentiate(parts);
                let slope = self.choose_held(parts.trajectory);
                if sweep == 0 {
                    first_slope = slope;
                } else if slope <= SLOPE_LEFT * first_slope {
                    break;
                }
            }
            if !self.sweep(parts) {
                return false;
            }
            is_moved = true;
            if self.aim(parts) {
                core::mem::swap(&mut self.inputs, &mut self.target_inputs);
                core::mem::swap(&mut self.states, &mut self.target_states);
            } else if !self.search(parts) {
                is_moved = false;
                if !self.hold(parts.trajectory) {
                    break;
                }
            }
            is_lower |= is_moved;
        }
        self.weigh_states(parts.structure);
        is_lower && self.is_finite()
    }

    /// Minimises the model without bounds, by one sweep; inputs with equal bounds stay. Returns false if there is no minimum.
    pub(crate) fn minimize_free(&mut self, parts: &mut Parts<'_>) -> bool {
        self.inputs.fill(0.0);
        for (i, is_free) in self.is_free.iter_mut().enumerate() {
            *is_free = self.min[i] < self.max[i];
        }
        if !self.sweep(parts) {
            return false;
        }
        self.aim(parts);
        core::mem::swap(&mut self.inputs, &mut self.target_inputs);
        core::mem::swap(&mut self.states, &mut self.target_states);
        self.weigh_states(parts.structure);
        self.is_finite()
    }

    /// Minimises the model by the primal-dual active set strategy (Hintermueller, Ito and Kunisch, SIAM J. Optim. 13, 2002):
    /// solves with the bounds that hold, then holds the inputs behind their bounds, and frees those that the model pulls
    /// away from theirs, until nothing changes. Returns false where that does not happen within `max_sweeps` sweeps.
    fn minimize_by_sets(&mut self, parts: &mut Parts<'_>, max_sweeps: u32) -> bool {
        self.inputs.fill(0.0);
        roll(parts, &self.inputs, &mut self.states);
        self.differentiate(parts);
        self.choose_held(parts.trajectory);
        for _ in 0..max_sweeps {
            match self.solve_held(parts) {
                None => return false,
                Some(true) => {}
                Some(false) => {
                    self.weigh_states(parts.structure);
                    return self.is_finite();
                }
            }
        }
        false
    }

    /// Solves with the bounds that hold, and revises them: whether any has changed. `None` if there is no minimum.
    pub(super) fn solve_held(&mut self, parts: &mut Parts<'_>) -> Option<bool> {
        if !self.sweep(parts) {
            return None;
        }
        self.aim(parts);
        core::mem::swap(&mut self.inputs, &mut self.target_inputs);
        core::mem::swap(&mut self.states, &mut self.target_states);
        self.differentiate(parts);
        Some(self.revise_held(parts.trajectory))
    }

    /// Holds the inputs at their bounds that the gradient of the Lagrangian pushes there.
    pub(super) fn hold_at_bounds(&mut self, trajectory: &Trajectory) {
        self.inputs.fill(0.0);
        for (i, is_free) in self.is_free.iter_mut().enumerate() {
            let (u, gradient) = (trajectory.point.u[i], trajectory.point.gradient[i]);
            let is_held = (u <= self.min[i] && gradient >= 0.0) || (u >= self.max[i] && gradient <= 0.0);
            *is_free = !is_held && self.min[i] < self.max[i];
        }
    }

    /// Whether an input is at a bound, and not fixed.
    pub(super) fn is_at_bound(&self, i: usize, u: f64) -> bool {
        self.min[i] < self.max[i] && (u <= self.min[i] || u >= self.max[i])
    }

    /// Solves with the inputs that are held, which stay, from a change of the initial state on. Returns false if there is no
    /// minimum.
    pub(super) fn solve_from(&mut self, parts: &mut Parts<'_>, initial: &[f64]) -> bool {
        self.inputs.fill(0.0);
        if !self.sweep(parts) {
            return false;
        }
        self.target_states[..initial.len()].copy_from_slice(initial);
        self.aim(parts);
        core::mem::swap(&mut self.inputs, &mut self.target_inputs);
        core::mem::swap(&mut self.states, &mut self.target_states);
        true
    }

    /// Whether the step is a number.
    pub(super) fn is_finite(&self) -> bool {
        math::all_finite(&self.states) && math::all_finite(&self.inputs)
    }

    /// Holds the inputs that lie behind their bounds, and frees those that the gradient pulls away from theirs. Returns
    /// whether anything has changed.
    fn revise_held(&mut self, trajectory: &Trajectory) -> bool {
        let mut is_changed = false;
        for i in 0..self.inputs.len() {
            let u = trajectory.point.u[i];
            let (low, high) = (self.min[i] - u, self.max[i] - u);
            let (du, gradient) = (self.inputs[i], self.gradient[i]);
            if self.is_free[i] && (du < low || du > high) {
                self.inputs[i] = math::clamp(du, low, high);
                self.is_free[i] = false;
                is_changed = true;
            } else if !self.is_free[i] && low < high {
                let is_held = (du <= low && gradient >= 0.0) || (du >= high && gradient <= 0.0);
                self.is_free[i] = !is_held;
                is_changed |= !is_held;
            }
        }
        is_changed
    }

    /// Decides which of the inputs a bound holds. Returns the decrease that a projected gradient step promises.
    fn choose_held(&mut self, trajectory: &Trajectory) -> f64 {
        let mut slope = 0.0;
        for i in 0..self.inputs.len() {
            let (gradient, u) = (self.gradient[i], trajectory.point.u[i]);
            // The rounded differences to which changes are clamped: their sum with `u` need not be the bound.
            let is_low = self.inputs[i] <= self.min[i] - u;
            let is_high = self.inputs[i] >= self.max[i] - u;
            let is_held = (is_low && gradient > 0.0) || (is_high && gradient < 0.0);
            self.is_free[i] = !is_held;
            if !is_held {
                slope += gradient * gradient;
            }
        }
        slope
    }

    /// Derivatives of the model with respect to the inputs at the present changes.
    fn differentiate(&mut self, parts: &Parts<'_>) {
        let Parts {
            structure,
            model,
            trajectory,
        } = parts;
        let (nx, nu, nz) = (
            structure.num_states,
            structure.num_inputs,
            structure.num_stage_variables(),
        );
        let last = structure.horizon;
        let hessian = model.hessian(structure, last);
        let dx = &self.states[last * nx..];
        for i in 0..nx {
            let own = trajectory.gradients[last * nz + i];
            self.change[i] =
                own + math::dot(&hessian[i * nx..(i + 1) * nx], dx) - trajectory.adjoints[last * nx + i];
        }
        for t in (0..last).rev() {
            let hessian = model.hessian(structure, t);
            let jacobian = model.jacobian(structure, t);
            let dx = &self.states[t * nx..(t + 1) * nx];
            let du = &self.inputs[t * nu..(t + 1) * nu];
            for a in 0..nz {
                let row = &hessian[a * nz..(a + 1) * nz];
                self.vector[a] = trajectory.gradients[t * nz + a]
                    + math::dot(&row[..nx], dx)
                    + math::dot(&row[nx..], du)
                    + math::dot(&jacobian[a * nx..(a + 1) * nx], &self.change);
            }
            for i in 0..nx {
                self.change[i] = self.vector[i] - trajectory.adjoints[t * nx + i];
            }
            self.gradient[t * nu..(t + 1) * nu].copy_from_slice(&self.vector[nx..]);
        }
    }

    /// Value of the model at changes that obey the linear dynamics.
    fn value(&self, parts: &Parts<'_>, inputs: &[f64], states: &[f64]) -> f64 {
        let Parts {
            structure,
            model,
            trajectory,
        } = parts;
        let (nx, nu, nz) = (
            structure.num_states,
            structure.num_inputs,
            structure.num_stage_variables(),
        );
        let mut value = 0.0;
        for t in 0..=structure.horizon {
            let hessian = model.hessian(structure, t);
            let dx = &states[t * nx..(t + 1) * nx];
            let du = inputs.get(t * nu..(t + 1) * nu).unwrap_or_default();
            let size = nx + du.len();
            for a in 0..size {
                let row = &hessian[a * size..(a + 1) * size];
                let curvature = math::dot(&row[..nx], dx) + math::dot(&row[nx..], du);
                let mut slope = trajectory.gradients[t * nz + a];
                if a < nx && t > 0 {
                    slope -= trajectory.adjoints[t * nx + a];
                }
                value += (if a < nx { dx[a] } else { du[a - nx] }) * (slope + 0.5 * curvature);
            }
        }
        value
    }

    /// Follows the laws without bounds: the target of a projected step. Returns whether it lies within the bounds.
    fn aim(&mut self, parts: &Parts<'_>) -> bool {
        let Parts {
            structure,
            model,
            trajectory,
        } = parts;
        let (nx, nu) = (structure.num_states, structure.num_inputs);
        let mut is_inside = true;
        for t in 0..structure.horizon {
            let (past, future) = self.target_states.split_at_mut((t + 1) * nx);
            let dx = &past[t * nx..];
            for a in 0..nu {
                let i = t * nu + a;
                let u = trajectory.point.u[i];
                let du = self.feedforward[i] + math::dot(&self.feedback[i * nx..(i + 1) * nx], dx);
                is_inside &= du >= self.min[i] - u && du <= self.max[i] - u;
                self.target_inputs[i] = du;
            }
            advance(
                model.jacobian(structure, t),
                &trajectory.gaps[t * nx..(t + 1) * nx],
                dx,
                &self.target_inputs[t * nu..(t + 1) * nu],
                &mut future[..nx],
            );
        }
        is_inside
    }

    /// Holds the free inputs that are at a bound which the target lies behind. Returns whether there are any.
    fn hold(&mut self, trajectory: &Trajectory) -> bool {
        let mut is_held = false;
        for i in 0..self.inputs.len() {
            let u = trajectory.point.u[i];
            let (now, target) = (self.inputs[i], self.target_inputs[i]);
            let is_blocked =
                (now <= self.min[i] - u && target < now) || (now >= self.max[i] - u && target > now);
            if self.is_free[i] && is_blocked {
                self.is_free[i] = false;
                is_held = true;
            }
        }
        is_held
    }

    /// Moves towards the target until the model's value falls, within the bounds; the laws answer what the bounds change.
    fn search(&mut self, parts: &Parts<'_>) -> bool {
        let Parts {
            structure,
            model,
            trajectory,
        } = parts;
        let (nx, nu) = (structure.num_states, structure.num_inputs);
        let start = self.value(parts, &self.inputs, &self.states);
        let mut tau = 1.0;
        for _ in 0..MAX_HALVINGS {
            for t in 0..structure.horizon {
                let (past, future) = self.trial_states.split_at_mut((t + 1) * nx);
                let dx = &past[t * nx..];
                for a in 0..nu {
                    let i = t * nu + a;
                    let u = trajectory.point.u[i];
                    let mut du = self.inputs[i] + tau * (self.target_inputs[i] - self.inputs[i]);
                    for (j, factor) in self.feedback[i * nx..(i + 1) * nx].iter().enumerate() {
                        let x = self.states[t * nx + j];
                        du += factor * (dx[j] - x - tau * (self.target_states[t * nx + j] - x));
                    }
                    self.trial_inputs[i] = math::clamp(du, self.min[i] - u, self.max[i] - u);
                }
                advance(
                    model.jacobian(structure, t),
                    &trajectory.gaps[t * nx..(t + 1) * nx],
                    dx,
                    &self.trial_inputs[t * nu..(t + 1) * nu],
                    &mut future[..nx],
                );
            }
            if self.value(parts, &self.trial_inputs, &self.trial_states) < start {
                core::mem::swap(&mut self.inputs, &mut self.trial_inputs);
                core::mem::swap(&mut self.states, &mut self.trial_states);
                return true;
            }
            tau *= 0.5;
        }
        false
    }

    /// Multipliers of the dynamics: slopes of the value functions at the changes of the states.
    pub(super) fn weigh_states(&mut self, structure: &StageStructure) {
        let nx = structure.num_states;
        for t in 1..=structure.horizon {
            let dx = &self.states[t * nx..(t + 1) * nx];
            for i in 0..nx {
                let row = &self.value_hessians[(t * nx + i) * nx..(t * nx + i + 1) * nx];
                self.adjoints[t * nx + i] = self.value_gradients[t * nx + i] + math::dot(row, dx);
            }
        }
    }

    /// Input of stage `t` on a closed rollout: the linear trajectory's, `tau` of the way, corrected by the feedback.
    pub(crate) fn steer(
        &self,
        structure: &StageStructure,
        trajectory: &Trajectory,
        tau: f64,
        t: usize,
        state: &[f64],
        input: &mut [f64],
    ) {
        let (nx, nu) = (structure.num_states, structure.num_inputs);
        for (a, input) in input.iter_mut().enumerate() {
            let i = t * nu + a;
            let mut u = trajectory.point.u[i] + tau * self.inputs[i];
            let row = &self.feedback[i * nx..(i + 1) * nx];
            for (j, factor) in row.iter().enumerate() {
                let reference = trajectory.states[t * nx + j] + tau * self.states[t * nx + j];
                u += factor * (state[j] - reference);
            }
            *input = self.clamp(i, u);
        }
    }
}

/// Problem, model and trajectory of a minimisation.
pub(crate) struct Parts<'a> {
    pub(crate) structure: &'a StageStructure,
    pub(crate) model: &'a mut Model,
    pub(crate) trajectory: &'a Trajectory,
}

/// Changes of the states that follow from those of the inputs.
fn roll(parts: &Parts<'_>, inputs: &[f64], states: &mut [f64]) {
    let (nx, nu) = (parts.structure.num_states, parts.structure.num_inputs);
    states[..nx].fill(0.0);
    for t in 0..parts.structure.horizon {
        let (past, future) = states.split_at_mut((t + 1) * nx);
        let jacobian = parts.model.jacobian(parts.structure, t);
        let gap = &parts.trajectory.gaps[t * nx..(t + 1) * nx];
        advance(
            jacobian,
            gap,
            &past[t * nx..],
            &inputs[t * nu..(t + 1) * nu],
            &mut future[..nx],
        );
    }
}

/// Change of the next state.
fn advance(jacobian: &[f64], gap: &[f64], dx: &[f64], du: &[f64], next: &mut [f64]) {
    let nx = dx.len();
    next.copy_from_slice(gap);
    for (j, factor) in dx.iter().chain(du).enumerate() {
        math::add(next, *factor, &jacobian[j * nx..(j + 1) * nx]);
    }
}
