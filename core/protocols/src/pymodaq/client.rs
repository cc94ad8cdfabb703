//! Module side of one connection: it owns the hardware, identifies itself, and carries out orders.

use alloc::string::{String, ToString};

use labwire_session::time::Instant;
use labwire_session::{CloseReason, Link, Protocol, Responder, Timer};

use super::command::{Message, MessageDecoder, ModuleKind, Order, Report};
use super::generation::Generation;
use super::limits::Limits;

/// Number of unanswered grabs above which the module stops reading.
const MAX_GRABS: usize = 16;

/// Name of the `Info` by which a labwire module reports why it did not carry out an order. The protocol has no reply
/// for that; a real server displays it.
pub const ERROR: &str = "error";

/// Name of the `Info` by which a labwire module proposes a name for itself. A real server displays it.
pub const NAME: &str = "name";

/// One connection of a module.
#[derive(Debug)]
pub struct Client {
    link: Link<Order>,
    limits: Limits,
    decoder: MessageDecoder,
    /// Number of bytes of the current message.
    unfinished: usize,
    /// Time at which it began.
    since: Option<Instant>,
    grabs: usize,
}

impl Client {
    /// Creates a connection that begins at `now`: the kind of module, all its settings (XML) and its proposed name
    /// are ready to be sent.
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
            unfinished: 0,
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

    /// Generation of the connection.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.decoder.generation()
    }

    /// Reports that the generation cannot express are replaced by an `Info` named `error`.
    fn send(&mut self, now: Instant, report: &Report) {
        let generation = self.decoder.generation();
        self.link.send_payloads(now, |output, payloads| {
            if let Err(error) = report.encode(generation, output, payloads) {
                let info = Report::Info {
                    name: ERROR.into(),
                    value: error.to_string(),
                };
                // Only g1 cannot express this either; its server then waits in vain, as it does for any other fault.
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
            let before = bytes.len();
            let decoded = self.decoder.decode(&mut bytes);
            self.unfinished += before - bytes.len();
            match decoded {
                Ok(Some(order)) => {
                    (self.since, self.unfinished) = (None, 0);
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

    /// Sends `Quit` first: without it, a real server hangs on an end of the stream.
    fn shut_down(&mut self, now: Instant) {
        self.send(now, &Report::Quit);
        self.link.close_after_linger(now, CloseReason::Shutdown);
    }

    fn can_receive(&self) -> bool {
        !self.link.is_full() && self.grabs < MAX_GRABS
    }

    fn unfinished(&self) -> usize {
        self.unfinished
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
        // A grab that fails is answered too, by an error.
        let ends_a_grab = match &report {
            Report::Done(_) => true,
            Report::Info { name, .. } => name == ERROR,
            _ => false,
        };
        self.grabs -= usize::from(ends_a_grab && self.grabs > 0);
        self.send(now, &report);
    }
}
