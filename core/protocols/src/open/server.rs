//! Server side of a connection.

use alloc::format;

use labwire_session::framing::json_value::Values;
use labwire_session::framing::{FrameError, FrameReader};
use labwire_session::limits::SessionLimits;
use labwire_session::time::Instant;
use labwire_session::{CloseReason, Limit, Link, Protocol, Responder, Timer};

use super::codec::{self, Style};
use super::messages::{ErrorReply, Reply, Request, code};

/// Permissions of a peer beyond Ping and Run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Kill: end the server.
    pub kill: bool,
    /// Load: upload a problem file.
    pub load: bool,
}

/// Request for the application. Ping and requests that are not permitted are answered by the session.
#[derive(Clone, Debug)]
pub struct ServerEvent {
    /// Run, Load or Kill.
    pub request: Request,
    /// Whether the connection is kept open: it then has its own warm start.
    pub kept_open: bool,
}

/// Server side of one connection.
///
/// The first complete JSON value is answered, whether or not the peer half-closes after it, and the connection ends
/// with the reply (FIN, then the rest of the input is discarded). Malformed input is answered at the first invalid
/// byte, incomplete input at the end of the stream.
///
/// After `{"KeepAlive": true}` requests are answered one after the other, each with one line, until the peer
/// half-closes. A request that is valid JSON but wrong gets its error and the connection continues; bytes that are
/// not JSON end it. Requests may be pipelined: those that wait count as one message towards the limit
/// `message-bytes`.
///
/// Deviations from OpEn 0.11: input after the first value is ignored (there: error 1000), a request without
/// half-close is answered (there: never), UTF-8 may be split anywhere, Kill can be forbidden, and there are limits.
#[derive(Debug)]
pub struct Server {
    link: Link<ServerEvent>,
    permissions: Permissions,
    reader: FrameReader<Values>,
    kept_open: bool,
    /// Whether the application owes a reply. Until then no further request is read.
    is_answering: bool,
    is_shutting_down: bool,
    /// Time at which the connection or its current message began, or the last one was answered.
    since: Instant,
}

impl Server {
    /// Creates a connection that begins at `now`.
    pub fn new(now: Instant, limits: SessionLimits, permissions: Permissions) -> Self {
        Self {
            reader: FrameReader::new(Values::default(), limits.message_bytes),
            link: Link::new(limits),
            permissions,
            kept_open: false,
            is_answering: false,
            is_shutting_down: false,
            since: now,
        }
    }

    /// Reads requests as long as they can be answered, and ends the connection if the peer has nothing more to send.
    fn read(&mut self, now: Instant) {
        while self.can_read() {
            let is_inside = self.reader.is_inside();
            match self.reader.poll_message(codec::parse_request) {
                Ok(Some(request)) => self.request(now, request),
                Ok(None) => {
                    if self.kept_open && !is_inside && !self.reader.is_empty() {
                        self.since = now;
                    }
                    break;
                }
                Err(error) => self.unreadable(now, error),
            }
        }
        if self.link.has_peer_finished() && self.can_read() {
            self.end_of_input(now);
        }
    }

    fn can_read(&self) -> bool {
        self.link.is_open() && !self.is_answering && !self.link.is_full()
    }

    /// Handles the end of the stream, inside a message or between two.
    fn end_of_input(&mut self, now: Instant) {
        if self.kept_open && self.reader.is_empty() {
            self.link.close_after_linger(now, CloseReason::Finished);
        } else {
            self.refuse(now, codec::incomplete(self.reader.rest()));
        }
    }

    fn request(&mut self, now: Instant, request: Result<Request, ErrorReply>) {
        let (kill, load) = (self.permissions.kill, self.permissions.load);
        match request {
            Ok(Request::Ping(number)) => self.answer(now, &Reply::Pong(number)),
            Ok(Request::KeepAlive(on)) => {
                self.kept_open = on;
                self.reader.framing_mut().skips_space = on;
                self.since = now;
            }
            Ok(Request::Kill(_)) if !kill => self.forbid(now, "Kill"),
            Ok(Request::Load(_)) if !load => self.forbid(now, "Load"),
            Ok(request) => {
                self.is_answering = true;
                self.link.emit(ServerEvent {
                    request,
                    kept_open: self.kept_open,
                });
            }
            Err(error) if self.kept_open => self.answer(now, &Reply::Error(error)),
            Err(error) => self.refuse(now, error),
        }
    }

