//! OpEn clients and servers over an unreliable link.

use std::time::Duration;

use labwire_core::limits::SessionLimits;
use labwire_core::open::{Client, Permissions, Reply, Request, RunRequest, Server};
use labwire_core::session::{Asker, CloseReason, Responder};
use labwire_core::time::Instant;
use labwire_tests::sim::{Pair, Weather};

type OpenPair = Pair<Client, Server>;

fn pair(is_kept_open: bool, weather: Weather) -> OpenPair {
    let limits = SessionLimits::default;
    let permissions = Permissions {
        kill: true,
        load: false,
    };
    let client = if is_kept_open {
        Client::kept_open(Instant::ZERO, limits())
    } else {
        Client::one_shot(limits())
    };
    Pair::new(client, Server::new(Instant::ZERO, limits(), permissions), weather)
}

fn run(number: f64) -> Request {
    Request::Run(RunRequest::new(vec![number; 40]))
}

/// Application whose answer to Run names the first parameter.
fn answer(pair: &mut OpenPair) {
    while let Some(event) = pair.b.events.pop_front() {
        let reply = match event.request {
            Request::Run(run) => Reply::Loaded(run.parameter[0].to_string()),
            _ => Reply::Killed,
        };
        pair.b.session.reply(pair.now, reply);
    }
}

fn run_to_the_end(pair: &mut OpenPair) {
    while pair.step() {
        answer(pair);
    }
    assert!(pair.a.closed.is_some() && pair.b.closed.is_some());
}

#[test]
fn pipelined_requests_get_their_replies_in_any_weather() {
    for seed in 0..200 {
        let mut pair = pair(true, Weather::random(seed));
        for number in 0..10 {
            let request = if number % 3 == 0 {
                Request::Ping(number)
            } else {
                run(number.into())
            };
            pair.a.session.request(pair.now, &request).unwrap();
        }
        pair.a.session.request(pair.now, &Request::Kill(1)).unwrap();
        run_to_the_end(&mut pair);
        let expected = (0..10).map(|number| match number % 3 {
            0 => Reply::Pong(number),
            _ => Reply::Loaded(number.to_string()),
        });
        assert!(
            pair.a.events.iter().cloned().eq(expected.chain([Reply::Killed])),
            "seed {seed}"
        );
        assert_eq!(pair.a.closed, Some(CloseReason::Finished));
        assert_eq!(pair.b.closed, Some(CloseReason::Finished));
    }
}

#[test]
fn one_request_and_a_half_close_in_any_weather() {
    for seed in 0..200 {
        let mut pair = pair(false, Weather::random(seed));
        pair.a.session.request(pair.now, &run(4.5)).unwrap();
        assert!(pair.a.session.request(pair.now, &run(5.0)).is_err());
        run_to_the_end(&mut pair);
        assert_eq!(pair.a.events, [Reply::Loaded("4.5".to_owned())], "seed {seed}");
        assert_eq!(pair.a.closed, Some(CloseReason::Finished));
    }
}

#[test]
fn a_cut_connection_ends_both_sides_and_no_reply_is_made_up() {
    for cut_after in 0..1500 {
        let weather = Weather {
            cut_after: Some(cut_after),
            ..Weather::random(cut_after as u64)
        };
        let mut pair = pair(true, weather);
        for number in 0..3 {
            pair.a.session.request(pair.now, &run(number.into())).unwrap();
        }
        // The client keeps its connection; without the cut it would stay open until the idle time-out.
        while pair.step() && pair.a.closed.is_none() {
            answer(&mut pair);
        }
        for (number, reply) in pair.a.events.iter().enumerate() {
            assert_eq!(*reply, Reply::Loaded(number.to_string()));
        }
        assert!(pair.a.closed.is_some());
        assert!(pair.now.duration_since(Instant::ZERO) < Duration::from_secs(1000));
    }
}

#[test]
fn a_request_cut_short_by_the_end_of_the_stream_is_an_error_reply() {
    for half_close_after in 1..100 {
        let weather = Weather {
            half_close_after: Some(half_close_after),
            max_piece: 1,
            ..Weather::calm()
        };
        let mut pair = pair(false, weather);
        pair.a.session.request(pair.now, &run(1.0)).unwrap();
        run_to_the_end(&mut pair);
        let Some(Reply::Error(error)) = pair.a.events.front() else {
            panic!("no error for {half_close_after} bytes");
        };
        assert!(
            error.code == 1000 && error.message.contains("EOF while parsing"),
            "{error:?}"
        );
    }
}
