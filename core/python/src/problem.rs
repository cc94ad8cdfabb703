//! `labwire.Problem`.

use std::sync::Arc;

use labwire_core::expression::Named;
use labwire_core::problem::{self, TextLimits};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::{arrays, ending, errors};

/// Problem with parameters: minimize a cost over u in a set, with constraints; from its text.
///
/// Problem(source, **keys): `source` is the text itself (JSON, which begins with a brace), a dictionary, the path of a file;
/// or CasADi's Opti, nlpsol's dictionary of "x", "f", "p", "g", or a Function: then with the `keys` that `from_opti`,
/// `from_nlp` and `problem` of `labwire.casadi` take, such as `lbg` or `parameters`.
///
/// Raises TextError, with the place of the fault. Problems are immutable, and can be pickled.
#[pyclass(frozen, module = "labwire")]
pub(crate) struct Problem {
    pub(crate) problem: Arc<problem::Problem>,
    /// Text of the problem, as it was read.
    #[pyo3(get)]
    text: String,
}

#[pymethods]
impl Problem {
    #[new]
    #[pyo3(signature = (source, **keys))]
    fn new(py: Python<'_>, source: &Bound<'_, PyAny>, keys: Option<Bound<'_, PyDict>>) -> PyResult<Self> {
        let keys = keys.unwrap_or_else(|| PyDict::new(py));
        let text = py
            .import("labwire._source")?
            .call_method1("problem", (source, keys))?;
        let text: String = text.extract()?;
        let read = ending::detach(py, || problem::Problem::from_json(&text, &TextLimits::default()));
        let problem = Arc::new(read.map_err(errors::text_error)?);
        Ok(Self { problem, text })
    }

    /// Name given in the text, or "unnamed".
    #[getter]
    fn name(&self) -> &str {
        self.problem.name()
    }

    /// Lengths of the vectors that make up the decision variables u, by name, in order.
    #[getter]
    fn variables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        lengths(py, self.problem.variables())
    }

    /// Lengths of the vectors that make up the parameters p, by name, in order.
    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        lengths(py, self.problem.parameters())
    }

    /// Number n of decision variables.
    #[getter]
    fn num_variables(&self) -> usize {
        self.problem.num_variables()
    }

    /// Number of parameters.
    #[getter]
    fn num_parameters(&self) -> usize {
        self.problem.num_parameters()
    }

    /// Number m1 of components of F1.
    #[getter]
    fn num_f1(&self) -> usize {
        self.problem.num_f1()
    }

    /// Number m2 of components of F2.
    #[getter]
    fn num_f2(&self) -> usize {
        self.problem.num_f2()
    }

    /// Default initial guess, shape (n,); None if the text has none, which stands for the origin.
    #[getter]
    fn initial_guess<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<f64>>> {
        let guess = self.problem.initial_guess()?;
        Some(arrays::array(py, guess.to_vec()))
    }

    /// Units that the text gives to what a solution's `variables` hold, and to the parameters, by name.
    #[getter]
    fn units<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        texts(py, &self.problem, |named| &named.unit)
    }

    /// Labels of the same.
    #[getter]
    fn labels<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        texts(py, &self.problem, |named| &named.label)
    }

    /// Summary: variables, parameters, constraints, operations of an evaluation.
    fn __str__(&self) -> String {
        self.problem.summary().to_string()
    }

    fn __repr__(&self) -> String {
        let problem = &self.problem;
        format!(
            "<labwire.Problem '{}': {} variables, {} parameters, {} + {} constraints>",
            problem.name(),
            problem.num_variables(),
            problem.num_parameters(),
            problem.num_f1(),
            problem.num_f2()
        )
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.text == other.text
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, (String,)) {
        (slf.get_type(), (slf.get().text.clone(),))
    }
}

fn lengths<'py>(py: Python<'py>, vectors: &[Named]) -> PyResult<Bound<'py, PyDict>> {
    let lengths = PyDict::new(py);
    for Named { name, len, .. } in vectors {
        lengths.set_item(name, len)?;
    }
    Ok(lengths)
}

/// Texts of the named vectors that have one.
fn texts<'py>(
    py: Python<'py>,
    problem: &problem::Problem,
    text: fn(&Named) -> &str,
) -> PyResult<Bound<'py, PyDict>> {
    let texts = PyDict::new(py);
    for named in problem.parameters().iter().chain(problem.results()) {
        if !text(named).is_empty() {
            texts.set_item(&named.name, text(named))?;
        }
    }
    Ok(texts)
}
