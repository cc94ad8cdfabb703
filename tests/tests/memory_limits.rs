//! Memory that hostile peers can make OptBayesExpt and ZEISS INSPECT sessions allocate.

use allocation_counter::measure;
use labwire_core::framing::length32;
use labwire_core::obe::{self, Permissions};
use labwire_core::python_json::{ErrorKind, Limits, parse};
use labwire_core::session::{Asker, Session};
use labwire_core::time::Instant;
use labwire_core::zeiss::{self, Transport};

const NOW: Instant = Instant::ZERO;
const PIECE: usize = 10_000;

/// Feeds a session piece by piece. Returns the peak allocation.
fn peak<S: Session>(start: impl FnOnce() -> S, bytes: &[u8]) -> usize {
    let counted = measure(|| {
        let mut session = start();
        for piece in bytes.chunks(PIECE) {
            if session.wants_input() {
                session.handle_input(NOW, piece);
            }
            while session.poll_event().is_some() {}
        }
    });
    usize::try_from(counted.bytes_max).expect("a size")
}

fn obe_server() -> obe::Server {
    obe::Server::new(NOW, obe::Limits::default(), Permissions::ALL)
}

#[test]
fn a_length_without_its_bytes_costs_nothing() {
    let arrived = vec![b'x'; 100_000];
    let bytes = [b"0067108864", &arrived[..]].concat();
    assert!(peak(obe_server, &bytes) < 4 * arrived.len());
    let client = || {
        let mut client = obe::Client::new(obe::Limits::default());
        client.request(NOW, &"ready".into()).expect("open");
        client
    };
    assert!(peak(client, &bytes) < 4 * arrived.len());
    let mut bytes = Vec::new();
    length32::put_length(&mut bytes, 1 << 20).expect("it fits");
    bytes.extend(arrived);
    let server = || zeiss::Server::new(NOW, Transport::WebSocket, zeiss::Limits::default());
    assert!(peak(server, &bytes) < 4 * bytes.len());
}

#[test]
fn a_flood_without_an_end_is_cut_at_the_limit() {
    let limits = zeiss::Limits::default();
    let limit = limits.session.message_bytes;
    let flood = vec![b' '; 10 * limit];
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let server = || zeiss::Server::new(NOW, transport, zeiss::Limits::default());
        assert!(peak(server, &flood) < 4 * limit, "{transport:?}");
    }
}

/// Two bytes can become a value of 32, which is why values are counted.
#[test]
fn a_text_does_not_grow_without_bound() {
    let limits = Limits {
        values: 10_000,
        ..Limits::default()
    };
    for text in [
        "[1,".repeat(100_000),
        format!("[{}", "1,".repeat(1 << 20)),
        "[[],".repeat(1 << 18),
        "{\"\":".repeat(100_000),
    ] {
        let counted = measure(|| {
            let error = parse(text.as_bytes(), &limits).expect_err("it has no end");
            assert!(
                matches!(error.kind, ErrorKind::Values | ErrorKind::Depth),
                "{error}"
            );
        });
        // Vectors double as they grow, and keep the old half in the meantime.
        assert!(counted.bytes_max < 4 * 64 * 10_000, "{}", counted.bytes_max);
    }
}
