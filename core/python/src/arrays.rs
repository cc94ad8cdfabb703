//! numpy's arrays as slices, and vectors as numpy's arrays.

use labwire_core::expression::Named;
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A vector of numbers: without a copy if it is a contiguous array of float64, otherwise converted by numpy.
pub(crate) fn vector<'py>(values: &Bound<'py, PyAny>, what: &str) -> PyResult<PyReadonlyArray1<'py, f64>> {
    if let Ok(array) = values.cast::<PyArray1<f64>>()
        && array.is_contiguous()
    {
        return Ok(array.try_readonly()?);
    }
    let converted = convert(values, what, 1)?;
    Ok(converted.cast::<PyArray1<f64>>()?.try_readonly()?)
}

/// A matrix of numbers, row by row in memory; as [`vector`].
pub(crate) fn matrix<'py>(values: &Bound<'py, PyAny>, what: &str) -> PyResult<PyReadonlyArray2<'py, f64>> {
    if let Ok(array) = values.cast::<PyArray2<f64>>()
        && array.is_c_contiguous()
    {
        return Ok(array.try_readonly()?);
    }
    let converted = convert(values, what, 2)?;
    Ok(converted.cast::<PyArray2<f64>>()?.try_readonly()?)
}

/// Parameters: a vector, or a dictionary by name.
pub(crate) fn parameters<'py>(
    values: &Bound<'py, PyAny>,
    parameters: &[Named],
) -> PyResult<PyReadonlyArray1<'py, f64>> {
    let Ok(by_name) = values.cast::<PyDict>() else {
        return vector(values, "parameters");
    };
    let sizes = PyDict::new(values.py());
    for Named { name, len, .. } in parameters {
        sizes.set_item(name, len)?;
    }
    let source = values.py().import("labwire._source")?;
    let vector = source.call_method1("named", (by_name, sizes, "parameters"))?;
    Ok(vector.cast::<PyArray1<f64>>()?.try_readonly()?)
}

fn convert<'py>(values: &Bound<'py, PyAny>, what: &str, ndim: usize) -> PyResult<Bound<'py, PyAny>> {
    let source = values.py().import("labwire._source")?;
    source.call_method1("array", (values, what, ndim))
}

/// A vector as an array, without a copy.
pub(crate) fn array(py: Python<'_>, values: Vec<f64>) -> Bound<'_, PyArray1<f64>> {
    values.into_pyarray(py)
}

/// Numbers, row by row, as an array of that shape, without a copy.
pub(crate) fn matrix_of(
    py: Python<'_>,
    values: Vec<f64>,
    shape: [usize; 2],
) -> PyResult<Bound<'_, PyArray2<f64>>> {
    values.into_pyarray(py).reshape(shape)
}

/// The numbers of an array that [`vector`] returned.
pub(crate) fn slice<'a>(array: &'a PyReadonlyArray1<'_, f64>) -> PyResult<&'a [f64]> {
    Ok(array.as_slice()?)
}

/// A copy of the numbers: other threads may write to the array while the interpreter's lock is released.
pub(crate) fn copy(array: &PyReadonlyArray1<'_, f64>) -> PyResult<Vec<f64>> {
    Ok(array.as_slice()?.to_vec())
}
