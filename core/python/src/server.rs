//! Servers on ports of this process, answered by the engines or by functions of Python; `labwire/_servers.py` is what users
//! see.

use labwire_core::design::DesignLimits;
use labwire_core::limits::{HostLimits, SessionLimits};
use labwire_core::obe::{self, ErrorReply as ObeError, Reply as ObeReply, Request as ObeRequest};
use labwire_core::open::{self, ErrorReply, Reply, Request, ServerEvent};
use labwire_core::python_json::{self, Value, dumps};
use labwire_core::service::designer::{self, DesignerHandler, MemoryRuns, ObePermissions};
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_core::service::{Handler, Peer, Permission, Sequential, importer};
use labwire_core::time::Instant;
use labwire_core::zeiss::{self, Outcome, Transport};
use labwire_tokio::{Host, HostedService, PosteriorFolder, serve, utc_now};
use pyo3::prelude::*;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::ending;
use crate::errors;
use crate::problem::Problem;
use crate::tasks::spawn;

/// Server on a port of this process, or a module of PyMoDAQ, connected to that of another. Dropping it stops it.
#[pyclass(frozen, module = "labwire._labwire")]
pub(crate) struct Listening {
    /// Address, host:port; that of a module is its server's.
    #[pyo3(get)]
    address: String,
    shutdown: CancellationToken,
    /// Closed when the server has ended.
    ended: watch::Receiver<()>,
}

impl Listening {
    /// Also returns what says when to stop, and what to drop at the end.
    pub(crate) fn new(address: String) -> (Self, CancellationToken, watch::Sender<()>) {
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let (end, ended) = watch::channel(());
        let listening = Self {
            address,
            shutdown,
            ended,
        };
        (listening, stop, end)
    }
}

#[pymethods]
impl Listening {
    /// Answers what has been asked, and ends; a future.
    fn stop<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.shutdown.cancel();
        self.wait(py)
    }

    /// A future that ends when the server has.
    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut ended = self.ended.clone();
        spawn(py, async move {
            // An error says that nobody holds the other end any more, which is what is waited for.
            while ended.changed().await.is_ok() {}
            Ok(())
        })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub(crate) fn listen<'py, S: HostedService>(
    py: Python<'py>,
    name: &'static str,
    address: String,
    service: S,
) -> PyResult<Bound<'py, PyAny>> {
    spawn(py, async move {
        let bound = TcpListener::bind(&address).await;
        let cannot = |error| errors::connection(format!("cannot listen on {address}: {error}"));
        let listener = bound.map_err(cannot)?;
        let address = listener.local_addr()?.to_string();
        let host = Host::start(name, service, HostLimits::default());
        let (listening, stop, end) = Listening::new(address);
        tokio::spawn(async move {
            serve(listener, &host, &stop).await;
            drop((host, end));
        });
        Ok(listening)
    })
}

/// OpEn's protocol for a problem.
#[pyfunction]
pub(crate) fn serve_problem<'py>(
    py: Python<'py>,
    address: String,
    problem: &Bound<'py, Problem>,
) -> PyResult<Bound<'py, PyAny>> {
    let problem = (*problem.get().problem).clone();
    let service = OptimizerService::new(problem, OptimizerSettings::default());
    listen(
        py,
        "open",
        address,
        service.map_err(|error| errors::solver(&error))?,
    )
}

/// OpEn's protocol, answered by a function of the request's text that returns the reply's.
#[pyfunction]
pub(crate) fn serve_open(py: Python<'_>, address: String, answer: Py<PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let calls = Calls::new(move |event: ServerEvent| match event.request {
        Request::Kill(_) => (Reply::Killed, true),
        Request::Run(run) => (answer_run(&answer, &run), false),
        _ => (failed(String::from("only Run is answered here")), false),
    });
    let service = Sequential::new(calls, |now, peer: Peer| {
        let permissions = open::Permissions {
            kill: peer.is_local,
            load: false,
        };
        open::Server::new(now, SessionLimits::default(), permissions)
    });
    listen(py, "open", address, service)
}

fn answer_run(answer: &Py<PyAny>, run: &open::RunRequest) -> Reply {
    let reply = serde_json::to_string(run)
        .map_err(|error| error.to_string())
        .and_then(|request| call(answer, &request))
        .and_then(|reply| {
            serde_json::from_str(&reply).map_err(|error| format!("the handler's reply: {error}"))
        });
    match reply {
        Ok(reply) => Reply::Run(Box::new(reply)),
        Err(text) => failed(text),
    }
}

