//! A client and a server in one process and in simulated time: no socket, no thread, no clock.
//!
//! ```sh
//! cargo run -p labwire-core --example simulated_time
//! ```
//!
//! The link has a latency of 20 ms and carries at most 100 bytes at a time, 64 evaluations of the solver take 50 µs,
//! and a time-out of half a minute passes at once. The output is the same on every machine and in every run.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

use labwire_core::limits::SessionLimits;
use labwire_core::open::{Client, Reply, Request, RunRequest};
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, TextLimits};
use labwire_core::service::optimizer::{OptimizerConfig, OptimizerService};
use labwire_core::service::{Busy, ConnectionId, Inline, Peer, Service};
use labwire_core::session::{Asker, Event, Responder, Session, TransmitState};
use labwire_core::time::Instant;

/// Latency of the link, and its largest piece, in bytes.
const DELAY: Duration = Duration::from_millis(20);
const PIECE: usize = 100;
/// Fuel of one solver step, and its duration.
const FUEL: u32 = 64;
const STEP: Duration = Duration::from_micros(50);

const ID: ConnectionId = ConnectionId(0);

fn main() -> Result<(), Box<dyn Error>> {
    let run = |parameter: &[f64]| {
        Request::Run(RunRequest {
            parameter: parameter.to_vec(),
            ..RunRequest::default()
        })
    };
    println!("A client that sends three requests, the last of which is refused:");
    let requests = [Request::Ping(7), run(&[1.0, 10.0]), run(&[1.0])];
    println!("{}", simulate(&requests)?.join("\n"));
    println!("A client that sends nothing:");
    println!("{}", simulate(&[])?.join("\n"));
    Ok(())
}

/// Simulates one connection on which all requests are sent at once.
fn simulate(requests: &[Request]) -> Result<Vec<String>, Box<dyn Error>> {
    let mut now = Instant::ZERO;
    let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default())?;
    let mut service = Inline::new(OptimizerService::new(problem, OptimizerConfig::default())?);
    let mut server = End::new(service.service.open_session(now, Peer::LOCAL));
    let limits = SessionLimits::default();
    let mut client = End::new(match requests {
        [] => Client::one_shot(limits),
        _ => Client::kept_open(now, limits),
    });
    for request in requests {
        client.session.request(now, request)?;
    }
    if !requests.is_empty() {
        // No more requests.
        client.session.handle_shutdown(now);
    }
    let mut trace = Vec::new();
    let mut note = |now: Instant, what: String| {
        let time = now.duration_since(Instant::ZERO);
        trace.push(format!("{:>12.3} ms  {what}", time.as_secs_f64() * 1e3));
    };
    while !(client.is_gone() && server.is_gone()) {
        let moved = client.step(now, &mut server) | server.step(now, &mut client);
        while let Some(event) = client.session.poll_event() {
            match event {
                Event::Application(reply) => note(now, format!("client: {}", in_words(&reply))),
                Event::Closed(reason) => note(now, format!("client: {reason}")),
            }
        }
        while let Some(event) = server.session.poll_event() {
            match event {
                Event::Application(request) => service.service.handle_request(now, ID, request),
                Event::Closed(reason) => {
                    note(now, format!("server: {reason}"));
                    service.service.handle_disconnect(now, ID);
                }
            }
        }
        let busy = service.step(now, FUEL);
        while let Some((_, reply)) = service.service.poll_reply() {
            server.session.reply(now, reply);
        }
        if busy == Busy::Yes {
            now = now + STEP;
        } else if !moved {
            // Nothing is left to do now: time advances to the next event.
            let due = [client.due(), server.due()].into_iter().flatten().min();
            now = due.ok_or("nothing is left to happen")?.max(now);
        }
    }
    Ok(trace)
}

fn in_words(reply: &Reply) -> String {
    match reply {
        Reply::Run(run) => format!(
            "{:?} after {} evaluations in {} ms, solution {:?}",
            run.exit_status, run.evaluations, run.solve_time_ms, run.solution
        ),
        other => format!("{other:?}"),
    }
}

/// One end of the link.
struct End<S> {
    session: S,
    /// Pieces on their way, with their times of arrival; an empty piece is the end of the stream.
    incoming: VecDeque<(Instant, Vec<u8>)>,
    has_sent_fin: bool,
}

impl<S: Session> End<S> {
    fn new(session: S) -> Self {
        Self {
            session,
            incoming: VecDeque::new(),
            has_sent_fin: false,
        }
    }

    /// Takes what has arrived and sends what is pending. Returns whether there was anything.
    fn step<P: Session>(&mut self, now: Instant, peer: &mut End<P>) -> bool {
        if self.is_gone() {
            return false;
        }
        let mut moved = false;
        self.session.handle_timeout(now);
        while self.session.wants_input()
            && self.incoming.front().is_some_and(|(due, _)| *due <= now)
            && let Some((_, bytes)) = self.incoming.pop_front()
        {
            match bytes.is_empty() {
                true => self.session.handle_eof(now),
                false => self.session.handle_input(now, &bytes),
            }
            moved = true;
        }
        while !self.session.transmit().is_empty() {
            let piece = self.session.transmit();
            let piece = piece[..piece.len().min(PIECE)].to_vec();
            self.session.transmitted(now, piece.len());
            peer.incoming.push_back((now + DELAY, piece));
            moved = true;
        }
        if self.session.transmit_state() != TransmitState::Open && !self.has_sent_fin {
            self.has_sent_fin = true;
            peer.incoming.push_back((now + DELAY, Vec::new()));
            moved = true;
        }
        moved
    }

    /// Arrival of the next piece, or time of the session's timer, whichever is first.
    fn due(&self) -> Option<Instant> {
        if self.is_gone() {
            return None;
        }
        let timer = self.session.poll_timeout().map(|(due, _)| due);
        let arrival = self.incoming.front().map(|(due, _)| *due);
        timer.into_iter().chain(arrival).min()
    }

    fn is_gone(&self) -> bool {
        self.session.is_drained()
            && (self.has_sent_fin || self.session.transmit_state() == TransmitState::Abort)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_simulated_to_the_nanosecond() {
        let requests = [Request::Ping(1)];
        let trace = simulate(&requests).unwrap();
        assert_eq!(trace, simulate(&requests).unwrap());
        let pong = "      40.000 ms  client: Pong(1)".to_owned();
        assert!(trace.contains(&pong), "{trace:?}");
        let silent = simulate(&[]).unwrap();
        assert!(
            silent[0].starts_with("   30000.000 ms  server: timed out"),
            "{silent:?}"
        );
    }
}
