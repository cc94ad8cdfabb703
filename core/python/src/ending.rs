//! The end of the interpreter. A thread that asks for the interpreter's lock after that is ended by CPython, and if Rust has
//! called on it, the process with it. So the interpreter waits at its end for the threads that are in the middle of such a
//! call, and the others stay away from it.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

/// Time that the interpreter waits for functions in Python that do not return.
const PATIENCE: Duration = Duration::from_secs(2);

static IS_ENDING: AtomicBool = AtomicBool::new(false);
/// Number of calls in all threads, each counted as often as it is nested.
static CALLS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static CALLS_HERE: Cell<usize> = const { Cell::new(0) };
    /// Whether this is the thread that ends the interpreter, and still may call it.
    static ENDS_IT: Cell<bool> = const { Cell::new(false) };
}

/// A call between Rust and Python, for which the end of the interpreter waits.
pub(crate) struct Call;

impl Call {
    /// None if the interpreter is ending, and does not wait for another call.
    fn begin() -> Option<Self> {
        count(1);
        let call = Self;
        let may_call = ENDS_IT.get() || CALLS_HERE.get() > 1 || !IS_ENDING.load(Ordering::SeqCst);
        may_call.then_some(call)
    }

    /// Waits for the end of the process if the interpreter is ending. The thread must not have its lock.
    fn begin_or_wait() -> Self {
        loop {
            match Self::begin() {
                Some(call) => return call,
                None => thread::park(),
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        count(-1);
    }
}

/// Changes the number of calls of this thread.
fn count(change: isize) {
    CALLS_HERE.set(CALLS_HERE.get().wrapping_add_signed(change));
    CALLS.fetch_add(change.cast_unsigned(), Ordering::SeqCst);
}

/// Begins a call from Python that goes back there: to a function that a user has given, or for its results.
pub(crate) fn enter(py: Python<'_>) -> Call {
    Call::begin().unwrap_or_else(|| py.detach(Call::begin_or_wait))
}

/// Does work without the interpreter's lock. Nothing waits for it.
pub(crate) fn detach<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let calls = CALLS_HERE.get().cast_signed();
    count(-calls);
    let (result, _call) = py.detach(|| {
        let result = work();
        let call = Call::begin_or_wait();
        count(calls);
        (result, call)
    });
    result
}

/// Calls Python from a thread that does not have the interpreter's lock; None if the interpreter is ending.
pub(crate) fn attach<T>(call: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _call = Call::begin()?;
    Python::try_attach(call)
}

/// Waits until no call is under way: of the threads that Python ends without waiting for them.
#[pyfunction]
fn end(py: Python<'_>) {
    ENDS_IT.set(true);
    IS_ENDING.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    py.detach(|| {
        while CALLS.load(Ordering::SeqCst) > CALLS_HERE.get() && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
    });
}

/// Forgets the calls of the threads that a forked process does not have.
#[pyfunction]
fn forget_other_threads() {
    CALLS.store(CALLS_HERE.get(), Ordering::SeqCst);
}

/// Has the interpreter call `end` before it ends.
pub(crate) fn watch(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let end = wrap_pyfunction!(end, module)?;
    py.import("atexit")?.call_method1("register", (end,))?;
    let os = py.import("os")?;
    if os.hasattr("register_at_fork")? {
        let after_in_child = wrap_pyfunction!(forget_other_threads, module)?;
        let arguments = [("after_in_child", after_in_child)].into_py_dict(py)?;
        os.call_method("register_at_fork", (), Some(&arguments))?;
    }
    Ok(())
}
