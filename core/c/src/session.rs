//! Clients without sockets: bytes of one connection in and out.

use core::ffi::c_char;

use labwire_core::limits::SessionLimits;
use labwire_core::session::{Asker, CloseReason, Event, Misuse, Session};
use labwire_core::time::Instant;
use labwire_core::{obe, open, python_json, zeiss};

use crate::argument::{array, clear, exclusive, free, give, put_text, shared, text};
use crate::error::{Failure, labwire_code, labwire_error, run};
use crate::server::{check_sent, labwire_connection};

/// Client side of one connection, for any transport. The caller moves its bytes and tells the time, in nanoseconds since
/// some moment.
pub struct labwire_client {
    client: Box<dyn Client>,
    /// Event that waits for an array that is large enough.
    pending: Option<(labwire_event, String)>,
}

/// Protocol of a client, and what its requests and replies are.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "C knows no other")]
pub enum labwire_protocol {
    /// OpEn, for one request, as every server of it takes them: JSON such as {"Ping": 1}.
    OpenOnce = 0,
    /// OpEn, for any number of requests, which only labwire's servers take.
    Open = 1,
    /// OptBayesExpt: JSON such as {"command": "optset"}.
    Obe = 2,
    /// ZEISS INSPECT over TCP, for one request: JSON or another text.
    Zeiss = 3,
}

/// Kind of an event.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "C knows no other")]
pub enum labwire_event {
    /// There is none.
    None = 0,
    /// Reply to the oldest request that has none yet; the text is the reply.
    Reply = 1,
    /// Regular end of the connection, and the last event; the text is the reason.
    Finished = 2,
    /// Other end of the connection, and the last event; the text is the reason. Requests without replies stay so.
    Failed = 3,
}

/// Client of any protocol, whose requests and replies are texts.
trait Client: Send {
    fn session(&mut self) -> &mut dyn Bytes;
    fn state(&self) -> labwire_connection;
    fn request(&mut self, now: Instant, request: &str) -> Result<(), Failure>;
    fn finish(&mut self, now: Instant);
    fn poll_event(&mut self) -> Option<Event<String>>;
    fn poll_timeout(&self) -> Option<Instant>;
}

/// The part of a session that has no types of the protocol.
trait Bytes {
    fn input(&mut self, now: Instant, bytes: &[u8]) -> Result<(), Failure>;
    fn eof(&mut self, now: Instant);
    fn lost(&mut self, now: Instant);
    fn timeout(&mut self, now: Instant);
    fn transmitted(&mut self, now: Instant, count: usize) -> Result<(), Failure>;
}

impl<S: Session> Bytes for S {
    fn input(&mut self, now: Instant, bytes: &[u8]) -> Result<(), Failure> {
        if !self.wants_input() {
            return Err(Failure::wrong_state("the client wants no input now"));
        }
        self.handle_input(now, bytes);
        Ok(())
    }

    fn eof(&mut self, now: Instant) {
        self.handle_eof(now);
    }

    fn lost(&mut self, now: Instant) {
        self.handle_lost(now);
    }

    fn timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn transmitted(&mut self, now: Instant, count: usize) -> Result<(), Failure> {
        check_sent(count, self.transmit())?;
        Session::transmitted(self, now, count);
        Ok(())
    }
}

/// Methods that are the same for all protocols.
macro_rules! shared_methods {
    () => {
        fn session(&mut self) -> &mut dyn Bytes {
            self
        }

        fn state(&self) -> labwire_connection {
            labwire_connection::new(
                self.transmit(),
                self.wants_input(),
                self.transmit_state(),
                self.is_drained(),
            )
        }

        fn poll_timeout(&self) -> Option<Instant> {
            Some(Session::poll_timeout(self)?.0)
        }
    };
}

fn misused(misuse: Misuse) -> Failure {
    match misuse {
        Misuse::Unsendable(_) => Failure::invalid_text(misuse),
        _ => Failure::wrong_state(misuse),
    }
}

/// `event` with its reply as a text.
fn as_text<T>(event: Event<T>, text: impl FnOnce(T) -> String) -> Event<String> {
    match event {
        Event::Application(reply) => Event::Application(text(reply)),
        Event::Closed(reason) => Event::Closed(reason),
    }
}

impl Client for open::Client {
    shared_methods!();

    fn request(&mut self, now: Instant, request: &str) -> Result<(), Failure> {
        let request = open::parse_request(request.as_bytes());
        let request = request.map_err(|refusal| Failure::invalid_text(refusal.message))?;
        Asker::request(self, now, &request).map_err(misused)
    }

    fn finish(&mut self, now: Instant) {
        self.handle_shutdown(now);
    }

    fn poll_event(&mut self) -> Option<Event<String>> {
        let event = Session::poll_event(self)?;
        Some(as_text(event, |reply| {
            let mut text = Vec::new();
            open::write_reply(&mut text, open::Style::Line, &reply);
            String::from_utf8_lossy(text.trim_ascii()).into_owned()
        }))
    }
}

impl Client for obe::Client {
    shared_methods!();

    fn request(&mut self, now: Instant, request: &str) -> Result<(), Failure> {
        let request = python_json::parse(request.as_bytes(), &python_json::Limits::default());
        let request = request.map_err(Failure::invalid_text)?;
        Asker::request(self, now, &request).map_err(misused)
    }

