//! Experiment designer, and a simulated instrument.

use labwire_core::design;
use wasm_bindgen::prelude::*;

use crate::function::{or_thrown, read_experiment};

fn refused(error: design::DesignError) -> JsValue {
    JsError::new(&error.to_string()).into()
}

/// Sequential Bayesian experiment designer: suggests the next setting and learns from the measurements.
///
/// ```js
/// const designer = new Designer(defaultExperiment(), 1n);
/// const setting = designer.suggest();
/// designer.update(setting, measure(setting));
/// console.log(designer.mean(), designer.std());
/// ```
#[wasm_bindgen]
#[derive(Debug)]
pub struct Designer {
    designer: design::Designer,
}

#[wasm_bindgen]
impl Designer {
    /// Creates a designer that knows only the priors of an experiment file.
    ///
    /// @throws {TextError} if the text is invalid; the error shows the position and may give advice
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "ExperimentFile")] file: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Seed")] seed: u64,
    ) -> Result<Self, JsValue> {
        let experiment = read_experiment(file)?;
        let designer = or_thrown(|| design::Designer::new(experiment, seed).map_err(refused))?;
        Ok(Self { designer })
    }

    /// Restores a designer from its `posterior`.
    ///
    /// @throws {Error} if the posterior belongs to another experiment
    #[wasm_bindgen(js_name = fromPosterior)]
    pub fn from_posterior(
        #[wasm_bindgen(unchecked_param_type = "ExperimentFile")] file: &JsValue,
        posterior: &str,
    ) -> Result<Self, JsValue> {
        let experiment = read_experiment(file)?;
        let read = || design::Designer::from_posterior(experiment, posterior).map_err(refused);
        Ok(Self {
            designer: or_thrown(read)?,
        })
    }

    /// Complete state of the designer, as text.
    pub fn posterior(&self) -> String {
        self.designer.posterior()
    }

    /// Next setting to measure, one value per knob, chosen by the experiment's option `selection`.
    ///
    /// @throws what a model that is a function throws
    pub fn suggest(&mut self) -> Result<Vec<f64>, JsValue> {
        or_thrown(|| Ok(self.designer.suggest()))
    }

    /// Utility of every setting, in grid order.
    ///
    /// @throws what a model that is a function throws
    pub fn utility(&mut self) -> Result<Vec<f64>, JsValue> {
        or_thrown(|| Ok(self.designer.utility()))
    }

    /// Takes in a measurement: one number per channel, and their standard deviations if the experiment asks for them.
    ///
    /// @throws {Error} if the measurement is invalid; the designer is then unchanged
    pub fn update(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Numbers")] setting: &[f64],
        #[wasm_bindgen(unchecked_param_type = "Numbers")] values: &[f64],
        #[wasm_bindgen(unchecked_optional_param_type = "Numbers")] sigma: Option<Vec<f64>>,
    ) -> Result<(), JsValue> {
        or_thrown(|| {
            let taken = self.designer.update(setting, values, sigma.as_deref());
            taken.map_err(refused)
        })
    }

    /// Undoes the last measurement.
    ///
    /// @throws {Error} if there is none
    pub fn undo(&mut self) -> Result<(), JsValue> {
        or_thrown(|| self.designer.undo().map_err(refused))
    }

    /// Number of measurements taken in.
    #[wasm_bindgen(getter, js_name = numMeasurements)]
    pub fn num_measurements(&self) -> usize {
        self.designer.history().len()
    }

    /// Mean of each parameter.
    pub fn mean(&self) -> Vec<f64> {
        self.designer.mean()
    }

    /// Standard deviation of each parameter.
    pub fn std(&self) -> Vec<f64> {
        self.designer.std()
    }

    /// Covariance matrix of the parameters, by rows.
    pub fn covariance(&self) -> Vec<f64> {
        self.designer.covariance().concat()
    }

    /// Central credible interval of each parameter, its two ends one after the other.
    ///
    /// @throws {Error} if `probability` is not between 0 and 1
    pub fn interval(&self, probability: f64) -> Result<Vec<f64>, JsValue> {
        let intervals = self.designer.interval(probability).map_err(refused)?;
        Ok(intervals.concat())
    }

    /// Values of a parameter, one per particle.
    ///
    /// @throws {Error} if `parameter` is out of range
    pub fn particles(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Count")] parameter: usize,
    ) -> Result<Vec<f64>, JsError> {
        if parameter >= self.designer.experiment().parameters.len() {
            return Err(JsError::new("the parameter is out of range"));
        }
        Ok(self.designer.particles(parameter).to_vec())
    }

    /// Weights of the particles; they sum to 1.
    pub fn weights(&self) -> Vec<f64> {
        self.designer.weights()
    }

    /// Effective sample size: the number of equally weighted particles that would carry the same information.
    #[wasm_bindgen(getter, js_name = effectiveSampleSize)]
    pub fn effective_sample_size(&self) -> f64 {
        self.designer.effective_sample_size()
    }

    /// Entropy, in nats, of a normal distribution with the same covariance.
    #[wasm_bindgen(getter)]
    pub fn entropy(&self) -> f64 {
        self.designer.entropy()
    }

    /// Warnings, oldest first: settings off the grid, measurements that hardly any particle explains.
    #[wasm_bindgen(getter)]
    pub fn warnings(&self) -> Vec<String> {
        self.designer.warnings().map(str::to_owned).collect()
    }
}

