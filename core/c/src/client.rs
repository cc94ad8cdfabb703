//! Clients of the protocols of requests and replies.

use labwire_core::pymodaq::NdArray;
use labwire_core::session::{Asker, CloseReason, Event, Misuse, Session};
use labwire_core::time::Instant;
use labwire_core::{obe, open, python_json, zeiss};

use crate::argument::utf8;
use crate::device::Device;
use crate::error::Failure;
use crate::instrument::Module;
use crate::server::{check_sent, labwire_connection};
use crate::session::labwire_event;

/// Event and its text, which is bytes where a device has sent it.
pub(crate) type Told = (labwire_event, Vec<u8>);

/// Client of any protocol, whose requests and replies are texts.
pub(crate) trait Client: Send {
    fn session(&mut self) -> &mut dyn Bytes;
    fn state(&self) -> labwire_connection;
    fn request(&mut self, now: Instant, request: &[u8]) -> Result<(), Failure>;
    fn finish(&mut self, now: Instant);
    fn poll_event(&mut self) -> Option<Told>;
    fn poll_timeout(&self) -> Option<Instant>;

    /// Arrays of the last event.
    fn arrays(&self) -> &[NdArray] {
        &[]
    }

    fn device(&mut self) -> Result<&mut Device, Failure> {
        Err(Failure::wrong_state("the client is not that of a device"))
    }

    fn module(&mut self) -> Result<&mut Module, Failure> {
        Err(Failure::wrong_state("the client is not a module of PyMoDAQ"))
    }
}

/// The part of a session that has no types of the protocol.
pub(crate) trait Bytes {
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

/// Methods that are the same for all protocols. The session is the client, or its field.
macro_rules! shared_methods {
    ($($field:ident)?) => {
        fn session(&mut self) -> &mut dyn Bytes {
            &mut (*self)$(.$field)?
        }

        fn state(&self) -> labwire_connection {
            let session = &(*self)$(.$field)?;
            labwire_connection::new(
                session.transmit(),
                session.wants_input(),
                session.transmit_state(),
                session.is_drained(),
            )
        }

        fn poll_timeout(&self) -> Option<Instant> {
            Some(Session::poll_timeout(&(*self)$(.$field)?)?.0)
        }
    };
}
pub(crate) use shared_methods;

pub(crate) fn misused(misuse: Misuse) -> Failure {
    match misuse {
        Misuse::Unsendable(_) => Failure::invalid_text(misuse),
        _ => Failure::wrong_state(misuse),
    }
}

/// An event whose reply is what `tell` makes of it.
pub(crate) fn told<T>(event: Event<T>, tell: impl FnOnce(T) -> Told) -> Told {
    match event {
        Event::Application(reply) => tell(reply),
        Event::Closed(reason) => {
            let kind = match &reason {
                CloseReason::Finished | CloseReason::Shutdown => labwire_event::Finished,
                _ => labwire_event::Failed,
            };
            (kind, reason.to_string().into())
        }
    }
}

fn reply(text: impl Into<Vec<u8>>) -> Told {
    (labwire_event::Reply, text.into())
}

impl Client for open::Client {
    shared_methods!();

    fn request(&mut self, now: Instant, request: &[u8]) -> Result<(), Failure> {
        let request = open::parse_request(utf8("the request", request)?.as_bytes());
        let request = request.map_err(|refusal| Failure::invalid_text(refusal.message))?;
        Asker::request(self, now, &request).map_err(misused)
    }

    fn finish(&mut self, now: Instant) {
        self.handle_shutdown(now);
    }

    fn poll_event(&mut self) -> Option<Told> {
        let event = Session::poll_event(self)?;
        Some(told(event, |answer| {
            let mut text = Vec::new();
            open::write_reply(&mut text, open::Style::Line, &answer);
            reply(text.trim_ascii())
        }))
    }
}

impl Client for obe::Client {
    shared_methods!();

    fn request(&mut self, now: Instant, request: &[u8]) -> Result<(), Failure> {
        let request = utf8("the request", request)?.as_bytes();
        let request = python_json::parse(request, &python_json::Limits::default());
        let request = request.map_err(Failure::invalid_text)?;
        Asker::request(self, now, &request).map_err(misused)
    }

    fn finish(&mut self, _now: Instant) {
        obe::Client::finish(self);
    }

    fn poll_event(&mut self) -> Option<Told> {
        let event = Session::poll_event(self)?;
        Some(told(event, |answer| reply(python_json::dumps(&answer))))
    }
}

impl Client for zeiss::Client {
    shared_methods!();

    fn request(&mut self, now: Instant, request: &[u8]) -> Result<(), Failure> {
        Asker::request(self, now, utf8("the request", request)?).map_err(misused)
    }

    fn finish(&mut self, now: Instant) {
        zeiss::Client::finish(self, now);
    }

    fn poll_event(&mut self) -> Option<Told> {
        Some(told(Session::poll_event(self)?, reply))
    }
}
