//! Clients of servers; every method returns a concurrent.futures.Future. `labwire/_clients.py` is what users see.

use std::time::Duration;

use labwire_core::limits::SessionLimits;
use labwire_core::open::RunRequest;
use labwire_core::python_json::{self, dumps};
use labwire_core::{obe, zeiss};
use labwire_tokio::{
    ClientError, ClientSettings, NoReply, ObeClient, OptimizerClient, Remote, RemoteError, Runtime, Tokio,
    ZeissClient,
};
use pyo3::prelude::*;

use crate::errors;
use crate::solver::duration;
use crate::tasks::spawn;

/// Calls to an OpEn server, a connection each.
#[pyclass(frozen, module = "labwire._labwire")]
pub(crate) struct OpenCalls {
    address: String,
    timeout: Duration,
}

#[pymethods]
impl OpenCalls {
    #[new]
    fn new(address: String, timeout: f64) -> PyResult<Self> {
        Ok(Self {
            address,
            timeout: limit(timeout)?,
        })
    }

    fn ping<'py>(&self, py: Python<'py>, number: i32) -> PyResult<Bound<'py, PyAny>> {
        let (address, timeout) = (self.address.clone(), self.timeout);
        spawn(py, async move {
            let client = connect(address, timeout).await?;
            client.ping(number).await.map_err(open_failed)
        })
    }

    /// Run, with a request and a reply as JSON.
    fn run<'py>(&self, py: Python<'py>, request: &str) -> PyResult<Bound<'py, PyAny>> {
        let request: RunRequest = serde_json::from_str(request).map_err(errors::input)?;
        let (address, timeout) = (self.address.clone(), self.timeout);
        spawn(py, async move {
            let client = connect(address, timeout).await?;
            let reply = client.run(request).await.map_err(open_failed)?;
            serde_json::to_string(&reply).map_err(errors::input)
        })
    }

    fn kill<'py>(&self, py: Python<'py>, number: i32) -> PyResult<Bound<'py, PyAny>> {
        let (address, timeout) = (self.address.clone(), self.timeout);
        spawn(py, async move {
            let client = connect(address, timeout).await?;
            client.kill(number).await.map_err(open_failed)
        })
    }
}

async fn connect(address: String, timeout: Duration) -> PyResult<OptimizerClient> {
    let mut settings = ClientSettings::default();
    settings.limits.request_timeout = timeout;
    settings.connect_timeout = settings.connect_timeout.min(timeout);
    let client = OptimizerClient::connect(remote(&address).await?, settings);
    client.await.map_err(open_failed)
}

/// Calls to an OptBayesExpt server, a connection each, with messages as JSON in Python's dialect.
#[pyfunction]
pub(crate) fn obe_call(
    py: Python<'_>,
    address: String,
    timeout: f64,
    message: Vec<u8>,
) -> PyResult<Bound<'_, PyAny>> {
    let timeout = limit(timeout)?;
    let message = python_json::parse(&message, &python_json::Limits::default()).map_err(errors::input)?;
    spawn(py, async move {
        let mut limits = obe::Limits::default();
        limits.session = with_timeout(limits.session, timeout);
        let remote = remote(&address).await?;
        let client = ObeClient::connect::<Tokio>(remote, timeout, limits)
            .await
            .map_err(errors::connection)?;
        let reply = client.tcpcmd(message).await.map_err(no_reply)?;
        client.finish().await;
        Ok(dumps(&reply))
    })
}

/// A call to ZEISS INSPECT's script; the answer as text.
#[pyfunction]
pub(crate) fn zeiss_call(
    py: Python<'_>,
    address: String,
    timeout: f64,
    text: String,
) -> PyResult<Bound<'_, PyAny>> {
    let timeout = limit(timeout)?;
    spawn(py, async move {
        let mut limits = zeiss::Limits::default();
        limits.session = with_timeout(limits.session, timeout);
        let remote = remote(&address).await?;
        let client = ZeissClient::connect::<Tokio>(remote, timeout, limits)
            .await
            .map_err(errors::connection)?;
        let answer = client.ask(text).await.map_err(no_reply)?;
        client.finish().await;
        Ok(answer)
    })
}

/// Request to import an image into a series, as text; the focal length is in mm.
#[pyfunction]
pub(crate) fn zeiss_image(file: &str, series: &str, focal_length: f64) -> PyResult<String> {
    let request = zeiss::Request::image(file, series, focal_length).map_err(errors::input)?;
    Ok(request.to_text())
}

/// Request to import elements, as text.
#[pyfunction]
pub(crate) fn zeiss_elements(file: &str, new_stage: bool) -> PyResult<String> {
    let mode = if new_stage {
        zeiss::ImportMode::NewStage
    } else {
        zeiss::ImportMode::Clipboard
    };
    Ok(zeiss::Request::elements(file, mode)
        .map_err(errors::input)?
        .to_text())
}

pub(crate) fn limit(timeout: f64) -> PyResult<Duration> {
    Ok(duration("timeout", Some(timeout))?.unwrap_or_default())
}

fn with_timeout(mut limits: SessionLimits, timeout: Duration) -> SessionLimits {
    limits.request_timeout = timeout;
    limits
}

pub(crate) async fn remote(address: &str) -> PyResult<Remote> {
    let found = Tokio::look_up(address).await;
    let addresses = found.map_err(|error| errors::connection(format!("{address}: {error}")))?;
    let Some(first) = addresses.first() else {
        return Err(errors::connection(format!("{address}: no such host")));
    };
    Ok(Remote::new(address, *first))
}

fn open_failed(error: RemoteError<ClientError>) -> PyErr {
    let text = error.to_string();
    match error.error {
        ClientError::Server(reply) => errors::server(text, i64::from(reply.code)),
        _ => errors::connection(text),
    }
}

fn no_reply(error: RemoteError<NoReply>) -> PyErr {
    errors::connection(error)
}
