//! Experiment designer, and a simulated instrument.

use labwire_core::design;
use wasm_bindgen::prelude::*;

use crate::Experiment;

fn experiment(text: &str) -> Result<design::Experiment, JsValue> {
    Experiment::new(text).map(|experiment| experiment.experiment)
}

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
    pub fn new(text: &str, seed: u64) -> Result<Self, JsValue> {
        let designer = design::Designer::new(experiment(text)?, seed).map_err(refused)?;
        Ok(Self { designer })
    }

    /// Restores a designer from its `posterior`.
    ///
    /// @throws {Error} if the posterior belongs to another experiment
    #[wasm_bindgen(js_name = fromPosterior)]
    pub fn from_posterior(text: &str, posterior: &str) -> Result<Self, JsValue> {
        let designer = design::Designer::from_posterior(experiment(text)?, posterior).map_err(refused)?;
        Ok(Self { designer })
    }

    /// Complete state of the designer, as text.
    pub fn posterior(&self) -> String {
        self.designer.posterior()
    }

    /// Next setting to measure, one value per knob, chosen by the experiment's option `selection`.
    pub fn suggest(&mut self) -> Vec<f64> {
        self.designer.suggest()
    }

    /// Utility of every setting, in grid order.
    pub fn utility(&mut self) -> Vec<f64> {
        self.designer.utility()
    }

    /// Takes in a measurement: one number per channel, and their standard deviations if the experiment asks for them.
    ///
    /// @throws {Error} if the measurement is invalid; the designer is then unchanged
    pub fn update(
        &mut self,
        setting: &[f64],
        values: &[f64],
        sigma: Option<Vec<f64>>,
    ) -> Result<(), JsValue> {
        let taken = self.designer.update(setting, values, sigma.as_deref());
        taken.map_err(refused)
    }

    /// Undoes the last measurement.
    ///
    /// @throws {Error} if there is none
    pub fn undo(&mut self) -> Result<(), JsValue> {
        self.designer.undo().map_err(refused)
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
    pub fn particles(&self, parameter: usize) -> Result<Vec<f64>, JsError> {
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
}

#[wasm_bindgen]
impl Simulator {
    /// Creates an instrument with the parameters `truth`; without it, they are drawn from the priors. `sigma` is the
    /// standard deviation of noise that the experiment leaves to the measurement, 1 by default.
    ///
    /// @throws {Error} if the text is invalid, or `truth` does not fit it
    #[wasm_bindgen(constructor)]
    pub fn new(text: &str, truth: Option<Vec<f64>>, sigma: Option<f64>, seed: u64) -> Result<Self, JsValue> {
        let simulator = design::Simulator::new(experiment(text)?, truth, sigma, seed).map_err(refused)?;
        Ok(Self { simulator })
    }

    /// True parameters.
    #[wasm_bindgen(getter)]
    pub fn truth(&self) -> Vec<f64> {
        self.simulator.truth().to_vec()
    }

    /// Values without noise, one per channel. The setting has one value per knob.
    pub fn exact(&mut self, setting: &[f64]) -> Vec<f64> {
        self.simulator.exact(setting)
    }

    /// Simulated measurement, one value per channel.
    pub fn measure(&mut self, setting: &[f64]) -> Vec<f64> {
        self.simulator.measure(setting)
    }

    /// Standard deviation of the noise, one per channel.
    pub fn sigma(&mut self, setting: &[f64]) -> Vec<f64> {
        self.simulator.sigma(setting)
    }
}
