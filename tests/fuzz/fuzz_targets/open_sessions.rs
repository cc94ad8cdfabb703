//! OpEn's sessions and the optimizer behind the server's: anything may arrive, in any pieces.
//!
//! Input: a byte for the role, a byte for the size of pieces, then what arrives.
#![no_main]

use labwire_core::limits::SessionLimits;
use labwire_core::open::{Client, Request};
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, ProblemLimits};
use labwire_core::service::optimizer::{OptimizerConfig, OptimizerService, Permission};
use labwire_core::service::{Busy, ConnectionId, Inline, Peer, Service};
use labwire_core::session::{Asker, Event, Responder, Session};
use labwire_core::solve::SolverError;
use labwire_core::time::Instant;
use libfuzzer_sys::fuzz_target;

const ID: ConnectionId = ConnectionId(1);
const NOW: Instant = Instant::ZERO;

fn service() -> Result<OptimizerService, SolverError> {
    let mut config = OptimizerConfig::default();
    (config.load, config.session.message_bytes) = (Permission::Everybody, 4096);
    let problem = Problem::from_json(DEFAULT_PROBLEM, &ProblemLimits::default()).expect("the embedded problem is valid");
    OptimizerService::new(problem, config)
}

fuzz_target!(|input: &[u8]| {
    let [role, piece, bytes @ ..] = input else { return };
    let mut pieces = bytes.chunks(usize::from(*piece).max(1));
    if role % 2 == 1 {
        let mut client = Client::one_shot(SessionLimits::default());
        let _ = client.request(NOW, &Request::Ping(1));
        return pieces.for_each(|piece| client.handle_input(NOW, piece));
    }
    let mut inline = Inline::new(service().expect("the embedded problem can be solved"));
    let mut session = inline.service.open_session(NOW, Peer::LOCAL);
    let mut closed = 0;
    loop {
        let mut is_idle = true;
        while let Some(event) = session.poll_event() {
            match event {
                Event::Application(event) => inline.service.handle_request(NOW, ID, event),
                Event::Closed(_) => closed += 1,
            }
            is_idle = false;
        }
        // A solve may be made endless; its results are for other tests.
        for _ in 0..20 {
            if inline.step(NOW, 20) == Busy::No {
                break;
            }
        }
        while let Some((_, reply)) = inline.service.poll_reply() {
            session.reply(NOW, reply);
            is_idle = false;
        }
        let sent = session.transmit().len();
        session.transmitted(NOW, sent);
        if session.wants_input() {
            match pieces.next() {
                Some(piece) => session.handle_input(NOW, piece),
                None => break,
            }
        } else if is_idle {
            break;
        }
    }
    session.handle_eof(NOW);
    while let Some(event) = session.poll_event() {
        closed += usize::from(matches!(event, Event::Closed(_)));
    }
    assert!(closed <= 1);
});
