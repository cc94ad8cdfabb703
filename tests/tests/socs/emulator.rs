//! A device connection and an emulated device, in every dialect, without a network.

use labwire_core::device::{Connection, DeviceEvent, Dialect, Failure, Request};
use labwire_core::limits::SessionLimits;
use labwire_core::service::{ConnectionId, Endpoint, Peer};
use labwire_core::session::{Action, Asker, Connector, Event, Session, Timer};
use labwire_core::simulate::{Behaviour, Canned, Emulator};
use labwire_core::time::Instant;

const HERE: ConnectionId = ConnectionId(1);

/// Sends the requests one after the other. Returns their answers, without framing.
fn play(dialect: &Dialect, behaviour: Behaviour, requests: Vec<Request>) -> Vec<Result<String, Failure>> {
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
        } else if let Some((due, timer)) = client.poll_timeout()
            && matches!(timer, Timer::SettleTime | Timer::Other(_))
        {
            now = due;
            client.handle_timeout(now);
        } else {
            return answers;
        }
        while let Some(event) = client.poll_event() {
            let text = |answer: Vec<u8>| dialect.payload(&answer).escape_ascii().to_string();
            if let Event::Application(DeviceEvent::Finished { result, .. }) = event {
                answers.push(result.map(text));
            }
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

/// Variations of a dialect: what one side says, the other understands.
#[test]
fn options_are_understood_by_both_sides() {
    for text in [
        "scpi,end=crlf",
        "scpi,end=cr",
        "scpi,end=lfcr",
        "scpi,end=none",
        "scpi,end=\\x03",
        "scpi,sends=cr",
        "scpi,silence=0.5",
        "scpi,length=22",
        "scpi,echo",
        "scpi,echo,end=crlf",
        "scpi,acknowledges",
        "scpi,greeting=hello",
        "scpi,login=user: =>me,login=password: =>secret",
        "scpi,greeting=hello,login=> =>me,end=cr",
        "scpi,telnet",
        "scpi,telnet,login=user: =>me",
        "scpi,settle=1,pace=0.5",
        "prompt,echo",
        "prompt,telnet,prompt=ok>,refusal=no>",
        "lakeshore,echo,telnet,acknowledges,greeting=a\\r\\n",
    ] {
        let dialect: Dialect = text.parse().expect("a dialect");
        let mut requests = queries(&dialect, &[b"*IDN?"]);
        requests.extend(
            [&b"VOLT 5"[..], b"VOLT?"].map(|command| dialect.request(command).expect("it can be said")),
        );
        let answers = play(&dialect, Behaviour::of(&dialect), requests);
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect(text)).collect();
        let done = if text.contains("acknowledges") { "OK" } else { "" };
        let voltage = if text.contains("length") { None } else { Some("5") };
        assert_eq!(
            answers.get(..2),
            Some(&["labwire,PS-60-10,0,1.0".to_owned(), done.to_owned()][..]),
            "{text}"
        );
        assert_eq!(answers.get(2).map(String::as_str), voltage, "{text}");
    }
}

/// Answers of several lines and blocks of bytes.
#[test]
fn long_answers_are_whole() {
    let canned = || {
        Canned::parse(
            "CURV? => #214\\n\\n\\n,\\n\\n\\r;\\n\\xff\\0\\n\\n\\r\nLOG? => a\\n#11\\n\nVOLT? => 1\\n2",
        )
    };
    let play = |text: &str, commands: &[&[u8]]| {
        let dialect: Dialect = text.parse().expect("a dialect");
        let behaviour = Behaviour::Canned(canned().expect("a list"));
        play(&dialect, behaviour, queries(&dialect, commands))
    };
    let block = "#214\\n\\n\\n,\\n\\n\\r;\\n\\xff\\x00\\n\\n\\r";
    assert_eq!(play("scpi", &[b"CURV?"]), [Ok(block.to_owned())]);
    let two = play("scpi,lines=2", &[b"LOG?", b"VOLT?"]);
    assert_eq!(two, [Ok("a\\n#11\\n".to_owned()), Ok("1\\n2".to_owned())]);
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
