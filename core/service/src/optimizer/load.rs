//! Upload of a problem file.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use labwire_model::problem::Problem;
use labwire_protocols::open::{ErrorReply, Reply, code};

use super::solvers::{self, AnyProblem, AnySolver};
use super::{OptimizerService, OptimizerSettings};
use crate::Busy;

/// Problem file that is being compiled.
#[derive(Debug)]
pub(super) struct Load {
    text: String,
    settings: OptimizerSettings,
    compiled: Option<Arc<Problem>>,
    /// The problem and a first solver, or the error reply.
    outcome: Option<Result<AnySolver, ErrorReply>>,
}

impl Load {
    pub(super) fn new(text: String, settings: OptimizerSettings) -> Self {
        Self {
            text,
            settings,
            compiled: None,
            outcome: None,
        }
    }

    /// Compiles, then creates a solver: each is bounded by the limits of the text.
    pub(super) fn step(&mut self) -> Busy {
        let invalid = |error: &dyn fmt::Display| ErrorReply::new(code::INVALID_PROBLEM, format!("{error}"));
        match &self.compiled {
            None => match Problem::from_json(&self.text, &self.settings.text) {
                Ok(problem) => {
                    self.compiled = Some(Arc::new(problem));
                    return Busy::Yes;
                }
                Err(error) => self.outcome = Some(Err(invalid(&error))),
            },
            Some(problem) => {
                let problem: Arc<AnyProblem> = problem.clone();
                let solver = solvers::new(&problem, self.settings.solve_time);
                self.outcome = Some(solver.map_err(|error| invalid(&error)));
            }
        }
        Busy::No
    }
}

impl OptimizerService {
    /// Reply to a load that has ended.
    pub(super) fn finish_load(&mut self, load: Load) -> Reply {
        match load.outcome {
            Some(Ok(solver)) => {
                let name = String::from(solver.problem().name());
                if self.find(&name).is_none() && self.problems.len() >= self.config.problems {
                    let message = format!(
                        "{} problems are loaded already (limit problems)",
                        self.problems.len()
                    );
                    return Reply::Error(ErrorReply::new(code::INVALID_PROBLEM, message));
                }
                self.add_solver(solver);
                Reply::Loaded(name)
            }
            Some(Err(error)) => Reply::Error(error),
            None => Reply::Error(ErrorReply::new(
                code::INVALID_PROBLEM,
                "the problem could not be compiled",
            )),
        }
    }
}
