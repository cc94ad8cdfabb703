//! `labwire.Experiment` and `labwire.Simulator`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use labwire_core::design::{self, DesignLimits};
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use crate::function::{Function, or_raised};
use crate::{arrays, errors};

/// What `__reduce__` returns: a function, and its arguments.
pub(crate) type Reduced<'py, A> = (Bound<'py, PyAny>, A);

/// Experiment: what can be set, what is sought with its prior, the model that joins them, the noise.
///
/// Experiment(source, *, model=None, channels=1, **newrun): `source` is the text of an experiment file (JSON, which begins
/// with a brace), a dictionary, or the path of a file. `newrun` overrides the values that the file gives to names in its
/// `newrun`. `model` is a Python function in place of a formula: model(*settings, *parameters) with numbers and arrays of one
/// length, of which it returns an array, or `channels` of them. It must be pure.
///
/// Raises TextError, with the place of the fault. Experiments are immutable; they can be pickled, if the function can.
#[pyclass(frozen, module = "labwire")]
pub(crate) struct Experiment {
    pub(crate) inner: Mutex<design::Experiment>,
    /// Text of the experiment, as it was read.
    #[pyo3(get)]
    text: String,
    /// The Python function that is the model; None if it is a formula.
    #[pyo3(get)]
    model: Option<Py<PyAny>>,
    channels: usize,
    newrun: BTreeMap<String, f64>,
}

#[pymethods]
impl Experiment {
    #[new]
    #[pyo3(signature = (source, *, model=None, channels=1, **newrun))]
    fn new(
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        model: Option<Bound<'_, PyAny>>,
        channels: usize,
        newrun: Option<BTreeMap<String, f64>>,
    ) -> PyResult<Self> {
        let newrun = newrun.unwrap_or_default();
        let found = py
            .import("labwire._source")?
            .call_method1("experiment", (source, model, channels))?;
        let (text, model): (String, Option<Py<PyAny>>) = found.extract()?;
        let arguments: Vec<_> = newrun
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let inner = design::Experiment::from_json(&text, &arguments, &DesignLimits::default());
        let mut inner = inner.map_err(errors::text_error)?;
        if let Some(model) = &model {
            let (knobs, parameters) = (inner.grid.knobs().len(), inner.parameters.len());
            inner.model = Box::new(Function::new(model.clone_ref(py), knobs, parameters, channels));
        }
        Ok(Self {
            channels: inner.channels(),
            inner: Mutex::new(inner),
            text,
            model,
            newrun,
        })
    }

    /// Name given in the text, or "unnamed".
    #[getter]
    fn name(&self) -> String {
        self.copy().name
    }

    /// Values of each knob, by name, in order.
    #[getter]
    fn knobs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let knobs = PyDict::new(py);
        for knob in self.copy().grid.knobs() {
            knobs.set_item(&knob.name, arrays::array(py, knob.values.clone()))?;
        }
        Ok(knobs)
    }

    /// All settings, in the order of the grid, shape (settings, knobs).
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let grid = self.copy().grid;
        let rows = (0..grid.len()).flat_map(|index| grid.setting(index)).collect();
        arrays::matrix_of(py, rows, [grid.len(), grid.knobs().len()])
    }

    /// Names of the unknown parameters, in order.
    #[getter]
    fn parameters(&self) -> Vec<String> {
        self.copy()
            .parameters
            .into_iter()
            .map(|parameter| parameter.name)
            .collect()
    }

    /// Number of values of a measurement.
    #[getter]
    fn channels(&self) -> usize {
        self.channels
    }

    fn __repr__(&self) -> String {
        let experiment = self.copy();
        let names: Vec<_> = experiment
            .parameters
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        let (name, settings) = (&experiment.name, experiment.grid.len());
        format!(
            "<labwire.Experiment '{name}': {settings} settings, parameters {}>",
            names.join(", ")
        )
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py, Bound<'py, PyTuple>>> {
        let (py, this) = (slf.py(), slf.get());
        let again = py.import("labwire._source")?.getattr("experiment_again")?;
        let class: Bound<'py, PyType> = slf.get_type();
        let model = this.model.as_ref().map(|model| model.bind(py));
        let parts = (class, &this.text, model, this.channels, this.newrun.clone());
        Ok((again, parts.into_pyobject(py)?))
    }
}

impl Experiment {
    pub(crate) fn copy(&self) -> design::Experiment {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Instrument that measures an experiment's model at known parameters, with normal noise.
///
/// Simulator(experiment, truth=None, *, sigma=None, seed=0): `truth`, shape (parameters,), is drawn from the priors by
/// default. `sigma` is the standard deviation of noise that the experiment leaves to the measurement, 1 by default.
#[pyclass(frozen, module = "labwire")]
pub(crate) struct Simulator {
    inner: Mutex<design::Simulator>,
    num_knobs: usize,
}

#[pymethods]
impl Simulator {
    #[new]
    #[pyo3(signature = (experiment, truth=None, *, sigma=None, seed=0))]
    fn new(
        experiment: &Bound<'_, Experiment>,
        truth: Option<Bound<'_, PyAny>>,
        sigma: Option<f64>,
        seed: u64,
    ) -> PyResult<Self> {
        let truth = truth.map(|truth| arrays::vector(&truth, "truth")).transpose()?;
        let truth = truth.map(|truth| arrays::copy(&truth)).transpose()?;
        let experiment = experiment.get().copy();
        let num_knobs = experiment.grid.knobs().len();
        let inner = design::Simulator::new(experiment, truth, sigma, seed);
        let inner = Mutex::new(inner.map_err(errors::input)?);
        Ok(Self { inner, num_knobs })
    }

    /// True parameters, shape (parameters,).
    #[getter]
    fn truth<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        arrays::array(py, self.with(|simulator| simulator.truth().to_vec()))
    }

    /// measure(setting) -> array
    ///
    /// Simulated measurement at a setting, shape (knobs,): a value per channel.
    fn measure<'py>(
        &self,
        py: Python<'py>,
        setting: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let setting = arrays::copy(&arrays::vector(setting, "setting")?)?;
        let mut simulator = self.with(|simulator| simulator.clone());
        if setting.len() != self.num_knobs {
            let (found, expected) = (setting.len(), self.num_knobs);
            return Err(errors::input(format!(
                "the setting has {found} numbers, expected {expected}"
            )));
        }
        // A copy, so that the model may be a function that uses this simulator.
        let values = or_raised(|| Ok(simulator.measure(&setting)))?;
        self.with(|own| *own = simulator);
        Ok(arrays::array(py, values))
    }
}

impl Simulator {
    fn with<T>(&self, work: impl FnOnce(&mut design::Simulator) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
