//! Clients without sockets: bytes of one connection in and out.

use core::ffi::c_char;

use labwire_core::limits::SessionLimits;
use labwire_core::time::Instant;
use labwire_core::{obe, open, pymodaq, zeiss};

use crate::argument::{array, bytes, clear, exclusive, free, give, put, put_text, shared};
use crate::client::{Client, Told};
use crate::error::{Failure, labwire_code, labwire_error, run};
use crate::instrument::Controller;
use crate::server::labwire_connection;

/// Client side of one connection, for any transport. The caller moves its bytes and tells the time, in nanoseconds since
/// some moment.
pub struct labwire_client {
    pub(crate) client: Box<dyn Client>,
    /// Event that waits for an array that is large enough.
    pending: Option<Told>,
}

impl labwire_client {
    pub(crate) fn new(client: impl Client + 'static) -> Self {
        Self {
            client: Box::new(client),
            pending: None,
        }
    }
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
    /// PyMoDAQ modules of labwire's server: JSON such as {"id": 1, "request": "move_abs", "modules": ["stage"], "value": 2},
    /// for the requests list, grab (perhaps with "dim": "2D"), last, move_abs and move_rel (with "value"), home, stop,
    /// position, settings, set (with "path" and "value") and rename (with "value"). Replies come as modules end, and have
    /// the "id" of their request. For "modules": [] it goes to all that support it. Arrays are numbers in the text, such as
    /// {"index": 0, "shape": [2, 3]}: `labwire_client_array` copies them.
    Pymodaq = 4,
}

/// Kind of an event.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "C knows no other")]
pub enum labwire_event {
    /// There is none.
    None = 0,
    /// Reply to the oldest request that has none yet; the text is the reply, and that of a device may be any bytes.
    Reply = 1,
    /// Regular end of the connection, and the last event; the text is the reason.
    Finished = 2,
    /// Other end of the connection, and the last event; the text is the reason. Requests without replies stay so.
    Failed = 3,
    /// The oldest request to a device without a reply has failed, and nothing of it was sent; the text is the reason.
    RequestNotSent = 4,
    /// The oldest request to a device without a reply has failed, and the device may have received it; the text is the
    /// reason.
    RequestFailed = 5,
    /// A device has become unusable; the text is the reason. The client connects again.
    Degraded = 6,
    /// A device is usable again.
    Restored = 7,
    /// A device has sent these bytes without having been asked.
    Unasked = 8,
    /// A server of PyMoDAQ orders this module to do something; the text is the order.
    Order = 9,
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
            let (now, limits) = (Instant::from_nanos(now), SessionLimits::default());
            let made = match protocol {
                0 => labwire_client::new(open::Client::one_shot(limits)),
                1 => labwire_client::new(open::Client::kept_open(now, limits)),
                2 => labwire_client::new(obe::Client::new(obe::Limits::default())),
                3 => labwire_client::new(zeiss::Client::new(
                    zeiss::Transport::Tcp,
                    zeiss::Limits::default(),
                )),
                4 => labwire_client::new(Controller::new(now, &pymodaq::Limits::default())),
                _ => {
                    return Err(Failure::invalid_value(format_args!(
                        "protocol {protocol}: expected one of labwire_protocol, 0 to 4"
                    )));
                }
            };
            give(client, made)
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
            client.request(Instant::from_nanos(now), bytes("the request", request, length)?)
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
                client.pending = client.client.poll_event();
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

/// Copies an array that the text of the last event mentions, by its "index", from PyMoDAQ's data: as many numbers as its shape
/// says, by rows. What is no number is NaN.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_array(
    client: *const labwire_client,
    index: usize,
    values: *mut f64,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let arrays = shared("the client", client)?.client.arrays();
            let Some(array) = arrays.get(index) else {
                return Err(Failure::invalid_value(format_args!(
                    "array {index}: the last event has {}",
                    arrays.len()
                )));
            };
            let numbers: Vec<f64> = array.values().map(|value| value.unwrap_or(f64::NAN)).collect();
            put("the array", values, length, &numbers)
        })
    }
}
