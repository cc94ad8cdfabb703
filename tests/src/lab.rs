//! Laboratory in simulated time: a registry of PyMoDAQ modules, instruments, controllers and strangers, connected
//! without a network.

use std::collections::BTreeMap;
use std::time::Duration;

use labwire_core::pymodaq::{Command, ControlAnswer, ControlRequest, Controller};
use labwire_core::service::module::{Hardware, Instrument, ModuleSettings};
use labwire_core::service::registry::{OperationId, Outcome, Registry, RegistrySettings};
use labwire_core::service::{ConnectionId, Endpoint, Peer};
use labwire_core::session::{Asker, CloseReason, Event, Session, TransmitState};
use labwire_core::time::Instant;

/// Number of the only connection of an instrument.
const HERE: ConnectionId = ConnectionId(0);

/// Peer at the other end of a connection to the registry.
enum End {
    Instrument(Box<Endpoint<Instrument>>),
    Controller(Box<Controller>, Vec<ControlAnswer>),
    /// Bytes to be sent, and bytes received.
    Stranger(Vec<u8>, Vec<u8>),
}

/// Everything, and the time.
pub struct Lab {
    /// The time.
    pub now: Instant,
    registry: Endpoint<Registry>,
    ends: BTreeMap<ConnectionId, End>,
    outcomes: BTreeMap<OperationId, Outcome>,
    next: u64,
}

impl Lab {
    /// Creates a laboratory with only a registry.
    pub fn new(config: RegistrySettings) -> Self {
        Self {
            now: Instant::ZERO,
            registry: Endpoint::new(Registry::new(config)),
            ends: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            next: 0,
        }
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        self.registry.service()
    }

    /// Connects an instrument; its address is `10.0.0.<n>:1`, `n` the number returned.
    pub fn connect_instrument(&mut self, hardware: Hardware, config: ModuleSettings) -> ConnectionId {
        let mut instrument = Endpoint::new(Instrument::new(hardware, config));
        let opened = instrument.open(self.now, HERE, Peer::LOCAL);
        opened.expect("its only connection");
        self.connect(End::Instrument(Box::new(instrument)))
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
        let opened = self.registry.open(self.now, id, peer);
        opened.expect("numbers are not used twice");
        self.ends.insert(id, end);
        self.settle();
        id
    }

    /// Sends bytes as a stranger.
    pub fn send(&mut self, id: ConnectionId, bytes: &[u8]) {
        if let Some(End::Stranger(waiting, _)) = self.ends.get_mut(&id) {
            waiting.extend(bytes);
        }
        self.settle();
    }

    /// Bytes sent to a stranger since the last call.
    pub fn received(&mut self, id: ConnectionId) -> Vec<u8> {
        match self.end(id) {
            End::Stranger(_, received) => std::mem::take(received),
            _ => panic!("not a stranger"),
        }
    }

    /// Disconnects the peer: with the end of the stream, or with a reset.
    pub fn disconnect(&mut self, id: ConnectionId, with_reset: bool) {
        match with_reset {
            true => self.registry.handle_lost(self.now, id),
            false => self.registry.handle_eof(self.now, id),
        }
        *self.end(id) = End::Stranger(Vec::new(), Vec::new());
        self.settle();
    }

    fn end(&mut self, id: ConnectionId) -> &mut End {
        self.ends.get_mut(&id).expect("a connection")
    }

    /// Reason why the registry's side of a connection ended, once it has.
    pub fn closed(&self, id: ConnectionId) -> Option<&CloseReason> {
        self.registry.close_reason(id)
    }

    /// Gives an order to the module of this name.
    pub fn submit(&mut self, module: &str, command: Command) -> OperationId {
        let operation = self.registry.service_mut().submit(self.now, module, command);
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
        let now = self.now;
        let End::Controller(controller, _) = self.end(id) else {
            panic!("not a controller")
        };
        controller.request(now, request).expect("a short request");
        self.settle();
    }

    /// Answers received by a controller since the last call.
    pub fn answers(&mut self, id: ConnectionId) -> Vec<ControlAnswer> {
        match self.end(id) {
            End::Controller(_, answers) => std::mem::take(answers),
            _ => panic!("not a controller"),
        }
    }

