//! Repeated solves of one problem, in steps.

use labwire_core::problem::Evaluator;
use labwire_core::service::Busy;
use labwire_core::solve::{self, Start, Status};
use labwire_core::time::Instant;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::*;

use crate::js::serialized;
use crate::{Problem, Progress, Solution, StartOptions};

#[wasm_bindgen]
extern "C" {
    /// Milliseconds since the page, worker or process started.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// Solver of one problem. Each solve starts from the result of the previous one, unless options say otherwise.
///
/// ```js
/// const solver = new Solver(new Problem(text));
/// solver.start(Float64Array.of(1, 50));
/// while (!solver.step(100).done) await pause();
/// console.log(solver.result());
/// ```
#[wasm_bindgen]
#[derive(Debug)]
pub struct Solver {
    problem: Problem,
    evaluator: Evaluator,
    solver: solve::Solver,
    parameters: Vec<f64>,
    /// Starting point of the next solve.
    warm: Start,
    /// `None` before the first solve.
    begun: Option<Instant>,
    ended: Instant,
}

#[wasm_bindgen]
impl Solver {
    /// Creates a solver with the settings of the problem file.
    #[wasm_bindgen(constructor)]
    pub fn new(problem: &Problem) -> Result<Self, JsError> {
        Ok(Self {
            problem: problem.clone(),
            evaluator: problem.problem.evaluator(),
            solver: problem.problem.solver()?,
            parameters: Vec::new(),
            warm: problem.problem.start(),
            begun: None,
            ended: Instant::ZERO,
        })
    }

    /// Starts a solve for `parameters`; `step` does the work. A solve in progress is dropped.
    ///
    /// @throws {Error} if a vector has the wrong length or contains a value that is not finite
    pub fn start(&mut self, parameters: &[f64], options: Option<Ts<StartOptions>>) -> Result<(), JsError> {
        let options = options.map_or(Ok(StartOptions::default()), |options| options.to_rust())?;
        let expected = self.problem.problem.num_parameters();
        if parameters.len() != expected || parameters.iter().any(|parameter| !parameter.is_finite()) {
            let message = format!("expected {expected} finite parameters, not {parameters:?}");
            return Err(JsError::new(&message));
        }
        let mut start = if options.cold {
            self.problem.problem.start()
        } else {
            self.warm.clone()
        };
        if let Some(guess) = options.initial_guess {
            start.fallback = Some(guess.clone());
            start.u = guess;
        }
        if let Some(multipliers) = options.initial_multipliers {
            start.multipliers = Some(multipliers);
        }
        if let Some(penalty) = options.initial_penalty {
            let num_constraints = self.problem.num_f1() + self.problem.num_f2();
            start.penalties = Some(vec![penalty; num_constraints]);
        }
        self.solver.start(&start)?;
        self.evaluator.set_parameters(parameters);
        self.parameters = parameters.to_vec();
        self.begun = Some(now());
        Ok(())
    }

    /// Continues for about `fuel` evaluations of the problem's functions, and at least one iteration or part of one.
    ///
    /// @throws {Error} if no solve was started
    pub fn step(&mut self, fuel: u32) -> Result<Ts<Progress>, JsError> {
        let begun = self.begun.ok_or_else(|| JsError::new("no solve was started"))?;
        if self.solver.status().is_none() {
            let limit = self.solver.settings().max_duration;
            if limit.is_some_and(|limit| now().duration_since(begun) >= limit) {
                self.solver.stop(Status::NotConvergedOutOfTime);
            }
            if self.solver.step(&mut self.evaluator, fuel) == Busy::No {
                self.end();
            }
        }
        Ok(Progress::new(&self.solver).into_ts()?)
    }

    /// Ends the solve in progress; its result is the best point so far.
    pub fn cancel(&mut self) {
        if self.begun.is_some() && self.solver.status().is_none() {
            self.solver.stop(Status::Cancelled);
            self.end();
        }
    }

    /// Result of the last solve; undefined while one is in progress.
    pub fn result(&self) -> Result<Option<Ts<Solution>>, JsError> {
        let (Some(begun), Some(status)) = (self.begun, self.solver.status()) else {
            return Ok(None);
        };
        let solve_time_ms = self.ended.duration_since(begun).as_secs_f64() * 1e3;
        let solution = Solution::new(&self.solver, status, solve_time_ms);
        Ok(Some(solution.into_ts()?))
    }

    /// Best point so far, by name; for an optimal-control problem, each input over the stages, and each state over
    /// the stages and at the end.
    ///
    /// @throws {Error} if no solve was started
    #[wasm_bindgen(js_name = namedValues, unchecked_return_type = "Record<string, number[]>")]
    pub fn named_values(&mut self) -> Result<JsValue, JsError> {
        if self.begun.is_none() {
            return Err(JsError::new("no solve was started"));
        }
        // With its own evaluator, so that the solve is not disturbed.
        let mut evaluator = self.problem.problem.evaluator();
        evaluator.set_parameters(&self.parameters);
        let solution = self.solver.solution();
        Ok(serialized(
            &self.problem.problem.named_values(&mut evaluator, solution),
        ))
    }

    fn end(&mut self) {
        self.ended = now();
        if self.solver.store_warm_start(&mut self.warm) {
            self.problem.problem.advance(&mut self.warm);
        }
    }
}

fn now() -> Instant {
    Instant::from_nanos((performance_now() * 1e6) as u64)
}
