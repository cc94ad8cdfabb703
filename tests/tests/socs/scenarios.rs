//! Single guarantees of a device connection, step by step.

use std::time::Duration;

use labwire_core::device::{
    Cause, Connection, DeviceEvent, Failure, Health, Request, RequestId, Settings, State, Step,
};
use labwire_core::framing::until::Until;
use labwire_core::session::{
    Action, Asker, CloseReason, ConnectError, Connector, Event, Misuse, Session, Timer,
};
use labwire_core::time::Instant;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn line() -> Until {
    Until::delimiter("\n")
}

fn lost(cause: Cause, sent: bool) -> Result<Vec<u8>, Failure> {
    Err(Failure::Lost { cause, sent })
}

/// Connected at 0 ms.
fn connected(settings: Settings) -> Connection {
    let mut connection = Connection::new(settings, 1);
    connection.handle_timeout(at(0));
    assert_eq!(connection.poll_action(), Some(Action::Connect));
    connection.handle_connected(at(0));
    assert_eq!(connection.state(), State::Connected);
    connection
}

/// Reconnects as soon as the connection wants to. Returns the time.
fn reconnect(connection: &mut Connection) -> Instant {
    assert_eq!(connection.poll_action(), Some(Action::Close));
    assert_eq!(connection.state(), State::Backoff);
    let (due, reason) = connection.poll_timeout().expect("it backs off");
    assert_eq!(reason, Timer::Backoff);
    connection.handle_timeout(due);
    assert_eq!(connection.poll_action(), Some(Action::Connect));
    connection.handle_connected(due);
    due
}

/// The transport takes all pending bytes.
fn write(connection: &mut Connection, now: Instant) -> Vec<u8> {
    let bytes = connection.transmit().to_vec();
    connection.transmitted(now, bytes.len());
    bytes
}

fn results(connection: &mut Connection) -> Vec<(RequestId, Result<Vec<u8>, Failure>)> {
    let events = std::iter::from_fn(|| connection.poll_event());
    events
        .filter_map(|event| match event {
            Event::Application(DeviceEvent::Finished { id, result }) => Some((id, result)),
            _ => None,
        })
        .collect()
}

#[test]
fn answers_are_what_comes_after_the_question() {
    let mut connection = connected(Settings::default());
    connection.handle_input(at(1), b"Welcome!\nstal");
    let id = connection
        .request(at(2), &Request::query("Q1\n", line()))
        .unwrap();
    // The socket does not take the query yet.
    connection.handle_input(at(3), b"e\n");
    assert_eq!(write(&mut connection, at(4)), b"Q1\n");
    connection.handle_input(at(5), b"A1");
    connection.handle_input(at(6), b"\nmore\n");
    assert_eq!(results(&mut connection), [(id, Ok(b"A1\n".to_vec()))]);
    assert_eq!(connection.statistics().bytes_discarded, 15);
    assert_eq!(connection.statistics().round_trip, Duration::from_millis(2));
    let id = connection.request(at(7), &Request::recv(line())).unwrap();
    assert_eq!(results(&mut connection), [(id, Ok(b"more\n".to_vec()))]);
}

#[test]
fn an_answer_lost_with_its_connection_is_an_error_not_silence() {
    let mut connection = connected(Settings::default());
    connection.request(at(1), &Request::send("Q1\n")).unwrap();
    write(&mut connection, at(1));
    connection.handle_eof(at(2));
    let degraded = DeviceEvent::Health(Health::Degraded {
        cause: Cause::Closed,
        unconfirmed: 1,
    });
    assert_eq!(connection.poll_event(), Some(Event::Application(degraded)));
    let now = reconnect(&mut connection);
    let id = connection.request(now, &Request::recv(line())).unwrap();
    assert!(results(&mut connection).contains(&(id, lost(Cause::Closed, false))));
    // Once: the next one arrives on the new connection.
    let id = connection.request(now, &Request::recv(line())).unwrap();
    connection.handle_input(now, b"news\n");
    assert_eq!(results(&mut connection), [(id, Ok(b"news\n".to_vec()))]);
}

