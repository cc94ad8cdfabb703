//! A runtime of its own: an OpEn server and its clients, on plain threads and `std::net`.
//!
//! ```sh
//! cargo run -p labwire-core --example std_threads
//! ```
//!
//! Everything the core requires of a host is in [`serve`]. The server has one thread per connection and one shared
//! solver; a full host (threads that take turns, limits, a graceful shutdown) is in `labwire-host`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use labwire_core::limits::SessionLimits;
use labwire_core::open::{Client, Reply, Request, RunReply, RunRequest};
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, TextLimits};
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_core::service::{Busy, ConnectionId, Endpoint, Peer};
use labwire_core::session::{Asker, CloseReason, Event, Session, TransmitState};
use labwire_core::time::Instant;

type Failure = Box<dyn Error + Send + Sync>;
type Server = Endpoint<OptimizerService>;

fn main() -> Result<(), Failure> {
    for reply in solve_over_sockets(&[[1.0, 10.0], [1.0, 50.0], [0.5, 20.0]])? {
        println!(
            "{:?} after {} evaluations: {:?}",
            reply.exit_status, reply.evaluations, reply.solution
        );
    }
    Ok(())
}

/// Runs a server, and a client on its own thread for each pair of parameters.
fn solve_over_sockets(parameters: &[[f64; 2]]) -> Result<Vec<RunReply>, Failure> {
    let clock = Clock::start();
    let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default())?;
    let service = OptimizerService::new(problem, OptimizerSettings::default())?;
    let server = Mutex::new(Endpoint::new(service));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::scope(|scope| {
        scope.spawn(|| {
            for (id, stream) in (0..).zip(listener.incoming().take(parameters.len())) {
                let (id, server) = (ConnectionId(id), &server);
                match stream.map(|stream| (stream, lock(server).open(clock.now(), id, Peer::LOCAL))) {
                    Ok((stream, Ok(()))) => drop(scope.spawn(move || {
                        let reason = serve(server, id, stream, clock);
                        eprintln!("connection {}: {reason}", id.0);
                    })),
                    Ok((_, Err(error))) => eprintln!("cannot serve: {error}"),
                    Err(error) => eprintln!("cannot accept: {error}"),
                }
            }
        });
        let ask = |parameter: &[f64; 2]| {
            scope.spawn({
                let parameter = parameter.to_vec();
                move || ask(address, parameter, clock)
            })
        };
        let clients: Vec<_> = parameters.iter().map(ask).collect();
        let replies = clients
            .into_iter()
            .map(|client| client.join().map_err(|_| "a client panicked")?);
        replies.collect()
    })
}

/// Server end of one connection.
fn serve(server: &Mutex<Server>, id: ConnectionId, mut stream: TcpStream, clock: Clock) -> CloseReason {
    let (mut has_sent_fin, mut has_seen_eof) = (false, false);
    let mut buffer = [0; 16 << 10];
    loop {
        let mut locked = lock(server);
        locked.handle_timeout(clock.now());
        // The holder of the lock has the solver to itself.
        while locked.step(clock.now(), 1000) == Busy::Yes {}
        if locked.is_drained(id) {
            // Dropping the stream closes it.
            let reason = locked.handle_disconnect(clock.now(), id, CloseReason::Lost);
            return reason.unwrap_or(CloseReason::Lost);
        }
        let due = locked.poll_timeout().map(|due| until(due, clock));
        let waiting = locked.transmit(id).to_vec();
        let is_finishing = locked.transmit_state(id) != TransmitState::Open && !has_sent_fin;
        let is_reading = locked.wants_input(id) && !has_seen_eof;
        drop(locked);
        let moved = if !waiting.is_empty() {
            let written = stream
                .set_write_timeout(due)
                .and_then(|()| stream.write(&waiting));
            written.map(|count| lock(server).transmitted(clock.now(), id, count))
        } else if is_finishing {
            has_sent_fin = true;
            stream.shutdown(Shutdown::Write)
        } else if is_reading {
            let read = stream
                .set_read_timeout(due)
                .and_then(|()| stream.read(&mut buffer));
            read.map(|count| match count {
                0 => {
                    has_seen_eof = true;
                    lock(server).handle_eof(clock.now(), id);
                }
                count => lock(server).handle_input(clock.now(), id, &buffer[..count]),
            })
        } else {
            thread::sleep(due.unwrap_or_default());
            Ok(())
        };
        if moved.is_err_and(|error| !is_timeout(&error)) {
            lock(server).handle_lost(clock.now(), id);
        }
    }
}

/// Client end of one connection.
fn ask(address: SocketAddr, parameter: Vec<f64>, clock: Clock) -> Result<RunReply, Failure> {
    let mut stream = TcpStream::connect(address)?;
    let mut client = Client::one_shot(SessionLimits::default());
    let request = RunRequest::new(parameter);
    client.request(clock.now(), &Request::Run(request))?;
    stream.write_all(client.transmit())?;
    client.transmitted(clock.now(), client.transmit().len());
    // One request, and no more.
    stream.shutdown(Shutdown::Write)?;
    let mut buffer = [0; 16 << 10];
    loop {
        match client.poll_event() {
            Some(Event::Application(Reply::Run(reply))) => return Ok(*reply),
            Some(Event::Application(other)) => return Err(format!("not the reply to Run: {other:?}").into()),
            Some(Event::Closed(reason)) => return Err(format!("no reply: {reason}").into()),
            None => {}
        }
        let due = client.poll_timeout().map(|(due, _)| until(due, clock));
        stream.set_read_timeout(due)?;
        match stream.read(&mut buffer) {
            Ok(0) => client.handle_eof(clock.now()),
            Ok(count) => client.handle_input(clock.now(), &buffer[..count]),
            Err(error) if is_timeout(&error) => client.handle_timeout(clock.now()),
            Err(_) => client.handle_lost(clock.now()),
        }
    }
}

/// Longest time that a call may block.
fn until(due: Instant, clock: Clock) -> Duration {
    due.duration_since(clock.now()).max(Duration::from_millis(1))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The core's time: nanoseconds since the clock was started.
#[derive(Clone, Copy)]
struct Clock(std::time::Instant);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "a host reads the clock")]
    fn start() -> Self {
        Self(std::time::Instant::now())
    }

    fn now(self) -> Instant {
        Instant::ZERO + self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use labwire_core::open::ExitStatus;

    #[test]
    fn every_client_gets_its_own_answer() {
        let parameters = [[1.0, 10.0], [1.0, 50.0], [0.5, 20.0], [1.0, 10.0]];
        let replies = solve_over_sockets(&parameters).unwrap();
        assert_eq!(replies.len(), 4);
        assert!(
            replies
                .iter()
                .all(|reply| reply.exit_status == ExitStatus::Converged)
        );
        let near = |a: &RunReply, b: &RunReply| {
            let mut pairs = a.solution.iter().zip(&b.solution);
            pairs.all(|(x, y)| (x - y).abs() < 1e-3)
        };
        assert!(near(&replies[0], &replies[3]) && !near(&replies[0], &replies[2]));
    }
}
