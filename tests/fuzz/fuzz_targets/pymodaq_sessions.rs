//! PyMoDAQ's three sessions and the registry behind the server's: anything may arrive, in any pieces.
//!
//! Input: a byte for the role, a byte for the size of pieces, then what arrives.
#![no_main]

use labwire_core::pymodaq::{Client, Controller, Generation, Limits, ModuleKind};
use labwire_core::simulate::{Camera, Stage};
use labwire_core::service::module::{Hardware, Instrument, InstrumentConfig};
use labwire_core::service::registry::{Registry, RegistryConfig};
use labwire_core::service::{ConnectionId, Peer, Service};
use labwire_core::session::{Event, Responder, Session};
use labwire_core::time::Instant;
use libfuzzer_sys::fuzz_target;

const ID: ConnectionId = ConnectionId(1);

/// Feeds a service's session, and the service with its events.
fn serve<S: Service>(mut service: S, mut session: S::Session, pieces: std::slice::Chunks<'_, u8>) {
    let mut now = Instant::ZERO;
    for piece in pieces {
        if session.is_closed() || !session.wants_input() {
            break;
        }
        session.handle_input(now, piece);
        while let Some(event) = session.poll_event() {
            match event {
                Event::Application(event) => service.handle_request(now, ID, event),
                Event::Closed(_) => service.handle_disconnect(now, ID),
            }
        }
        while let Some((_, reply)) = service.poll_reply() {
            session.reply(now, reply);
        }
        let sent = session.transmit().len();
        session.transmitted(now, sent);
        if let Some((due, _)) = service.poll_timeout() {
            now = now.max(due);
            service.handle_timeout(now);
        }
    }
    session.handle_eof(now);
    let mut ends = 0;
    while let Some(event) = session.poll_event() {
        ends += usize::from(matches!(event, Event::Closed(_)));
    }
    assert!(ends <= 1);
}

fuzz_target!(|input: &[u8]| {
    let [role, piece, bytes @ ..] = input else { return };
    let pieces = bytes.chunks(usize::from(*piece).max(1));
    let generation = Generation::ALL[usize::from(*role) / 4 % Generation::ALL.len()];
    let mut config = InstrumentConfig::default();
    config.generation = generation;
    let hardware = match role % 4 {
        0 => {
            let mut registry = Registry::new(RegistryConfig::default());
            let session = registry.open_session(Instant::ZERO, Peer::LOCAL);
            return serve(registry, session, pieces);
        }
        1 => Hardware::Grabber(Box::new(Camera::new(1, 4, 3))),
        2 => Hardware::Actuator(Box::new(Stage::new())),
        _ => {
            let mut controller = Controller::new(Instant::ZERO, &Limits::default());
            let mut client = Client::new(
                Instant::ZERO,
                &Limits::default(),
                generation,
                ModuleKind::Grabber,
                "",
                None,
            );
            for piece in pieces {
                controller.handle_input(Instant::ZERO, piece);
                if client.wants_input() {
                    client.handle_input(Instant::ZERO, piece);
                }
            }
            return;
        }
    };
    let mut instrument = Instrument::new(hardware, config);
    let session = instrument.open_session(Instant::ZERO, Peer::LOCAL);
    serve(instrument, session, pieces);
});