#[test]
fn after_a_time_out_the_connection_is_another() {
    let mut connection = connected(Settings::default());
    let timeout = Duration::from_millis(500);
    let first = connection
        .request(at(0), &Request::query("Q1\n", line()).timeout(timeout))
        .unwrap();
    let second = connection
        .request(at(400), &Request::query("Q2\n", line()).timeout(timeout))
        .unwrap();
    assert_eq!(write(&mut connection, at(0)), b"Q1\n");
    assert_eq!(connection.poll_timeout(), Some((at(500), Timer::RequestTimeout)));
    connection.handle_timeout(at(499));
    assert_eq!(connection.state(), State::Connected);
    connection.handle_timeout(at(500));
    assert_eq!(
        results(&mut connection),
        [(first, Err(Failure::TimedOut { sent: true }))]
    );
    assert_eq!(connection.degraded(), Some(&Cause::TimedOut));
    let now = reconnect(&mut connection);
    assert_eq!(
        connection.degraded(),
        Some(&Cause::TimedOut),
        "mute until it answers"
    );
    assert_eq!(write(&mut connection, now), b"Q2\n");
    connection.handle_input(now, b"A2\n");
    assert_eq!(results(&mut connection), [(second, Ok(b"A2\n".to_vec()))]);
    assert_eq!(connection.degraded(), None);
}

#[test]
fn listening_to_a_quiet_device_harms_nothing() {
    let mut connection = connected(Settings::default());
    let request = Request::recv(line()).timeout(Duration::from_secs(1));
    let id = connection.request(at(0), &request.clone()).unwrap();
    connection.handle_input(at(10), b"half");
    connection.handle_timeout(at(1000));
    assert_eq!(
        results(&mut connection),
        [(id, Err(Failure::TimedOut { sent: false }))]
    );
    assert_eq!(connection.state(), State::Connected);
    let id = connection.request(at(2000), &request).unwrap();
    connection.handle_input(at(2010), b" line\n");
    assert_eq!(results(&mut connection), [(id, Ok(b"half line\n".to_vec()))]);
}

#[test]
fn only_idempotent_messages_are_sent_again_and_once() {
    for idempotent in [false, true] {
        let mut connection = connected(Settings::default());
        let mut request = Request::query("Q1\n", line());
        request.idempotent = idempotent;
        let id = connection.request(at(0), &request).unwrap();
        connection.transmitted(at(0), 2);
        connection.handle_lost(at(1));
        if idempotent {
            assert_eq!(results(&mut connection), []);
            let now = reconnect(&mut connection);
            assert_eq!(write(&mut connection, now), b"Q1\n");
            connection.handle_lost(now);
        }
        assert_eq!(results(&mut connection), [(id, lost(Cause::Lost, true))]);
    }
}

#[test]
fn what_was_not_sent_goes_out_on_the_next_connection() {
    let mut connection = connected(Settings::default());
    let id = connection
        .request(at(200), &Request::query("Q1\n", line()))
        .unwrap();
    connection.handle_eof(at(200));
    let now = reconnect(&mut connection);
    assert_eq!(now, at(100), "at once: the last attempt was long ago");
    assert_eq!(write(&mut connection, at(200)), b"Q1\n");
    connection.handle_input(at(201), b"A1\n");
    assert_eq!(results(&mut connection), [(id, Ok(b"A1\n".to_vec()))]);
}

#[test]
fn a_refusal_keeps_the_connection_and_nonsense_does_not() {
    for (answer, stays) in [(&b"\x15\r\n"[..], true), (b"1.0\r\n", false)] {
        let mut connection = connected(Settings::default());
        let acknowledged = Step::query("PRX\r\n", line()).expect("\x06").refusal("\x15");
        let id = connection
            .request(
                at(0),
                &Request::steps([acknowledged, Step::query("\x05", line())]),
            )
            .unwrap();
        write(&mut connection, at(0));
        connection.handle_input(at(1), answer);
        let failure = if stays {
            Failure::Refused
        } else {
            Failure::Unexpected
        };
        assert_eq!(results(&mut connection), [(id, Err(failure(answer.to_vec())))]);
        assert_eq!(connection.state() == State::Connected, stays);
    }
}