/// Simulated instrument that measures an experiment's model at known parameters, with normal noise.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Simulator {
    simulator: design::Simulator,
    num_knobs: usize,
}

#[wasm_bindgen]
impl Simulator {
    /// Creates an instrument with the parameters `truth`; without it, they are drawn from the priors. `sigma` is the
    /// standard deviation of noise that the experiment leaves to the measurement, 1 by default.
    ///
    /// @throws {Error} if the text is invalid, or `truth` does not fit it
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "ExperimentFile")] file: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Numbers | null | undefined")] truth: Option<Vec<f64>>,
        sigma: Option<f64>,
        #[wasm_bindgen(unchecked_param_type = "Seed")] seed: u64,
    ) -> Result<Self, JsValue> {
        let experiment = read_experiment(file)?;
        let num_knobs = experiment.grid.knobs().len();
        let create = || design::Simulator::new(experiment, truth, sigma, seed).map_err(refused);
        Ok(Self {
            simulator: or_thrown(create)?,
            num_knobs,
        })
    }

    /// Checks that this is one setting: the core takes no other.
    fn check(&self, setting: &[f64]) -> Result<(), JsError> {
        if setting.len() == self.num_knobs {
            return Ok(());
        }
        let (found, expected) = (setting.len(), self.num_knobs);
        Err(JsError::new(&format!(
            "the setting has {found} values, the experiment {expected} knobs"
        )))
    }

    /// True parameters.
    #[wasm_bindgen(getter)]
    pub fn truth(&self) -> Vec<f64> {
        self.simulator.truth().to_vec()
    }

    /// Values without noise, one per channel. The setting has one value per knob.
    ///
    /// @throws {Error} if it has another number of values
    pub fn exact(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Numbers")] setting: &[f64],
    ) -> Result<Vec<f64>, JsValue> {
        self.check(setting)?;
        or_thrown(|| Ok(self.simulator.exact(setting)))
    }

    /// Values without noise at many settings, those of a setting after those of the one before it.
    ///
    /// @throws {Error} if the settings are not one value per knob each
    pub fn curve(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Numbers")] settings: &[f64],
    ) -> Result<Vec<f64>, JsValue> {
        let mut values = Vec::new();
        for setting in settings.chunks(self.num_knobs.max(1)) {
            self.check(setting)?;
            values.extend(or_thrown(|| Ok(self.simulator.exact(setting)))?);
        }
        Ok(values)
    }

    /// Simulated measurement, one value per channel.
    ///
    /// @throws {Error} if the setting has not one value per knob
    pub fn measure(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Numbers")] setting: &[f64],
    ) -> Result<Vec<f64>, JsValue> {
        self.check(setting)?;
        or_thrown(|| Ok(self.simulator.measure(setting)))
    }

    /// Standard deviation of the noise, one per channel.
    ///
    /// @throws {Error} if the setting has not one value per knob
    pub fn sigma(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Numbers")] setting: &[f64],
    ) -> Result<Vec<f64>, JsValue> {
        self.check(setting)?;
        or_thrown(|| Ok(self.simulator.sigma(setting)))
    }
}
