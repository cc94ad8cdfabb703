//! Dialects of devices and their options, and devices that say anything.
//!
//! Input: a dialect with its options, a line feed, a byte for the size of pieces, then what the device says.

use std::time::Duration;

use labwire_core::device::{Connection, DeviceEvent, Dialect, Server};
use labwire_core::limits::SessionLimits;
use labwire_core::session::{Action, Asker, Connector, Event, Session};
use labwire_core::time::Instant;

const COMMANDS: [&[u8]; 3] = [b"*IDN?", b"VOLT 5", b"\x01\x03\0\0\0\x02"];

/// Whatever a device says, each request ends once, and every answer is a part of what was said.
pub fn device_dialects(input: &[u8]) {
    let Some(end) = input.iter().position(|&byte| byte == b'\n') else {
        return;
    };
    let (text, rest) = input.split_at(end);
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let dialect: Dialect = match text.parse() {
        Ok(dialect) => dialect,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let [_, piece, said @ ..] = rest else { return };
    ask(&dialect, said, usize::from(*piece).max(1));
    listen(&dialect, said, usize::from(*piece).max(1));
}

/// The side that asks.
fn ask(dialect: &Dialect, said: &[u8], piece: usize) {
    let mut now = Instant::ZERO;
    let mut client = Connection::new(dialect.settings(), 1);
    let requests = COMMANDS
        .map(|command| dialect.request(command))
        .into_iter()
        .flatten();
    let requests = requests.map(|request| request.alone_for(Duration::from_millis(5)));
    let mut asked = 0;
    for request in requests {
        asked += usize::from(client.request(now, &request).is_ok());
    }
    let mut ended = 0;
    for piece in said.chunks(piece) {
        ended += settle(&mut client, now, dialect);
        client.handle_input(now, piece);
        // Time passes: quiet times, paces and, after long talk, all limits.
        now = now + Duration::from_millis(u64::from(piece[0]));
        client.handle_timeout(now);
    }
    client.handle_eof(now);
    for _ in 0..50 {
        ended += settle(&mut client, now, dialect);
        let Some((due, _)) = client.poll_timeout() else {
            break;
        };
        now = due.max(now);
        client.handle_timeout(now);
    }
    now = now + Duration::from_secs(60);
    client.handle_timeout(now);
    ended += settle(&mut client, now, dialect);
    assert_eq!(ended, asked, "a request ends once");
}

/// Does what a host does at once. Returns the number of requests that have ended.
fn settle(client: &mut Connection, now: Instant, dialect: &Dialect) -> usize {
    let mut ended = 0;
    for _ in 0..50 {
        if let Some(Action::Connect) = client.poll_action() {
            client.handle_connected(now);
        }
        while let Some(event) = client.poll_event() {
            if let Event::Application(DeviceEvent::Finished { result, .. }) = event {
                ended += 1;
                if let Ok(answer) = result {
                    assert!(dialect.payload(&answer).len() <= answer.len());
                }
            }
        }
        let sent = client.transmit().len();
        if sent == 0 {
            break;
        }
        client.transmitted(now, sent);
    }
    ended
}

/// The side that is asked, by anybody.
fn listen(dialect: &Dialect, said: &[u8], piece: usize) {
    let now = Instant::ZERO;
    let mut server = Server::new(now, dialect, SessionLimits::default());
    for piece in said.chunks(piece) {
        server.handle_input(now, piece);
        while let Some(event) = server.poll_event() {
            if let Event::Application(message) = event {
                let command = dialect.command(&message);
                assert!(command.len() <= message.len());
                let _ = dialect.value(&message, b"1");
            }
        }
        let sent = server.transmit().len();
        server.transmitted(now, sent);
    }
}
