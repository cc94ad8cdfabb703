//! Laboratory in simulated time: a registry of PyMoDAQ modules, instruments, controllers and strangers, connected
//! without a network.

use std::collections::BTreeMap;
use std::time::Duration;

use labwire_core::pymodaq::{Client, Command, ControlAnswer, ControlRequest, Controller, Server};
use labwire_core::service::module::{Hardware, Instrument, InstrumentConfig};
use labwire_core::service::registry::{OperationId, Outcome, Registry, RegistryConfig};
use labwire_core::service::{ConnectionId, Peer, Service};
use labwire_core::session::{Asker, CloseReason, Event, Responder, Session, TransmitState};
use labwire_core::time::Instant;

/// Peer at the other end of a connection to the registry.
enum End {
    Instrument(Box<Instrument>, Box<Client>),
    Controller(Box<Controller>, Vec<ControlAnswer>),
    /// Bytes to be sent, and bytes received.
    Stranger(Vec<u8>, Vec<u8>),
}

struct Connection {
    server: Server,
    end: End,
    closed: Option<CloseReason>,
}

/// The laboratory and its time.
pub struct Lab {
    /// The time.
    pub now: Instant,
    /// The registry.
    pub registry: Registry,
    connections: BTreeMap<ConnectionId, Connection>,
    outcomes: BTreeMap<OperationId, Outcome>,
    next: u64,
}

impl Lab {
    /// Creates a laboratory with only a registry.
    pub fn new(config: RegistryConfig) -> Self {
        Self {
            now: Instant::ZERO,
            registry: Registry::new(config),
            connections: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            next: 0,
        }
    }

    /// Connects an instrument; its address is `10.0.0.<n>:1`, `n` the number returned.
    pub fn connect_instrument(&mut self, hardware: Hardware, config: InstrumentConfig) -> ConnectionId {
        let mut instrument = Instrument::new(hardware, config);
        let session = instrument.open_session(self.now, Peer::LOCAL);
        self.connect(End::Instrument(Box::new(instrument), Box::new(session)))
    }

    /// Connects a controller on this machine.
    pub fn connect_controller(&mut self) -> ConnectionId {
        let limits = labwire_core::pymodaq::Limits::default();
        let controller = Controller::new(self.now, &limits);
        self.connect(End::Controller(Box::new(controller), Vec::new()))
    }

    /// Connects a peer that sends bytes chosen by the test.
    pub fn connect_stranger(&mut self, bytes: &[u8]) -> ConnectionId {
        self.connect(End::Stranger(bytes.to_vec(), Vec::new()))
    }

    fn connect(&mut self, end: End) -> ConnectionId {
        let id = ConnectionId(self.next);
        self.next += 1;
        let address = std::net::SocketAddr::from(([10, 0, 0, id.0 as u8], 1));
        let mut peer = Peer::at(address);
        peer.is_local = true;
        let server = self.registry.open_session(self.now, peer);
        self.connections.insert(
            id,
            Connection {
                server,
                end,
                closed: None,
            },
        );
        self.settle();
        id
    }

    /// Sends bytes as a stranger.
    pub fn send(&mut self, id: ConnectionId, bytes: &[u8]) {
        if let Some(Connection {
            end: End::Stranger(waiting, _),
            ..
        }) = self.connections.get_mut(&id)
        {
            waiting.extend(bytes);
        }
        self.settle();
    }

    /// Bytes sent to a stranger since the last call.
    pub fn received(&mut self, id: ConnectionId) -> Vec<u8> {
        match &mut self.connections.get_mut(&id).expect("a connection").end {
            End::Stranger(_, received) => std::mem::take(received),
            _ => panic!("not a stranger"),
        }
    }

    /// Disconnects the peer: with the end of the stream, or with a reset.
    pub fn disconnect(&mut self, id: ConnectionId, with_reset: bool) {
        let connection = self.connections.get_mut(&id).expect("a connection");
        if with_reset {
            connection.server.handle_lost(self.now);
        } else {
            connection.server.handle_eof(self.now);
        }
        connection.end = End::Stranger(Vec::new(), Vec::new());
        self.settle();
    }

    /// Reason why the registry's side of a connection ended, once it has.
    pub fn closed(&self, id: ConnectionId) -> Option<&CloseReason> {
        self.connections.get(&id)?.closed.as_ref()
    }

    /// Gives an order to the module of this name.
    pub fn submit(&mut self, module: &str, command: Command) -> OperationId {
        let operation = self.registry.submit(self.now, module, command);
        self.settle();
        operation
    }

    /// Outcome of an order, once it has ended.
    pub fn outcome(&self, operation: OperationId) -> Option<&Outcome> {
        self.outcomes.get(&operation)
    }

    /// Gives an order and lets time pass until it ends.
    pub fn run(&mut self, module: &str, command: Command) -> Outcome {
        let operation = self.submit(module, command);
        while self.outcome(operation).is_none() {
            assert!(self.advance(), "nothing will ever happen");
        }
        self.outcomes[&operation].clone()
    }

    /// Sends a request as a controller.
    pub fn request(&mut self, id: ConnectionId, request: &ControlRequest) {
        let Some(Connection {
            end: End::Controller(controller, _),
            ..
        }) = self.connections.get_mut(&id)
        else {
            panic!("not a controller")
        };
        controller.request(self.now, request).expect("a short request");
        self.settle();
    }

