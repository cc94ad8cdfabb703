//! ZEISS INSPECT's sessions, over TCP and as messages: anything may arrive, in any pieces.
//!
//! Input: a byte for the role and the transport, a byte for the size of pieces, then what arrives.
#![no_main]

use labwire_core::session::{Asker, Event, Responder, Session};
use labwire_core::time::Instant;
use labwire_core::zeiss::{Client, Limits, Outcome, Server, Transport};
use libfuzzer_sys::fuzz_target;

const NOW: Instant = Instant::ZERO;

fn answer(session: &mut Server) -> usize {
    let mut closed = 0;
    while let Some(event) = session.poll_event() {
        match event {
            Event::Application(request) => session.reply(NOW, request.answer(Outcome::Failed)),
            Event::Closed(_) => closed += 1,
        }
    }
    let sent = session.transmit().len();
    session.transmitted(NOW, sent);
    closed
}

fuzz_target!(|input: &[u8]| {
    let [role, piece, bytes @ ..] = input else { return };
    let pieces = bytes.chunks(usize::from(*piece).max(1));
    let transport = if role & 2 == 0 { Transport::Tcp } else { Transport::WebSocket };
    let mut limits = Limits::default();
    limits.session.message_bytes = 4096;
    if role & 1 == 1 {
        let mut client = Client::new(transport, limits);
        client.request(NOW, "{}").expect("an open connection");
        pieces.for_each(|piece| client.handle_input(NOW, piece));
        client.handle_eof(NOW);
        assert!(client.is_closed());
        return;
    }
    let mut server = Server::new(NOW, transport, limits);
    let mut closed = 0;
    for piece in pieces {
        assert!(server.wants_input(), "nothing is unanswered");
        server.handle_input(NOW, piece);
        closed += answer(&mut server);
    }
    server.handle_eof(NOW);
    closed += answer(&mut server);
    assert!(closed == 1 && server.is_closed());
});