fn failed(text: String) -> Reply {
    Reply::Error(ErrorReply {
        code: open::code::SOLVER_FAILED,
        message: format!("problem solution failed: {text}"),
    })
}

/// OptBayesExpt's protocol for an experiment, whose posteriors are in a folder, if there is one.
#[pyfunction]
#[pyo3(signature = (address, experiment, seed, folder))]
pub(crate) fn serve_experiment<'py>(
    py: Python<'py>,
    address: String,
    experiment: &str,
    seed: u64,
    folder: Option<std::path::PathBuf>,
) -> PyResult<Bound<'py, PyAny>> {
    let store = PosteriorFolder::new(folder);
    let handler = DesignerHandler::new(experiment, DesignLimits::default(), seed, store);
    let mut handler = handler.map_err(errors::input)?;
    handler
        .keep_runs(Box::new(MemoryRuns::new(utc_now)), true)
        .map_err(errors::input)?;
    let service = designer::service(obe::Limits::default(), ObePermissions::default(), handler);
    listen(py, "obe", address, service)
}

/// OptBayesExpt's protocol, answered by a function of the command's text that returns the reply's.
#[pyfunction]
pub(crate) fn serve_obe(py: Python<'_>, address: String, answer: Py<PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let calls = Calls::new(move |request: ObeRequest| {
        let is_done = matches!(request.command(), ObeRequest::Done);
        let reply = call(&answer, &dumps(&Value::from(&request)));
        let reply = reply.and_then(|text| {
            let parsed = python_json::parse(text.as_bytes(), &python_json::Limits::default());
            parsed.map_err(|error| format!("the handler's reply: {error}"))
        });
        let reply = reply.map(ObeReply::Value);
        let error = |text: String| ObeError::new(obe::code::INVALID_ARGUMENT, text);
        (reply.map_err(error), is_done)
    });
    let service = designer::service(obe::Limits::default(), ObePermissions::default(), calls);
    listen(py, "obe", address, service)
}

/// ZEISS INSPECT's protocol: `take` is called with each request's text; it returns whether it was imported.
#[pyfunction]
pub(crate) fn serve_zeiss(py: Python<'_>, address: String, take: Py<PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let import = move |request: &zeiss::Request| {
        let called = ending::attach(|py| {
            let answer = take.bind(py).call1((request.to_text(),));
            let is_imported = answer.and_then(|answer| answer.is_truthy());
            is_imported.unwrap_or_else(|error| {
                errors::report(py, error);
                false
            })
        });
        match called {
            Some(true) => Outcome::Imported,
            _ => Outcome::Failed,
        }
    };
    let service = importer::service(
        Transport::Tcp,
        zeiss::Limits::default(),
        Permission::Local,
        import,
    );
    listen(py, "zeiss", address, service)
}

/// Calls a function of a text that returns one. Its exception is a text too, and is reported.
fn call(function: &Py<PyAny>, text: &str) -> Result<String, String> {
    let called = ending::attach(|py| {
        let answer = function
            .bind(py)
            .call1((text,))
            .and_then(|answer| answer.extract());
        answer.map_err(|error| {
            let text = error.to_string();
            errors::report(py, error);
            text
        })
    });
    called.unwrap_or_else(|| Err(String::from("the server is ending")))
}

/// Handler of requests by a function that may block; it returns the reply, and whether it was the last.
struct Calls<Q, F> {
    answer: F,
    request: Option<Q>,
    is_finished: bool,
}

impl<Q, F> Calls<Q, F> {
    fn new<A>(answer: F) -> Self
    where
        F: FnMut(Q) -> (A, bool),
    {
        Self {
            answer,
            request: None,
            is_finished: false,
        }
    }
}

impl<Q, A, F: FnMut(Q) -> (A, bool)> Handler for Calls<Q, F> {
    type Request = Q;
    type Reply = A;

    fn begin(&mut self, _now: Instant, request: Q) -> Option<A> {
        self.request = Some(request);
        None
    }

    fn step(&mut self, _now: Instant, _fuel: u32) -> Option<A> {
        let (reply, is_last) = (self.answer)(self.request.take()?);
        self.is_finished |= is_last;
        Some(reply)
    }

    fn may_block(&self) -> bool {
        true
    }

    fn is_finished(&self) -> bool {
        self.is_finished
    }
}
