//! Client side of a connection.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use labwire_session::framing::{FrameReader, length32};
use labwire_session::time::Instant;
use labwire_session::{Asker, CloseReason, Link, Misuse, Protocol, Timer};

use super::frames::Frames;
use super::{END_OF_REQUEST, Limits, Transport};
use crate::unanswered::Unanswered;

/// Client side of one connection. Its events are the answers, without the CR LF that ends them over TCP.
///
/// Over TCP one request is sent, with Ctrl-D and FIN, and the answer is everything up to the server's FIN (it may
/// contain line feeds; upstream's client takes what arrives first). Over WebSocket any number of requests is sent,
/// and [`finish`](Client::finish) ends the connection with the last answer.
///
/// The limit `request-timeout` is the longest wait for one answer.
#[derive(Debug)]
pub struct Client {
    link: Link<String>,
    transport: Transport,
    limits: Limits,
    unanswered: Unanswered,
    reader: FrameReader<Frames>,
}

impl Client {
    /// Creates a session.
    #[must_use]
    pub fn new(transport: Transport, limits: Limits) -> Self {
        Self {
            link: Link::new(limits.session.clone()),
            transport,
            reader: FrameReader::new(Frames::of_answers(transport), limits.session.message_bytes),
            limits,
            unanswered: Unanswered::new(),
        }
    }

    /// Ends the connection after the last answer.
    pub fn finish(&mut self, now: Instant) {
        self.unanswered.may_ask = false;
        self.end_when_answered(now, CloseReason::Finished);
    }

    fn end_when_answered(&mut self, now: Instant, reason: CloseReason) {
        if self.unanswered.is_over() {
            self.link.close_after_linger(now, reason);
        }
    }

    fn answered(&mut self, now: Instant, answer: Vec<u8>) {
        if self.unanswered.kinds.is_empty() {
            return self.misbehaved("an answer that nobody asked for".into());
        }
        match String::from_utf8(answer) {
            Ok(answer) => {
                self.unanswered.pop(now);
                self.link.emit(answer);
                self.end_when_answered(now, CloseReason::Finished);
            }
            Err(error) => self.misbehaved(format!("the answer is not text: {error}")),
        }
    }

    fn misbehaved(&mut self, how: String) {
        self.link.abort(CloseReason::PeerMisbehaved(how));
    }
}

impl Protocol for Client {
    type Event = String;

    fn link(&self) -> &Link<String> {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link<String> {
        &mut self.link
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.reader.push(bytes);
        while self.link.is_open() {
            match self.reader.poll_message(<[u8]>::to_vec) {
                Ok(Some(answer)) => self.answered(now, answer),
                Ok(None) => break,
                Err(error) => self.link.abort(error.into()),
            }
        }
    }

    fn receive_end(&mut self, now: Instant) {
        if self.transport == Transport::Tcp
            && let Some(answer) = self.reader.rest().strip_suffix(b"\r\n")
        {
            let answer = answer.to_vec();
            self.answered(now, answer);
        }
        let reason = match (self.unanswered.kinds.len(), self.reader.is_empty()) {
            (0, _) => CloseReason::Finished,
            (_, true) => CloseReason::PeerClosed("without an answer"),
            (_, false) => CloseReason::PeerClosed("inside an answer"),
        };
        self.link.close_after_linger(now, reason);
    }

    fn shut_down(&mut self, now: Instant) {
        self.unanswered.may_ask = false;
        self.end_when_answered(now, CloseReason::Shutdown);
    }

    fn unfinished(&self) -> usize {
        self.reader.held()
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        self.unanswered.deadline(self.limits.session.request_timeout)
    }
}

impl Asker for Client {
    /// A [`Request`](super::Request) as text.
    type Request = str;
    type Ticket = ();

    fn request(&mut self, now: Instant, text: &str) -> Result<(), Misuse> {
        self.unanswered.check(&self.link)?;
        match self.transport {
            Transport::Tcp => {
                if text.as_bytes().contains(&END_OF_REQUEST) {
                    let why = "the text contains Ctrl-D, which ends a request";
                    return Err(Misuse::Unsendable(why.into()));
                }
                self.link.send(now, text.as_bytes());
                self.link.send(now, &[END_OF_REQUEST]);
                self.link.finish_sending();
                self.unanswered.may_ask = false;
            }
            Transport::WebSocket => {
                let mut sent = Ok(());
                self.link
                    .send_with(now, |output| sent = length32::put(output, text.as_bytes()));
                sent.map_err(|error| Misuse::Unsendable(error.to_string()))?;
            }
        }
        self.unanswered.push(now, ());
        Ok(())
    }
}
