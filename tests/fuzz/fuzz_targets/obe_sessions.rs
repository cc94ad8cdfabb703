//! OptBayesExpt's sessions and the service behind the server's: anything may arrive, in any pieces.
//!
//! Input: a byte for the role, a byte for the size of pieces, then what arrives.
#![no_main]

use labwire_core::design::{DEFAULT_EXPERIMENT, DesignLimits};
use labwire_core::obe::{Client, Limits, Request};
use labwire_core::python_json::Value;
use labwire_core::service::designer::{DesignerHandler, ObePermissions, PosteriorStore, service};
use labwire_core::service::{Busy, ConnectionId, Job, Peer, Service};
use labwire_core::session::{Asker, Event, Responder, Session};
use labwire_core::time::Instant;
use libfuzzer_sys::fuzz_target;

/// Store that saves nothing.
struct Nowhere;

impl PosteriorStore for Nowhere {
    fn save(&mut self, _name: &str, _text: &str) -> Result<(), String> {
        Err(String::from("nowhere"))
    }

    fn load(&mut self, _name: &str) -> Result<String, String> {
        Err(String::from("nowhere"))
    }
}

const ID: ConnectionId = ConnectionId(1);
const NOW: Instant = Instant::ZERO;

fuzz_target!(|input: &[u8]| {
    let [role, piece, bytes @ ..] = input else { return };
    let pieces = bytes.chunks(usize::from(*piece).max(1));
    let mut limits = Limits::default();
    limits.session.message_bytes = 4096;
    if role % 2 == 1 {
        let mut client = Client::new(limits);
        for _ in 0..role / 2 {
            client.request(NOW, &Value::from(&Request::Ready)).expect("an open connection");
        }
        return pieces.for_each(|piece| client.handle_input(NOW, piece));
    }
    let text = DEFAULT_EXPERIMENT.replace("10000", "50");
    let mut design = DesignLimits::default();
    (design.settings, design.particle_numbers, design.draw_numbers) = (1000, 1000, 1000);
    let handler = DesignerHandler::new(&text, design, 1, Nowhere).expect("the example is right");
    let mut service = service(limits, ObePermissions::default(), handler);
    let mut session = service.open_session(NOW, Peer::LOCAL);
    let mut answer = |session: &mut _| {
        let mut closed = 0;
        while let Some(event) = Session::poll_event(session) {
            match event {
                Event::Application(request) => service.handle_request(NOW, ID, request),
                Event::Closed(_) => closed += 1,
            }
            if let Some(mut job) = service.take_job(NOW) {
                while job.step(NOW, 64) == Busy::Yes {}
                service.finish_job(NOW, job);
            }
            while let Some((_, reply)) = service.poll_reply() {
                Responder::reply(session, NOW, reply);
            }
        }
        closed
    };
    let mut closed = 0;
    for piece in pieces {
        assert!(session.wants_input(), "nothing is unanswered");
        session.handle_input(NOW, piece);
        closed += answer(&mut session);
        let sent = session.transmit().len();
        session.transmitted(NOW, sent);
    }
    session.handle_eof(NOW);
    closed += answer(&mut session);
    assert!(closed == 1 && session.is_closed());
});