    fn finish(&mut self, _now: Instant) {
        obe::Client::finish(self);
    }

    fn poll_event(&mut self) -> Option<Event<String>> {
        let event = Session::poll_event(self)?;
        Some(as_text(event, |reply| python_json::dumps(&reply)))
    }
}

impl Client for zeiss::Client {
    shared_methods!();

    fn request(&mut self, now: Instant, request: &str) -> Result<(), Failure> {
        Asker::request(self, now, request).map_err(misused)
    }

    fn finish(&mut self, now: Instant) {
        zeiss::Client::finish(self, now);
    }

    fn poll_event(&mut self) -> Option<Event<String>> {
        Session::poll_event(self)
    }
}

/// Makes a client with default limits. `protocol` is one of labwire_protocol.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_new(
    protocol: i32,
    now: u64,
    client: *mut *mut labwire_client,
    error: *mut labwire_error,
) -> labwire_code {
    // SAFETY: so the header asks of the caller; as everywhere below.
    unsafe {
        run(error, || {
            clear(client)?;
            let limits = SessionLimits::default();
            let made: Box<dyn Client> = match protocol {
                0 => Box::new(open::Client::one_shot(limits)),
                1 => Box::new(open::Client::kept_open(Instant::from_nanos(now), limits)),
                2 => Box::new(obe::Client::new(obe::Limits::default())),
                3 => Box::new(zeiss::Client::new(
                    zeiss::Transport::Tcp,
                    zeiss::Limits::default(),
                )),
                _ => {
                    return Err(Failure::invalid_value(format_args!(
                        "protocol {protocol}: expected one of labwire_protocol, 0 to 3"
                    )));
                }
            };
            give(
                client,
                labwire_client {
                    client: made,
                    pending: None,
                },
            )
        })
    }
}

/// Frees a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_free(client: *mut labwire_client) {
    unsafe { free(client) }
}

/// Queues a request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_request(
    client: *mut labwire_client,
    now: u64,
    request: *const c_char,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let client = &mut exclusive("the client", client)?.client;
            client.request(Instant::from_nanos(now), text("the request", request, length)?)
        })
    }
}

/// Ends the connection after the last reply.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_finish(
    client: *mut labwire_client,
    now: u64,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            exclusive("the client", client)?
                .client
                .finish(Instant::from_nanos(now));
            Ok(())
        })
    }
}

/// Takes bytes from the server, all of them. It fails while the client wants no input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_input(
    client: *mut labwire_client,
    now: u64,
    bytes: *const u8,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let client = &mut exclusive("the client", client)?.client;
            let bytes = array("the bytes", bytes, length)?;
            client.session().input(Instant::from_nanos(now), bytes)
        })
    }
}

/// Reports that the server has closed its sending side.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_eof(
    client: *mut labwire_client,
    now: u64,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let client = &mut exclusive("the client", client)?.client;
            client.session().eof(Instant::from_nanos(now));
            Ok(())
        })
    }
}

/// Reports that the connection has failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_lost(
    client: *mut labwire_client,
    now: u64,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let client = &mut exclusive("the client", client)?.client;
            client.session().lost(Instant::from_nanos(now));
            Ok(())
        })
    }
}

/// Output and state of the connection. Ask after each call for this client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_connection(
    client: *const labwire_client,
    connection: *mut labwire_connection,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let state = shared("the client", client)?.client.state();
            *exclusive("the place of the connection's state", connection)? = state;
            Ok(())
        })
    }
}

/// Reports that the first `count` bytes of the output were sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_sent(
    client: *mut labwire_client,
    now: u64,
    count: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let client = &mut exclusive("the client", client)?.client;
            client.session().transmitted(Instant::from_nanos(now), count)
        })
    }
}

/// Next event and its text. One whose text does not fit stays the next.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_poll(
    client: *mut labwire_client,
    event: *mut labwire_event,
    text: *mut c_char,
    size: usize,
    length: *mut usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let client = exclusive("the client", client)?;
            let event = exclusive("the place of the event", event)?;
            *event = labwire_event::None;
            if client.pending.is_none() {
                client.pending = client.client.poll_event().map(|event| match event {
                    Event::Application(reply) => (labwire_event::Reply, reply),
                    Event::Closed(CloseReason::Finished) => {
                        (labwire_event::Finished, CloseReason::Finished.to_string())
                    }
                    Event::Closed(reason) => (labwire_event::Failed, reason.to_string()),
                });
            }
            if let Some((kind, reply)) = &client.pending {
                put_text(reply, text, size, length)?;
                *event = *kind;
                client.pending = None;
            }
            Ok(())
        })
    }
}

/// Time at which `labwire_client_timeout` is due; UINT64_MAX for never.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_next_timeout(
    client: *const labwire_client,
    due: *mut u64,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let next = shared("the client", client)?.client.poll_timeout();
            *exclusive("the place of the time", due)? = next.map_or(u64::MAX, Instant::as_nanos);
            Ok(())
        })
    }
}

/// Reports that time has passed. A call before it is due does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_timeout(
    client: *mut labwire_client,
    now: u64,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let client = &mut exclusive("the client", client)?.client;
            client.session().timeout(Instant::from_nanos(now));
            Ok(())
        })
    }
}