    /// Answers received by a controller since the last call.
    pub fn answers(&mut self, id: ConnectionId) -> Vec<ControlAnswer> {
        match &mut self.connections.get_mut(&id).expect("a connection").end {
            End::Controller(_, answers) => std::mem::take(answers),
            _ => panic!("not a controller"),
        }
    }

    /// Lets time pass until something is due. Returns false if nothing ever will be.
    pub fn advance(&mut self) -> bool {
        let sessions = self.connections.values().filter_map(|connection| {
            let end = match &connection.end {
                End::Instrument(instrument, session) => instrument
                    .poll_timeout()
                    .into_iter()
                    .chain(session.poll_timeout())
                    .min(),
                End::Controller(controller, _) => controller.poll_timeout(),
                End::Stranger(..) => None,
            };
            end.into_iter().chain(connection.server.poll_timeout()).min()
        });
        let Some((due, _)) = sessions.chain(self.registry.poll_timeout()).min() else {
            return false;
        };
        self.now = self.now.max(due);
        self.handle_timeouts();
        true
    }

    /// Lets this much time pass.
    pub fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while self.next_due().is_some_and(|due| due <= end) {
            self.advance();
        }
        self.now = end;
        self.handle_timeouts();
    }

    fn next_due(&self) -> Option<Instant> {
        let ends = self.connections.values().flat_map(|connection| {
            let end = match &connection.end {
                End::Instrument(instrument, session) => [instrument.poll_timeout(), session.poll_timeout()],
                End::Controller(controller, _) => [controller.poll_timeout(), None],
                End::Stranger(..) => [None, None],
            };
            end.into_iter().flatten().chain(connection.server.poll_timeout())
        });
        ends.chain(self.registry.poll_timeout()).map(|(due, _)| due).min()
    }

    fn handle_timeouts(&mut self) {
        let now = self.now;
        self.registry.handle_timeout(now);
        for connection in self.connections.values_mut() {
            connection.server.handle_timeout(now);
            match &mut connection.end {
                End::Instrument(instrument, session) => {
                    instrument.handle_timeout(now);
                    session.handle_timeout(now);
                }
                End::Controller(controller, _) => controller.handle_timeout(now),
                End::Stranger(..) => {}
            }
        }
        self.settle();
    }

    /// Moves bytes, events and replies until nothing moves.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            while let Some((to, instruction)) = self.registry.poll_reply() {
                if let Some(connection) = self.connections.get_mut(&to) {
                    connection.server.reply(self.now, instruction);
                    moved = true;
                }
            }
            for (&id, connection) in &mut self.connections {
                moved |= connection.exchange(self.now);
                while let Some(event) = connection.server.poll_event() {
                    moved = true;
                    match event {
                        Event::Application(event) => self.registry.handle_request(self.now, id, event),
                        Event::Closed(reason) => {
                            connection.closed = Some(reason);
                            self.registry.handle_disconnect(self.now, id);
                        }
                    }
                }
            }
            while let Some((operation, outcome)) = self.registry.poll_outcome() {
                assert!(
                    self.outcomes.insert(operation, outcome).is_none(),
                    "an order ended twice"
                );
            }
            if !moved {
                return;
            }
        }
    }
}

impl Connection {
    /// Moves pending bytes in both directions. Returns whether there were any.
    fn exchange(&mut self, now: Instant) -> bool {
        match &mut self.end {
            End::Instrument(instrument, session) => {
                let id = ConnectionId(0);
                while let Some((_, report)) = instrument.poll_reply() {
                    session.reply(now, report);
                }
                let moved = transfer(now, &mut **session, &mut self.server)
                    | transfer(now, &mut self.server, &mut **session);
                while let Some(event) = session.poll_event() {
                    match event {
                        Event::Application(order) => instrument.handle_request(now, id, order),
                        Event::Closed(_) => instrument.handle_disconnect(now, id),
                    }
                }
                moved
            }
            End::Controller(controller, answers) => {
                let moved = transfer(now, &mut **controller, &mut self.server)
                    | transfer(now, &mut self.server, &mut **controller);
                while let Some(event) = controller.poll_event() {
                    if let Event::Application(answer) = event {
                        answers.push(answer);
                    }
                }
                moved
            }
            End::Stranger(waiting, received) => {
                let bytes = std::mem::take(waiting);
                if !bytes.is_empty() && !self.server.is_closed() {
                    self.server.handle_input(now, &bytes);
                }
                let count = self.server.transmit().len();
                received.extend(self.server.transmit());
                self.server.transmitted(now, count);
                !bytes.is_empty() || count > 0
            }
        }
    }
}

fn transfer(now: Instant, from: &mut impl Session, to: &mut impl Session) -> bool {
    if from.transmit_state() == TransmitState::Abort {
        let is_news = !to.is_closed();
        to.handle_lost(now);
        return is_news;
    }
    let bytes = from.transmit().to_vec();
    if bytes.is_empty() {
        return false;
    }
    to.handle_input(now, &bytes);
    from.transmitted(now, bytes.len());
    true
}
