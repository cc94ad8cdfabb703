//! The extension module behind `import labwire`. What needs no speed is Python, in `labwire/`; this is the rest.

mod arrays;
mod batch;
mod designer;
mod errors;
mod experiment;
mod function;
mod problem;
mod program;
mod solver;
mod work;

use pyo3::prelude::*;

#[pymodule]
mod _labwire {
    use super::*;

    #[pymodule_export]
    use designer::Designer;
    #[pymodule_export]
    use experiment::{Experiment, Simulator};
    #[pymodule_export]
    use problem::Problem;
    #[pymodule_export]
    use program::run;
    #[pymodule_export]
    use solver::Solver;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
