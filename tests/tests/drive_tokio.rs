//! The drive loop on tokio over an in-memory transport, with a clock that jumps: partial writes, half-close, timers.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::future::{pending, ready};

use labwire_core::limits::SessionLimits;
use labwire_core::open::{Client, ErrorReply, Permissions, Reply, Request, Server, ServerEvent};
use labwire_core::session::{Asker, CloseReason, Responder, Timer};
use labwire_core::time::Instant;
use labwire_tokio::{Application, Clock, Driven, drive};
use tokio::io::{AsyncReadExt, DuplexStream, duplex};

/// Answers every request with an error that contains the number of requests so far.
#[derive(Default)]
struct Counter {
    requests: u32,
    unanswered: u32,
}

impl Application<Server> for Counter {
    type Command = Reply;

    async fn next_command(&mut self) -> Option<Reply> {
        if self.unanswered == 0 {
            pending::<()>().await;
        }
        self.unanswered -= 1;
        Some(Reply::Error(ErrorReply::new(self.requests, "counted")))
    }

    fn apply(&mut self, now: Instant, session: &mut Server, reply: Reply) {
        session.reply(now, reply);
    }

    async fn handle_event(&mut self, _event: ServerEvent) {
        self.requests += 1;
        self.unanswered += 1;
    }
}

/// Sends `left` requests, then ends.
struct Questioner {
    left: u32,
    replies: Vec<Reply>,
}

impl Application<Client> for Questioner {
    type Command = Request;

    async fn next_command(&mut self) -> Option<Request> {
        self.left = self.left.checked_sub(1)?;
        Some(labwire_tests::adder::request(1))
    }

    fn apply(&mut self, now: Instant, session: &mut Client, request: Request) {
        session.request(now, &request).unwrap();
    }

    async fn handle_event(&mut self, reply: Reply) {
        self.replies.push(reply);
    }
}

/// tokio's time, which jumps to the next timer when nothing else is left to do.
fn jumping_clock() -> Clock {
    Clock::start_from(|| tokio::time::Instant::now().into_std())
}

async fn serve(transport: DuplexStream, shutdown: impl Future<Output = ()> + Send) -> Driven {
    let clock = jumping_clock();
    let permissions = Permissions {
        kill: false,
        load: false,
    };
    let mut session = Server::new(clock.now(), SessionLimits::default(), permissions);
    drive(&mut session, transport, &mut Counter::default(), clock, shutdown).await
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_takes_a_few_bytes_at_a_time() {
    for capacity in [1, 3, 64] {
        let (near, far) = duplex(capacity);
        let clock = jumping_clock();
        let mut session = Client::kept_open(clock.now(), SessionLimits::default());
        let mut asker = Questioner {
            left: 20,
            replies: Vec::new(),
        };
        let (served, asked) = tokio::join!(
            serve(far, pending()),
            drive(&mut session, near, &mut asker, clock, pending())
        );
        let expected = (1..=20).map(|count| Reply::Error(ErrorReply::new(count, "counted")));
        assert!(asker.replies.into_iter().eq(expected));
        assert_eq!(served.reason, CloseReason::Finished);
        assert_eq!(asked.reason, CloseReason::Finished);
        assert_eq!((served.received, served.sent), (asked.sent, asked.received));
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_told_and_a_deaf_one_is_left_after_a_while() {
    let (mut peer, far) = duplex(1000);
    let mut text = String::new();
    let (served, _) = tokio::join!(serve(far, pending()), peer.read_to_string(&mut text));
    assert_eq!(served.reason, CloseReason::TimedOut(Timer::RequestTimeout));
    assert!(text.contains("request-timeout of 30s"));

    let (deaf, far) = duplex(3);
    assert_eq!(
        serve(far, pending()).await.reason,
        CloseReason::TimedOut(Timer::RequestTimeout)
    );
    drop(deaf);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_a_connection_that_owes_nothing() {
    let (_peer, far) = duplex(1000);
    assert_eq!(serve(far, ready(())).await.reason, CloseReason::Shutdown);
}
