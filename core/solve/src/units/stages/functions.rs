//! Conversion of states, solutions, and the functions of stages.

use crate::functions::StageFunctions;
use crate::merit::Point;
use crate::states::States;
use crate::units::{Scaled, Units};

impl Units {
    /// Units of the states.
    pub(crate) fn states(&self) -> Option<&[f64]> {
        self.stages.as_ref().map(|own| own.states.as_slice())
    }

    /// Converts states and their multipliers from the problem's own units.
    pub(crate) fn scale_states(&self, states: &mut States) {
        let Some(own) = &self.stages else { return };
        for (x, unit) in states.values.iter_mut().zip(own.states.iter().cycle()) {
            *x /= unit;
        }
        for (y, unit) in states.costates.iter_mut().zip(own.states.iter().cycle()) {
            *y *= unit / self.cost;
        }
    }

    /// Converts a solution with its multipliers from the problem's own units.
    pub(crate) fn scale_solution(&self, point: &mut Point) {
        self.scale_point(point);
        for i in 0..point.multipliers.len() {
            point.multipliers[i] /= self.multiplier(i);
        }
    }

    /// Converts rates of variables and multipliers back.
    pub(crate) fn restore_rates(&self, variables: &mut [f64], multipliers: &mut [f64]) {
        for (rate, unit) in variables.iter_mut().zip(&self.variables) {
            *rate *= unit;
        }
        for (i, rate) in multipliers.iter_mut().enumerate() {
            *rate *= self.multiplier(i);
        }
    }

    /// Converts states and their multipliers back.
    pub(crate) fn restore_states(&self, states: &mut States) {
        let Some(own) = &self.stages else { return };
        for (x, unit) in states.values.iter_mut().zip(own.states.iter().cycle()) {
            *x *= unit;
        }
        for (y, unit) in states.costates.iter_mut().zip(own.states.iter().cycle()) {
            *y *= self.cost / unit;
        }
    }
}

impl StageFunctions for Scaled<'_> {
    fn initial_state(&mut self, state: &mut [f64]) {
        let (Some(stages), Some(own)) = (self.functions.stages(), &self.units.stages) else {
            return;
        };
        stages.initial_state(state);
        divide(state, &own.states);
    }

    fn forward(
        &mut self,
        t: usize,
        state: &[f64],
        input: &[f64],
        next: &mut [f64],
        constraints: &mut [f64],
    ) -> f64 {
        let units = &mut *self.units;
        let (Some(stages), Some(own)) = (self.functions.stages(), &mut units.stages) else {
            return f64::NAN;
        };
        let first = t * own.structure.num_inputs;
        write_product(&mut own.state, state, &own.states);
        write_product(
            &mut units.u,
            input,
            &units.variables[first.min(units.variables.len())..],
        );
        let cost = stages.forward(t, &own.state, &units.u[..input.len()], next, constraints);
        divide(next, &own.states);
        divide(
            constraints,
            &units.constraints[own.structure.first_constraints[t]..],
        );
        cost / units.cost
    }

    fn reverse(&mut self, t: usize, adjoint: &[f64], y: &[f64], gradient: &mut [f64]) {
        let units = &mut *self.units;
        let (Some(stages), Some(own)) = (self.functions.stages(), &mut units.stages) else {
            return;
        };
        for ((result, adjoint), unit) in own.adjoint.iter_mut().zip(adjoint).zip(&own.states) {
            *result = adjoint * (units.cost / unit);
        }
        let first = own.structure.first_constraints[t];
        for ((result, y), unit) in units.y.iter_mut().zip(y).zip(&units.constraints[first..]) {
            *result = y * (units.cost / unit);
        }
        stages.reverse(t, &own.adjoint[..adjoint.len()], &units.y[..y.len()], gradient);
        units.scale_stage_gradient(t, gradient);
    }

    fn expand(&mut self, t: usize, jacobian: &mut [f64], hessian: &mut [f64]) {
        if let Some(stages) = self.functions.stages() {
            stages.expand(t, jacobian, hessian);
        }
        self.units.scale_expansion(t, jacobian, hessian);
    }

    fn initial_state_tangent(&mut self, parameter: usize, state: &mut [f64]) -> bool {
        let (Some(stages), Some(own)) = (self.functions.stages(), &self.units.stages) else {
            return false;
        };
        let is_known = stages.initial_state_tangent(parameter, state);
        divide(state, &own.states);
        is_known
    }

    fn parameter_tangent(
        &mut self,
        t: usize,
        parameter: usize,
        next: &mut [f64],
        constraints: &mut [f64],
        gradient: &mut [f64],
    ) -> bool {
        let (Some(stages), Some(own)) = (self.functions.stages(), &self.units.stages) else {
            return false;
        };
        let is_known = stages.parameter_tangent(t, parameter, next, constraints, gradient);
        divide(next, &own.states);
        let first = own.structure.first_constraints[t];
        divide(constraints, &self.units.constraints[first..]);
        self.units.scale_stage_gradient(t, gradient);
        is_known
    }
}

impl Units {
    /// Units of state and input of a stage.
    fn stage(&self, t: usize) -> impl Iterator<Item = &f64> + Clone {
        let (states, nu) = match &self.stages {
            Some(own) => (own.states.as_slice(), own.structure.num_inputs),
            None => (&[][..], 0),
        };
        let inputs = self.variables.get(t * nu..(t + 1) * nu).unwrap_or_default();
        states.iter().chain(inputs)
    }

    fn scale_stage_gradient(&self, t: usize, gradient: &mut [f64]) {
        for (entry, unit) in gradient.iter_mut().zip(self.stage(t)) {
            *entry *= unit / self.cost;
        }
    }

    fn scale_expansion(&self, t: usize, jacobian: &mut [f64], hessian: &mut [f64]) {
        let Some(own) = &self.stages else { return };
        let first = &own.structure.first_constraints;
        let constraints = &self.constraints[first[t]..first[t + 1]];
        let (states, size) = match t == own.structure.horizon {
            true => (&[][..], own.states.len()),
            false => (own.states.as_slice(), own.gradient.len()),
        };
        let width = states.len() + constraints.len();
        for (row, unit) in self.stage(t).enumerate() {
            let entries = &mut jacobian[row * width..(row + 1) * width];
            for (entry, of_value) in entries.iter_mut().zip(states.iter().chain(constraints)) {
                *entry *= unit / of_value;
            }
            let entries = &mut hessian[row * size..(row + 1) * size];
            for (entry, other) in entries.iter_mut().zip(self.stage(t)) {
                *entry *= unit * (other / self.cost);
            }
        }
    }
}

fn divide(values: &mut [f64], units: &[f64]) {
    for (value, unit) in values.iter_mut().zip(units) {
        *value /= unit;
    }
}

fn write_product(results: &mut [f64], values: &[f64], units: &[f64]) {
    for ((result, value), unit) in results.iter_mut().zip(values).zip(units) {
        *result = value * unit;
    }
}
