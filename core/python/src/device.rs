//! Connections to lab devices, and emulated devices; `labwire/_device.py` is what users see.

use std::time::Duration;

use labwire_core::device::{Dialect, Request, State};
use labwire_core::framing::until::Until;
use labwire_core::limits::HostLimits;
use labwire_core::simulate::devices::{Instrument, Response};
use labwire_core::simulate::{Behaviour, Emulator};
use labwire_tokio::RemoteError;
use labwire_tokio::device::{DeviceConnection, DeviceEmulator, DeviceError, DeviceSettings};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::ending;
use crate::errors;
use crate::solver::duration;
use crate::tasks::{Owner, runtime, spawn};

/// Time for which a device that sends text may greet a new client.
const GREETING_TIME: Duration = Duration::from_millis(100);

/// Connection to a device: every method returns a concurrent.futures.Future.
#[pyclass(frozen, module = "labwire._labwire")]
pub(crate) struct Device {
    connection: DeviceConnection,
    dialect: Dialect,
    alone: Duration,
    owner: Owner,
}

#[pymethods]
impl Device {
    #[new]
    fn new(
        address: &str,
        preset: &str,
        timeout: f64,
        connect_timeout: f64,
        minimum_interval: f64,
        answer_bytes: usize,
        alone: f64,
    ) -> PyResult<Self> {
        let dialect: Dialect = preset.parse().map_err(errors::input)?;
        let time = |name, seconds| Ok::<_, PyErr>(duration(name, Some(seconds))?.unwrap_or_default());
        let mut options = DeviceSettings::default();
        let mut settings = options.settings;
        settings.request_timeout = time("timeout", timeout)?;
        settings.connect_timeout = time("connect_timeout", connect_timeout)?;
        settings.minimum_interval = time("minimum_interval", minimum_interval)?;
        settings.answer_bytes = answer_bytes;
        if dialect.is_text() {
            settings.settle_time = settings.settle_time.max(GREETING_TIME);
        }
        options.settings = dialect.adapt(settings);
        let runtime = runtime()?;
        let _entered = runtime.enter();
        Ok(Self {
            connection: DeviceConnection::open(with_port(address, dialect.port), options),
            alone: time("alone", alone)?,
            dialect,
            owner: Owner::new(),
        })
    }

    /// Asks, in the device's dialect; the answer without its framing.
    fn query<'py>(&self, py: Python<'py>, command: Vec<u8>) -> PyResult<Bound<'py, PyAny>> {
        let request = self.dialect.query(&command).map_err(errors::input)?;
        self.perform(py, request.alone_for(self.alone), true)
    }

    /// Sends a command, in the device's dialect; waits for its acknowledgement where devices of its kind send one.
    fn send<'py>(&self, py: Python<'py>, command: Vec<u8>) -> PyResult<Bound<'py, PyAny>> {
        self.perform(py, self.dialect.send(&command).map_err(errors::input)?, true)
    }

    /// Sends bytes as they are.
    fn write<'py>(&self, py: Python<'py>, message: Vec<u8>) -> PyResult<Bound<'py, PyAny>> {
        self.perform(py, Request::send(message), false)
    }

    /// Receives bytes: up to a delimiter, of a length, or any.
    #[pyo3(signature = (delimiter, length))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        delimiter: Option<Vec<u8>>,
        length: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let until = match (delimiter, length) {
            (Some(delimiter), _) => Until::delimiter(delimiter),
            (None, Some(length)) => Until::Length(length),
            (None, None) => Until::Any,
        };
        self.perform(py, Request::recv(until), false)
    }

    /// State, cause of degradation, counters.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.owner.check()?;
        let connection = self.connection.clone();
        spawn(py, async move {
            let status = connection.status().await.map_err(failed)?;
            let state = match status.state {
                State::Disconnected => "disconnected",
                State::Connecting => "connecting",
                State::Connected => "connected",
                State::Backoff => "backoff",
            };
            let counters = status.statistics;
            Ok((
                state,
                status.degraded.map(|cause| cause.to_string()),
                [
                    counters.attempts,
                    counters.connections,
                    counters.connections_lost,
                    counters.requests,
                    counters.failures,
                    counters.answers,
                    counters.bytes_sent,
                    counters.bytes_received,
                ],
                counters.round_trip.as_secs_f64(),
            ))
        })
    }

    /// Reason why the device is unusable; None while it is well.
    #[getter]
    fn degraded(&self) -> Option<String> {
        self.connection.degraded().map(|cause| cause.to_string())
    }
}

