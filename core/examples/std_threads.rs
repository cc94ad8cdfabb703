//! A runtime of its own: an OpEn server and its clients, on plain threads and `std::net`.
//!
//! ```sh
//! cargo run -p labwire-core --example std_threads
//! ```
//!
//! Everything the core requires of a host is in [`drive`]. The server has one thread per connection and one shared
//! solver; a full host (threads that take turns, limits, a graceful shutdown) is in `labwire-host`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use labwire_core::limits::SessionLimits;
use labwire_core::open::{Client, Reply, Request, RunReply, RunRequest, Server, ServerEvent};
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, TextLimits};
use labwire_core::service::optimizer::{OptimizerConfig, OptimizerService};
use labwire_core::service::{Busy, ConnectionId, Inline, Peer, Service};
use labwire_core::session::{Asker, CloseReason, Event, Responder, Session, TransmitState};
use labwire_core::time::Instant;

type Failure = Box<dyn Error + Send + Sync>;

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
    let service = OptimizerService::new(problem, OptimizerConfig::default())?;
    let service = Mutex::new(Inline::new(service));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::scope(|scope| {
        scope.spawn(|| {
            for (id, stream) in (0..).zip(listener.incoming().take(parameters.len())) {
                let service = &service;
                match stream {
                    Ok(stream) => drop(scope.spawn(move || serve(service, ConnectionId(id), stream, clock))),
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
fn serve(service: &Mutex<Inline<OptimizerService>>, id: ConnectionId, stream: TcpStream, clock: Clock) {
    let mut session = lock(service).service.open_session(clock.now(), Peer::LOCAL);
    let answer = |session: &mut Server, request: ServerEvent| {
        // The holder of the lock has the solver to itself, so that every reply is to this request.
        let mut service = lock(service);
        service.service.handle_request(clock.now(), id, request);
        loop {
            let busy = service.step(clock.now(), 1000);
            while let Some((_, reply)) = service.service.poll_reply() {
                session.reply(clock.now(), reply);
            }
            if busy == Busy::No {
                return;
            }
        }
    };
    let reason = drive(&mut session, stream, clock, answer);
    eprintln!("connection {}: {reason}", id.0);
    lock(service).service.handle_disconnect(clock.now(), id);
}

/// Client end of one connection.
fn ask(address: SocketAddr, parameter: Vec<f64>, clock: Clock) -> Result<RunReply, Failure> {
    let stream = TcpStream::connect(address)?;
    let mut session = Client::one_shot(SessionLimits::default());
    let request = RunRequest {
        parameter,
        ..RunRequest::default()
    };
    session.request(clock.now(), &Request::Run(request))?;
    let mut reply = None;
    let reason = drive(&mut session, stream, clock, |_, event| reply = Some(event));
    match reply {
        Some(Reply::Run(reply)) => Ok(*reply),
        Some(other) => Err(format!("not the reply to Run: {other:?}").into()),
        None => Err(format!("no reply: {reason}").into()),
    }
}

/// Drives a connection: moves bytes between `session` and `stream`, and events to `handle`, until nothing is left to
/// do.
fn drive<S: Session>(
    session: &mut S,
    mut stream: TcpStream,
    clock: Clock,
    mut handle: impl FnMut(&mut S, S::Event),
) -> CloseReason {
    let mut reason = CloseReason::Lost;
    let (mut has_sent_fin, mut has_seen_eof) = (false, false);
    let mut buffer = [0; 16 << 10];
    loop {
        while let Some(event) = session.poll_event() {
            match event {
                Event::Application(event) => handle(session, event),
                Event::Closed(why) => reason = why,
            }
        }
        if session.is_drained() {
            return reason; // Dropping the stream closes it.
        }
        // A blocking call returns in time for the session's timer.
        let due = session
            .poll_timeout()
            .map(|(due, _)| due.duration_since(clock.now()));
        let due = due.map(|due| due.max(Duration::from_millis(1)));
        let moved = if !session.transmit().is_empty() {
            let written = stream
                .set_write_timeout(due)
                .and_then(|()| stream.write(session.transmit()));
            written.map(|count| session.transmitted(clock.now(), count))
        } else if session.transmit_state() != TransmitState::Open && !has_sent_fin {
            has_sent_fin = true;
            stream.shutdown(Shutdown::Write)
        } else if session.wants_input() && !has_seen_eof {
            let read = stream
                .set_read_timeout(due)
                .and_then(|()| stream.read(&mut buffer));
            read.map(|count| match count {
                0 => {
                    has_seen_eof = true;
                    session.handle_eof(clock.now());
                }
                count => session.handle_input(clock.now(), &buffer[..count]),
            })
        } else {
            thread::sleep(due.unwrap_or_default());
            Err(ErrorKind::TimedOut.into())
        };
        match moved {
            Ok(()) => {}
            Err(error) if is_timeout(&error) => session.handle_timeout(clock.now()),
            Err(_) => session.handle_lost(clock.now()),
        }
    }
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
