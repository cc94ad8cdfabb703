//! Client of a server of PyMoDAQ modules; `labwire/_modules.py` is what users see.

use labwire_core::pymodaq::{
    Answer, Command, DataDim, DataToExport, DataWithAxes, Limits, ModuleAnswer, NdArray,
};
use labwire_tokio::{ControlError, ModuleController, RemoteError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::clients::{limit, remote};
use crate::errors;
use crate::tasks::spawn;

/// Has `modules` (if there are none, all that support it) carry out a command; a future of their answers, a dictionary
/// each.
#[pyfunction]
#[pyo3(signature = (address, timeout, modules, name, value=None, text=None, path=Vec::new()))]
#[expect(clippy::too_many_arguments, reason = "commands differ in theirs")]
pub(crate) fn pymodaq_call<'py>(
    py: Python<'py>,
    address: String,
    timeout: f64,
    modules: Vec<String>,
    name: &str,
    value: Option<f64>,
    text: Option<String>,
    path: Vec<String>,
) -> PyResult<Bound<'py, PyAny>> {
    let command = command(name, value, text, path)?;
    let timeout = limit(timeout)?;
    spawn(py, async move {
        let mut limits = Limits::default();
        limits.session.request_timeout = timeout;
        let controller = ModuleController::connect(remote(&address).await?, &limits);
        let controller = controller.await.map_err(failed)?;
        controller
            .ask(modules, command)
            .await
            .map(Answers)
            .map_err(failed)
    })
}

fn command(name: &str, value: Option<f64>, text: Option<String>, path: Vec<String>) -> PyResult<Command> {
    let number = value.unwrap_or(f64::NAN);
    Ok(match name {
        "list" => Command::List,
        "grab" => Command::Grab(match text {
            None => None,
            Some(dim) => match DataDim::from_name(&format!("Data{dim}")) {
                Some(dim) => Some(dim),
                None => return Err(errors::input(format!("dim is {dim}, expected 0D, 1D, 2D or ND"))),
            },
        }),
        "last" => Command::Last,
        "move_abs" | "move_rel" if !number.is_finite() => {
            return Err(errors::input(format!(
                "the position is {number}, expected a finite number"
            )));
        }
        "move_abs" => Command::MoveAbs(number),
        "move_rel" => Command::MoveRel(number),
        "home" => Command::Home,
        "stop" => Command::Stop,
        "position" => Command::Position,
        "settings" => Command::Settings,
        "set" => Command::Set {
            path,
            value: text.unwrap_or_default(),
        },
        "rename" => Command::Rename(text.unwrap_or_default()),
        _ => return Err(errors::input(format!("no command {name}"))),
    })
}

fn failed(error: RemoteError<ControlError>) -> PyErr {
    let text = error.to_string();
    match error.error {
        ControlError::TimedOut(_) => errors::timed_out(text),
        ControlError::Refused(_) => errors::device(text),
        _ => errors::connection(text),
    }
}

struct Answers(Vec<ModuleAnswer>);

impl<'py> IntoPyObject<'py> for Answers {
    type Target = PyList;
    type Output = Bound<'py, PyList>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        let answers = PyList::empty(py);
        for ModuleAnswer { module, result } in self.0 {
            let answer = PyDict::new(py);
            answer.set_item("module", module)?;
            match result {
                Ok(result) => describe(&answer, result)?,
                Err(error) => answer.set_item("error", error)?,
            }
            answers.append(answer)?;
        }
        Ok(answers)
    }
}

fn describe(answer: &Bound<'_, PyDict>, result: Answer) -> PyResult<()> {
    match result {
        Answer::Info(info) => {
            answer.set_item("kind", info.kind)?;
            answer.set_item("generation", info.generation)?;
            answer.set_item("address", info.address)?;
            answer.set_item("state", info.state)?;
            answer.set_item("seconds", info.seconds)?;
            answer.set_item("frames", info.frames)?;
            answer.set_item("last", info.last)
        }
        Answer::Data(data) => answer.set_item("data", parts(answer.py(), &data)?),
        Answer::Position { value, units } => {
            answer.set_item("position", value)?;
            answer.set_item("units", units)
        }
        Answer::Settings(xml) => answer.set_item("settings", xml),
        Answer::Set { confirmed } => answer.set_item("confirmed", confirmed),
        _ => Ok(()),
    }
}

fn parts<'py>(py: Python<'py>, data: &DataToExport) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for part in &data.data {
        list.append(part_to_python(py, part)?)?;
    }
    Ok(list)
}

fn part_to_python<'py>(py: Python<'py>, part: &DataWithAxes) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    found.set_item("name", &part.name)?;
    found.set_item("units", &part.units)?;
    found.set_item("timestamp", part.timestamp)?;
    found.set_item("labels", &part.labels)?;
    let arrays: PyResult<Vec<_>> = part.data.iter().map(|array| raw(py, array)).collect();
    found.set_item("arrays", arrays?)?;
    let axes = PyList::empty(py);
    for axis in &part.axes {
        axes.append((&axis.label, &axis.units, axis.index, raw(py, &axis.data)?))?;
    }
    found.set_item("axes", axes)?;
    Ok(found)
}

/// dtype as numpy writes it, shape, bytes.
fn raw<'py>(py: Python<'py>, array: &NdArray) -> PyResult<(String, Vec<usize>, Bound<'py, PyBytes>)> {
    Ok((
        array.dtype().to_string(),
        array.shape().to_vec(),
        PyBytes::new(py, array.bytes()),
    ))
}
