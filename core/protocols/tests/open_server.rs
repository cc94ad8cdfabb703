//! The server's side of an OpEn connection, byte by byte.
#![cfg(feature = "open")]

use std::time::Duration;

use labwire_protocols::open::{ExitStatus, Permissions, Reply, ReplyBounds, RunReply, Server, Style};
use labwire_session::limits::SessionLimits;
use labwire_session::time::Instant;
use labwire_session::{CloseReason, Event, Need, Responder, Session, Timer, TransmitState};
use proptest::prelude::*;

const RUN: &[u8] = b" {\"Run\": {\"parameter\": [1, 2.5], \"extra\": \"\xc2\xb5}\"}}";
const KEEP_ALIVE: &[u8] = b"{\"KeepAlive\": true}";

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn server() -> Server {
    let permissions = Permissions {
        kill: true,
        load: false,
    };
    Server::new(at(0), SessionLimits::default(), permissions)
}

fn kept_open() -> Server {
    let mut server = server();
    server.handle_input(at(0), KEEP_ALIVE);
    server
}

fn sent(server: &mut Server) -> String {
    let text = String::from_utf8(server.transmit().to_vec()).expect("replies are text");
    server.transmitted(at(0), text.len());
    text
}

fn close_reason(server: &mut Server) -> CloseReason {
    loop {
        match server.poll_event() {
            Some(Event::Closed(reason)) => return reason,
            Some(Event::Application(_)) => {}
            None => panic!("still open"),
        }
    }
}

fn requests(server: &mut Server) -> usize {
    std::iter::from_fn(|| server.poll_event())
        .filter(|event| matches!(event, Event::Application(_)))
        .count()
}

/// Result with this many variables, as the text that it has in one line.
fn long_reply(count: usize) -> Reply {
    let mut reply = RunReply::new(ExitStatus::Converged, vec![0.1; count]);
    for scalar in [
        &mut reply.last_problem_norm_fpr,
        &mut reply.delta_y_norm_over_c,
        &mut reply.f2_norm,
        &mut reply.solve_time_ms,
        &mut reply.penalty,
        &mut reply.cost,
        &mut reply.max_constraint_violation,
        &mut reply.kkt_residual,
    ] {
        *scalar = 0.0;
    }
    let counted = reply.counting(Style::Line).expect("finite").step(usize::MAX);
    Reply::Long(counted.expect("all of it"))
}

#[test]
fn a_run_with_a_long_reply_waits_for_room_and_counts_before_it_exists() {
    let bounds = ReplyBounds::default();
    let mut server = kept_open().with_reply_bounds(bounds.clone());
    server.handle_room(at(0), false);
    server.handle_input(at(0), RUN);
    assert_eq!(
        (requests(&mut server), server.need()),
        (1, Need::Nothing),
        "short"
    );
    server.reply(at(0), Reply::Pong(1));
    sent(&mut server);
    bounds.plain.set(1_000_000);
    server.handle_input(at(0), &RUN.repeat(3));
    for _ in 0..3 {
        assert_eq!((requests(&mut server), server.need()), (0, Need::Bounded));
        server.handle_room(at(0), true);
        assert_eq!((requests(&mut server), server.need()), (1, Need::Nothing));
        assert!(
            (1_000_000..1_010_000).contains(&server.held()),
            "{}",
            server.held()
        );
        server.reply(at(0), long_reply(100_000));
        let (owed, mut taken) = (server.held(), String::new());
        assert!((400_000..410_000).contains(&owed), "{owed}");
        while !server.transmit().is_empty() {
            assert!(server.transmit().len() < 64 << 10, "it is made as it is read");
            taken.push_str(&sent(&mut server));
        }
        assert!(taken.ends_with("}\n") && taken.contains("0.1,0.1"));
    }
    assert_eq!((requests(&mut server), server.need()), (0, Need::Nothing));
}

