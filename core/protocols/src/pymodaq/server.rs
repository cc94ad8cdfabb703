//! Server side of one connection: it gives the orders.
//!
//! ```text
//! Silent --GRABBER | ACTUATOR--> Module      reports in, orders out, until Quit or the end of the stream
//!   |    --CONTROLLER----------> Controller  requests in, answers out (labwire's own, see `control`)
//!   \----anything else, silence, garbage----> dropped, with a reason
//! ```

use alloc::string::String;

use labwire_session::time::Instant;
use labwire_session::{CloseReason, Link, Protocol, Responder, Timer};

use super::command::{Message, ModuleKind, Order, Report};
use super::control::{ControlAnswer, NO_REQUEST};
use super::decode::{Decoder, Expect};
use super::encode::{EncodeError, whole};
use super::generation::Generation;
use super::limits::Limits;
use super::object::Object;
use super::recognise::{Recognition, ReportReader};

/// Identification of a controller: a program that uses the modules, whereas PyMoDAQ's own clients own hardware.
pub const CONTROLLER: &str = "CONTROLLER";

/// Longest first message, in bytes: it is a single word.
const IDENTIFICATION_BYTES: usize = 64;

/// End of the wait for the rest of a message that may be complete.
const RECOGNITION: Timer = Timer::Other("recognition-time");

/// Number of unanswered requests of a controller above which no more are read.
const MAX_REQUESTS: usize = 16;

/// One connection of a server. Modules may be of any generation; see [`Recognition`].
#[derive(Debug)]
pub struct Server {
    link: Link<ServerEvent>,
    limits: Limits,
    state: State,
    /// Number of bytes of the current message.
    unfinished: usize,
    /// Time at which it began.
    since: Option<Instant>,
    /// Time since which the current message may be complete.
    complete_since: Option<Instant>,
    origin: Origin,
    /// Whether it is told to the peer why the connection ends.
    is_refused: bool,
}

/// Facts about a peer that the application knows when its connection begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Origin {
    /// Address of the peer, which is reported with its identification, because the wire has no names.
    pub address: String,
    /// Whether the peer may be a controller.
    pub may_control: bool,
}

#[derive(Debug)]
enum State {
    Silent(ReportReader),
    Module(ReportReader),
    Controller {
        decoder: Decoder,
        /// Number of requests without an answer.
        unanswered: usize,
        /// Whether new requests are refused; the connection ends with the last answer.
        is_finishing: bool,
    },
}

/// Event of a connection for the server's application.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a registry has to heed every event")]
pub enum ServerEvent {
    /// A module has identified itself.
    Module {
        /// Kind of the module.
        kind: ModuleKind,
        /// Generation of the module. Before g4 it becomes known when it sends data or a position.
        generation: Option<Generation>,
        /// Address of the module.
        address: String,
    },
    /// Generation of the module, which is known now.
    Generation(Generation),
    /// A controller has identified itself.
    Controller,
    /// Report of a module.
    Report(Report),
    /// Request of a controller.
    Request(Object),
    /// The peer's generation cannot carry an order or answer; nothing was sent.
    Unsendable(EncodeError),
    /// The connection ends, for this reason. The last event.
    Leaving(CloseReason),
}

/// Instruction of the server's application for a connection.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a server has to carry out every instruction"
)]
pub enum Instruction {
    /// Order for a module.
    Order(Order),
    /// Answer for a controller.
    Answer(Object),
    /// End the connection, for this reason.
    Drop(String),
}

impl Server {
    /// Creates a connection that begins at `now`.
    #[must_use]
    pub fn new(now: Instant, limits: &Limits, recognition: Recognition, origin: Origin) -> Self {
        let mut first = limits.clone();
        first.session.message_bytes = limits.session.message_bytes.min(IDENTIFICATION_BYTES);
        Self {
            link: Link::of_server(limits.session.clone()),
            state: State::Silent(ReportReader::new(recognition, &first)),
            limits: limits.clone(),
            unfinished: 0,
            since: Some(now),
            complete_since: None,
            origin,
            is_refused: false,
        }
    }

