//! OptBayesExpt clients and servers over an unreliable link, and servers before hostile peers.

use std::time::Duration;

use allocation_counter::measure;
use labwire_core::framing::decimal_length::{self, HEAD};
use labwire_core::obe::{
    Client, ErrorReply, Limits, Listing, Measurement, Permissions, Reply, Request, Server, Sigma, code,
};
use labwire_core::python_json::{self, Object, Value, dumps, parse};
use labwire_core::service::{Busy, ConnectionId, Handler, Job, Sequential, Service};
use labwire_core::session::{
    Asker, CloseReason, Event, Limit, LongText, Need, Responder, Session, Timer, TransmitState,
};
use labwire_core::time::Instant;
use labwire_tests::sim::{Pair, Weather};
use proptest::collection::vec;
use proptest::prelude::*;

type ObePair = Pair<Client, Server>;

const NOW: Instant = Instant::ZERO;

fn server() -> Server {
    Server::new(NOW, Limits::default(), Permissions::ALL)
}

fn pair(weather: Weather) -> ObePair {
    Pair::new(Client::new(Limits::default()), server(), weather)
}

/// Answers every request with its own arguments.
fn answer(pair: &mut ObePair) {
    while let Some(request) = pair.b.events.pop_front() {
        pair.b
            .session
            .reply(pair.now, Ok(Reply::Value(Value::from(&request))));
    }
}

fn newrun(number: i64) -> Value {
    let arguments: Object = [("number", number)].into_iter().collect();
    Value::from(&Request::NewRun(arguments))
}

fn message(text: &str) -> Vec<u8> {
    format!("{:010}{text}", text.len()).into_bytes()
}

/// Error codes in the output of the server.
fn error_codes(server: &Server) -> Vec<String> {
    let mut rest = server.transmit();
    let mut codes = Vec::new();
    while !rest.is_empty() {
        let length = decimal_length::end(rest)
            .expect("a length")
            .expect("a whole head")
            - HEAD;
        let reply = parse(&rest[HEAD..HEAD + length], &python_json::Limits::default()).expect("JSON");
        codes.extend(ErrorReply::from_value(&reply).map(|error| error.code));
        rest = &rest[HEAD + length..];
    }
    codes
}

#[test]
fn pipelined_messages_get_their_replies_in_any_weather() {
    for seed in 0..200 {
        let mut pair = pair(Weather::random(seed));
        let messages: Vec<_> = (0..300).map(newrun).collect();
        for message in &messages {
            pair.a.session.request(pair.now, message).unwrap();
        }
        // Not a request: its error reply keeps its place in the order.
        pair.a.session.request(pair.now, &Value::from("text")).unwrap();
        pair.a.session.request(pair.now, &messages[0]).unwrap();
        pair.a.session.finish();
        while pair.step() {
            answer(&mut pair);
        }
        assert_eq!(pair.a.events.len(), 302, "seed {seed}");
        let error = ErrorReply::from_value(&pair.a.events.remove(300).unwrap()).unwrap();
        assert_eq!(error.code, code::NOT_A_COMMAND);
        assert!(pair.a.events.iter().eq(messages.iter().chain([&messages[0]])));
        assert_eq!(pair.a.closed, Some(CloseReason::Finished));
        assert_eq!(pair.b.closed, Some(CloseReason::Finished));
    }
}

#[test]
fn a_cut_connection_ends_both_sides_and_no_reply_is_made_up() {
    for cut_after in 0..400 {
        let weather = Weather {
            cut_after: Some(cut_after),
            ..Weather::random(cut_after as u64)
        };
        let mut pair = pair(weather);
        for number in 0..3 {
            pair.a.session.request(pair.now, &newrun(number)).unwrap();
        }
        while pair.step() && pair.a.closed.is_none() {
            answer(&mut pair);
        }
        for (number, reply) in pair.a.events.iter().enumerate() {
            assert_eq!(*reply, newrun(number as i64));
        }
        assert!(pair.a.closed.is_some());
        assert!(pair.now.duration_since(NOW) < Duration::from_secs(1000));
    }
}

#[test]
fn a_message_cut_short_by_the_end_of_the_stream_is_an_error_reply() {
    let length = message(&dumps(&newrun(7))).len();
    for half_close_after in 1..=length {
        let weather = Weather {
            half_close_after: Some(half_close_after),
            max_piece: 1,
            ..Weather::calm()
        };
        let mut pair = pair(weather);
        pair.a.session.request(pair.now, &newrun(7)).unwrap();
        while pair.step() {
            answer(&mut pair);
        }
        let reply = pair.a.events.pop_front().unwrap();
        if half_close_after < length {
            assert_eq!(ErrorReply::from_value(&reply).unwrap().code, code::INCOMPLETE);
            assert_eq!(pair.b.closed, Some(CloseReason::PeerClosed("inside a message")));
        } else {
            assert_eq!(reply, newrun(7));
            assert_eq!(pair.b.closed, Some(CloseReason::Finished));
        }
    }
}

