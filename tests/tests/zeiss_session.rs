//! ZEISS INSPECT clients and servers over an unreliable link, and servers before hostile peers.

use std::time::Duration;

use labwire_core::framing::length32;
use labwire_core::session::{Asker, CloseReason, Event, Limit, Responder, Session, Timer, TransmitState};
use labwire_core::time::Instant;
use labwire_core::zeiss::{Client, ImportMode, Limits, Outcome, Request, Server, Transport};
use labwire_tests::sim::{Pair, Weather};
use proptest::collection::vec;
use proptest::prelude::*;

type ZeissPair = Pair<Client, Server>;

const NOW: Instant = Instant::ZERO;

fn pair(transport: Transport, weather: Weather) -> ZeissPair {
    Pair::new(
        Client::new(transport, Limits::default()),
        Server::new(NOW, transport, Limits::default()),
        weather,
    )
}

fn image(number: usize) -> Request {
    Request::image(&format!("exämple{number}.jpg"), "✓ 😀", 50.0).expect("valid input")
}

fn answer(pair: &mut ZeissPair) {
    while let Some(request) = pair.b.events.pop_front() {
        pair.b
            .session
            .reply(pair.now, request.answer(Outcome::Unreadable));
    }
}

#[test]
fn one_request_over_tcp_in_any_weather() {
    for seed in 0..200 {
        let mut pair = pair(Transport::Tcp, Weather::random(seed));
        pair.a.session.request(pair.now, &image(1).to_text()).unwrap();
        while pair.step() {
            answer(&mut pair);
        }
        assert_eq!(
            pair.a.events,
            [image(1).answer(Outcome::Unreadable)],
            "seed {seed}"
        );
        assert_eq!(pair.a.closed, Some(CloseReason::Finished));
        assert_eq!(pair.b.closed, Some(CloseReason::Finished));
    }
}

#[test]
fn many_requests_over_websocket_in_any_weather() {
    for seed in 0..200 {
        let mut pair = pair(Transport::WebSocket, Weather::random(seed));
        for number in 0..20 {
            pair.a
                .session
                .request(pair.now, &image(number).to_text())
                .unwrap();
        }
        pair.a.session.request(pair.now, "{\u{4}").unwrap();
        pair.a.session.request(pair.now, "quit").unwrap();
        pair.a.session.finish(pair.now);
        while pair.step() {
            answer(&mut pair);
        }
        let answers = (0..20).map(|number| image(number).answer(Outcome::Unreadable));
        let last = ["Error: Malformed JSON message.", "bye"].map(str::to_owned);
        assert!(
            pair.a.events.iter().cloned().eq(answers.chain(last)),
            "seed {seed}"
        );
        assert_eq!(pair.a.closed, Some(CloseReason::Finished));
        assert_eq!(pair.b.closed, Some(CloseReason::Finished));
    }
}

#[test]
fn a_cut_connection_ends_both_sides_and_no_answer_is_made_up() {
    for transport in [Transport::Tcp, Transport::WebSocket] {
        for cut_after in 0..200 {
            let weather = Weather {
                cut_after: Some(cut_after),
                ..Weather::random(cut_after as u64)
            };
            let mut pair = pair(transport, weather);
            pair.a.session.request(pair.now, &image(1).to_text()).unwrap();
            while pair.step() && pair.a.closed.is_none() {
                answer(&mut pair);
            }
            let whole = image(1).answer(Outcome::Unreadable);
            assert!(pair.a.events.iter().all(|answer| *answer == whole));
            assert!(pair.a.closed.is_some());
            assert!(pair.now.duration_since(NOW) < Duration::from_secs(1000));
        }
    }
}

/// Over TCP the end of the stream ends the request, wherever it comes.
#[test]
fn a_request_cut_short_by_the_end_of_the_stream_is_answered() {
    let length = image(1).to_text().len();
    for half_close_after in 1..=length {
        let weather = Weather {
            half_close_after: Some(half_close_after),
            max_piece: 1,
            ..Weather::calm()
        };
        let mut pair = pair(Transport::Tcp, weather);
        pair.a.session.request(pair.now, &image(1).to_text()).unwrap();
        while pair.step() {
            answer(&mut pair);
        }
        let expected = if half_close_after < length {
            "Error: Malformed JSON message.".to_owned()
        } else {
            image(1).answer(Outcome::Unreadable)
        };
        assert_eq!(pair.a.events, [expected]);
    }
}

#[test]
fn an_answer_cut_short_is_reported() {
    let answer = b"Error: Unknown request:\n5\r\n";
    for cut in 0..answer.len() {
        let mut client = Client::new(Transport::Tcp, Limits::default());
        client.request(NOW, "5").unwrap();
        client.handle_input(NOW, &answer[..cut]);
        client.handle_eof(NOW);
        let place = if cut == 0 {
            "without an answer"
        } else {
            "inside an answer"
        };
        assert_eq!(
            client.poll_event(),
            Some(Event::Closed(CloseReason::PeerClosed(place)))
        );
    }
}

