//! The module's side of one connection: it owns the hardware, says what it is, and carries out orders.

use alloc::string::{String, ToString};

use labwire_session::time::Instant;
use labwire_session::{CloseReason, Link, Protocol, Responder, Timer};

use super::command::{Message, MessageDecoder, ModuleKind, Order, Report};
use super::generation::Generation;
use super::limits::Limits;

/// How many grabs may be ordered and not yet answered; then the module stops reading.
const MAX_GRABS: usize = 16;

/// The name of the `Info` by which a module of ours says why it did not do what it was told. The protocol has no reply
/// for that; a real server displays it.
pub const ERROR: &str = "error";

/// The name of the `Info` by which a module of ours proposes a name for itself. A real server displays it.
pub const NAME: &str = "name";

/// One connection of a module.
#[derive(Debug)]
pub struct Client {
    link: Link<Order>,
    limits: Limits,
    decoder: MessageDecoder,
    /// When the message that is being read began.
    since: Option<Instant>,
    grabs: usize,
}

impl Client {
    /// A connection that begins now: what the module is, all its settings (XML) and the name that it proposes are ready
    /// to be sent.
    pub fn new(
        now: Instant,
        limits: &Limits,
        generation: Generation,
        kind: ModuleKind,
        settings: impl Into<String>,
        name: Option<&str>,
    ) -> Self {
        let mut client = Self {
            link: Link::new(limits.session.clone()),
            decoder: MessageDecoder::new(generation, limits),
            limits: limits.clone(),
            since: None,
            grabs: 0,
        };
        client.send(now, &Report::Other(kind.name().into()));
        client.send(now, &Report::Infos(settings.into()));
        if let Some(name) = name {
            client.send(
                now,
                &Report::Info {
                    name: NAME.into(),
                    value: name.into(),
                },
            );
        }
        client
    }

    /// The generation it speaks.
    pub fn generation(&self) -> Generation {
        self.decoder.generation()
    }

    /// What the generation cannot carry is reported as an `Info` named `error`.
    fn send(&mut self, now: Instant, report: &Report) {
        let generation = self.decoder.generation();
        self.link.send_payloads(now, |output, payloads| {
            if let Err(error) = report.encode(generation, output, payloads) {
                let info = Report::Info {
                    name: ERROR.into(),
                    value: error.to_string(),
                };
                // Only g1 cannot carry this either; its server then waits in vain, as it does for any other fault.
                let _ = info.encode(generation, output, payloads);
            }
        });
    }
}

impl Protocol for Client {
    type Event = Order;

    fn link(&self) -> &Link<Order> {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link<Order> {
        &mut self.link
    }

    fn receive(&mut self, now: Instant, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.link.is_open() {
            match self.decoder.decode(&mut bytes) {
                Ok(Some(order)) => {
                    self.since = None;
                    self.grabs += usize::from(matches!(order, Order::Grab(_)));
                    self.link.emit(order);
                }
                Ok(None) => self.since = self.since.or(Some(now)),
                Err(error) => self.link.abort(error.into()),
            }
        }
    }

    fn receive_end(&mut self, _now: Instant) {
        self.link
            .close(CloseReason::PeerClosed(match self.decoder.is_inside() {
                true => "inside a message",
                false => "the server has ended",
            }));
    }

    /// Says `Quit` first: a real server hangs on an end of the stream without it.
    fn shut_down(&mut self, now: Instant) {
        self.send(now, &Report::Quit);
        self.link.close_after_linger(now, CloseReason::Shutdown);
    }

    fn can_receive(&self) -> bool {
        !self.link.is_full() && self.grabs < MAX_GRABS
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        let request_timeout = self.limits.session.request_timeout;
        self.since
            .map(|since| (since + request_timeout, Timer::RequestTimeout))
    }
}

impl Responder for Client {
    type Reply = Report;

    fn reply(&mut self, now: Instant, report: Report) {
        if let Report::Done(_) = report {
            self.grabs = self.grabs.saturating_sub(1);
        }
        self.send(now, &report);
    }
}
