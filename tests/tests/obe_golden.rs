//! Bytes observed from the real `OBE_Server` and the real client of optbayesexpt 1.2.0.

use labwire_core::framing::decimal_length::HEAD;
use labwire_core::obe::{
    Client, ErrorReply, Limits, Measurement, Permissions, Reply, Request, Server, Sigma, code,
};
use labwire_core::python_json::{self, Object, Value, parse};
use labwire_core::session::{Asker, CloseReason, Event, Responder, Session};
use labwire_core::time::Instant;
use labwire_tests::golden::{corpus, python_bytes};

const NOW: Instant = Instant::ZERO;

/// Bytes sent to the real server, and its answer; `None` where it died or stayed silent.
struct Exchange {
    section: String,
    sent: Vec<u8>,
    answered: Vec<u8>,
}

fn server_transcript() -> Vec<Exchange> {
    let text = corpus("obe/server_capture.txt");
    let mut section = "";
    let mut exchanges: Vec<Exchange> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading;
        } else if let Some(literal) = line.strip_prefix("  > ") {
            exchanges.push(Exchange {
                section: section.to_owned(),
                sent: python_bytes(literal).expect("a literal"),
                answered: Vec::new(),
            });
        } else if let Some(answer) = line.strip_prefix("  < ") {
            let literal = answer
                .rsplit_once(" | ")
                .expect("an answer and what came after")
                .0;
            exchanges.last_mut().expect("sent first").answered = python_bytes(literal).expect("a literal");
        }
    }
    exchanges
}

fn server() -> Server {
    Server::new(NOW, Limits::default(), Permissions::ALL)
}

/// Sends `input` in two pieces. Returns the bytes sent back when `answer` answers the requests.
fn exchange(
    server: &mut Server,
    pieces: [&[u8]; 2],
    mut answer: impl FnMut(Request) -> Result<Reply, ErrorReply>,
) -> Vec<u8> {
    for piece in pieces {
        if !piece.is_empty() {
            server.handle_input(NOW, piece);
        }
        while let Some(Event::Application(request)) = server.poll_event() {
            server.reply(NOW, answer(request));
        }
    }
    let bytes = server.transmit().to_vec();
    server.transmitted(NOW, bytes.len());
    bytes
}

fn value(text: &[u8]) -> Value {
    parse(text, &python_json::Limits::default()).expect("JSON")
}

/// Requests of the section "all commands", and the numbers behind their answers.
fn all_commands() -> Vec<(Request, Reply)> {
    let numbers = |numbers: &[f64]| Reply::Numbers(numbers.to_vec());
    let particles = || Reply::Table(vec![vec![0.0, 1.0, 2.0, 3.0], vec![1.0, 3.0, 2.0, 4.0]]);
    let measurement = Measurement {
        x: vec![1.0],
        y: vec![5.0],
        s: Some(Sigma::Every(1.0)),
    };
    let arguments: Object = [("lolim", 2), ("hilim", 3), ("steps", 25)].into_iter().collect();
    let third = 1.0 / 3.0;
    vec![
        (Request::Ready, Reply::Ok),
        (Request::Settings, Reply::Table(vec![vec![0.0, 1.0, 2.0]])),
        (Request::Particles, particles()),
        (Request::Particles, particles()),
        (Request::Constants, Reply::Value(value(b"[0.1,3]"))),
        (Request::Weights, numbers(&[0.25; 4])),
        (Request::Mean, numbers(&[1.5, 2.5])),
        (Request::StandardDeviation, numbers(&[1.25_f64.sqrt(); 2])),
        (
            Request::Covariance,
            Reply::Table(vec![
                vec![1.666_666_666_666_666_5, 1.0 + third],
                vec![1.0 + third, 1.666_666_666_666_666_5],
            ]),
        ),
        (Request::OptimalSetting, numbers(&[2.0])),
        (Request::GoodSetting { pickiness: None }, numbers(&[2.0])),
        (Request::GoodSetting { pickiness: Some(4.0) }, numbers(&[2.0])),
        (Request::NewData(measurement), Reply::Ok),
        (
            Request::Weights,
            numbers(&[
                0.0002487244401877818,
                0.44970433737134974,
                0.44970433737134974,
                0.10034260081711278,
            ]),
        ),
        (Request::NewRun(arguments), Reply::Ok),
        (Request::Done, Reply::Ok),
    ]
}

#[test]
fn every_command_is_understood_and_answered_with_the_same_bytes() {
    let transcript = server_transcript();
    let section = transcript
        .iter()
        .filter(|it| it.section.starts_with("all commands"));
    let cases: Vec<_> = section.zip(all_commands()).collect();
    assert_eq!(cases.len(), 16);
    for (exchanged, (request, reply)) in cases {
        for cut in 0..=exchanged.sent.len() {
            let mut server = server();
            let (front, back) = exchanged.sent.split_at(cut);
            let answered = exchange(&mut server, [front, back], |got| {
                assert_eq!(got, request);
                Ok(reply.clone())
            });
            assert_eq!(answered, exchanged.answered, "{request:?} cut at {cut}");
            // After `done` the process ended, and the connection with it.
            assert_eq!(server.is_closed(), request == Request::Done);
        }
    }
}

