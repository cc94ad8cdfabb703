//! A device connection and an emulated device, in every dialect, without a network.

use labwire_core::device::{Connection, DeviceEvent, Dialect, Failure, Request};
use labwire_core::limits::SessionLimits;
use labwire_core::service::{ConnectionId, Endpoint, Peer};
use labwire_core::session::{Action, Asker, Connector, Event, Session, Timer};
use labwire_core::simulate::{Behaviour, Canned, Emulator};
use labwire_core::time::Instant;

const HERE: ConnectionId = ConnectionId(1);

/// Sends the requests one after the other. Returns their answers, without framing.
fn play(
    dialect: &'static Dialect,
    behaviour: Behaviour,
    requests: Vec<Request>,
) -> Vec<Result<String, Failure>> {
    let device = Emulator::new(dialect, behaviour, Vec::new(), 1).into_service(SessionLimits::default());
    let mut now = Instant::ZERO;
    let mut server = Endpoint::new(device);
    server.open(now, HERE, Peer::LOCAL).expect("the first connection");
    let mut client = Connection::new(dialect.settings(), 1);
    for request in requests {
        client.request(now, &request).expect("the queue is not full");
    }
    client.handle_timeout(now);
    assert_eq!(client.poll_action(), Some(Action::Connect));
    client.handle_connected(now);
    let mut answers = Vec::new();
    // In the smallest pieces, until neither side has anything to send.
    loop {
        if let Some(&byte) = server.transmit(HERE).first() {
            server.transmitted(now, HERE, 1);
            client.handle_input(now, &[byte]);
        } else if let Some(&byte) = client.transmit().first() {
            client.transmitted(now, 1);
            server.handle_input(now, HERE, &[byte]);
        } else if let Some((due, Timer::SettleTime)) = client.poll_timeout() {
            now = due;
            client.handle_timeout(now);
        } else {
            return answers;
        }
        while let Some(Event::Application(DeviceEvent::Finished { result, .. })) = client.poll_event() {
            let text = |answer: Vec<u8>| dialect.payload(&answer).escape_ascii().to_string();
            answers.push(result.map(text));
        }
    }
}

fn queries(dialect: &Dialect, commands: &[&[u8]]) -> Vec<Request> {
    let query = |command: &&[u8]| dialect.query(command).expect("it can be said");
    commands.iter().map(query).collect()
}

#[test]
fn every_dialect_is_understood() {
    for dialect in Dialect::ALL {
        let requests = queries(dialect, &[dialect.example, dialect.example]);
        let answers = play(dialect, Behaviour::of(dialect), requests);
        assert_eq!(answers.len(), 2, "{}", dialect.name);
        for answer in answers {
            let answer = answer.expect("the example is answered");
            assert!(!answer.is_empty(), "{}", dialect.name);
        }
    }
}

#[test]
fn refusals_leave_the_dialects_in_step() {
    for (name, nonsense, good) in [
        ("colon", &b"XYZ"[..], &b"*IDN?"[..]),
        ("mnemonic", b"XYZ", b"PR1"),
    ] {
        let dialect = Dialect::by_name(name).expect("it is in the list");
        let mut answers = play(
            dialect,
            Behaviour::of(dialect),
            queries(dialect, &[good, nonsense, good]),
        );
        assert!(matches!(answers.remove(1), Err(Failure::Refused(_))), "{name}");
        assert!(answers.iter().all(Result::is_ok), "{name}");
    }
}

#[test]
fn commands_without_answers_keep_their_place() {
    let dialect = Dialect::by_name("scpi").expect("it is in the list");
    let send = |command: &str| dialect.send(command.as_bytes()).expect("it can be said");
    let mut requests = vec![send("VOLT 5"), send("OUTP ON")];
    requests.extend(queries(dialect, &[b"MEAS:VOLT?", b"SYST:ERR?"]));
    let answers = play(dialect, Behaviour::of(dialect), requests);
    let texts: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.expect("all is well"))
        .collect();
    assert_eq!(texts, ["", "", "5", "0,\\\"No error\\\""]);
}

#[test]
fn echoes_and_lists_answer_too() {
    let dialect = Dialect::by_name("crlf").expect("it is in the list");
    let answers = play(dialect, Behaviour::Echo, queries(dialect, &[b"hello"]));
    assert_eq!(answers, [Ok("hello".to_string())]);
    let list = Canned::parse("KRDG? 1 => +1.7E+03\nKRDG? 1 => +1.8E+03\n").expect("a list");
    let answers = play(
        dialect,
        Behaviour::Canned(list),
        queries(dialect, &[b"KRDG? 1", b"KRDG? 1"]),
    );
    assert_eq!(answers, [Ok("+1.7E+03".to_string()), Ok("+1.8E+03".to_string())]);
}

#[test]
fn the_first_byte_of_each_message_tells_its_length() {
    let dialect = Dialect::by_name("opcode").expect("it is there");
    let commands: [&[u8]; 3] = [&[0x30], &[0x31, 3, 1, 0, 0, 0, 0], &[0x33, 3]];
    let answers = play(dialect, Behaviour::of(dialect), queries(dialect, &commands));
    let answers: Vec<String> = answers
        .into_iter()
        .map(|answer| answer.expect("an answer"))
        .collect();
    assert_eq!(answers[1..], [r"\x00", r"\x01\x00\x00\x00\x04"]);
}
