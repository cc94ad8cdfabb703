//! Experiment files.

use labwire_core::design::{self, DEFAULT_EXPERIMENT, EXPERIMENTS};
use wasm_bindgen::prelude::*;

use crate::function::read_experiment;

/// Text of the default experiment of `labwire serve`.
#[wasm_bindgen(js_name = defaultExperiment)]
pub fn default_experiment() -> String {
    DEFAULT_EXPERIMENT.into()
}

/// Text of a built-in experiment ("dip", "coil", "line", "lorentzian", "rabi"); undefined if there is none of this
/// name.
#[wasm_bindgen(js_name = exampleExperiment)]
pub fn example_experiment(name: &str) -> Option<String> {
    let mut experiments = EXPERIMENTS.iter();
    experiments
        .find(|(known, _)| *known == name)
        .map(|(_, text)| (*text).into())
}

/// Description of an experiment: its knobs, parameters and channels. Reading it draws no particles and is fast.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Experiment {
    pub(crate) experiment: design::Experiment,
}

#[wasm_bindgen]
impl Experiment {
    /// Reads an experiment file.
    ///
    /// @throws {TextError} if the text is invalid; the error shows the position and may give advice
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "ExperimentFile")] file: &JsValue,
    ) -> Result<Self, JsValue> {
        Ok(Self {
            experiment: read_experiment(file)?,
        })
    }

    /// Reads an experiment from the object that its file would describe; typed arrays are lists of numbers.
    ///
    /// @throws {TypeError} if the object holds what a file cannot, such as `NaN`, or a function that is not its model
    /// @throws {TextError} if it is no valid experiment; the error shows the position in the object as text
    pub fn from(
        #[wasm_bindgen(unchecked_param_type = "ExperimentObject")] object: &JsValue,
    ) -> Result<Self, JsValue> {
        Self::new(object)
    }

    /// Name of the experiment.
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.experiment.name.clone()
    }

    /// Names of the knobs.
    #[wasm_bindgen(getter)]
    pub fn knobs(&self) -> Vec<String> {
        let knobs = self.experiment.grid.knobs().iter();
        knobs.map(|knob| knob.name.clone()).collect()
    }

    /// Values of a knob.
    ///
    /// @throws {Error} if `knob` is out of range
    #[wasm_bindgen(js_name = knobValues)]
    pub fn knob_values(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Count")] knob: usize,
    ) -> Result<Vec<f64>, JsError> {
        let knob = self.experiment.grid.knobs().get(knob);
        let knob = knob.ok_or_else(|| JsError::new("the knob is out of range"))?;
        Ok(knob.values.clone())
    }

    /// Number of settings on the grid: every combination of the knobs' values, the last knob varying fastest.
    #[wasm_bindgen(getter, js_name = numSettings)]
    pub fn num_settings(&self) -> usize {
        self.experiment.grid.len()
    }

    /// Setting at this index of the grid, one value per knob.
    ///
    /// @throws {Error} if `index` is out of range
    pub fn setting(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Count")] index: usize,
    ) -> Result<Vec<f64>, JsError> {
        let grid = &self.experiment.grid;
        if index >= grid.len() {
            return Err(JsError::new("the grid has no such setting"));
        }
        Ok(grid.setting(index))
    }

    /// Names of the parameters.
    #[wasm_bindgen(getter)]
    pub fn parameters(&self) -> Vec<String> {
        let parameters = self.experiment.parameters.iter();
        parameters.map(|parameter| parameter.name.clone()).collect()
    }

    /// Number of values in a measurement.
    #[wasm_bindgen(getter, js_name = numChannels)]
    pub fn num_channels(&self) -> usize {
        self.experiment.channels()
    }

    /// Number of particles that represent the distribution of the parameters.
    #[wasm_bindgen(getter, js_name = numParticles)]
    pub fn num_particles(&self) -> usize {
        self.experiment.options.particles
    }
}
