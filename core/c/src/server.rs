//! Servers without sockets: bytes of any number of connections in and out.

use core::ffi::c_char;

use labwire_core::design::DesignLimits;
use labwire_core::obe;
use labwire_core::service::designer::{
    self, DesignerHandler, DesignerSettings, ObePermissions, PosteriorStore,
};
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_core::service::registry::{Registry, RegistrySettings};
use labwire_core::service::{Busy, ConnectionId, Endpoint, Peer, Permission, Service};
use labwire_core::session::{CloseReason, TransmitState};
use labwire_core::time::Instant;

use crate::argument::{array, clear, exclusive, free, give, shared, text};
use crate::error::{Failure, labwire_code, labwire_error, run};
use crate::problem::labwire_problem;

/// Server of a protocol, for any transport. The caller numbers the connections, moves their bytes and tells the time, in
/// nanoseconds since some moment.
pub struct labwire_server {
    endpoint: Box<dyn Bytes>,
}

/// State of a connection.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "its size is part of the interface")]
pub struct labwire_connection {
    /// Bytes to be sent, valid until the next call for this server or client; NULL if there are none.
    pub output: *const u8,
    /// Number of these bytes; more may follow.
    pub output_length: usize,
    /// Whether to read: 0 while no input is wanted.
    pub wants_input: i32,
    /// Once there is no output: whether to close the sending side (FIN) and read on.
    pub is_finishing: i32,
    /// Whether to close the connection at once, and to tell a server so by `labwire_server_disconnect`. That of a device is
    /// closed when `labwire_client_action` says so.
    pub is_over: i32,
}

impl labwire_connection {
    pub(crate) fn new(output: &[u8], wants_input: bool, state: TransmitState, is_drained: bool) -> Self {
        Self {
            output: match output {
                [] => core::ptr::null(),
                _ => output.as_ptr(),
            },
            output_length: output.len(),
            wants_input: i32::from(wants_input),
            is_finishing: i32::from(output.is_empty() && state != TransmitState::Open),
            is_over: i32::from(is_drained || state == TransmitState::Abort),
        }
    }
}

/// Checks that no more bytes were sent than there were.
pub(crate) fn check_sent(count: usize, output: &[u8]) -> Result<(), Failure> {
    let waiting = output.len();
    match count <= waiting {
        true => Ok(()),
        false => Err(Failure::invalid_value(format_args!(
            "{count} bytes were sent, and {waiting} were there"
        ))),
    }
}

/// Endpoint of any service.
trait Bytes: Send {
    fn open(&mut self, now: Instant, id: ConnectionId, peer: Peer) -> Result<(), Failure>;
    fn input(&mut self, now: Instant, id: ConnectionId, bytes: &[u8]) -> Result<(), Failure>;
    fn eof(&mut self, now: Instant, id: ConnectionId);
    fn state(&self, id: ConnectionId) -> labwire_connection;
    fn transmitted(&mut self, now: Instant, id: ConnectionId, count: usize) -> Result<(), Failure>;
    fn disconnect(&mut self, now: Instant, id: ConnectionId);
    fn step(&mut self, now: Instant, fuel: u32) -> Busy;
    fn timeout(&mut self, now: Instant);
    fn poll_timeout(&self) -> Option<Instant>;
    fn shutdown(&mut self, now: Instant);
    fn is_finished(&self) -> bool;
}

