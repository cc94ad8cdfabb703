//! What is wrong with the dynamics of an optimal-control problem at a point: states that run away, or that do not follow from
//! one another.

use alloc::string::String;
use alloc::vec;

use labwire_solve::Functions;

use super::Problem;
use super::stages::{Stages, vector_element};

/// Magnitude from which on a state counts as lost: squares of such numbers are near the end of the range of a double.
const LOST: f64 = 1e100;

/// Defect of the dynamics of an optimal-control problem.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Defect {
    /// Name of the state.
    pub state: String,
    /// Stage of the state, 0 to N.
    pub stage: usize,
    /// Value of the state, if it has run away; else what it lacks to the value that the dynamics lead to.
    pub value: f64,
}

impl Problem {
    /// First state that leaves what numbers can say, beyond 1e100, when the inputs in the decision variables `u` are applied
    /// from the initial state on; `None` if all stay, if there are no stages, or if a vector has the wrong length.
    #[must_use]
    pub fn runaway(&self, parameters: &[f64], u: &[f64]) -> Option<Defect> {
        let stages = self.stages()?;
        if !self.fits(parameters, u) {
            return None;
        }
        let mut evaluator = self.evaluator();
        evaluator.set_parameters(parameters);
        evaluator.forward(u, &mut vec![0.0; self.num_f1() + self.num_f2()]);
        let mut lost = evaluator.states().enumerate().filter_map(|(stage, state)| {
            let place = state.iter().position(|x| !(x.abs() <= LOST))?;
            Some(stages.defect(stage, place, state[place]))
        });
        lost.next()
    }

    /// State that is farthest from where the dynamics lead from the state before, of the states `x_0, ..., x_N` of their own
    /// that a solve with the decision variables `u` [returned](labwire_solve::Solver::states); `None` if there are no stages, or
    /// a vector has the wrong length.
    #[must_use]
    pub fn largest_gap(&self, parameters: &[f64], u: &[f64], states: &[f64]) -> Option<Defect> {
        let stages = self.stages()?;
        let structure = stages.structure();
        let (nx, nu) = (structure.num_states, structure.num_inputs);
        if !self.fits(parameters, u) || states.len() != (structure.horizon + 1) * nx {
            return None;
        }
        let mut evaluator = self.evaluator();
        evaluator.set_parameters(parameters);
        let functions = evaluator.stages()?;
        let mut next = vec![0.0; nx];
        let mut constraints = vec![0.0; self.num_f1()];
        let mut largest: Option<Defect> = None;
        for t in 0..structure.horizon {
            let (state, later) = states[t * nx..(t + 2) * nx].split_at(nx);
            let own = structure.first_constraints[t]..structure.first_constraints[t + 1];
            functions.forward(
                t,
                state,
                &u[t * nu..(t + 1) * nu],
                &mut next,
                &mut constraints[own],
            );
            for (place, (reached, state)) in next.iter().zip(later).enumerate() {
                let gap = reached - state;
                let is_larger = |largest: &Defect| !(gap.abs() <= largest.value.abs());
                if largest.as_ref().is_none_or(is_larger) {
                    largest = Some(stages.defect(t + 1, place, gap));
                }
            }
        }
        largest
    }

    fn fits(&self, parameters: &[f64], u: &[f64]) -> bool {
        parameters.len() == self.num_parameters() && u.len() == self.num_variables()
    }
}

impl Stages {
    fn defect(&self, stage: usize, place: usize, value: f64) -> Defect {
        Defect {
            state: vector_element(&self.states, place),
            stage: stage.saturating_sub(self.free_stages),
            value,
        }
    }
}
