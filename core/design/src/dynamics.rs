//! Models from differential equations, integrated with a fixed number of steps.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::formula::Formula;
use super::model::{LANES, Model, Points};

/// Integration method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Integrator {
    Euler,
    /// Classical Runge-Kutta method of order 4.
    Rk4,
}

/// Functions of the states at the end of an interval of time. The states and the time are parameters of the formulas, after
/// those of the experiment.
#[derive(Clone, Debug)]
pub(super) struct Dynamics {
    /// States at the start, then start and end of the interval: of setting and parameters alone.
    pub(super) initial: Formula,
    pub(super) derivative: Formula,
    pub(super) outputs: Formula,
    pub(super) parameters: usize,
    pub(super) steps: usize,
    pub(super) integrator: Integrator,
}

impl Dynamics {
    fn num_states(&self) -> usize {
        self.derivative.num_outputs()
    }

    /// Operations of the integration at one point.
    pub(super) fn operations_of_steps(&self) -> usize {
        let evaluations = match self.integrator {
            Integrator::Euler => 1,
            Integrator::Rk4 => 4,
        };
        let each = self.derivative.operations() + 4 * self.num_states();
        self.steps.saturating_mul(evaluations * each)
    }

    /// Integrates at a block of points; `point` has a row per parameter, state and the time.
    fn integrate(&mut self, settings: Points<'_>, point: &mut [f64], count: usize) {
        let (parameters, states) = (self.parameters, self.num_states());
        let mut initial = alloc::vec![0.0; (states + 2) * count];
        self.initial
            .evaluate(settings, Points::new(point, count, 0..count), &mut initial);
        let (initial, ends) = initial.split_at(states * count);
        let (start, end) = ends.split_at(count);
        let step: Vec<f64> = start
            .iter()
            .zip(end)
            .map(|(start, end)| (end - start) / self.steps as f64)
            .collect();
        let first = parameters * count;
        let time = first + states * count;
        point[first..time].copy_from_slice(initial);
        let mut state = initial.to_vec();
        let mut sums = alloc::vec![0.0; states * count];
        let mut rates = sums.clone();
        // Where each slope is taken, in steps from the last state, and its weight.
        let stages: &[(f64, f64)] = match self.integrator {
            Integrator::Euler => &[(0.0, 1.0)],
            Integrator::Rk4 => &[
                (0.0, 1.0 / 6.0),
                (0.5, 1.0 / 3.0),
                (0.5, 1.0 / 3.0),
                (1.0, 1.0 / 6.0),
            ],
        };
        for number in 0..self.steps {
            sums.fill(0.0);
            for (part, weight) in stages {
                for i in 0..count {
                    point[time + i] = start[i] + (number as f64 + part) * step[i];
                }
                for (k, (value, state)) in point[first..time].iter_mut().zip(&state).enumerate() {
                    *value = state + part * step[k % count] * rates[k];
                }
                self.derivative
                    .evaluate(settings, Points::new(point, count, 0..count), &mut rates);
                for (sum, rate) in sums.iter_mut().zip(&rates) {
                    *sum += weight * rate;
                }
            }
            for (k, (state, sum)) in state.iter_mut().zip(&sums).enumerate() {
                *state += step[k % count] * sum;
            }
            // The first stage takes its slope where it is.
            rates.fill(0.0);
        }
        point[first..time].copy_from_slice(&state);
        point[time..].copy_from_slice(end);
    }
}

impl Model for Dynamics {
    fn num_outputs(&self) -> usize {
        self.outputs.num_outputs()
    }

    fn evaluate(&mut self, settings: Points<'_>, parameters: Points<'_>, outputs: &mut [f64]) {
        let len = settings.len().max(parameters.len());
        let rows = self.parameters + self.num_states() + 1;
        let mut results = alloc::vec![0.0; self.num_outputs() * LANES];
        for start in (0..len).step_by(LANES) {
            let count = LANES.min(len - start);
            let mut point = alloc::vec![0.0; rows * count];
            for (i, row) in point.chunks_exact_mut(count).take(self.parameters).enumerate() {
                match parameters.row(i) {
                    [value] => row.fill(*value),
                    values => row.copy_from_slice(&values[start..start + count]),
                }
            }
            let settings = settings.part(start, count);
            self.integrate(settings, &mut point, count);
            let results = &mut results[..self.outputs.num_outputs() * count];
            self.outputs
                .evaluate(settings, Points::new(&point, count, 0..count), results);
            for (row, results) in outputs.chunks_exact_mut(len).zip(results.chunks_exact(count)) {
                row[start..start + count].copy_from_slice(results);
            }
        }
    }

    fn operations(&self) -> usize {
        let others = self.initial.operations() + self.outputs.operations();
        self.operations_of_steps().saturating_add(others)
    }

    fn numbers(&self) -> usize {
        [&self.initial, &self.derivative, &self.outputs]
            .map(|it| it.numbers())
            .iter()
            .sum()
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}