    /// Reads a message. `is_complete`: of a message that may be complete, there is no more.
    fn read(&mut self, input: &mut &[u8], is_complete: bool) -> Result<(), CloseReason> {
        match &mut self.state {
            State::Silent(reader) => {
                let Some(first) = reader.read(input)? else {
                    return Ok(());
                };
                self.identify(first)?;
            }
            State::Module(reader) => {
                let was_known = reader.generation().is_some();
                let report = if is_complete {
                    reader.complete()?
                } else {
                    reader.read(input)?
                };
                if let Some(generation) = reader.generation().filter(|_| !was_known) {
                    self.link.emit(ServerEvent::Generation(generation));
                }
                if let Some(report) = report {
                    let quits = report == Report::Quit;
                    self.link.emit(ServerEvent::Report(report));
                    if quits {
                        return Err(CloseReason::Finished);
                    }
                }
            }
            State::Controller {
                decoder, unanswered, ..
            } => {
                if let Some(request) = decoder.decode(input)? {
                    decoder.expect(Expect::Item);
                    *unanswered += 1;
                    self.link.emit(ServerEvent::Request(request));
                }
            }
        }
        Ok(())
    }

    fn identify(&mut self, first: Report) -> Result<(), CloseReason> {
        let State::Silent(reader) = &mut self.state else {
            return Ok(());
        };
        let generation = reader.generation();
        let name = match first {
            Report::Other(name) => name,
            other => {
                return Err(CloseReason::PeerMisbehaved(alloc::format!(
                    "{other:?} before an identification"
                )));
            }
        };
        if let Some(kind) = ModuleKind::from_name(&name) {
            reader.set_limits(&self.limits);
            let reader = core::mem::replace(reader, ReportReader::new(Recognition::Automatic, &self.limits));
            self.state = State::Module(reader);
            self.link.emit(ServerEvent::Module {
                kind,
                generation,
                address: self.origin.address.clone(),
            });
        } else if name == CONTROLLER && generation == Some(Generation::G4) {
            if !self.origin.may_control {
                self.is_refused = true;
                return Err(CloseReason::PeerMisbehaved(
                    "controllers are not admitted from there: the server's configuration decides from where they are"
                        .into(),
                ));
            }
            let mut decoder = Decoder::new(Generation::G4, &self.limits);
            decoder.expect(Expect::Item);
            self.state = State::Controller {
                decoder,
                unanswered: 0,
                is_finishing: false,
            };
            self.link.emit(ServerEvent::Controller);
        } else {
            return Err(CloseReason::PeerMisbehaved(alloc::format!(
                "{name:?} is not a valid type"
            )));
        }
        Ok(())
    }

    fn is_inside(&self) -> bool {
        match &self.state {
            State::Silent(_) => true,
            State::Module(reader) => reader.is_inside(),
            State::Controller { decoder, .. } => decoder.is_inside(),
        }
    }

    fn take(&mut self, result: Result<(), CloseReason>) {
        match result {
            Ok(()) if !self.is_inside() => (self.since, self.unfinished) = (None, 0),
            Ok(()) => {}
            Err(CloseReason::Finished) => self.close(CloseReason::Finished),
            Err(reason) => self.abort(reason),
        }
    }

    /// Takes a message that may be complete as complete.
    fn complete(&mut self) {
        if self.complete_since.take().is_some() {
            let result = self.read(&mut &[][..], true);
            self.take(result);
        }
    }

    /// Tells a controller, as an answer to no request, why it is not admitted.
    fn refuse(&mut self, now: Instant, why: String) {
        let answer = ControlAnswer {
            id: NO_REQUEST,
            result: Err(why.clone()),
        };
        self.link.send_payloads(now, |output, payloads| {
            // A text can always be encoded.
            let _ = whole(Generation::G4, output, Some(payloads), |encoder| {
                encoder.object(&answer.to_object())
            });
        });
        let reason = CloseReason::PeerMisbehaved(why);
        self.link.emit(ServerEvent::Leaving(reason.clone()));
        self.link.close_after_linger(now, reason);
    }

    fn finish(&mut self, now: Instant) {
        self.link.emit(ServerEvent::Leaving(CloseReason::Shutdown));
        self.link.close_after_linger(now, CloseReason::Shutdown);
    }