    /// Lets time pass until something is due. Returns false if nothing ever will be.
    pub fn advance(&mut self) -> bool {
        let Some(due) = self.next_due() else {
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
        let ends = self.ends.values().filter_map(End::poll_timeout);
        ends.chain(self.registry.poll_timeout()).min()
    }

    fn handle_timeouts(&mut self) {
        self.registry.handle_timeout(self.now);
        for end in self.ends.values_mut() {
            match end {
                End::Instrument(instrument) => instrument.handle_timeout(self.now),
                End::Controller(controller, _) => controller.handle_timeout(self.now),
                End::Stranger(..) => {}
            }
        }
        self.settle();
    }

    /// Moves bytes until nothing moves.
    fn settle(&mut self) {
        let now = self.now;
        let mut moved = true;
        while std::mem::take(&mut moved) {
            // What the test has asked the registry for goes out.
            self.registry.step(now, 0);
            for (&id, end) in &mut self.ends {
                if let Some(sent) = end.send(now) {
                    moved |= match sent {
                        Sent::Bytes(bytes) => {
                            self.registry.handle_input(now, id, &bytes);
                            true
                        }
                        Sent::Abort => {
                            let is_news = self.registry.close_reason(id).is_none();
                            self.registry.handle_lost(now, id);
                            is_news
                        }
                    };
                }
                let (waiting, state) = (self.registry.transmit(id), self.registry.transmit_state(id));
                if let Some(sent) = Sent::of(waiting, state) {
                    self.registry.transmitted(now, id, sent.len());
                    moved |= end.receive(now, &sent);
                }
            }
            while let Some((operation, outcome)) = self.registry.service_mut().poll_outcome() {
                let before = self.outcomes.insert(operation, outcome);
                assert!(before.is_none(), "an order ended twice");
            }
        }
    }
}

/// Bytes or reset, on the way from one end to the other.
enum Sent {
    Bytes(Vec<u8>),
    Abort,
}

impl Sent {
    fn of(waiting: &[u8], state: TransmitState) -> Option<Self> {
        match state {
            TransmitState::Abort => Some(Self::Abort),
            _ if waiting.is_empty() => None,
            _ => Some(Self::Bytes(waiting.to_vec())),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Abort => 0,
        }
    }
}

impl End {
    fn send(&mut self, now: Instant) -> Option<Sent> {
        match self {
            Self::Instrument(instrument) => {
                let sent = Sent::of(instrument.transmit(HERE), instrument.transmit_state(HERE))?;
                instrument.transmitted(now, HERE, sent.len());
                Some(sent)
            }
            Self::Controller(controller, _) => {
                let sent = Sent::of(controller.transmit(), controller.transmit_state())?;
                controller.transmitted(now, sent.len());
                Some(sent)
            }
            Self::Stranger(waiting, _) => Sent::of(&std::mem::take(waiting), TransmitState::Open),
        }
    }

    /// Takes what was sent. Returns whether it changed anything.
    fn receive(&mut self, now: Instant, sent: &Sent) -> bool {
        match (self, sent) {
            (Self::Instrument(instrument), Sent::Bytes(bytes)) => {
                instrument.handle_input(now, HERE, bytes);
                true
            }
            (Self::Instrument(instrument), Sent::Abort) => {
                let is_news = instrument.close_reason(HERE).is_none();
                instrument.handle_lost(now, HERE);
                is_news
            }
            (Self::Controller(controller, answers), sent) => {
                let is_news = !controller.is_closed();
                match sent {
                    Sent::Bytes(bytes) => controller.handle_input(now, bytes),
                    Sent::Abort => controller.handle_lost(now),
                }
                while let Some(event) = controller.poll_event() {
                    if let Event::Application(answer) = event {
                        answers.push(answer);
                    }
                }
                is_news
            }
            (Self::Stranger(_, received), Sent::Bytes(bytes)) => {
                received.extend(bytes);
                true
            }
            (Self::Stranger(..), Sent::Abort) => false,
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Instrument(instrument) => instrument.poll_timeout(),
            Self::Controller(controller, _) => controller.poll_timeout().map(|(due, _)| due),
            Self::Stranger(..) => None,
        }
    }
}
