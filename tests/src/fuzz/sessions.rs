//! Sessions and the services behind those of servers: anything may arrive, in any pieces.
//!
//! Input: a byte for the role, a byte for the size of pieces, then what arrives.

use std::slice::Chunks;

use labwire_core::design::{DEFAULT_EXPERIMENT, DesignLimits};
use labwire_core::limits::SessionLimits;
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, TextLimits};
use labwire_core::pymodaq::{Generation, ModuleKind};
use labwire_core::python_json::Value;
use labwire_core::service::designer::{DesignerHandler, ObePermissions, PosteriorStore};
use labwire_core::service::module::{Hardware, Instrument, ModuleSettings};
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_core::service::registry::{Registry, RegistrySettings};
use labwire_core::service::{Busy, ConnectionId, Endpoint, Peer, Permission, Service, designer, importer};
use labwire_core::session::{Asker, CloseReason, Session};
use labwire_core::simulate::{Camera, Stage};
use labwire_core::time::Instant;
use labwire_core::zeiss::{Outcome, Transport};
use labwire_core::{obe, open, pymodaq, zeiss};

use super::GENERATIONS;

const ID: ConnectionId = ConnectionId(1);
const NOW: Instant = Instant::ZERO;

/// Largest number of steps of long work after each piece: a solve may be made endless.
const STEPS: usize = 20;
const FUEL: u32 = 64;

/// Feeds the pieces to a connection of a service, lets it work and lets time pass. Returns the reason why the connection
/// closed after the end of the stream; it always closes when it is lost.
fn serve<S: Service>(service: S, pieces: Chunks<'_, u8>) -> Option<CloseReason> {
    let mut now = NOW;
    let mut server = Endpoint::new(service);
    server.open(now, ID, Peer::LOCAL).expect("the first connection");
    for piece in pieces {
        if !server.wants_input(ID) {
            break;
        }
        server.handle_input(now, ID, piece);
        work(&mut server, now);
        if let Some((due, _)) = server.service().poll_timeout() {
            now = now.max(due);
            server.handle_timeout(now);
        }
    }
    server.handle_eof(now, ID);
    work(&mut server, now);
    let reason = server.close_reason(ID).cloned();
    server.handle_lost(now, ID);
    assert!(server.is_drained(ID) && server.close_reason(ID).is_some());
    reason
}

fn work<S: Service>(server: &mut Endpoint<S>, now: Instant) {
    for _ in 0..STEPS {
        if server.step(now, FUEL) == Busy::No {
            break;
        }
    }
    while !server.transmit(ID).is_empty() {
        server.transmitted(now, ID, server.transmit(ID).len());
    }
}

/// OpEn's sessions and the optimizer.
pub fn open_sessions(input: &[u8]) {
    let [role, piece, bytes @ ..] = input else { return };
    let pieces = bytes.chunks(usize::from(*piece).max(1));
    if role % 2 == 1 {
        let mut client = open::Client::one_shot(SessionLimits::default());
        let asked = client.request(NOW, &open::Request::Ping(1));
        asked.expect("an open connection");
        return pieces.for_each(|piece| client.handle_input(NOW, piece));
    }
    serve(optimizer(), pieces);
}

pub(super) fn optimizer() -> impl Service {
    let mut config = OptimizerSettings::default();
    (config.load, config.session.message_bytes) = (Permission::Everybody, 4096);
    let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default());
    let problem = problem.expect("the embedded problem is valid");
    OptimizerService::new(problem, config).expect("the embedded problem can be solved")
}

/// Store that saves nothing.
pub(super) struct Nowhere;

impl PosteriorStore for Nowhere {
    fn save(&mut self, _name: &str, _text: &str) -> Result<(), String> {
        Err(String::from("nowhere"))
    }

    fn load(&mut self, _name: &str) -> Result<String, String> {
        Err(String::from("nowhere"))
    }
}

