//! Models of experiments as JavaScript functions.

use std::cell::Cell;

use js_sys::{Array, Float64Array, Function, Reflect};
use labwire_core::design::{DesignLimits, Experiment, Model, Points};
use send_wrapper::SendWrapper;
use wasm_bindgen::prelude::*;

use crate::error::problem_error;

#[wasm_bindgen(typescript_custom_section)]
const FUNCTION: &str = r#"
/**
 * Model of an experiment: called with a value of every knob, then of every parameter, in the order of the file. It returns
 * the value that is measured, or an array with one for each channel; `NaN` is a value that cannot be computed. It must be
 * pure: equal arguments give equal results.
 */
export type ModelFunction = (...values: number[]) => number | ArrayLike<number>;
/** Object that an experiment file would describe. Its `model` may be a function, or say how many channels that has. */
export type ExperimentObject = object & { model?: unknown | ModelFunction | { function: ModelFunction; channels?: number } };
/** Experiment: the text of its file, or the object that the text would describe. */
export type ExperimentFile = string | ExperimentObject;
"#;

thread_local! {
    /// What a function threw, until the method that called it returns.
    static THROWN: Cell<Option<JsValue>> = const { Cell::new(None) };
}

/// Result of `work`, unless a function threw meanwhile.
pub(crate) fn or_thrown<T>(work: impl FnOnce() -> Result<T, JsValue>) -> Result<T, JsValue> {
    THROWN.take();
    let result = work();
    match THROWN.take() {
        Some(thrown) => Err(thrown),
        None => result,
    }
}

/// Reads what package/guard.ts makes of an `ExperimentFile`: a text, or `{ text, model, channels }`.
pub(crate) fn read_experiment(file: &JsValue) -> Result<Experiment, JsValue> {
    let member = |name: &str| Reflect::get(file, &name.into());
    let text = match file.as_string() {
        Some(text) => text,
        None => member("text")?.as_string().unwrap_or_default(),
    };
    let experiment = Experiment::from_json(&text, &[], &DesignLimits::default());
    let mut experiment = experiment.map_err(|error| problem_error(&error))?;
    if !file.is_string() {
        experiment.model = Box::new(FunctionModel {
            function: SendWrapper::new(member("model")?.dyn_into()?),
            channels: experiment.channels(),
            arguments: experiment.grid.knobs().len() + experiment.parameters.len(),
            num_knobs: experiment.grid.knobs().len(),
        });
    }
    Ok(experiment)
}

/// Function of many points at once: `(columns: Float64Array[], count: number) => Float64Array`, where a column has `count`
/// values, or one for all points.
#[derive(Clone, Debug)]
struct FunctionModel {
    function: SendWrapper<Function>,
    channels: usize,
    arguments: usize,
    num_knobs: usize,
}

impl FunctionModel {
    fn call(&self, settings: Points<'_>, parameters: Points<'_>) -> Result<Vec<f64>, JsValue> {
        let columns = (0..self.arguments).map(|i| match i.checked_sub(self.num_knobs) {
            None => settings.row(i),
            Some(parameter) => parameters.row(parameter),
        });
        // Copies: the function may make the module's memory move.
        let columns: Array = columns.map(Float64Array::from).map(JsValue::from).collect();
        let count = settings.len().max(parameters.len());
        let values = self
            .function
            .call2(&JsValue::NULL, &columns, &JsValue::from(count))?;
        Ok(values.dyn_into::<Float64Array>()?.to_vec())
    }
}

impl Model for FunctionModel {
    fn num_outputs(&self) -> usize {
        self.channels
    }

    fn evaluate(&mut self, settings: Points<'_>, parameters: Points<'_>, outputs: &mut [f64]) {
        let called = match THROWN.take() {
            // The first is the cause; all that follows is thrown away.
            Some(thrown) => Err(thrown),
            None => self.call(settings, parameters),
        };
        match called {
            Ok(values) => outputs.copy_from_slice(&values),
            Err(thrown) => {
                outputs.fill(f64::NAN);
                THROWN.set(Some(thrown));
            }
        }
    }

    /// A call from here takes as long as about a hundred operations of the interpreter.
    fn operations(&self) -> usize {
        100
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}