#[test]
fn silence_and_floods_are_answered_and_ended() {
    let after = |seconds| NOW + Duration::from_secs(seconds);
    for sent in [&b""[..], b"{\"image\""] {
        let mut server = Server::new(NOW, Transport::Tcp, Limits::default());
        server.handle_input(NOW, sent);
        assert_eq!(server.poll_timeout(), Some((after(30), Timer::RequestTimeout)));
        server.handle_timeout(after(30));
        assert!(
            server
                .transmit()
                .starts_with(b"Error: No complete message within the request-timeout")
        );
        let reason = CloseReason::TimedOut(Timer::RequestTimeout);
        assert_eq!(server.poll_event(), Some(Event::Closed(reason)));
    }
    let flood = vec![b' '; (1 << 20) + 1];
    let mut server = Server::new(NOW, Transport::Tcp, Limits::default());
    server.handle_input(NOW, &flood);
    assert!(
        server
            .transmit()
            .starts_with(b"Error: Message exceeds the limit message-bytes of 1048576")
    );
    let limit = CloseReason::LimitExceeded {
        limit: Limit::MessageBytes,
        value: 1 << 20,
    };
    assert_eq!(server.poll_event(), Some(Event::Closed(limit.clone())));
    server.handle_input(NOW, &flood);
    assert_eq!(server.transmit_state(), TransmitState::CloseAfterLinger);

    let mut server = Server::new(NOW, Transport::WebSocket, Limits::default());
    server.handle_input(NOW, &[0, 0x10, 0, 1]);
    assert_eq!(server.poll_event(), Some(Event::Closed(limit.clone())));
    for transport in [Transport::Tcp, Transport::WebSocket] {
        let mut client = Client::new(transport, Limits::default());
        client.request(NOW, "5").unwrap();
        client.handle_input(NOW, &flood);
        let end = client.poll_event();
        assert_eq!(end, Some(Event::Closed(limit.clone())), "{transport:?}");
    }
}

#[test]
fn a_websocket_is_kept_until_it_is_idle_for_too_long() {
    let after = |seconds| NOW + Duration::from_secs(seconds);
    let mut server = Server::new(NOW, Transport::WebSocket, Limits::default());
    let mut message = Vec::new();
    length32::put(&mut message, image(1).to_text().as_bytes()).unwrap();
    server.handle_input(NOW, &message);
    let Some(Event::Application(request)) = server.poll_event() else {
        panic!("a request");
    };
    // While a request is being processed nothing is read, and no timer runs.
    assert!(!server.wants_input() && server.poll_timeout().is_none());
    server.reply(after(100), request.answer(Outcome::Imported));
    assert_eq!(server.transmit(), b"\0\0\0\x04O.k.");
    server.transmitted(after(100), 8);
    assert_eq!(server.poll_timeout(), Some((after(700), Timer::IdleTimeout)));
    server.handle_timeout(after(700));
    let reason = CloseReason::TimedOut(Timer::IdleTimeout);
    assert_eq!(server.poll_event(), Some(Event::Closed(reason)));
    assert!(server.transmit().is_empty());
}

#[test]
fn shutdown_waits_for_the_answer() {
    let mut server = Server::new(NOW, Transport::WebSocket, Limits::default());
    let mut message = Vec::new();
    length32::put(&mut message, image(1).to_text().as_bytes()).unwrap();
    server.handle_input(NOW, &message);
    server.handle_shutdown(NOW);
    assert!(!server.is_closed());
    server.reply(NOW, "O.k.".to_owned());
    assert!(server.is_closed() && !server.transmit().is_empty());
}

proptest! {
    /// Every message of a client is understood by a server; every strict prefix of it is incomplete.
    #[test]
    fn requests_come_back_and_prefixes_are_incomplete(
        file in ".{1,9}",
        name in ".{1,9}",
        focal_length in 1e-3..1e5,
        is_image: bool,
        is_tcp: bool,
        cut: prop::sample::Index,
    ) {
        let transport = if is_tcp { Transport::Tcp } else { Transport::WebSocket };
        let request = match is_image {
            true => Request::image(&file, &name, focal_length),
            false => Request::elements(&file, ImportMode::Clipboard),
        };
        let request = request.expect("valid input");
        let mut client = Client::new(transport, Limits::default());
        client.request(NOW, &request.to_text()).expect("open");
        let bytes = client.transmit();
        let cut = cut.index(bytes.len());
        let mut server = Server::new(NOW, transport, Limits::default());
        server.handle_input(NOW, &bytes[..cut]);
        prop_assert!(server.poll_event().is_none() && server.transmit().is_empty() && server.wants_input());
        server.handle_input(NOW, &bytes[cut..]);
        prop_assert_eq!(server.poll_event(), Some(Event::Application(request)));
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(
        pieces in vec(
            prop_oneof![
                vec(any::<u8>(), 0..20),
                Just(image(1).to_text().into_bytes()),
                Just(b"\0\0\0\x04quit".to_vec()),
                Just(b"\x04".to_vec()),
                Just(b"\0\0\0".to_vec()),
            ],
            0..12,
        ),
        size in 1usize..40,
        is_tcp: bool,
    ) {
        let transport = if is_tcp { Transport::Tcp } else { Transport::WebSocket };
        let bytes = pieces.concat();
        let mut server = Server::new(NOW, transport, Limits::default());
        for piece in bytes.chunks(size) {
            server.handle_input(NOW, piece);
            while let Some(event) = server.poll_event() {
                if let Event::Application(request) = event {
                    server.reply(NOW, request.answer(Outcome::Failed));
                }
            }
            prop_assert!(server.wants_input());
        }
        server.handle_eof(NOW);
        while let Some(event) = server.poll_event() {
            if let Event::Application(request) = event {
                server.reply(NOW, request.answer(Outcome::Failed));
            }
        }
        prop_assert!(server.is_closed());
        let mut client = Client::new(transport, Limits::default());
        client.request(NOW, "5").expect("open");
        bytes.chunks(size).for_each(|piece| client.handle_input(NOW, piece));
        client.handle_eof(NOW);
        prop_assert!(client.is_closed());
    }
}