#[test]
fn whatever_upstream_answered_is_answered() {
    let mut checked = 0;
    for exchanged in server_transcript() {
        if exchanged.answered.is_empty() {
            continue;
        }
        let reply = value(&exchanged.answered[HEAD..]);
        let mut server = server();
        let answered = exchange(&mut server, [&exchanged.sent, b""], |_| {
            Ok(Reply::Value(reply.clone()))
        });
        // Upstream never reads the second message of a connection.
        let messages = String::from_utf8_lossy(&exchanged.sent)
            .matches("\"command\"")
            .count();
        let expected = exchanged.answered.repeat(messages);
        assert_eq!(answered, expected, "{}", exchanged.section);
        checked += 1;
    }
    assert_eq!(checked, 41);
}

/// Input that crashes upstream, leaves it silent, or hangs its client is answered here with an error.
#[test]
fn whatever_upstream_died_of_gets_an_error_reply() {
    let codes = [
        ("unknown command", code::UNKNOWN_COMMAND),
        ("missing command key", code::NOT_A_COMMAND),
        ("non-dict: string", code::NOT_A_COMMAND),
        ("non-dict: list", code::NOT_A_COMMAND),
        ("number", code::NOT_A_COMMAND),
        ("malformed JSON body", code::MALFORMED_JSON),
        ("bad length digits", code::MALFORMED_LENGTH),
        ("negative length", code::MALFORMED_LENGTH),
        ("zero length", code::MALFORMED_JSON),
        ("short body then half close", code::INCOMPLETE),
        ("connect+FIN without data", code::INCOMPLETE),
        ("no engine", code::NO_LIKELIHOOD),
        ("newdat without s", code::NO_LIKELIHOOD),
        ("newdat scalar x", code::INVALID_ARGUMENT),
        ("invalid utf-8", code::MALFORMED_JSON),
        ("BOM", code::MALFORMED_JSON),
    ];
    let mut checked = Vec::new();
    for exchanged in server_transcript() {
        let section = &exchanged.section;
        let Some((name, code)) = codes.iter().find(|(name, _)| section.starts_with(name)) else {
            continue;
        };
        if !exchanged.answered.is_empty() {
            continue;
        }
        for cut in 0..=exchanged.sent.len() {
            let mut server = server();
            let (front, back) = exchanged.sent.split_at(cut);
            let mut answered = exchange(&mut server, [front, back], |_| {
                Err(ErrorReply::new(code::NO_LIKELIHOOD, "whatever the service says"))
            });
            if answered.is_empty() {
                server.handle_eof(NOW);
                answered = exchange(&mut server, [b"", b""], |_| unreachable!());
            }
            let error = ErrorReply::from_value(&value(&answered[HEAD..])).unwrap();
            assert_eq!(error.code, *code, "{name}: {error}");
        }
        checked.push(*name);
    }
    checked.sort_unstable();
    checked.dedup();
    assert_eq!(checked.len(), codes.len(), "{checked:?}");
}

#[test]
fn the_client_sends_the_same_bytes_and_reads_the_same_replies() {
    let text = corpus("obe/client_capture.txt");
    let wires: Vec<_> = text
        .lines()
        .filter_map(|line| python_bytes(line.trim().strip_prefix("wire ")?))
        .collect();
    assert_eq!(wires.len(), 18);
    for wire in wires {
        let mut client = Client::new(Limits::default());
        client.request(NOW, &value(&wire[HEAD..])).unwrap();
        client.finish();
        assert_eq!(client.transmit(), wire);
        client.transmitted(NOW, wire.len());
        for piece in [&b"00000"[..], b"00010[1.5", b", 2.5]extra"] {
            client.handle_input(NOW, piece);
        }
        assert_eq!(
            client.poll_event(),
            Some(Event::Application(vec![1.5, 2.5].into()))
        );
        assert_eq!(client.poll_event(), Some(Event::Closed(CloseReason::Finished)));
        // The client closes first.
        assert!(client.is_drained());
    }
}

#[test]
fn typed_requests_are_sent_as_upstreams_client_sends_them() {
    let wire = |request: &Request| {
        let mut client = Client::new(Limits::default());
        client.request(NOW, &Value::from(request)).unwrap();
        String::from_utf8(client.transmit().to_vec()).unwrap()
    };
    let measurement = Measurement {
        x: vec![2.45],
        y: vec![0.9812345678901234],
        s: Some(Sigma::Every(0.005)),
    };
    let note: Object = [("note", "µm ✓ 😀")].into_iter().collect();
    assert_eq!(wire(&Request::Ready), r#"0000000020{"command": "ready"}"#);
    assert_eq!(wire(&Request::Done), r#"0000000019{"command": "done"}"#);
    assert_eq!(wire(&Request::Mean), r#"0000000022{"command": "getmean"}"#);
    assert_eq!(
        wire(&Request::NewData(measurement)),
        r#"0000000071{"command": "newdat", "x": [2.45], "y": 0.9812345678901234, "s": 0.005}"#
    );
    assert_eq!(
        wire(&Request::NewRun(note)),
        r#"0000000060{"command": "newrun", "note": "\u00b5m \u2713 \ud83d\ude00"}"#
    );
}