/// The reply is cut at every byte: the client reports the reason.
#[test]
fn a_reply_cut_short_is_reported() {
    let reply = message("[1.5, 2.5]");
    for cut in 0..reply.len() {
        let mut client = Client::new(Limits::default());
        client.request(NOW, &newrun(1)).unwrap();
        client.handle_input(NOW, &reply[..cut]);
        client.handle_eof(NOW);
        let place = if cut == 0 {
            "without a reply"
        } else {
            "inside a reply"
        };
        assert_eq!(
            client.poll_event(),
            Some(Event::Closed(CloseReason::PeerClosed(place)))
        );
        assert_eq!(client.poll_event(), None);
    }
}

#[test]
fn hostile_replies_end_the_client_with_a_reason() {
    let too_long = format!("{:010}", (64 << 20) + 1);
    let nested = message(&"[".repeat(100_000));
    let two = [message("1"), message("2")].concat();
    for (bytes, limit) in [
        (too_long.as_bytes(), true),
        (b"-000000005", false),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", false),
        (&nested, false),
        (&message("\"\u{1}\""), false),
        (&message(""), false),
        (&two, false),
    ] {
        let mut client = Client::new(Limits::default());
        client.request(NOW, &newrun(1)).unwrap();
        client.handle_input(NOW, bytes);
        let end = std::iter::from_fn(|| client.poll_event()).last();
        match end {
            Some(Event::Closed(CloseReason::LimitExceeded { .. })) => assert!(limit),
            Some(Event::Closed(CloseReason::PeerMisbehaved(_))) => assert!(!limit),
            other => panic!("{other:?}"),
        }
        assert_eq!(client.transmit_state(), TransmitState::Abort);
    }
}