/// OptBayesExpt's sessions and the designer.
pub fn obe_sessions(input: &[u8]) {
    let [role, piece, bytes @ ..] = input else { return };
    let pieces = bytes.chunks(usize::from(*piece).max(1));
    if role % 2 == 1 {
        let mut client = obe::Client::new(obe_limits());
        for _ in 0..role / 2 {
            let asked = client.request(NOW, &Value::from(&obe::Request::Ready));
            asked.expect("an open connection");
        }
        return pieces.for_each(|piece| client.handle_input(NOW, piece));
    }
    assert!(serve(designer(), pieces).is_some());
}

pub(super) fn obe_limits() -> obe::Limits {
    let mut limits = obe::Limits::default();
    limits.session.message_bytes = 4096;
    limits
}

/// The default experiment with few particles.
pub(super) fn small_text() -> String {
    DEFAULT_EXPERIMENT.replace("10000", "50")
}

pub(super) fn small_designer() -> DesignerHandler<Nowhere> {
    let handler = DesignerHandler::new(&small_text(), small_design(), 1, Nowhere);
    handler.expect("the example is right")
}

/// Limits with which no experiment takes long.
pub(super) fn small_design() -> DesignLimits {
    let mut limits = DesignLimits::default();
    let expressions = &mut limits.text;
    (
        expressions.graph_nodes,
        expressions.expansion_steps,
        expressions.variables,
    ) = (20_000, 100_000, 200);
    (limits.settings, limits.particle_numbers, limits.draw_numbers) = (1000, 1000, 1000);
    limits
}

pub(super) fn designer() -> impl Service {
    designer::service(obe_limits(), ObePermissions::default(), small_designer())
}

/// ZEISS INSPECT's sessions, over TCP and as messages.
pub fn zeiss_sessions(input: &[u8]) {
    let [role, piece, bytes @ ..] = input else { return };
    let pieces = bytes.chunks(usize::from(*piece).max(1));
    let transport = match role & 2 {
        0 => Transport::Tcp,
        _ => Transport::WebSocket,
    };
    if role & 1 == 1 {
        let mut client = zeiss::Client::new(transport, zeiss_limits());
        client.request(NOW, "{}").expect("an open connection");
        pieces.for_each(|piece| client.handle_input(NOW, piece));
        client.handle_eof(NOW);
        assert!(client.is_closed());
        return;
    }
    assert!(serve(importer(transport), pieces).is_some());
}

fn zeiss_limits() -> zeiss::Limits {
    let mut limits = zeiss::Limits::default();
    limits.session.message_bytes = 4096;
    limits
}

pub(super) fn importer(transport: Transport) -> impl Service {
    importer::service(transport, zeiss_limits(), Permission::Local, |_| Outcome::Failed)
}

/// PyMoDAQ's three sessions, the registry and instruments.
pub fn pymodaq_sessions(input: &[u8]) {
    let [role, piece, bytes @ ..] = input else { return };
    let pieces = bytes.chunks(usize::from(*piece).max(1));
    let generation = GENERATIONS[usize::from(*role) / 4 % GENERATIONS.len()];
    match role % 4 {
        0 => drop(serve(Registry::new(RegistrySettings::default()), pieces)),
        1 => drop(serve(grabber(generation), pieces)),
        2 => drop(serve(actuator(generation), pieces)),
        _ => {
            let limits = pymodaq::Limits::default();
            let mut controller = pymodaq::Controller::new(NOW, &limits);
            let mut client = pymodaq::Client::new(NOW, &limits, generation, ModuleKind::Grabber, "", None);
            for piece in pieces {
                controller.handle_input(NOW, piece);
                if client.wants_input() {
                    client.handle_input(NOW, piece);
                }
            }
        }
    }
}

pub(super) fn grabber(generation: Generation) -> impl Service {
    instrument(generation, Hardware::Grabber(Box::new(Camera::new(1, 4, 3))))
}

pub(super) fn actuator(generation: Generation) -> impl Service {
    instrument(generation, Hardware::Actuator(Box::new(Stage::new())))
}

fn instrument(generation: Generation, hardware: Hardware) -> impl Service {
    let mut config = ModuleSettings::default();
    config.generation = generation;
    Instrument::new(hardware, config)
}