    fn forbid(&mut self, now: Instant, request: &str) {
        let text =
            format!("{request} is not permitted here: the server's configuration decides from where it is");
        self.answer(now, &Reply::Error(ErrorReply::new(code::NOT_PERMITTED, text)));
    }

    fn answer(&mut self, now: Instant, reply: &Reply) {
        self.write(now, reply);
        self.is_answering = false;
        self.since = now;
        if *reply == Reply::Killed || !self.kept_open {
            self.link.close_after_linger(now, CloseReason::Finished);
        } else if self.is_shutting_down {
            self.link.close_after_linger(now, CloseReason::Shutdown);
        }
    }

    fn write(&mut self, now: Instant, reply: &Reply) {
        let style = if self.kept_open {
            Style::Line
        } else {
            Style::Pretty
        };
        self.link
            .send_with(now, |output| codec::write_reply(output, style, reply));
    }

    /// Answers input that is not a request, and ends the connection.
    fn refuse(&mut self, now: Instant, error: ErrorReply) {
        let reason = CloseReason::PeerMisbehaved(error.message.clone());
        self.refuse_because(now, error, reason);
    }

    fn refuse_because(&mut self, now: Instant, error: ErrorReply, reason: CloseReason) {
        self.write(now, &Reply::Error(error));
        self.link.close_after_linger(now, reason);
    }

    /// Answers bytes that contain no request.
    fn unreadable(&mut self, now: Instant, error: FrameError) {
        let upto = |at: usize| self.reader.rest().get(..=at).unwrap_or_default();
        match error {
            FrameError::InvalidUtf8(at) => self.refuse(now, codec::incomplete(upto(at))),
            FrameError::Malformed(at) => self.refuse(now, codec::malformed(upto(at))),
            _ => {
                let (name, limit) = (Limit::MessageBytes, self.link.limits().message_bytes);
                let reply = codec::invalid(&format!("longer than the limit {name} of {limit} bytes"));
                self.refuse_because(now, reply, error.into());
            }
        }
    }
}

impl Protocol for Server {
    type Event = ServerEvent;

    fn link(&self) -> &Link<ServerEvent> {
        &self.link
    }

    fn link_mut(&mut self) -> &mut Link<ServerEvent> {
        &mut self.link
    }

    fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.reader.push(bytes);
        self.read(now);
    }

    fn receive_end(&mut self, now: Instant) {
        self.read(now);
    }

    fn shut_down(&mut self, now: Instant) {
        self.is_shutting_down = true;
        if !self.is_answering {
            self.link.close_after_linger(now, CloseReason::Shutdown);
        }
    }

    fn can_receive(&self) -> bool {
        !self.link.is_full() && !self.reader.is_full()
    }

    fn sent(&mut self, now: Instant) {
        self.read(now);
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        if self.is_answering {
            return None;
        }
        let limits = self.link.limits();
        Some(if self.kept_open && self.reader.is_empty() {
            (self.since + limits.idle_timeout, Timer::IdleTimeout)
        } else {
            (self.since + limits.request_timeout, Timer::RequestTimeout)
        })
    }

    fn expire(&mut self, now: Instant, timer: Timer) {
        let allowed = self.link.limits().request_timeout;
        let why = format!("incomplete after the {timer} of {allowed:?}");
        self.refuse_because(now, codec::invalid(&why), CloseReason::TimedOut(timer));
    }
}

impl Responder for Server {
    type Reply = Reply;

    fn reply(&mut self, now: Instant, reply: Reply) {
        if self.is_answering {
            self.answer(now, &reply);
            self.read(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use labwire_session::{Event, Session, TransmitState};
    use proptest::prelude::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

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
        let text = String::from_utf8(server.transmit().to_vec()).unwrap();
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
        core::iter::from_fn(|| server.poll_event())
            .filter(|event| matches!(event, Event::Application(_)))
            .count()
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
        assert!(server.wants_input() && server.reader.is_empty());
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
}