impl<S: Service + Send> Bytes for Endpoint<S>
where
    S::Session: Send,
    S::Job: Send,
{
    fn open(&mut self, now: Instant, id: ConnectionId, peer: Peer) -> Result<(), Failure> {
        Endpoint::open(self, now, id, peer).map_err(Failure::wrong_state)
    }

    fn input(&mut self, now: Instant, id: ConnectionId, bytes: &[u8]) -> Result<(), Failure> {
        if !self.wants_input(id) {
            return Err(Failure::wrong_state(format_args!(
                "connection {}: the server wants no input now",
                id.0
            )));
        }
        self.handle_input(now, id, bytes);
        Ok(())
    }

    fn eof(&mut self, now: Instant, id: ConnectionId) {
        self.handle_eof(now, id);
    }

    fn state(&self, id: ConnectionId) -> labwire_connection {
        labwire_connection::new(
            self.transmit(id),
            self.wants_input(id),
            self.transmit_state(id),
            self.is_drained(id),
        )
    }

    fn transmitted(&mut self, now: Instant, id: ConnectionId, count: usize) -> Result<(), Failure> {
        check_sent(count, self.transmit(id))?;
        Endpoint::transmitted(self, now, id, count);
        Ok(())
    }

    fn disconnect(&mut self, now: Instant, id: ConnectionId) {
        self.handle_disconnect(now, id, CloseReason::Lost);
    }

    fn step(&mut self, now: Instant, fuel: u32) -> Busy {
        Endpoint::step(self, now, fuel)
    }

    fn timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Endpoint::poll_timeout(self)
    }

    fn shutdown(&mut self, now: Instant) {
        self.handle_shutdown(now);
    }

    fn is_finished(&self) -> bool {
        self.service().is_finished()
    }
}

/// Store of a server that keeps no files.
struct NoStore;

impl PosteriorStore for NoStore {
    fn save(&mut self, _name: &str, _text: &str) -> Result<(), String> {
        Err("this server stores no posteriors".into())
    }

    fn load(&mut self, _name: &str) -> Result<String, String> {
        Err("this server stores no posteriors".into())
    }
}

/// Makes an OpEn server for a problem, with default limits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_open(
    problem: *const labwire_problem,
    server: *mut *mut labwire_server,
    error: *mut labwire_error,
) -> labwire_code {
    // SAFETY: so the header asks of the caller; as everywhere below.
    unsafe {
        run(error, || {
            clear(server)?;
            let problem = shared("the problem", problem)?.problem.as_ref().clone();
            let service = OptimizerService::new(problem, OptimizerSettings::default());
            let endpoint = Endpoint::new(service.map_err(Failure::invalid_value)?);
            give(
                server,
                labwire_server {
                    endpoint: Box::new(endpoint),
                },
            )
        })
    }
}

/// Makes an OptBayesExpt server for an experiment file, with default limits; it stores no posteriors.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_obe(
    json: *const c_char,
    length: usize,
    seed: u64,
    server: *mut *mut labwire_server,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            clear(server)?;
            let json = text("the experiment", json, length)?;
            let handler = DesignerHandler::new(json, DesignLimits::default(), seed, NoStore);
            let handler = handler.map_err(Failure::invalid_text)?;
            let handler = handler.with_settings(&DesignerSettings::default());
            let mut permissions = ObePermissions::default();
            permissions.posteriors = Permission::Nobody;
            let service = designer::service(obe::Limits::default(), permissions, handler);
            give(
                server,
                labwire_server {
                    endpoint: Box::new(Endpoint::new(service)),
                },
            )
        })
    }
}

/// Makes a server for modules of PyMoDAQ and for clients that use them, with default limits. `epoch` is the time of day, in
/// seconds since 1970, at which the caller's time was 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_pymodaq(
    epoch: f64,
    server: *mut *mut labwire_server,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            clear(server)?;
            if !epoch.is_finite() {
                return Err(Failure::invalid_value(format_args!(
                    "epoch is {epoch}, expected a finite number"
                )));
            }
            let mut settings = RegistrySettings::default();
            settings.epoch = epoch;
            let endpoint = Endpoint::new(Registry::new(settings));
            give(
                server,
                labwire_server {
                    endpoint: Box::new(endpoint),
                },
            )
        })
    }
}

/// Frees a server with all its connections.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_free(server: *mut labwire_server) {
    unsafe { free(server) }
}