#[test]
fn steps_are_one_transaction() {
    let mut connection = connected(Settings::default());
    let steps = [Step::query("PRX\r\n", line()), Step::query("\x05", line())];
    let first = connection.request(at(0), &Request::steps(steps)).unwrap();
    let second = connection.request(at(0), &Request::steps([])).unwrap();
    assert_eq!(write(&mut connection, at(0)), b"PRX\r\n");
    connection.handle_input(at(1), b"\x06\r\n");
    assert_eq!(write(&mut connection, at(1)), b"\x05");
    connection.handle_input(at(2), b"0,1e-5\r\n");
    let answers = [(first, Ok(b"0,1e-5\r\n".to_vec())), (second, Ok(Vec::new()))];
    assert_eq!(results(&mut connection), answers);
}

#[test]
fn limits_hold() {
    let mut settings = Settings::default();
    settings.queue_length = 1;
    settings.answer_bytes = 8;
    for (until, input) in [
        (line(), &b"123456789"[..]),
        (Until::Length(9), b"1"),
        (line(), b"12345678\n"),
    ] {
        let mut connection = connected(settings.clone());
        let id = connection.request(at(0), &Request::query("Q\n", until)).unwrap();
        let refused = connection.request(at(0), &Request::send("S\n"));
        assert_eq!(refused, Err(Misuse::QueueFull));
        write(&mut connection, at(0));
        connection.handle_input(at(1), input);
        assert_eq!(results(&mut connection), [(id, Err(Failure::AnswerTooLong(8)))]);
        assert_eq!(connection.degraded(), Some(&Cause::Misbehaved));
    }
    let mut connection = connected(settings);
    connection.handle_input(at(1), b"12345678");
    assert_eq!(connection.state(), State::Connected);
    connection.handle_input(at(1), b"9");
    assert_eq!(connection.state(), State::Backoff);
}

#[test]
fn unasked_it_backs_off_and_asked_it_tries_at_once() {
    let mut connection = Connection::new(Settings::default(), 1);
    connection.handle_timeout(at(0));
    let (mut now, mut waits) = (at(0), Vec::new());
    for _ in 0..12 {
        assert_eq!(connection.poll_action(), Some(Action::Connect));
        connection.handle_connect_failed(now, ConnectError::Refused);
        let (due, _) = connection.poll_timeout().unwrap();
        waits.push(due.duration_since(now));
        now = due;
        connection.handle_timeout(now);
    }
    assert!(waits[0] == Duration::from_millis(100) && waits[11] > Duration::from_secs(15));
    assert!(waits.is_sorted_by(|a, b| *b >= *a / 2 && *b <= Duration::from_secs(30)));
    connection.handle_connect_failed(now, ConnectError::Refused);
    let asked = now + Duration::from_millis(300);
    let id = connection.request(asked, &Request::query("Q\n", line())).unwrap();
    assert!(connection.poll_timeout().is_some_and(|(due, _)| due <= asked));
    connection.handle_timeout(asked);
    connection.handle_connect_failed(asked, ConnectError::Refused);
    let refused = Err(Failure::NotConnected(Cause::Connect(ConnectError::Refused)));
    assert_eq!(results(&mut connection), [(id, refused)]);
}

#[test]
fn shutting_down_serves_what_waits() {
    let mut connection = connected(Settings::default());
    let id = connection.request(at(0), &Request::query("Q\n", line())).unwrap();
    connection.handle_shutdown(at(0));
    assert_eq!(
        connection.request(at(0), &Request::send("S\n")),
        Err(Misuse::Closed)
    );
    assert!(!connection.is_drained());
    write(&mut connection, at(0));
    connection.handle_input(at(1), b"A\n");
    let finished = DeviceEvent::Finished {
        id,
        result: Ok(b"A\n".to_vec()),
    };
    assert_eq!(connection.poll_event(), Some(Event::Application(finished)));
    assert_eq!(
        connection.poll_event(),
        Some(Event::Closed(CloseReason::Shutdown))
    );
    assert_eq!(connection.poll_event(), None);
    assert_eq!(connection.poll_action(), Some(Action::Close));
    assert!(connection.is_drained());
    assert_eq!(connection.poll_timeout(), None);
}