#[test]
fn a_long_message_waits_for_its_turn_to_be_parsed() {
    let spaces = vec![b' '; 70_000];
    let run = [&RUN[..RUN.len() - 2], &spaces, &RUN[RUN.len() - 2..]].concat();
    for is_rationed in [false, true] {
        let mut server = kept_open();
        if is_rationed {
            server.handle_room(at(0), false);
        }
        server.handle_input(at(0), &run);
        server.handle_input(at(0), br#"{"Ping": 7}"#);
        if is_rationed {
            assert_eq!((requests(&mut server), server.need()), (0, Need::Message));
            assert_eq!(server.poll_timeout(), None, "the message is whole");
            server.handle_room(at(0), true);
        }
        assert_eq!((requests(&mut server), server.need()), (1, Need::Nothing));
        server.reply(at(0), Reply::Pong(1));
        assert_eq!(sent(&mut server), "{\"Pong\":1}\n{\"Pong\":7}\n");
    }
}

#[test]
fn a_request_is_complete_at_its_last_byte_and_no_earlier() {
    for cut in 0..RUN.len() {
        let mut server = server();
        server.handle_input(at(0), &RUN[..cut]);
        assert_eq!(requests(&mut server), 0, "at {cut}");
        assert!(server.transmit().is_empty());
        let mut ended = server;
        ended.handle_input(at(0), &RUN[cut..]);
        assert_eq!(requests(&mut ended), 1, "at {cut}");
        ended.handle_eof(at(0));
        assert!(!ended.is_closed(), "the reply is still owed");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order_however_they_are_cut() {
    let input = [
        KEEP_ALIVE,
        b"{\"Ping\":1} ",
        RUN,
        b"\n{\"Ping\":2}{\"Foo\":1}\r\n{\"Ping\":3}",
    ]
    .concat();
    for cut in 0..=input.len() {
        let mut server = server();
        server.handle_input(at(0), &input[..cut]);
        server.handle_input(at(0), &input[cut..]);
        server.handle_eof(at(0));
        assert_eq!(requests(&mut server), 1);
        assert_eq!(server.transmit(), b"{\"Pong\":1}\n");
        server.reply(at(0), Reply::Loaded("x".to_string()));
        let text = sent(&mut server);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..3], ["{\"Pong\":1}", "{\"Loaded\":\"x\"}", "{\"Pong\":2}"]);
        assert!(lines[3].contains("\"code\":1000") && lines[3].contains("line 1 column 6"));
        assert_eq!(lines[4..], ["{\"Pong\":3}"]);
        assert_eq!(close_reason(&mut server), CloseReason::Finished);
        assert!(server.is_drained());
    }
}

#[test]
fn malformed_bytes_are_answered_at_once_and_end_even_a_kept_open_connection() {
    for (mut server, input) in [(server(), &b"{\"Ping\":x"[..]), (kept_open(), b"{\"Ping\":\xff")] {
        server.handle_input(at(0), input);
        assert!(sent(&mut server).contains("1000"));
        assert!(matches!(
            close_reason(&mut server),
            CloseReason::PeerMisbehaved(_)
        ));
        assert_eq!(server.transmit_state(), TransmitState::CloseAfterLinger);
        assert!(server.wants_input());
        server.handle_input(at(0), b"{\"Ping\":1}");
        assert!(server.transmit().is_empty());
    }
}

#[test]
fn nesting_beyond_the_limit_is_refused() {
    let mut server = server();
    server.handle_input(at(0), b"{\"Run\":{\"parameter\":[],\"x\":");
    server.handle_input(at(0), &[b'['; 200]);
    assert!(sent(&mut server).contains("recursion limit"));
}

#[test]
fn the_limit_counts_every_byte() {
    let limits = SessionLimits::default().with_message_bytes(20);
    let none = Permissions {
        kill: false,
        load: false,
    };
    for (spaces, is_allowed) in [(10, true), (11, false), (1000, false)] {
        for piece in [1, 7, 2000] {
            let mut server = Server::new(at(0), limits.clone(), none);
            let input = [" ".repeat(spaces).as_bytes(), b"{\"Ping\":1}"].concat();
            for bytes in input.chunks(piece) {
                assert!(server.wants_input());
                server.handle_input(at(0), bytes);
            }
            let text = sent(&mut server);
            assert_eq!(text.contains("Pong"), is_allowed, "{spaces} {piece}");
            assert_eq!(text.contains("message-bytes of 20 bytes"), !is_allowed);
        }
    }
}

#[test]
fn what_waits_behind_an_unanswered_request_is_bounded() {
    let mut server = kept_open();
    server.handle_input(at(0), RUN);
    let mut taken = 0;
    while server.wants_input() {
        server.handle_input(at(0), b"{\"Ping\":1}");
        taken += 10;
    }
    assert_eq!(taken / 10, (1 << 20) / 10 + 1);
    server.reply(at(0), Reply::Pong(0));
    while !server.transmit().is_empty() {
        sent(&mut server);
    }
    assert!(server.wants_input());
}

#[test]
fn kill_and_load_only_where_permitted() {
    let mut server = kept_open();
    server.handle_input(at(0), b"{\"Load\":{}}{\"Kill\":1}{\"Ping\":1}");
    assert!(sent(&mut server).contains("2100"));
    assert_eq!(requests(&mut server), 1);
    server.reply(at(0), Reply::Killed);
    assert!(server.transmit().is_empty() && server.is_closed());

    let none = Permissions {
        kill: false,
        load: false,
    };
    let mut server = Server::new(at(0), SessionLimits::default(), none);
    server.handle_input(at(0), b"{\"Kill\":1}");
    assert!(sent(&mut server).contains("Kill is not permitted here"));
}

#[test]
fn silence_ends_a_connection_with_words_or_without() {
    let mut silent = server();
    assert_eq!(silent.poll_timeout(), Some((at(30), Timer::RequestTimeout)));
    silent.handle_timeout(at(29));
    assert!(!silent.is_closed());
    silent.handle_timeout(at(30));
    assert!(sent(&mut silent).contains("request-timeout of 30s"));
    assert_eq!(
        close_reason(&mut silent),
        CloseReason::TimedOut(Timer::RequestTimeout)
    );

    let mut idle = kept_open();
    idle.handle_input(at(100), b"{\"Ping\":1}\n");
    idle.transmitted(at(100), 11);
    assert_eq!(idle.poll_timeout(), Some((at(700), Timer::IdleTimeout)));
    idle.handle_input(at(200), b"{");
    assert_eq!(idle.poll_timeout(), Some((at(230), Timer::RequestTimeout)));
    idle.handle_input(at(210), b"\"Ping\":1}");
    idle.transmitted(at(210), 11);
    idle.handle_timeout(at(810));
    assert!(idle.transmit().is_empty());
    assert_eq!(close_reason(&mut idle), CloseReason::TimedOut(Timer::IdleTimeout));
}

#[test]
fn a_shutdown_lets_what_was_asked_be_answered() {
    let mut server = kept_open();
    server.handle_input(at(0), RUN);
    server.handle_shutdown(at(0));
    assert!(!server.is_closed());
    server.reply(at(0), Reply::Pong(0));
    assert_eq!(sent(&mut server), "{\"Pong\":0}\n");
    assert_eq!(close_reason(&mut server), CloseReason::Shutdown);
    server.reply(at(0), Reply::Pong(1));
    assert!(server.transmit().is_empty());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        pieces in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..20),
                Just(KEEP_ALIVE.to_vec()),
                Just(RUN.to_vec()),
                Just(b"{\"Ping\":1}".to_vec()),
                Just(b"{\"Kill\"".to_vec()),
            ],
            0..20,
        ),
        eof in any::<bool>(),
    ) {
        let mut server = server();
        for (index, piece) in pieces.iter().enumerate() {
            let now = at(index as u64);
            server.handle_input(now, piece);
            while let Some(event) = server.poll_event() {
                if let Event::Application(event) = event {
                    let reply = if event.kept_open { Reply::Pong(1) } else { Reply::Killed };
                    server.reply(now, reply);
                }
            }
            let waiting = server.transmit().len();
            server.transmitted(now, waiting / 2);
        }
        if eof {
            server.handle_eof(at(20));
            prop_assert!(server.is_closed());
        }
        server.handle_timeout(at(10_000));
        server.handle_timeout(at(20_000));
        prop_assert!(server.is_closed() && server.is_drained());
    }
}
