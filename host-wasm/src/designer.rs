//! The designer of experiments, and an instrument that is not there.

use labwire_core::design;
use wasm_bindgen::prelude::*;

use crate::Experiment;

fn experiment(text: &str) -> Result<design::Experiment, JsValue> {
    Experiment::new(text).map(|experiment| experiment.experiment)
}

fn refused(error: design::DesignError) -> JsValue {
    JsError::new(&error.to_string()).into()
}

/// Sequential Bayesian experiment design: says where to measure next, and learns from what was measured.
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
    /// A designer that knows the priors of an experiment file only.
    ///
    /// @throws {TextError} when the text is wrong: says where, and what might help
    #[wasm_bindgen(constructor)]
    pub fn new(text: &str, seed: u64) -> Result<Self, JsValue> {
        let designer = design::Designer::new(experiment(text)?, seed).map_err(refused)?;
        Ok(Self { designer })
    }

    /// A designer that knows what one whose `posterior` was kept had learned.
    ///
    /// @throws {Error} when it is of another experiment
    #[wasm_bindgen(js_name = fromPosterior)]
    pub fn from_posterior(text: &str, posterior: &str) -> Result<Self, JsValue> {
        let designer = design::Designer::from_posterior(experiment(text)?, posterior).map_err(refused)?;
        Ok(Self { designer })
    }

    /// What is known, as text to keep.
    pub fn posterior(&self) -> String {
        self.designer.posterior()
    }

    /// Where to measure next, a number for each knob, as the experiment's option `selection` says.
    pub fn suggest(&mut self) -> Vec<f64> {
        self.designer.suggest()
    }

    /// The utility of every setting, in the order of the grid.
    pub fn utility(&mut self) -> Vec<f64> {
        self.designer.utility()
    }

    /// Takes in a measurement: a number for each channel, and their standard deviations where the experiment asks for
    /// them.
    ///
    /// @throws {Error} when it cannot be; the designer then stays as it was
    pub fn update(
        &mut self,
        setting: &[f64],
        values: &[f64],
        sigma: Option<Vec<f64>>,
    ) -> Result<(), JsValue> {
        let taken = self.designer.update(setting, values, sigma.as_deref());
        taken.map_err(refused)
    }

    /// Takes the last measurement back.
    ///
    /// @throws {Error} when there is none
    pub fn undo(&mut self) -> Result<(), JsValue> {
        self.designer.undo().map_err(refused)
    }

    /// How many measurements were taken in.
    #[wasm_bindgen(getter, js_name = numMeasurements)]
    pub fn num_measurements(&self) -> usize {
        self.designer.history().len()
    }

    /// The mean of each parameter.
    pub fn mean(&self) -> Vec<f64> {
        self.designer.mean()
    }

    /// The standard deviation of each parameter.
    pub fn std(&self) -> Vec<f64> {
        self.designer.std()
    }

    /// The covariance matrix of the parameters, row after row.
    pub fn covariance(&self) -> Vec<f64> {
        self.designer.covariance().concat()
    }

    /// For each parameter the two ends of the interval that holds it with this probability.
    ///
    /// @throws {Error} when it is not between 0 and 1
    pub fn interval(&self, probability: f64) -> Result<Vec<f64>, JsValue> {
        let intervals = self.designer.interval(probability).map_err(refused)?;
        Ok(intervals.concat())
    }

    /// The values of a parameter, one for each particle.
    ///
    /// @throws {Error} when there is no such parameter
    pub fn particles(&self, parameter: usize) -> Result<Vec<f64>, JsError> {
        if parameter >= self.designer.experiment().parameters.len() {
            return Err(JsError::new("there is no such parameter"));
        }
        Ok(self.designer.particles(parameter).to_vec())
    }

    /// The weight of each particle; their sum is 1.
    pub fn weights(&self) -> Vec<f64> {
        self.designer.weights()
    }

    /// How many particles of equal weight would tell as much.
    #[wasm_bindgen(getter, js_name = effectiveSampleSize)]
    pub fn effective_sample_size(&self) -> f64 {
        self.designer.effective_sample_size()
    }

    /// The entropy of a normal distribution with the same covariance, in nats.
    #[wasm_bindgen(getter)]
    pub fn entropy(&self) -> f64 {
        self.designer.entropy()
    }

    /// What should be known, oldest first: settings off the grid, measurements that hardly fit.
    #[wasm_bindgen(getter)]
    pub fn warnings(&self) -> Vec<String> {
        self.designer.warnings().map(str::to_owned).collect()
    }
}

/// Measures what an experiment's model gives for known parameters, with normal noise.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Simulator {
    simulator: design::Simulator,
}

#[wasm_bindgen]
impl Simulator {
    /// An instrument whose parameters are `truth`; without it, they are drawn from the priors. `sigma` is the noise
    /// where the experiment leaves it to the measurement, and 1 by default.
    ///
    /// @throws {Error} when the text is wrong, or `truth` does not fit it
    #[wasm_bindgen(constructor)]
    pub fn new(text: &str, truth: Option<Vec<f64>>, sigma: Option<f64>, seed: u64) -> Result<Self, JsValue> {
        let simulator = design::Simulator::new(experiment(text)?, truth, sigma, seed).map_err(refused)?;
        Ok(Self { simulator })
    }

    /// The parameters.
    #[wasm_bindgen(getter)]
    pub fn truth(&self) -> Vec<f64> {
        self.simulator.truth().to_vec()
    }

    /// What would be measured without noise: a number for each channel. The setting has one for each knob.
    pub fn exact(&mut self, setting: &[f64]) -> Vec<f64> {
        self.simulator.exact(setting)
    }

    /// A measurement.
    pub fn measure(&mut self, setting: &[f64]) -> Vec<f64> {
        self.simulator.measure(setting)
    }

    /// The standard deviation of the noise: a number for each channel.
    pub fn sigma(&mut self, setting: &[f64]) -> Vec<f64> {
        self.simulator.sigma(setting)
    }
}
