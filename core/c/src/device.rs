//! Connections to devices, which outlive that single connections end.

use core::ffi::c_char;

use labwire_core::device::{Connection, DeviceEvent, Dialect, Health, Request};
use labwire_core::session::{Action, Asker, ConnectError, Connector, Session};
use labwire_core::time::Instant;

use crate::argument::{bytes, clear, exclusive, give, text};
use crate::client::{Bytes, Client, Told, misused, shared_methods, told};
use crate::error::{Failure, labwire_code, labwire_error, run};
use crate::server::labwire_connection;
use crate::session::{labwire_client, labwire_event};

/// What a device's client asks of its caller.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "C knows no other")]
pub enum labwire_action {
    /// Nothing.
    None = 0,
    /// Connect, and report it by `labwire_client_connected` or `labwire_client_connect_failed`.
    Connect = 1,
    /// Close the connection, or give up connecting. Nothing is reported about it.
    Close = 2,
}

/// Client of a device, whose requests and replies are commands and answers without their framing.
pub(crate) struct Device {
    connection: Connection,
    dialect: Dialect,
}

impl Device {
    fn queue(&mut self, now: Instant, request: &Request) -> Result<(), Failure> {
        self.connection.request(now, request).map_err(misused)?;
        Ok(())
    }

    fn tell(&self, event: DeviceEvent) -> Told {
        match event {
            DeviceEvent::Health(Health::Degraded { cause, .. }) => {
                (labwire_event::Degraded, cause.to_string().into())
            }
            DeviceEvent::Health(Health::Restored { .. }) => (labwire_event::Restored, Vec::new()),
            DeviceEvent::Unasked(bytes) => (labwire_event::Unasked, bytes),
            DeviceEvent::Finished { result, .. } => match result {
                Ok(answer) => (labwire_event::Reply, self.dialect.payload(&answer).to_vec()),
                Err(failure) => {
                    let kind = match failure.is_sent() {
                        true => labwire_event::RequestFailed,
                        false => labwire_event::RequestNotSent,
                    };
                    (kind, failure.to_string().into())
                }
            },
        }
    }
}

impl Client for Device {
    shared_methods!(connection);

    fn request(&mut self, now: Instant, request: &[u8]) -> Result<(), Failure> {
        let request = self.dialect.request(request).map_err(Failure::invalid_text)?;
        self.queue(now, &request)
    }

    fn finish(&mut self, now: Instant) {
        self.connection.handle_shutdown(now);
    }

    fn poll_event(&mut self) -> Option<Told> {
        let event = self.connection.poll_event()?;
        Some(told(event, |event| self.tell(event)))
    }

    fn device(&mut self) -> Result<&mut Device, Failure> {
        Ok(self)
    }
}

/// Makes a client of a device. `dialect` is the framing of its messages, "scpi", "crlf" or another of
/// `labwire device presets`, perhaps with options: "scpi,end=crlf,echo". `seed` determines the jitter of the delays before
/// it connects again, and should differ between clients. The first `labwire_client_timeout` starts it.
///
/// It decides when to connect and to close: ask `labwire_client_action` after each call, before the output. The end of a
/// connection is not its end, that is `labwire_client_finish`. `labwire_client_request` queues a command, with an answer if
/// there is a question mark in its first word, or if such devices answer every command.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_device(
    dialect: *const c_char,
    length: usize,
    seed: u64,
    client: *mut *mut labwire_client,
    error: *mut labwire_error,
) -> labwire_code {
    // SAFETY: so the header asks of the caller; as everywhere below.
    unsafe {
        run(error, || {
            clear(client)?;
            let dialect = text("the dialect", dialect, length)?.parse::<Dialect>();
            let dialect = dialect.map_err(Failure::invalid_text)?;
            let connection = Connection::new(dialect.settings(), seed);
            give(client, labwire_client::new(Device { connection, dialect }))
        })
    }
}

/// Queues a device's command that has an answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_query(
    client: *mut labwire_client,
    now: u64,
    command: *const c_char,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let device = exclusive("the client", client)?.client.device()?;
            let command = bytes("the command", command, length)?;
            let request = device.dialect.query(command).map_err(Failure::invalid_text)?;
            device.queue(Instant::from_nanos(now), &request)
        })
    }
}

/// Queues a device's command that sets something. Its reply is empty, and comes when it was sent, unless such devices
/// answer every command.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_send(
    client: *mut labwire_client,
    now: u64,
    command: *const c_char,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let device = exclusive("the client", client)?.client.device()?;
            let command = bytes("the command", command, length)?;
            let request = device.dialect.send(command).map_err(Failure::invalid_text)?;
            device.queue(Instant::from_nanos(now), &request)
        })
    }
}

/// What a device's client asks for next.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_action(
    client: *mut labwire_client,
    action: *mut labwire_action,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let device = exclusive("the client", client)?.client.device()?;
            let place = exclusive("the place of the action", action)?;
            *place = match device.connection.poll_action() {
                None => labwire_action::None,
                Some(Action::Connect) => labwire_action::Connect,
                Some(Action::Close) => labwire_action::Close,
            };
            Ok(())
        })
    }
}

/// Reports that the device is connected, as `labwire_client_action` has asked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_connected(
    client: *mut labwire_client,
    now: u64,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let device = exclusive("the client", client)?.client.device()?;
            device.connection.handle_connected(Instant::from_nanos(now));
            Ok(())
        })
    }
}

/// Reports that the device could not be connected; `reason` becomes a part of messages.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn labwire_client_connect_failed(
    client: *mut labwire_client,
    now: u64,
    reason: *const c_char,
    length: usize,
    error: *mut labwire_error,
) -> labwire_code {
    unsafe {
        run(error, || {
            let device = exclusive("the client", client)?.client.device()?;
            let reason = ConnectError::Other(text("the reason", reason, length)?.into());
            device
                .connection
                .handle_connect_failed(Instant::from_nanos(now), reason);
            Ok(())
        })
    }
}
