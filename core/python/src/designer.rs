//! `labwire.Designer`.

use std::sync::{Mutex, MutexGuard, TryLockError};

use labwire_core::design::{self, DesignError, Drawing, UtilityScan};
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::ending;
use crate::experiment::{Experiment, Reduced};
use crate::function::or_raised;
use crate::work::until_done;
use crate::{arrays, errors};

type Vector<'py> = Bound<'py, PyArray1<f64>>;
type Matrix<'py> = Bound<'py, PyArray2<f64>>;

/// Sequential Bayesian designer of an experiment: suggests the next setting, and learns from measurements.
///
/// Designer(experiment, *, seed=None): equal seeds, below 2^53, give equal runs, bit for bit on every machine. Without one it
/// is drawn.
///
/// Designers can be pickled, and saved: see `save` and `load`.
#[pyclass(frozen, module = "labwire")]
pub(crate) struct Designer {
    /// The experiment.
    #[pyo3(get)]
    experiment: Py<Experiment>,
    inner: Mutex<design::Designer>,
}

/// Draws from priors, and operations of a utility, between two looks at the time.
const DRAWS: usize = 1000;
const OPERATIONS: usize = 1_000_000;

#[pymethods]
impl Designer {
    #[new]
    #[pyo3(signature = (experiment, *, seed=None))]
    fn new(py: Python<'_>, experiment: Bound<'_, Experiment>, seed: Option<u64>) -> PyResult<Self> {
        let seed = match seed {
            Some(seed) => seed,
            None => py.import("secrets")?.call_method1("randbits", (53,))?.extract()?,
        };
        let mut drawing = Drawing::new(experiment.get().copy(), seed).map_err(errors::input)?;
        let inner = or_raised(|| {
            until_done(py, || drawing.step(DRAWS).map(|done| !done), errors::input)?;
            drawing.finish().map_err(errors::input)
        })?;
        Ok(Self {
            experiment: experiment.unbind(),
            inner: Mutex::new(inner),
        })
    }

