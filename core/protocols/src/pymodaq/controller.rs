//! Controller side of one connection.

use alloc::string::ToString;

use labwire_session::time::Instant;
use labwire_session::{Asker, CloseReason, Link, Misuse, Protocol};

use super::command::{Message, Report};
use super::control::{ControlAnswer, ControlRequest};
use super::decode::{Decoder, Expect};
use super::encode::encode;
use super::generation::Generation;
use super::limits::Limits;
use super::server::CONTROLLER;

/// Connection through which a program uses the modules of a server. See [`control`](super::Command).
#[derive(Debug)]
pub struct Controller {
    link: Link<ControlAnswer>,
    decoder: Decoder,
    /// Number of bytes of the current message.
    unfinished: usize,
}

impl Controller {
    /// Creates a connection that begins at `now`.
    #[must_use]
    pub fn new(now: Instant, limits: &Limits) -> Self {
        let mut link = Link::new(limits.session.clone());
        let hello = Report::Other(CONTROLLER.into());
        link.send_payloads(now, |output, payloads| {
            // A single word can always be encoded.
            let _ = hello.encode(Generation::G4, output, payloads);
        });
        let mut decoder = Decoder::new(Generation::G4, limits);
        decoder.expect(Expect::Item);
        Self {
            link,
            decoder,
            unfinished: 0,
        }
    }

    fn read(&mut self, input: &mut &[u8]) -> Result<(), CloseReason> {
        if let Some(object) = self.decoder.decode(input)? {
            self.decoder.expect(Expect::Item);
            let answer = ControlAnswer::from_object(&object);
            self.link
                .emit(answer.ok_or_else(|| CloseReason::PeerMisbehaved("an invalid answer".into()))?);
        }
        Ok(())
    }
}

impl Protocol for Controller {
    type Event = ControlAnswer;

    fn link(&self) -> &Link<ControlAnswer> {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link<ControlAnswer> {
        &mut self.link
    }

    fn receive(&mut self, _now: Instant, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.link.is_open() {
            let before = bytes.len();
            if let Err(reason) = self.read(&mut bytes) {
                self.link.abort(reason);
            }
            self.unfinished = match self.decoder.is_inside() {
                true => self.unfinished + before - bytes.len(),
                false => 0,
            };
        }
    }

    fn receive_end(&mut self, _now: Instant) {
        self.link.close(CloseReason::PeerClosed("the server has ended"));
    }

    fn unfinished(&self) -> usize {
        self.unfinished
    }

    fn shut_down(&mut self, now: Instant) {
        self.link.close_after_linger(now, CloseReason::Shutdown);
    }
}

impl Asker for Controller {
    /// Request. Answers come in the order in which the modules finish; each has the `id` of its request.
    type Request = ControlRequest;
    type Ticket = ();

    fn request(&mut self, now: Instant, request: &ControlRequest) -> Result<(), Misuse> {
        if !self.link.is_open() {
            return Err(Misuse::Closed);
        }
        if self.link.is_full() {
            return Err(Misuse::QueueFull);
        }
        let mut sent = Ok(());
        self.link.send_with(now, |output| {
            sent = encode(Generation::G4, &request.to_object(), output)
        });
        sent.map_err(|error| Misuse::Unsendable(error.to_string()))
    }
}
