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
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_core::service::{Busy, ConnectionId, Endpoint, Peer};
use labwire_core::session::{Asker, Event, Misuse, Session, TransmitState};
use labwire_core::time::Instant;

/// Latency of the link, and its largest piece, in bytes.
const DELAY: Duration = Duration::from_millis(20);
const PIECE: usize = 100;
/// Fuel of one solver step, and its duration.
const FUEL: u32 = 64;
const STEP: Duration = Duration::from_micros(50);

const ID: ConnectionId = ConnectionId(0);

fn main() -> Result<(), Box<dyn Error>> {
    let run = |parameter: &[f64]| Request::Run(RunRequest::new(parameter.to_vec()));
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
    let mut server = Endpoint::new(OptimizerService::new(problem, OptimizerSettings::default())?);
    server.open(now, ID, Peer::LOCAL)?;
    let mut client = client(now, requests)?;
    let mut lanes = [Lane::default(), Lane::default()];
    let mut trace = Vec::new();
    let mut note = |now: Instant, what: String| {
        let time = now.duration_since(Instant::ZERO);
        trace.push(format!("{:>12.3} ms  {what}", time.as_secs_f64() * 1e3));
    };
    let mut has_closed = false;
    while !(client.is_drained() && server.is_drained(ID)) {
        client.handle_timeout(now);
        server.handle_timeout(now);
        let moved = exchange(now, &mut client, &mut server, &mut lanes);
        while let Some(event) = client.poll_event() {
            match event {
                Event::Application(reply) => note(now, format!("client: {}", in_words(&reply))),
                Event::Closed(reason) => note(now, format!("client: {reason}")),
            }
        }
        if let Some(reason) = server.close_reason(ID).filter(|_| !has_closed) {
            note(now, format!("server: {reason}"));
            has_closed = true;
        }
        if server.step(now, FUEL) == Busy::Yes {
            now = now + STEP;
        } else if !moved {
            // Nothing is left to do now: time advances to the next event.
            let timers = [client.poll_timeout().map(|(due, _)| due), server.poll_timeout()];
            let due = timers
                .into_iter()
                .chain(lanes.iter().map(Lane::due))
                .flatten()
                .min();
            now = due.ok_or("nothing is left to happen")?.max(now);
        }
    }
    Ok(trace)
}

fn client(now: Instant, requests: &[Request]) -> Result<Client, Misuse> {
    let limits = SessionLimits::default();
    if requests.is_empty() {
        return Ok(Client::one_shot(limits));
    }
    let mut client = Client::kept_open(now, limits);
    for request in requests {
        client.request(now, request)?;
    }
    // No more requests.
    client.handle_shutdown(now);
    Ok(client)
}

/// Takes what has arrived and sends what is pending, in both directions. Returns whether there was anything.
fn exchange(
    now: Instant,
    client: &mut Client,
    server: &mut Endpoint<OptimizerService>,
    [to_client, to_server]: &mut [Lane; 2],
) -> bool {
    let mut moved = false;
    while client.wants_input()
        && let Some(bytes) = to_client.arrive(now)
    {
        match bytes.is_empty() {
            true => client.handle_eof(now),
            false => client.handle_input(now, &bytes),
        }
        moved = true;
    }
    while server.wants_input(ID)
        && let Some(bytes) = to_server.arrive(now)
    {
        match bytes.is_empty() {
            true => server.handle_eof(now, ID),
            false => server.handle_input(now, ID, &bytes),
        }
        moved = true;
    }
    while let Some(count) = to_server.send(now, client.transmit(), client.transmit_state()) {
        client.transmitted(now, count);
        moved = true;
    }
    while let Some(count) = to_client.send(now, server.transmit(ID), server.transmit_state(ID)) {
        server.transmitted(now, ID, count);
        moved = true;
    }
    moved
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

/// One direction of the link.
#[derive(Default)]
struct Lane {
    /// Pieces on their way, with their times of arrival; an empty piece is the end of the stream.
    pieces: VecDeque<(Instant, Vec<u8>)>,
    has_ended: bool,
}

impl Lane {
    /// Sends one piece of the waiting bytes, or the end of the stream. Returns its length; `None` when there is nothing.
    fn send(&mut self, now: Instant, waiting: &[u8], state: TransmitState) -> Option<usize> {
        let piece = &waiting[..waiting.len().min(PIECE)];
        if piece.is_empty() && (state == TransmitState::Open || self.has_ended) {
            return None;
        }
        self.has_ended |= piece.is_empty();
        self.pieces.push_back((now + DELAY, piece.to_vec()));
        Some(piece.len())
    }

    /// Next piece that has arrived.
    fn arrive(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.pieces.front().filter(|(due, _)| *due <= now)?;
        self.pieces.pop_front().map(|(_, piece)| piece)
    }

    /// Arrival of the next piece.
    fn due(&self) -> Option<Instant> {
        self.pieces.front().map(|(due, _)| *due)
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
