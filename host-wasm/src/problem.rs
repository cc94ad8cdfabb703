//! Problem files.

use std::sync::Arc;

use labwire_core::problem::{self, DEFAULT_PROBLEM, TextLimits};
use wasm_bindgen::prelude::*;

use crate::error::problem_error;

/// Text of the default problem of `labwire serve`.
#[wasm_bindgen(js_name = defaultProblem)]
pub fn default_problem() -> String {
    DEFAULT_PROBLEM.into()
}

/// Parametric optimization problem, ready to be solved.
#[wasm_bindgen]
#[derive(Clone, Debug)]
pub struct Problem {
    pub(crate) problem: Arc<problem::Problem>,
}

#[wasm_bindgen]
impl Problem {
    /// Reads a problem file.
    ///
    /// @throws {TextError} if the text is invalid; the error shows the position and may give advice
    #[wasm_bindgen(constructor)]
    pub fn new(#[wasm_bindgen(unchecked_param_type = "FileText")] text: &str) -> Result<Self, JsValue> {
        match problem::Problem::from_json(text, &TextLimits::default()) {
            Ok(problem) => Ok(Self {
                problem: Arc::new(problem),
            }),
            Err(error) => Err(problem_error(&error)),
        }
    }

    /// Reads a problem from the object that its file would describe; typed arrays are lists of numbers.
    ///
    /// @throws {TypeError} if the object holds what a file cannot, such as a function or `NaN`
    /// @throws {TextError} if it is no valid problem; the error shows the position in the object as text
    pub fn from(#[wasm_bindgen(unchecked_param_type = "FileObject")] object: &str) -> Result<Self, JsValue> {
        Self::new(object)
    }

    /// Name given in the file, or "unnamed".
    #[wasm_bindgen(getter)]
    pub fn name(&self) -> String {
        self.problem.name().into()
    }

    /// Number of decision variables.
    #[wasm_bindgen(getter, js_name = numVariables)]
    pub fn num_variables(&self) -> usize {
        self.problem.num_variables()
    }

    /// Names of the parameters, one per number: `p[0]` and so on for the components of vectors.
    #[wasm_bindgen(getter, js_name = parameterNames)]
    pub fn parameter_names(&self) -> Vec<String> {
        let vectors = self.problem.parameters().iter();
        let components = vectors.map(|vector| match vector.len {
            1 => vec![vector.name.clone()],
            len => (0..len).map(|i| format!("{}[{i}]", vector.name)).collect(),
        });
        components.flatten().collect()
    }

    /// Summary of the problem for display, one line per item.
    #[wasm_bindgen(getter)]
    pub fn summary(&self) -> String {
        self.problem.summary().to_string()
    }

    /// Number of parameters.
    #[wasm_bindgen(getter, js_name = numParameters)]
    pub fn num_parameters(&self) -> usize {
        self.problem.num_parameters()
    }

    /// Number of components of F1, the constraints with a set.
    #[wasm_bindgen(getter, js_name = numF1)]
    pub fn num_f1(&self) -> usize {
        self.problem.num_f1()
    }

    /// Number of components of F2, the constraints that must be zero.
    #[wasm_bindgen(getter, js_name = numF2)]
    pub fn num_f2(&self) -> usize {
        self.problem.num_f2()
    }
}
