//! The runtime of all connections, and futures of Python for what its tasks return.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{ending, errors};

/// The runtime, and the process that started it: threads do not outlive a fork.
static RUNTIME: Mutex<Option<(u32, Runtime)>> = Mutex::new(None);

/// Threads of the runtime: handlers in Python block them while they wait for the interpreter.
const THREADS: usize = 4;

/// The runtime of this process.
pub(crate) fn runtime() -> PyResult<Handle> {
    let process = std::process::id();
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((started_by, running)) = &*runtime
        && *started_by == process
    {
        return Ok(running.handle().clone());
    }
    let mut builder = Builder::new_multi_thread();
    let started = builder
        .worker_threads(THREADS)
        .thread_name("labwire")
        .enable_all()
        .build()?;
    let handle = started.handle().clone();
    // That of the parent process has no threads here for which one could wait.
    std::mem::forget(runtime.replace((process, started)));
    Ok(handle)
}

/// Process in which a connection was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner(u32);

impl Owner {
    pub(crate) fn new() -> Self {
        Self(std::process::id())
    }

    /// # Errors
    /// In a forked process, where nobody would answer.
    pub(crate) fn check(self) -> PyResult<()> {
        match self.0 == std::process::id() {
            true => Ok(()),
            false => Err(errors::connection(
                "the connection belongs to the process that made it, not to this fork of it",
            )),
        }
    }
}

/// Runs a task. The result is a concurrent.futures.Future; cancelling it ends the task.
pub(crate) fn spawn<'py, T>(
    py: Python<'py>,
    work: impl Future<Output = PyResult<T>> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>>
where
    T: for<'a> IntoPyObject<'a> + Send + 'static,
{
    let future = py.import("concurrent.futures")?.getattr("Future")?.call0()?;
    let promise = future.clone().unbind();
    let task = runtime()?.spawn(async move {
        let result = work.await;
        // At the end of the interpreter nobody waits any more.
        ending::attach(|py| settle(py, promise.bind(py), result));
    });
    let task = task.abort_handle();
    let cancelled = move |arguments: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| -> PyResult<()> {
        if arguments.get_item(0)?.call_method0("cancelled")?.is_truthy()? {
            task.abort();
        }
        Ok(())
    };
    let callback = PyCFunction::new_closure(py, None, None, cancelled)?;
    future.call_method1("add_done_callback", (callback,))?;
    Ok(future)
}

fn settle<'py, T: IntoPyObject<'py>>(py: Python<'py>, promise: &Bound<'py, PyAny>, result: PyResult<T>) {
    let result = result.and_then(|value| value.into_bound_py_any(py));
    let settled = match result {
        Ok(value) => promise.call_method1("set_result", (value,)),
        Err(error) => promise.call_method1("set_exception", (error,)),
    };
    // It was cancelled meanwhile.
    drop(settled);
}
