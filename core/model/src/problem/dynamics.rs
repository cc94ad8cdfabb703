//! What is wrong with the dynamics at the result of a solve: states that run away, or that do not follow from one another.

use alloc::string::String;
use alloc::vec;

use labwire_solve::Functions;

use super::ProblemSolver;
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

impl ProblemSolver {
    /// First state that leaves what numbers can say, beyond 1e100, when the inputs of the last result are applied from the
    /// initial state on; `None` if all stay, or there are no stages.
    #[must_use]
    pub fn runaway(&self) -> Option<Defect> {
        let stages = self.problem.stages()?;
        let mut evaluator = self.evaluator.clone();
        let mut constraints = vec![0.0; self.problem.num_f1() + self.problem.num_f2()];
        Functions::forward(&mut evaluator, self.solver.solution(), &mut constraints);
        let states = evaluator.states().enumerate();
        let mut lost = states.filter_map(|(stage, state)| {
            let place = state.iter().position(|x| !(x.abs() <= LOST))?;
            Some(stages.defect(stage, place, state[place]))
        });
        lost.next()
    }

    /// State of the last result that is farthest from where the dynamics lead, if the result has states of its own.
    #[must_use]
    pub fn largest_gap(&self) -> Option<Defect> {
        let (stages, states) = (self.problem.stages()?, self.solver.states()?);
        let mut evaluator = self.evaluator.clone();
        let functions = evaluator.stages()?;
        let structure = stages.structure();
        let (nx, nu) = (structure.num_states, structure.num_inputs);
        let mut next = vec![0.0; nx];
        let mut constraints = vec![0.0; self.problem.num_f1()];
        let mut largest: Option<Defect> = None;
        for t in 0..structure.horizon {
            let (state, later) = states[t * nx..(t + 2) * nx].split_at(nx);
            let input = &self.solver.solution()[t * nu..(t + 1) * nu];
            let own = structure.first_constraints[t]..structure.first_constraints[t + 1];
            functions.forward(t, state, input, &mut next, &mut constraints[own]);
            for (place, (reached, state)) in next.iter().zip(later).enumerate() {
                let gap = reached - state;
                if largest
                    .as_ref()
                    .is_none_or(|largest| !(gap.abs() <= largest.value.abs()))
                {
                    largest = Some(stages.defect(t + 1, place, gap));
                }
            }
        }
        largest
    }
}

impl Stages {
    fn defect(&self, stage: usize, place: usize, value: f64) -> Defect {
        Defect {
            state: vector_element(&self.states, place),
            stage,
            value,
        }
    }
}