/// Opens connection `id`, a number that no open connection has. `is_local` says whether the peer is on this machine: some
/// requests are granted to such peers only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_connect(
    server: *mut labwire_server,
    now: u64,
    id: u64,
    is_local: i32,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let endpoint = &mut exclusive("the server", server)?.endpoint;
            let peer = match is_local {
                0 => Peer::REMOTE,
                _ => Peer::LOCAL,
            };
            endpoint.open(Instant::from_nanos(now), ConnectionId(id), peer)
        })
    }
}

/// Takes bytes from the peer, all of them. It fails while the connection wants no input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_input(
    server: *mut labwire_server,
    now: u64,
    id: u64,
    bytes: *const u8,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let endpoint = &mut exclusive("the server", server)?.endpoint;
            let bytes = array("the bytes", bytes, length)?;
            endpoint.input(Instant::from_nanos(now), ConnectionId(id), bytes)
        })
    }
}

/// Reports that the peer has closed its sending side.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_eof(
    server: *mut labwire_server,
    now: u64,
    id: u64,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let endpoint = &mut exclusive("the server", server)?.endpoint;
            endpoint.eof(Instant::from_nanos(now), ConnectionId(id));
            Ok(())
        })
    }
}

/// Output and state of a connection. Ask after each call for this server, for every connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_connection(
    server: *const labwire_server,
    id: u64,
    connection: *mut labwire_connection,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let endpoint = &shared("the server", server)?.endpoint;
            let place = exclusive("the place of the connection's state", connection)?;
            *place = endpoint.state(ConnectionId(id));
            Ok(())
        })
    }
}

/// Reports that the first `count` bytes of the output were sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_sent(
    server: *mut labwire_server,
    now: u64,
    id: u64,
    count: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let endpoint = &mut exclusive("the server", server)?.endpoint;
            endpoint.transmitted(Instant::from_nanos(now), ConnectionId(id), count)
        })
    }
}

/// Reports that the connection is no more: it was over, or has failed. Its number may be used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_disconnect(
    server: *mut labwire_server,
    now: u64,
    id: u64,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let endpoint = &mut exclusive("the server", server)?.endpoint;
            endpoint.disconnect(Instant::from_nanos(now), ConnectionId(id));
            Ok(())
        })
    }
}

/// Works on requests for about `fuel` evaluations, such as 1000. `is_busy` becomes 1 while there is more to do, else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_step(
    server: *mut labwire_server,
    now: u64,
    fuel: u32,
    is_busy: *mut i32,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let endpoint = &mut exclusive("the server", server)?.endpoint;
            let is_busy = exclusive("the place of is_busy", is_busy)?;
            *is_busy = i32::from(endpoint.step(Instant::from_nanos(now), fuel) == Busy::Yes);
            Ok(())
        })
    }
}

/// Time at which `labwire_server_timeout` is due; UINT64_MAX for never.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_next_timeout(
    server: *const labwire_server,
    due: *mut u64,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let next = shared("the server", server)?.endpoint.poll_timeout();
            *exclusive("the place of the time", due)? = next.map_or(u64::MAX, Instant::as_nanos);
            Ok(())
        })
    }
}

/// Reports that time has passed. A call before it is due does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_timeout(
    server: *mut labwire_server,
    now: u64,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            exclusive("the server", server)?
                .endpoint
                .timeout(Instant::from_nanos(now));
            Ok(())
        })
    }
}

/// Asks the server to end: requests in progress are still answered, new ones refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_shutdown(
    server: *mut labwire_server,
    now: u64,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            exclusive("the server", server)?
                .endpoint
                .shutdown(Instant::from_nanos(now));
            Ok(())
        })
    }
}

/// Whether a peer or the caller has asked the server to end, and nothing is running any more: 1, else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_server_is_finished(
    server: *const labwire_server,
    is_finished: *mut i32,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let finished = shared("the server", server)?.endpoint.is_finished();
            *exclusive("the place of is_finished", is_finished)? = i32::from(finished);
            Ok(())
        })
    }
}
