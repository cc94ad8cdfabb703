//! Problems as a solver of the crate below takes them.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use labwire_solve::{
    Constraint, Functions, Integers, ParametricProblem, Settings, Solver, SolverError, Start, Structure,
};

use super::Named;
use super::stages::Shooting;
use super::{BlockKind, Body, Problem};

/// Solver of one [`Problem`], with all its memory. Each solve starts from the result of the previous one, unless options
/// say otherwise; if an optimal-control problem asks for it, shifted by one stage.
///
/// Solve a text for given parameters, warm, within 50 ms:
///
/// ```
/// # use std::time::Duration;
/// # use labwire_model::problem::{DEFAULT_PROBLEM as TEXT, Problem, ProblemSolver, TextLimits};
/// # use labwire_session::time::Instant;
/// let begun = std::time::Instant::now();
/// let clock = || Instant::from_nanos(begun.elapsed().as_nanos() as u64);
/// let problem = Problem::from_json(TEXT, &TextLimits::default())?;
/// let settings = problem.settings().clone().with_max_duration(Duration::from_millis(50));
/// let mut solver = ProblemSolver::with_settings(problem, settings)?;
/// for parameters in [[1.0, 50.0], [1.0, 51.0]] {
///     let solution = solver.solve_timed(&parameters, clock)?;
///     println!("{}: {:?}", solution.status.name(), solution.u);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type ProblemSolver = labwire_solve::ProblemSolver<Problem>;

impl ParametricProblem for Problem {
    fn structure(&self) -> Structure {
        self.into()
    }

    fn num_parameters(&self) -> usize {
        Problem::num_parameters(self)
    }

    fn functions(&self) -> Box<dyn Functions + Send> {
        Box::new(self.evaluator())
    }

    fn name(&self) -> &str {
        Problem::name(self)
    }

    fn settings(&self) -> Settings {
        Problem::settings(self).clone()
    }

    fn initial_guess(&self) -> Option<&[f64]> {
        Problem::initial_guess(self)
    }

    fn num_variables(&self) -> usize {
        Problem::num_variables(self)
    }

    fn num_constraints(&self) -> usize {
        self.num_f1 + self.num_f2
    }

    fn num_f1(&self) -> usize {
        self.num_f1
    }

    fn num_states(&self) -> usize {
        Problem::num_states(self)
    }

    fn functions_bytes(&self) -> usize {
        let values = match &self.body {
            Body::Plain { program, second } => {
                program.slots + second.as_ref().map_or(0, |second| second.program.slots)
            }
            Body::Stages(stages) => stages.memory(),
        };
        values * size_of::<f64>()
    }

    fn solver(&self, structure: Structure, settings: Settings) -> Result<Solver, SolverError> {
        let solver = match self.stages() {
            Some(stages) if stages.shooting != Shooting::Multiple => {
                Solver::with_stages(structure, stages.structure(), settings)
            }
            _ => match self.second_derivatives() {
                Some(sparsity) => Solver::new(structure, settings)?.with_second_derivatives(sparsity),
                None => Solver::new(structure, settings),
            },
        }?;
        match self.magnitudes() {
            Some(magnitudes) => solver.with_magnitudes(magnitudes),
            None => Ok(solver),
        }
    }

    fn is_convex(&self) -> bool {
        Problem::is_convex(self)
    }

    fn integers(&self) -> Option<&Integers> {
        Problem::integers(self)
    }

    /// If an optimal-control problem has its warm starts shifted, the first stage is dropped and the last repeated.
    fn advance(&self, start: &mut Start) {
        let Some(stages) = self.stages().filter(|_| self.shifts_warm_start()) else {
            return;
        };
        stages.shift_variables(&mut start.u);
        for states in [&mut start.states, &mut start.costates].into_iter().flatten() {
            stages.shift_states(states);
        }
        for values in [&mut start.multipliers, &mut start.penalties]
            .into_iter()
            .flatten()
        {
            stages.shift_constraints(values);
        }
    }

    fn variable_name(&self, index: usize) -> String {
        Problem::variable_name(self, index)
    }

    fn constraint_name(&self, index: usize) -> String {
        Problem::constraint_name(self, index)
    }

    /// For an optimal-control problem, each input over the stages, and each state over the stages and at the end; without
    /// `states` those that the inputs lead to, which takes an evaluator and one evaluation.
    fn named_values(
        &self,
        parameters: &[f64],
        u: &[f64],
        states: Option<&[f64]>,
    ) -> BTreeMap<String, Vec<f64>> {
        if let Body::Stages(stages) = &self.body {
            if let Some(states) = states {
                return stages.trajectories(u, states.chunks_exact(stages.num_states()));
            }
            let mut evaluator = self.evaluator();
            evaluator.set_parameters(parameters);
            evaluator.forward(u, &mut vec![0.0; self.num_f1 + self.num_f2]);
            return stages.trajectories(u, evaluator.states());
        }
        let mut named = BTreeMap::new();
        let mut rest = u;
        for variable in &self.variables {
            let (vector, others) = rest.split_at(variable.len);
            named.insert(variable.name.clone(), vector.to_vec());
            rest = others;
        }
        named
    }

    fn units(&self) -> BTreeMap<String, String> {
        texts(self, |named| &named.unit)
    }

    fn labels(&self) -> BTreeMap<String, String> {
        texts(self, |named| &named.label)
    }
}

/// Texts of the vectors whose values a solution has, where they are not empty.
fn texts(problem: &Problem, text: fn(&Named) -> &str) -> BTreeMap<String, String> {
    let vectors = problem.results().into_iter();
    let texts = vectors.map(|named| (named.name.clone(), String::from(text(named))));
    texts.filter(|(_, text)| !text.is_empty()).collect()
}

impl From<&Problem> for Arc<Problem> {
    fn from(problem: &Problem) -> Self {
        Self::new(problem.clone())
    }
}

impl From<&Problem> for Structure {
    fn from(problem: &Problem) -> Self {
        let constraint = |block: &super::Block| Constraint {
            len: block.range.len(),
            set: block.set.clone(),
            has_multipliers: block.kind != BlockKind::F2Penalty,
        };
        Self {
            num_variables: problem.num_variables(),
            set: problem.set().clone(),
            constraints: problem.blocks().iter().map(constraint).collect(),
        }
    }
}
