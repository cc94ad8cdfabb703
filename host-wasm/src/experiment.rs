//! An experiment file.

use labwire_core::design::{self, DEFAULT_EXPERIMENT, DesignLimits, EXPERIMENTS};
use wasm_bindgen::prelude::*;

use crate::error::problem_error;

/// The text of the experiment that `labwire serve` designs when no other is given.
#[wasm_bindgen(js_name = defaultExperiment)]
pub fn default_experiment() -> String {
    DEFAULT_EXPERIMENT.into()
}

/// The experiment of this name that comes with labwire ("dip", "coil", "line", "lorentzian", "rabi"), if there is one.
#[wasm_bindgen(js_name = exampleExperiment)]
pub fn example_experiment(name: &str) -> Option<String> {
    let mut experiments = EXPERIMENTS.iter();
    experiments
        .find(|(known, _)| *known == name)
        .map(|(_, text)| (*text).into())
}

/// What can be set, what is sought and what is measured. Reading it draws no particles: it is quick.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Experiment {
    pub(crate) experiment: design::Experiment,
}

#[wasm_bindgen]
impl Experiment {
    /// Reads an experiment file.
    ///
    /// @throws {TextError} when the text is wrong: says where, and what might help
    #[wasm_bindgen(constructor)]
    pub fn new(text: &str) -> Result<Self, JsValue> {
        let experiment = design::Experiment::from_json(text, &[], &DesignLimits::default());
        Ok(Self {
            experiment: experiment.map_err(|error| problem_error(&error))?,
        })
    }

    /// Its name.
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.experiment.name.clone()
    }

    /// The names of the knobs.
    #[wasm_bindgen(getter)]
    pub fn knobs(&self) -> Vec<String> {
        let knobs = self.experiment.grid.knobs().iter();
        knobs.map(|knob| knob.name.clone()).collect()
    }

    /// The values that a knob takes.
    ///
    /// @throws {Error} when there is no such knob
    #[wasm_bindgen(js_name = knobValues)]
    pub fn knob_values(&self, knob: usize) -> Result<Vec<f64>, JsError> {
        let knob = self.experiment.grid.knobs().get(knob);
        let knob = knob.ok_or_else(|| JsError::new("there is no such knob"))?;
        Ok(knob.values.clone())
    }

    /// The number of settings in the grid: every combination of the knobs' values, the last knob changing fastest.
    #[wasm_bindgen(getter, js_name = numSettings)]
    pub fn num_settings(&self) -> usize {
        self.experiment.grid.len()
    }

    /// The setting at this place in the grid, a number for each knob.
    ///
    /// @throws {Error} when the grid is not so long
    pub fn setting(&self, index: usize) -> Result<Vec<f64>, JsError> {
        let grid = &self.experiment.grid;
        if index >= grid.len() {
            return Err(JsError::new("the grid has no such setting"));
        }
        Ok(grid.setting(index))
    }

    /// The names of the parameters.
    #[wasm_bindgen(getter)]
    pub fn parameters(&self) -> Vec<String> {
        let parameters = self.experiment.parameters.iter();
        parameters.map(|parameter| parameter.name.clone()).collect()
    }

    /// How many numbers a measurement gives.
    #[wasm_bindgen(getter, js_name = numChannels)]
    pub fn num_channels(&self) -> usize {
        self.experiment.channels()
    }

    /// How many points stand for what is known of the parameters.
    #[wasm_bindgen(getter, js_name = numParticles)]
    pub fn num_particles(&self) -> usize {
        self.experiment.options.particles
    }
}
