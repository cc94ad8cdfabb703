//! The service, and clients without a host.

use std::time::Duration;

use labwire_core::limits::SessionLimits;
use labwire_core::open::{Client, ExitStatus, Reply, Request, RunReply, RunRequest, ServerEvent};
use labwire_core::problem::{Problem, TextLimits};
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_core::service::{Busy, ConnectionId, Endpoint, Peer, Service};
use labwire_core::session::{Asker, Event, Session};
use labwire_core::time::Instant;

pub(crate) struct Bench {
    pub(crate) server: Endpoint<OptimizerService>,
    pub(crate) now: Instant,
    next: u64,
}

/// Client and its connection.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) client: Client,
}

impl Bench {
    pub(crate) fn new(text: &str) -> Self {
        Self::with(text, OptimizerSettings::default())
    }

    pub(crate) fn with(text: &str, config: OptimizerSettings) -> Self {
        let problem = Problem::from_json(text, &TextLimits::default()).unwrap();
        Self {
            server: Endpoint::new(OptimizerService::new(problem, config).unwrap()),
            now: Instant::ZERO,
            next: 0,
        }
    }

    pub(crate) fn connect(&mut self, client: Client) -> Connection {
        self.next += 1;
        let id = ConnectionId(self.next);
        self.server.open(self.now, id, Peer::LOCAL).unwrap();
        Connection { id, client }
    }

    pub(crate) fn send(&mut self, connection: &mut Connection, request: &Request) {
        let Connection { id, client } = connection;
        client.request(self.now, request).unwrap();
        self.server.handle_input(self.now, *id, client.transmit());
        client.transmitted(self.now, client.transmit().len());
    }

    /// Sends a request on a connection of its own.
    pub(crate) fn ask(&mut self, request: &Request) -> Connection {
        let mut connection = self.connect(Client::one_shot(SessionLimits::default()));
        self.send(&mut connection, request);
        connection
    }

    pub(crate) fn tick(&mut self, fuel: u32) -> Busy {
        self.now = self.now + Duration::from_micros(100);
        self.server.step(self.now, fuel)
    }

    pub(crate) fn reply(&mut self, Connection { id, client }: &mut Connection) -> Option<Reply> {
        client.handle_input(self.now, self.server.transmit(*id));
        self.server
            .transmitted(self.now, *id, self.server.transmit(*id).len());
        match client.poll_event()? {
            Event::Application(reply) => Some(reply),
            Event::Closed(reason) => panic!("{reason}"),
        }
    }

    pub(crate) fn run(&mut self, request: RunRequest) -> Result<RunReply, u32> {
        let mut connection = self.ask(&Request::Run(request));
        while self.tick(50) == Busy::Yes {}
        match self.reply(&mut connection).unwrap() {
            Reply::Run(reply) => Ok(*reply),
            Reply::Error(error) => Err(error.code),
            other => panic!("{other:?}"),
        }
    }

    /// Code by which a request is refused; the request may be one that JSON cannot express.
    pub(crate) fn refusal(&mut self, request: RunRequest) -> u32 {
        let request = Request::Run(request);
        let event = ServerEvent {
            request,
            kept_open: false,
        };
        let service = self.server.service_mut();
        service.handle_request(self.now, ConnectionId(0), event);
        match service.poll_reply() {
            Some((ConnectionId(0), Reply::Error(error))) => error.code,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn solve(&mut self, parameter: &[f64]) -> RunReply {
        self.run(parameters(parameter)).unwrap()
    }
}

pub(crate) fn parameters(parameter: &[f64]) -> RunRequest {
    RunRequest::new(parameter.to_vec())
}

#[track_caller]
pub(crate) fn assert_converged(reply: &RunReply, cost: f64) {
    assert_eq!(reply.exit_status, ExitStatus::Converged);
    assert!(
        (reply.cost - cost).abs() < 1e-4,
        "cost {} instead of {cost}",
        reply.cost
    );
    assert!(
        reply.kkt_residual <= 1e-5 && reply.max_constraint_violation <= 1e-5,
        "{reply:?}"
    );
}
