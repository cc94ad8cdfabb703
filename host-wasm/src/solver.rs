//! Repeated solves of one problem, in steps.

use js_sys::{Array, Object, Reflect};
use labwire_core::problem::{self, ProblemSolver};
use labwire_core::service::Busy;
use labwire_core::solve::ParametricProblem;
use labwire_core::time::Instant;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::*;

use crate::{Problem, Progress, Sensitivities, Solution, StartOptions};

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
    solver: ProblemSolver,
    was_started: bool,
    /// Result of the last solve that has ended, until the next one begins.
    result: Option<problem::Solution>,
}

#[wasm_bindgen]
impl Solver {
    /// Creates a solver with the settings of the problem file.
    #[wasm_bindgen(constructor)]
    pub fn new(problem: &Problem) -> Result<Self, JsError> {
        Ok(Self {
            solver: ProblemSolver::new(problem.problem.clone())?,
            was_started: false,
            result: None,
        })
    }

    /// Starts a solve for `parameters`; `step` does the work. A solve in progress is dropped.
    ///
    /// @throws {TypeError} if the options do not have the keys and types of `StartOptions`
    /// @throws {Error} if a vector has the wrong length or contains a value that is not finite
    pub fn start(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Numbers")] parameters: &[f64],
        options: Option<Ts<StartOptions>>,
    ) -> Result<(), JsValue> {
        let options = options.map_or(Ok(StartOptions::default()), |options| {
            StartOptions::from_js(&options)
        })?;
        let options = options.for_problem(self.solver.problem());
        let checked = self.solver.problem().check_inputs(parameters, &options);
        checked.map_err(JsError::from)?;
        self.solver.cancel();
        self.solver
            .start(now(), parameters, &options)
            .map_err(JsError::from)?;
        (self.was_started, self.result) = (true, None);
        Ok(())
    }

    /// Continues for about `fuel` evaluations of the problem's functions, and at least one iteration or part of one.
    ///
    /// @throws {Error} if no solve was started
    pub fn step(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Count")] fuel: u32,
    ) -> Result<Ts<Progress>, JsError> {
        if self.solver.step(now(), fuel)? == Busy::No && self.result.is_none() {
            self.result = Some(self.solver.finish(now())?);
        }
        Ok(Progress::new(&self.solver).into_ts()?)
    }

    /// Ends the solve in progress; its result is the best point so far.
    pub fn cancel(&mut self) {
        if self.solver.is_running() {
            self.solver.cancel();
            self.result = self.solver.finish(now()).ok();
        }
    }

    /// Result of the last solve; undefined while one is in progress.
    pub fn result(&self) -> Result<Option<Ts<Solution>>, JsError> {
        let solution = self
            .result
            .as_ref()
            .map(|result| Solution::from(result).into_ts());
        Ok(solution.transpose()?)
    }

    /// Derivatives of the last solution and its multipliers with respect to the parameters.
    ///
    /// @throws {Error} if the last solve did not converge, or its solution has no derivatives
    pub fn sensitivities(&mut self) -> Result<Ts<Sensitivities>, JsError> {
        Ok(Sensitivities::from(self.solver.sensitivities()?).into_ts()?)
    }

    /// Best point so far, by name; for an optimal-control problem, each input over the stages, and each state over
    /// the stages and at the end.
    ///
    /// @throws {Error} if no solve was started
    #[wasm_bindgen(js_name = namedValues, unchecked_return_type = "Record<string, number[]>")]
    pub fn named_values(&mut self) -> Result<JsValue, JsError> {
        if !self.was_started {
            return Err(JsError::new("no solve was started"));
        }
        let named = Object::new();
        for (name, values) in self.solver.named_values() {
            let values: Array = values.into_iter().map(JsValue::from).collect();
            // Setting a property of a fresh object cannot fail.
            let _ = Reflect::set(&named, &name.into(), &values);
        }
        Ok(named.into())
    }
}

fn now() -> Instant {
    Instant::from_nanos((performance_now() * 1e6) as u64)
}