    /// suggest() -> array
    ///
    /// Next setting to measure, shape (knobs,), by the experiment's option `selection`.
    fn suggest<'py>(&self, py: Python<'py>) -> PyResult<Vector<'py>> {
        use design::Selection::{Good, Random};
        let selection = self.lock()?.experiment().options.selection;
        match selection {
            Random => self.random_setting(py),
            Good => self.good_setting(py, None),
            _ => self.optimal_setting(py),
        }
    }

    /// optimal_setting() -> array
    ///
    /// Setting of highest utility, shape (knobs,); OptBayesExpt's `opt_setting`.
    fn optimal_setting<'py>(&self, py: Python<'py>) -> PyResult<Vector<'py>> {
        let mut designer = self.lock()?;
        let mut scan = designer.start_scan();
        complete(py, &mut designer, &mut scan)?;
        Ok(arrays::array(py, designer.optimum(&scan)))
    }

    /// good_setting(pickiness=None) -> array
    ///
    /// Setting drawn with probability proportional to its utility raised to the power `pickiness` (the experiment's), shape
    /// (knobs,).
    #[pyo3(signature = (pickiness=None))]
    fn good_setting<'py>(&self, py: Python<'py>, pickiness: Option<f64>) -> PyResult<Vector<'py>> {
        let mut designer = self.lock()?;
        let mut scan = designer.start_scan();
        complete(py, &mut designer, &mut scan)?;
        Ok(arrays::array(py, designer.good(&scan, pickiness)))
    }

    /// random_setting() -> array
    ///
    /// Setting drawn from the grid, shape (knobs,).
    fn random_setting<'py>(&self, py: Python<'py>) -> PyResult<Vector<'py>> {
        let setting = or_raised(|| Ok(self.lock()?.random_setting()))?;
        Ok(arrays::array(py, setting))
    }

    /// utility() -> array
    ///
    /// Utility of every setting of the experiment's `settings`, shape (settings,).
    fn utility<'py>(&self, py: Python<'py>) -> PyResult<Vector<'py>> {
        let mut designer = self.lock()?;
        let mut scan = designer.preview_scan();
        complete(py, &mut designer, &mut scan)?;
        Ok(arrays::array(py, scan.utilities().to_vec()))
    }

    /// update(setting, values, sigma=None)
    ///
    /// Takes in a measurement: `values`, shape (channels,), at `setting`, shape (knobs,), with standard deviations `sigma`,
    /// shape (channels,) or a number, where the experiment does not give the noise.
    ///
    /// Raises InputError for wrong lengths, values that are not finite, and a model without a finite value there; the designer
    /// is then unchanged.
    #[pyo3(signature = (setting, values, sigma=None))]
    fn update(
        &self,
        py: Python<'_>,
        setting: &Bound<'_, PyAny>,
        values: &Bound<'_, PyAny>,
        sigma: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let setting = arrays::copy(&arrays::vector(setting, "setting")?)?;
        let values = arrays::copy(&arrays::vector(values, "values")?)?;
        let sigma = sigma
            .map(|sigma| arrays::copy(&arrays::vector(&sigma, "sigma")?))
            .transpose()?;
        let mut guard = self.lock()?;
        let designer = &mut *guard;
        or_raised(|| {
            let updated = ending::detach(py, || designer.update(&setting, &values, sigma.as_deref()));
            updated.map_err(errors::input)
        })
    }

    /// undo()
    ///
    /// Undoes the last measurement.
    fn undo(&self, py: Python<'_>) -> PyResult<()> {
        let mut guard = self.lock()?;
        let designer = &mut *guard;
        or_raised(|| ending::detach(py, || designer.undo()).map_err(errors::input))
    }

    /// mean() -> array
    ///
    /// Mean of each parameter, shape (parameters,).
    fn mean<'py>(&self, py: Python<'py>) -> PyResult<Vector<'py>> {
        Ok(arrays::array(py, self.lock()?.mean()))
    }

    /// std() -> array
    ///
    /// Standard deviation of each parameter, shape (parameters,).
    fn std<'py>(&self, py: Python<'py>) -> PyResult<Vector<'py>> {
        Ok(arrays::array(py, self.lock()?.std()))
    }

    /// covariance() -> array
    ///
    /// Covariance matrix, shape (parameters, parameters).
    fn covariance<'py>(&self, py: Python<'py>) -> PyResult<Matrix<'py>> {
        let rows = self.lock()?.covariance();
        arrays::matrix_of(py, rows.concat(), [rows.len(); 2])
    }

    /// interval(probability=0.95) -> array
    ///
    /// Central credible interval of each parameter, shape (parameters, 2).
    #[pyo3(signature = (probability=0.95))]
    fn interval<'py>(&self, py: Python<'py>, probability: f64) -> PyResult<Matrix<'py>> {
        let rows = self.lock()?.interval(probability).map_err(errors::input)?;
        arrays::matrix_of(py, rows.concat(), [rows.len(), 2])
    }

    /// Values of the parameters, shape (parameters, particles).
    #[getter]
    fn particles<'py>(&self, py: Python<'py>) -> PyResult<Matrix<'py>> {
        let designer = self.lock()?;
        let count = designer.experiment().parameters.len();
        let values = (0..count)
            .flat_map(|row| designer.particles(row))
            .copied()
            .collect();
        arrays::matrix_of(py, values, [count, designer.num_particles()])
    }

    /// Weights of the particles, shape (particles,); their sum is 1.
    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Vector<'py>> {
        Ok(arrays::array(py, self.lock()?.weights()))
    }

    /// Measurements taken in, oldest first: tuples of setting, values, and sigma or None, each an array.
    #[getter]
    fn history<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Vec<(Vector<'py>, Vector<'py>, Option<Vector<'py>>)>> {
        let array = |values: &Vec<f64>| arrays::array(py, values.clone());
        let designer = self.lock()?;
        let history = designer.history().iter();
        Ok(history
            .map(|it| {
                (
                    array(&it.setting),
                    array(&it.values),
                    it.sigma.as_ref().map(array),
                )
            })
            .collect())
    }

    /// Number of equally weighted particles that would carry the same information.
    #[getter]
    fn effective_sample_size(&self) -> PyResult<f64> {
        Ok(self.lock()?.effective_sample_size())
    }

    /// Entropy, in nats, of a normal distribution with the same covariance.
    #[getter]
    fn entropy(&self) -> PyResult<f64> {
        Ok(self.lock()?.entropy())
    }

    /// Seed of the random numbers.
    #[getter]
    fn seed(&self) -> PyResult<u64> {
        Ok(self.lock()?.seed())
    }

    /// Number of times that the particles were resampled.
    #[getter]
    fn resamplings(&self) -> PyResult<u64> {
        Ok(self.lock()?.resamplings())
    }

    /// The last 100 warnings, oldest first.
    #[getter]
    fn warnings(&self) -> PyResult<Vec<String>> {
        Ok(self.lock()?.warnings().map(String::from).collect())
    }

    /// posterior() -> str
    ///
    /// Complete state as text, for `from_posterior`: what the server's `save` writes.
    fn posterior(&self, py: Python<'_>) -> PyResult<String> {
        let mut guard = self.lock()?;
        let designer = &mut *guard;
        Ok(ending::detach(py, move || designer.posterior()))
    }

    /// from_posterior(experiment, text) -> Designer
    ///
    /// Designer that goes on where the saved one was, bit for bit; measurements before cannot be undone.
    #[staticmethod]
    fn from_posterior(py: Python<'_>, experiment: Bound<'_, Experiment>, text: &str) -> PyResult<Self> {
        let copy = experiment.get().copy();
        let read = or_raised(|| {
            let read = ending::detach(py, move || design::Designer::from_posterior(copy, text));
            read.map_err(errors::input)
        });
        Ok(Self {
            inner: Mutex::new(read?),
            experiment: experiment.unbind(),
        })
    }

    /// save(path)
    ///
    /// Writes the posterior to a file; an older one is replaced completely or not at all.
    fn save(&self, py: Python<'_>, path: Bound<'_, PyAny>) -> PyResult<()> {
        let text = self.posterior(py)?;
        py.import("labwire._source")?
            .call_method1("replace", (path, text))?;
        Ok(())
    }

    /// load(experiment, path) -> Designer
    ///
    /// Designer from a file that `save`, or a server's command `save`, wrote.
    #[staticmethod]
    fn load(py: Python<'_>, experiment: Bound<'_, Experiment>, path: Bound<'_, PyAny>) -> PyResult<Self> {
        let text: String = py
            .import("labwire._source")?
            .call_method1("content", (path,))?
            .extract()?;
        Self::from_posterior(py, experiment, &text)
    }

    /// Picture of the posterior for notebooks.
    fn _repr_svg_(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        slf.py()
            .import("labwire._display")?
            .call_method1("posterior", (slf,))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let designer = self.lock()?;
        let (mean, std) = (designer.mean(), designer.std());
        let parameters = designer.experiment().parameters.iter().zip(mean.iter().zip(&std));
        let parts: Vec<_> = parameters
            .map(|(it, (mean, std))| {
                format!(
                    "{} = {} +- {}",
                    it.name,
                    rounded(*mean, *std),
                    rounded(*std, *std)
                )
            })
            .collect();
        let experiment = self.experiment.bind(py).get().copy().name;
        let count = designer.history().len();
        Ok(format!(
            "<labwire.Designer of '{experiment}', {count} measurements: {}>",
            parts.join(", ")
        ))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py, (Py<Experiment>, String)>> {
        let class: Bound<'py, PyType> = slf.get_type();
        let this = slf.get();
        let parts = (this.experiment.clone_ref(slf.py()), this.posterior(slf.py())?);
        Ok((class.getattr("from_posterior")?, parts))
    }
}

impl Designer {
    fn lock(&self) -> PyResult<MutexGuard<'_, design::Designer>> {
        match self.inner.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::Poisoned(error)) => Ok(error.into_inner()),
            Err(TryLockError::WouldBlock) => Err(errors::busy("the designer is at work for another caller")),
        }
    }
}

/// Computes the utility of every setting.
fn complete(py: Python<'_>, designer: &mut design::Designer, scan: &mut UtilityScan) -> PyResult<()> {
    or_raised(|| {
        let step = || Ok(!designer.continue_scan_by(scan, OPERATIONS));
        until_done(py, step, |error: DesignError| errors::input(error))
    })
}

/// Number as text, rounded to the second digit of its uncertainty.
#[pyfunction]
pub(crate) fn rounded(number: f64, uncertainty: f64) -> String {
    design::rounded(number, uncertainty)
}
