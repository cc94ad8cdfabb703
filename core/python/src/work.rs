//! Long work without the interpreter's lock, with a look at signals now and then.

use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::ending;

/// Time between two looks at signals: Ctrl-C takes as long to be heeded.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// Calls `step`, which returns false at its end, until then, without the interpreter's lock.
///
/// # Errors
/// Those of `step`; the exception that a signal's handler raised, such as KeyboardInterrupt.
pub(crate) fn until_done<E: Send>(
    py: Python<'_>,
    mut step: impl FnMut() -> Result<bool, E> + Send,
    error: impl Fn(E) -> PyErr,
) -> PyResult<()> {
    while ending::detach(py, || for_a_while(&mut step)).map_err(&error)? {
        py.check_signals()?;
    }
    Ok(())
}

fn for_a_while<E>(step: &mut impl FnMut() -> Result<bool, E>) -> Result<bool, E> {
    let begun = Instant::now();
    while step()? {
        if begun.elapsed() >= LOOK {
            return Ok(true);
        }
    }
    Ok(false)
}
