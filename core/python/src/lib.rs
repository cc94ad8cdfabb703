//! The extension module behind `import labwire`. What needs no speed is Python, in `labwire/`; this is the rest.

mod arrays;
mod batch;
mod clients;
mod designer;
mod device;
mod ending;
mod errors;
mod experiment;
mod function;
mod instruments;
mod modules;
mod problem;
mod program;
mod server;
mod solver;
mod tasks;
mod work;

use pyo3::prelude::*;

#[pymodule]
mod _labwire {
    use super::*;

    #[pymodule_export]
    use clients::{OpenCalls, obe_call, zeiss_call, zeiss_elements, zeiss_image};
    #[pymodule_export]
    use designer::{Designer, rounded};
    #[pymodule_export]
    use device::{Device, EmulatedDevice};
    #[pymodule_export]
    use experiment::{Experiment, Simulator};
    #[pymodule_export]
    use instruments::{connect_module, serve_modules};
    #[pymodule_export]
    use modules::pymodaq_call;
    #[pymodule_export]
    use problem::Problem;
    #[pymodule_export]
    use program::run;
    #[pymodule_export]
    use server::{Listening, serve_experiment, serve_obe, serve_open, serve_problem, serve_zeiss};
    #[pymodule_export]
    use solver::Solver;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        ending::watch(module)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