#[test]
fn silence_ends_a_connection_and_says_so() {
    let seconds = |seconds| NOW + Duration::from_secs(seconds);
    // Nothing at all, or half a message.
    for sent in [&b""[..], b"00000", b"0000000020{\"command\""] {
        let mut server = server();
        if !sent.is_empty() {
            server.handle_input(NOW, sent);
        }
        assert_eq!(server.poll_timeout(), Some((seconds(30), Timer::RequestTimeout)));
        server.handle_timeout(seconds(29));
        assert!(!server.is_closed());
        server.handle_timeout(seconds(30));
        assert_eq!(error_codes(&server), [code::INCOMPLETE]);
        assert_eq!(
            server.poll_event(),
            Some(Event::Closed(CloseReason::TimedOut(Timer::RequestTimeout)))
        );
    }
    // Between two messages.
    let mut server = server();
    server.handle_input(seconds(1), &message(r#"{"command": "ready"}"#));
    assert_eq!(server.poll_timeout(), None);
    server.reply(seconds(50), Ok(Reply::Ok));
    server.transmitted(seconds(50), 14);
    assert_eq!(server.poll_timeout(), Some((seconds(650), Timer::IdleTimeout)));
    server.handle_input(seconds(100), b"0");
    assert_eq!(server.poll_timeout(), Some((seconds(130), Timer::RequestTimeout)));
}

#[test]
fn lengths_that_lie_cost_nothing() {
    // Longer than the message: the rest is awaited, until the time-out.
    let mut server = server();
    server.handle_input(NOW, b"0067108864{\"command\": \"ready\"}");
    assert!(error_codes(&server).is_empty() && server.wants_input());
    // Over the limit: refused after the head alone, and the rest is discarded.
    let mut server = self::server();
    server.handle_input(NOW, b"0067108865");
    assert_eq!(error_codes(&server), [code::TOO_LONG]);
    server.handle_input(NOW, &[b'x'; 1000]);
    assert_eq!(
        server.poll_event(),
        Some(Event::Closed(CloseReason::LimitExceeded {
            limit: Limit::MessageBytes,
            value: 64 << 20
        }))
    );
    // Shorter than the message: the body is not JSON, and its rest is taken as the next head.
    let mut server = self::server();
    server.handle_input(NOW, b"0000000010{\"command\": \"ready\"}");
    assert_eq!(
        error_codes(&server),
        [code::MALFORMED_JSON, code::MALFORMED_LENGTH]
    );
    assert!(server.is_closed());
}

#[test]
fn a_slow_reader_stops_its_own_input_and_is_dropped_in_the_end() {
    let mut limits = Limits::default();
    limits.session.output_bytes = 1000;
    let mut server = Server::new(NOW, limits, Permissions::ALL);
    let mut sent = 0;
    while server.wants_input() && sent < 10_000 {
        server.handle_input(NOW, &message(r#"{"command": "getpar"}"#));
        while let Some(Event::Application(_)) = server.poll_event() {
            server.reply(NOW, Ok(Reply::Numbers(vec![0.5; 20])));
        }
        sent += 1;
    }
    assert_eq!(sent, 10); // 110 bytes each
    assert_eq!(server.poll_timeout().unwrap().1, Timer::WriteTimeout);
    server.handle_timeout(NOW + Duration::from_secs(30));
    assert_eq!(
        server.poll_event(),
        Some(Event::Closed(CloseReason::TimedOut(Timer::WriteTimeout)))
    );
}

#[test]
fn requests_in_flight_are_bounded() {
    let mut server = server();
    let flood = message(r#"{"command": "ready"}"#).repeat(1000);
    server.handle_input(NOW, &flood);
    let mut answered = 0;
    loop {
        let emitted = std::iter::from_fn(|| server.poll_event()).count();
        assert!(emitted <= 64);
        assert!(answered > 0 || !server.wants_input());
        if emitted == 0 {
            break;
        }
        (0..emitted).for_each(|_| server.reply(NOW, Ok(Reply::Ok)));
        answered += emitted;
    }
    assert_eq!(answered, 1000);
    assert_eq!(server.transmit().len(), 14_000);
}

/// The only event that is waiting.
fn next(server: &mut Server) -> Option<Request> {
    let event = server.poll_event();
    assert_eq!(server.poll_event(), None, "one at a time");
    event.map(|event| match event {
        Event::Application(request) => request,
        Event::Closed(reason) => panic!("{reason}"),
    })
}

#[test]
fn a_long_reply_counts_before_it_exists_and_the_next_waits_for_it() {
    let numbers: Vec<f64> = (0..200_000).map(f64::from).collect();
    let text = dumps(&numbers.clone().into());
    let long = LongText::new(Listing::numbers(numbers));
    assert_eq!(long.bytes(), text.len());
    let asked = [
        message(r#"{"command": "ready"}"#),
        message(r#"{"command": "getset"}"#).repeat(6),
    ];
    let counted = measure(|| {
        let mut server = server();
        server.handle_room(NOW, false);
        server.handle_input(NOW, &asked.concat());
        assert_eq!(next(&mut server), Some(Request::Ready));
        assert_eq!(server.need(), Need::Nothing, "the others are not alone");
        server.reply(NOW, Ok(Reply::Ok));
        server.transmitted(NOW, server.transmit().len());
        for left in (0..6).rev() {
            assert_eq!((next(&mut server), server.need()), (None, Need::Room));
            server.handle_room(NOW, true);
            assert_eq!(next(&mut server), Some(Request::Settings));
            assert_eq!(server.need(), Need::Reply);
            server.reply(NOW, Ok(Reply::Long(long.clone())));
            // The reply counts whole, and is taken in pieces.
            assert!(server.held() >= HEAD + text.len() && server.held() < text.len() + 1000);
            let mut taken = 0;
            while taken < HEAD + text.len() {
                let piece = server.transmit();
                assert!(!piece.is_empty() && piece.len() <= 64 << 10);
                match taken {
                    0 => assert_eq!(piece, format!("{:010}", text.len()).as_bytes()),
                    _ => assert_eq!(piece, &text.as_bytes()[taken - HEAD..][..piece.len()]),
                }
                taken += piece.len();
                server.transmitted(NOW, piece.len());
            }
            assert!(server.transmit().is_empty() && (left > 0 || server.held() == 0));
        }
        assert_eq!(server.need(), Need::Nothing);
        assert!(server.wants_input());
    });
    assert!(counted.bytes_max < 200_000, "{} bytes", counted.bytes_max);
}

#[test]
fn a_reply_above_output_bytes_stops_the_next_request() {
    let mut limits = Limits::default();
    limits.session.output_bytes = 100_000;
    let mut server = Server::new(NOW, limits, Permissions::ALL);
    server.handle_input(NOW, &message(r#"{"command": "getset"}"#).repeat(2));
    assert_eq!(next(&mut server), Some(Request::Settings));
    let long = LongText::new(Listing::numbers(vec![0.5; 50_000]));
    server.reply(NOW, Ok(Reply::Long(long)));
    assert!(!server.wants_input() && next(&mut server).is_none());
    while server.held() > 100_000 {
        assert_eq!(next(&mut server), None);
        server.transmitted(NOW, server.transmit().len());
    }
    assert_eq!(next(&mut server), Some(Request::Settings));
}

#[test]
fn what_is_not_permitted_is_refused() {
    let mut server = Server::new(NOW, Limits::default(), Permissions::NONE);
    for command in [
        r#"{"command": "done"}"#,
        r#"{"command": "newrun", "experiment": {}}"#,
        r#"{"command": "save", "name": "x"}"#,
        r#"{"command": "load", "name": "x"}"#,
    ] {
        server.handle_input(NOW, &message(command));
    }
    assert_eq!(error_codes(&server), [code::NOT_PERMITTED; 4]);
    assert!(!server.is_closed());
    let mut server = self::server();
    server.handle_input(NOW, &message(r#"{"command": "abandoned"}"#));
    server.handle_input(NOW, &message(r#"{"command": ["done"]}"#));
    assert_eq!(
        error_codes(&server),
        [code::UNKNOWN_COMMAND, code::UNKNOWN_COMMAND]
    );
}

/// Keys that it does not have do not keep a connection open.
#[test]
fn a_connection_ends_after_done() {
    for command in [r#"{"command": "done"}"#, r#"{"command": "done", "x": [1]}"#] {
        let mut server = server();
        server.handle_input(NOW, &message(command));
        assert_eq!(next(&mut server).map(|request| request.name()), Some("done"));
        server.reply(NOW, Ok(Reply::Ok));
        assert_eq!(
            server.transmit_state(),
            TransmitState::CloseAfterLinger,
            "{command}"
        );
    }
}

#[test]
fn shutdown_answers_what_was_asked() {
    let mut server = server();
    server.handle_input(NOW, &message(r#"{"command": "getmean"}"#));
    server.handle_shutdown(NOW);
    assert!(!server.is_closed());
    server.reply(NOW, Ok(Reply::Numbers(vec![1.0])));
    assert_eq!(server.transmit(), message("[1.0]"));
    assert!(server.is_closed());
    assert_eq!(server.transmit_state(), TransmitState::CloseAfterLinger);
}

#[test]
fn arguments_that_are_not_what_they_must_be() {
    for (text, words) in [
        (
            r#"{"command": "newdat", "x": 1, "y": 5.0, "s": 1.0}"#,
            "\"x\" must be a list of numbers, not a int",
        ),
        (
            r#"{"command": "newdat", "x": [1, "2"], "y": 5.0}"#,
            "\"x\" must be a number, not a str",
        ),
        (r#"{"command": "newdat", "x": [1]}"#, "newdat needs \"y\""),
        (
            r#"{"command": "newdat", "x": [1], "y": 1, "s": {}}"#,
            "\"s\" must be a number, not a dict",
        ),
        (
            r#"{"command": "goodset", "pickiness": true}"#,
            "\"pickiness\" must be a number, not a bool",
        ),
        (r#"{"command": 5}"#, "no command 5; there are getset,"),
    ] {
        let value = parse(text.as_bytes(), &python_json::Limits::default()).unwrap();
        let error = Request::try_from(&value).unwrap_err();
        assert!(error.message.starts_with(words), "{error}");
    }
}

/// Answers `ready` at once and everything else with work of two steps.
#[derive(Default)]
struct Slow {
    steps: u32,
}

impl Handler for Slow {
    type Request = Request;
    type Reply = Result<Reply, ErrorReply>;

    fn begin(&mut self, _now: Instant, request: Request) -> Option<Self::Reply> {
        self.steps = 0;
        (request == Request::Ready).then_some(Ok(Reply::Ok))
    }

    fn step(&mut self, _now: Instant, _fuel: u32) -> Option<Self::Reply> {
        self.steps += 1;
        (self.steps == 2).then(|| Ok(Reply::Numbers(vec![2.0])))
    }
}

#[test]
fn requests_of_several_clients_are_answered_one_at_a_time() {
    let (first, second, third) = (ConnectionId(1), ConnectionId(2), ConnectionId(3));
    let mut service = Sequential::new(Slow::default(), |_, _| server());
    service.handle_request(NOW, first, Request::OptimalSetting);
    service.handle_request(NOW, second, Request::Ready);
    service.handle_request(NOW, third, Request::Ready);
    service.handle_request(NOW, second, Request::Mean);
    assert_eq!(service.poll_reply(), None);
    let mut job = service.take_job(NOW).unwrap();
    assert!(service.take_job(NOW).is_none());
    service.handle_disconnect(NOW, third, &CloseReason::Lost);
    assert_eq!(job.step(NOW, 1), Busy::Yes);
    assert_eq!(job.step(NOW, 1), Busy::No);
    service.handle_shutdown(NOW);
    service.finish_job(NOW, job);
    let numbers = || Ok(Reply::Numbers(vec![2.0]));
    assert_eq!(service.poll_reply(), Some((first, numbers())));
    assert_eq!(service.poll_reply(), Some((second, Ok(Reply::Ok))));
    assert!(!service.is_finished());
    let mut job = service.take_job(NOW).unwrap();
    while job.step(NOW, 1) == Busy::Yes {}
    service.finish_job(NOW, job);
    assert_eq!(service.poll_reply(), Some((second, numbers())));
    assert_eq!(service.poll_reply(), None);
    assert!(service.is_finished());
}

fn request() -> impl Strategy<Value = Request> {
    let numbers = || vec(-1e9..1e9, 0..5);
    let sigma = prop_oneof![
        (0.0..9.0).prop_map(|s| Some(Sigma::Every(s))),
        numbers().prop_map(|s| Some(Sigma::PerChannel(s))),
        Just(None),
    ];
    let arguments = vec(("\\PC{0,5}", -9i64..9), 0..4)
        .prop_map(|fields| Request::NewRun(fields.into_iter().filter(|(key, _)| key != "command").collect()));
    prop_oneof![
        prop::sample::select(std::vec![
            Request::Settings,
            Request::Particles,
            Request::Constants,
            Request::Weights,
            Request::OptimalSetting,
            Request::Mean,
            Request::StandardDeviation,
            Request::Status,
            Request::Utility,
            Request::History,
            Request::Undo,
            Request::Interval { probability: None },
            Request::Interval {
                probability: Some(0.5)
            },
            Request::Save { name: "µ".into() },
            Request::Load { name: String::new() },
            Request::Covariance,
            Request::Ready,
            Request::Done,
        ]),
        arguments,
        prop::option::of(1.0..20.0).prop_map(|pickiness| Request::GoodSetting { pickiness }),
        (numbers(), numbers(), sigma).prop_map(|(x, y, s)| Request::NewData(Measurement { x, y, s })),
    ]
}

proptest! {
    /// Every message of a client is understood by a server; every strict prefix of it is incomplete.
    #[test]
    fn requests_come_back_and_prefixes_are_incomplete(request in request(), cut: prop::sample::Index) {
        let mut client = Client::new(Limits::default());
        client.request(NOW, &Value::from(&request)).unwrap();
        let bytes = client.transmit();
        let cut = cut.index(bytes.len());
        let mut server = server();
        server.handle_input(NOW, &bytes[..cut]);
        prop_assert!(server.poll_event().is_none() && server.transmit().is_empty() && server.wants_input());
        server.handle_input(NOW, &bytes[cut..]);
        prop_assert_eq!(server.poll_event(), Some(Event::Application(request)));
    }

    /// Arbitrary bytes, some of them almost valid, cut anywhere: no panic, and the session either ends or wants more
    /// input.
    #[test]
    fn arbitrary_bytes_do_no_harm(
        pieces in vec(
            prop_oneof![
                vec(any::<u8>(), 0..20),
                Just(message(r#"{"command": "ready"}"#)),
                Just(message(r#"{"command": "newdat", "x": [NaN], "y": 1e999, "s": null}"#)),
                Just(message("[[[[")),
                Just(b"0000000".to_vec()),
            ],
            0..12,
        ),
        size in 1usize..40,
    ) {
        let bytes = pieces.concat();
        let mut server = server();
        for piece in bytes.chunks(size) {
            server.handle_input(NOW, piece);
            while let Some(event) = server.poll_event() {
                if let Event::Application(_) = event {
                    server.reply(NOW, Ok(Reply::Ok));
                }
            }
            prop_assert!(server.wants_input());
        }
        server.handle_eof(NOW);
        while server.poll_event().is_some() {}
        prop_assert!(server.is_closed());
        let mut client = Client::new(Limits::default());
        client.request(NOW, &newrun(1)).unwrap();
        bytes.chunks(size).for_each(|piece| client.handle_input(NOW, piece));
        client.handle_eof(NOW);
        prop_assert!(client.is_closed());
    }
}