impl Device {
    fn perform<'py>(&self, py: Python<'py>, request: Request, unframe: bool) -> PyResult<Bound<'py, PyAny>> {
        self.owner.check()?;
        let (connection, dialect) = (self.connection.clone(), self.dialect.clone());
        spawn(py, async move {
            let answer = connection.perform(request).await.map_err(failed)?;
            let payload = if unframe {
                dialect.payload(&answer)
            } else {
                &answer
            };
            Ok(Bytes(payload.to_vec()))
        })
    }
}

/// Bytes that become `bytes`, not a list of numbers.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl<'py> IntoPyObject<'py> for Bytes {
    type Target = PyBytes;
    type Output = Bound<'py, PyBytes>;
    type Error = std::convert::Infallible;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Self::Error> {
        Ok(PyBytes::new(py, &self.0))
    }
}

fn failed(error: RemoteError<DeviceError>) -> PyErr {
    use labwire_core::device::Failure;
    let text = error.to_string();
    match error.error {
        DeviceError::Failed(Failure::TimedOut { .. }) => errors::timed_out(text),
        DeviceError::Failed(Failure::NotConnected(_) | Failure::Lost { .. }) => errors::connection(text),
        _ => errors::device(text),
    }
}

/// Adds the dialect's port to `address` if it has none. An IPv6 address is in brackets.
fn with_port(address: &str, port: u16) -> String {
    let after_host = address.rfind(']').unwrap_or(0);
    match address.get(after_host..).is_some_and(|rest| rest.contains(':')) {
        true => address.to_owned(),
        false => format!("{address}:{port}"),
    }
}

/// Emulated device on a port.
#[pyclass(frozen, module = "labwire._labwire")]
pub(crate) struct EmulatedDevice {
    emulator: std::sync::Mutex<Option<DeviceEmulator>>,
    #[pyo3(get)]
    address: String,
}

#[pymethods]
impl EmulatedDevice {
    /// Starts; a future of it. `respond` is called with each command as bytes, and returns bytes, None for "done", or
    /// raises; without it the device behaves as one of its kind.
    #[staticmethod]
    #[pyo3(signature = (address, preset, faults, seed, respond))]
    fn start<'py>(
        py: Python<'py>,
        address: String,
        preset: &str,
        faults: Vec<String>,
        seed: u64,
        respond: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let dialect: Dialect = preset.parse().map_err(errors::input)?;
        let rules: Result<Vec<_>, _> = faults.iter().map(|fault| fault.parse()).collect();
        let behaviour = match respond {
            None => Behaviour::of(&dialect),
            Some(respond) => Behaviour::Instrument(Box::new(Responder(respond))),
        };
        let emulator = Emulator::new(&dialect, behaviour, rules.map_err(errors::input)?, seed);
        spawn(py, async move {
            let started = DeviceEmulator::start(&address, emulator, HostLimits::default()).await;
            let emulator = started
                .map_err(|error| errors::connection(format!("cannot listen on {address}: {error}")))?;
            Ok(Self {
                address: emulator.address().to_string(),
                emulator: std::sync::Mutex::new(Some(emulator)),
            })
        })
    }

    /// Stops; a future.
    fn stop<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let emulator = self
            .emulator
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        spawn(py, async move {
            if let Some(emulator) = emulator {
                emulator.stop().await;
            }
            Ok(())
        })
    }
}

/// Instrument in Python.
struct Responder(Py<PyAny>);

impl Instrument for Responder {
    fn respond(&mut self, command: &[u8]) -> Response {
        let called = ending::attach(|py| {
            let answer = self.0.bind(py).call1((PyBytes::new(py, command),));
            let response = answer.and_then(|answer| match answer.is_none() {
                true => Ok(Response::Done),
                false => Ok(Response::Value(answer.extract()?)),
            });
            response.unwrap_or_else(|error| {
                errors::report(py, error);
                Response::Refused
            })
        });
        called.unwrap_or(Response::Refused)
    }
}
