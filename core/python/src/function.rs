//! Models of experiments as Python functions.

use std::cell::Cell;
use std::sync::Arc;

use labwire_core::design::{Model, Points};
use numpy::PyArray1;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::{arrays, ending};

thread_local! {
    /// Exception of a Python function, until the method that called it, on the same thread, returns.
    static RAISED: Cell<Option<PyErr>> = const { Cell::new(None) };
}

/// Result of `work`, unless a Python function raised meanwhile.
pub(crate) fn or_raised<T>(work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    RAISED.take();
    let result = work();
    match RAISED.take() {
        Some(error) => Err(error),
        None => result,
    }
}

/// Function `model(*settings, *parameters)` of numbers and arrays.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    function: Arc<Py<PyAny>>,
    num_settings: usize,
    num_parameters: usize,
    channels: usize,
}

impl Function {
    pub(crate) fn new(
        function: Py<PyAny>,
        num_settings: usize,
        num_parameters: usize,
        channels: usize,
    ) -> Self {
        Self {
            function: Arc::new(function),
            num_settings,
            num_parameters,
            channels,
        }
    }

    fn call(
        &self,
        py: Python<'_>,
        settings: Points<'_>,
        parameters: Points<'_>,
        outputs: &mut [f64],
    ) -> PyResult<()> {
        let len = settings.len().max(parameters.len());
        let settings = (0..self.num_settings).map(|row| settings.row(row));
        let parameters = (0..self.num_parameters).map(|row| parameters.row(row));
        let mut arguments = Vec::new();
        for row in settings.chain(parameters) {
            arguments.push(match *row {
                [value] => value.into_pyobject(py)?.into_any(),
                ref values => PyArray1::from_slice(py, values).into_any(),
            });
        }
        let result = self.function.bind(py).call1(PyTuple::new(py, arguments)?)?;
        let source = py.import("labwire._source")?;
        let result = source.call_method1("outputs", (result, self.channels, len))?;
        let values = arrays::vector(&result, "outputs of the model")?;
        for (output, value) in outputs.iter_mut().zip(values.as_slice()?) {
            *output = *value;
        }
        Ok(())
    }
}

impl Model for Function {
    fn num_outputs(&self) -> usize {
        self.channels
    }

    fn evaluate(&mut self, settings: Points<'_>, parameters: Points<'_>, outputs: &mut [f64]) {
        let before = RAISED.take();
        let called = match before {
            // The first is the cause; all that follows is thrown away.
            Some(error) => Some(Err(error)),
            // None at the end of the interpreter.
            None => ending::attach(|py| self.call(py, settings, parameters, outputs)),
        };
        if !matches!(called, Some(Ok(()))) {
            outputs.fill(f64::NAN);
        }
        RAISED.set(called.and_then(Result::err));
    }

    /// A call of Python takes as long as about a thousand operations.
    fn operations(&self) -> usize {
        1000
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }
}