    fn close(&mut self, reason: CloseReason) {
        self.link.emit(ServerEvent::Leaving(reason.clone()));
        self.link.close(reason);
    }
}

impl Protocol for Server {
    type Event = ServerEvent;

    fn link(&self) -> &Link<ServerEvent> {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link<ServerEvent> {
        &mut self.link
    }

    fn receive(&mut self, now: Instant, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.link.is_open() {
            let before = bytes.len();
            let result = self.read(&mut bytes, false);
            self.unfinished += before - bytes.len();
            match result {
                Err(CloseReason::PeerMisbehaved(why)) if self.is_refused => self.refuse(now, why),
                result => self.take(result),
            }
            // A new message has begun, or an old one continues.
            if self.is_inside() {
                self.since = self.since.or((bytes.len() < before).then_some(now));
            }
        }
        self.complete_since = match &self.state {
            State::Module(reader) if reader.may_be_complete() => Some(now),
            _ => None,
        };
    }

    fn receive_end(&mut self, _now: Instant) {
        self.complete();
        if !self.link.is_open() {
            return;
        }
        self.close(match &self.state {
            State::Silent(_) => CloseReason::PeerClosed("before it said what it is"),
            _ if self.is_inside() => CloseReason::PeerClosed("inside a message"),
            State::Module(_) => CloseReason::PeerClosed("without Quit"),
            State::Controller { .. } => CloseReason::Finished,
        });
    }

    fn shut_down(&mut self, now: Instant) {
        match &mut self.state {
            State::Controller { unanswered: 0, .. } => self.finish(now),
            State::Controller { is_finishing, .. } => *is_finishing = true,
            State::Silent(_) | State::Module(_) => self.abort(CloseReason::Shutdown),
        }
    }

    fn can_receive(&self) -> bool {
        let is_taking = match self.state {
            State::Controller {
                unanswered,
                is_finishing,
                ..
            } => unanswered < MAX_REQUESTS && !is_finishing,
            State::Silent(_) | State::Module(_) => true,
        };
        is_taking && !self.link.is_full()
    }

    fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// Real modules notice a reset, but spin forever on a regular end of the stream; any end that is not regular for
    /// them is therefore a reset.
    fn abort(&mut self, reason: CloseReason) {
        self.link.emit(ServerEvent::Leaving(reason.clone()));
        self.link.abort(reason);
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        let request_timeout = self.limits.session.request_timeout;
        let late = self
            .since
            .map(|since| (since + request_timeout, Timer::RequestTimeout));
        let complete = self.complete_since.filter(|_| self.can_receive());
        let complete = complete.map(|since| (since + self.limits.recognition_time, RECOGNITION));
        complete.into_iter().chain(late).min_by_key(|&(due, _)| due)
    }

    fn expire(&mut self, _now: Instant, timer: Timer) {
        match timer {
            RECOGNITION => self.complete(),
            _ => self.abort(CloseReason::TimedOut(timer)),
        }
    }
}

impl Responder for Server {
    type Reply = Instruction;

    /// Orders are for modules, answers for controllers; others are ignored.
    fn reply(&mut self, now: Instant, instruction: Instruction) {
        let mut result = Ok(());
        match (instruction, &mut self.state) {
            (Instruction::Order(order), State::Module(reader)) => {
                // What the generations from g2 to g3 disagree on, the application sends when it knows.
                let generation = reader.generation().unwrap_or(Generation::G2);
                self.link.send_payloads(now, |output, payloads| {
                    result = order.encode(generation, output, payloads);
                });
            }
            (
                Instruction::Answer(answer),
                State::Controller {
                    unanswered,
                    is_finishing,
                    ..
                },
            ) => {
                *unanswered = unanswered.saturating_sub(1);
                let is_last = *is_finishing && *unanswered == 0;
                self.link.send_payloads(now, |output, payloads| {
                    result = whole(Generation::G4, output, Some(payloads), |encoder| {
                        encoder.object(&answer)
                    });
                });
                if is_last {
                    self.finish(now);
                }
            }
            (Instruction::Drop(reason), _) => self.abort(CloseReason::PeerMisbehaved(reason)),
            _ => {}
        }
        if let Err(error) = result {
            self.link.emit(ServerEvent::Unsendable(error));
        }
    }
}
