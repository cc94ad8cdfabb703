//! The suite: each function is one test of a host.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use labwire_core::limits::{HostLimits, SessionLimits};
use labwire_core::open::{Reply, Request, RunRequest, parse_reply, write_request};
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_core::sets::Set;
use labwire_core::solve::ParametricCost;

use super::{Ended, Host};
use crate::adder::{Adder, Trap, harmonic, request};
use crate::peer::{RawPeer, ask};

/// More terms than any test waits for.
const ENDLESS: u64 = 1 << 60;
const PONG: &str = "{\n\t\"Pong\" : 1\n}\n";
const KEEP_ALIVE: &str = "{\"KeepAlive\":true}\n";

/// Defines a test for each function of the suite.
#[macro_export]
macro_rules! host_suite {
    ($host:ty) => {
        $crate::host_suite!(
            $host:
            a_ping_is_answered_with_half_close_or_without,
            bytes_may_come_one_by_one,
            a_kept_open_connection_answers_in_order,
            nobody_delays_another,
            long_work_delays_nobody,
            many_clients_get_their_own_answers,
            a_request_over_the_limit_is_refused_in_words,
            silence_is_ended,
            a_reader_that_stops_is_dropped,
            a_reset_cancels_the_work,
            connections_over_the_limit_are_closed,
            a_shutdown_answers_what_was_asked,
            a_shutdown_cuts_what_takes_too_long,
            kill_ends_the_server_after_what_runs,
            a_service_that_panics_ends_its_host,
            a_job_that_panics_is_answered,
            a_problem_that_panics_is_answered,
            a_client_asks_on_one_connection_or_on_many,
            a_client_understands_the_original,
            a_client_says_why_there_is_no_reply,
            instruments_dial_in_and_controllers_use_them,
            a_server_dials_instruments_that_listen,
            an_instrument_comes_back_to_its_server,
            a_driver_that_blocks_delays_nobody,
            strangers_cost_the_others_nothing,
        );
    };
    ($host:ty: $($test:ident),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                $crate::host::$test::<$host>();
            }
        )*
    };
}

fn start<H: Host>() -> H {
    H::start(Adder::new(SessionLimits::default()), HostLimits::default())
}

fn text(request: &Request) -> Vec<u8> {
    let mut output = Vec::new();
    write_request(&mut output, request);
    output
}

fn sum_of(reply: &str) -> f64 {
    match parse_reply(reply.as_bytes()) {
        Ok(Reply::Run(run)) => run.solution[0],
        other => panic!("{other:?}"),
    }
}

fn harmonic_from(address: SocketAddr, n: u64) -> f64 {
    sum_of(&ask(address, text(&request(n)), true))
}

/// Host whose service counts the requests it has begun to work on.
struct Watched<H> {
    host: H,
    started: Arc<AtomicUsize>,
}

impl<H: Host> Watched<H> {
    fn start(limits: HostLimits) -> Self {
        let adder = Adder::new(SessionLimits::default());
        let started = adder.started();
        Self {
            host: H::start(adder, limits),
            started,
        }
    }

    /// Connection whose request is being worked on.
    fn busy(&self, n: u64) -> RawPeer {
        let before = self.started.load(Ordering::Relaxed);
        let mut peer = RawPeer::connect(self.host.address());
        peer.send(text(&request(n)));
        while self.started.load(Ordering::Relaxed) == before {
            thread::yield_now();
        }
        peer
    }
}

/// As sent by either kind of netcat.
pub fn a_ping_is_answered_with_half_close_or_without<H: Host>() {
    let host = start::<H>();
    for half_close in [true, false] {
        assert_eq!(ask(host.address(), "{ \"Ping\" : 1 }\n", half_close), PONG);
    }
    assert_eq!(
        host.shutdown(),
        Ended {
            by_request: false,
            cut: 0
        }
    );
}

/// A request is one request, however it is cut.
pub fn bytes_may_come_one_by_one<H: Host>() {
    let host = start::<H>();
    let mut peer = RawPeer::connect(host.address());
    for byte in text(&request(20)) {
        peer.send([byte]);
    }
    assert_eq!(sum_of(&peer.read_to_end()), harmonic(20));
}

/// Pipelined requests are answered in order, fast ones not before slow ones.
pub fn a_kept_open_connection_answers_in_order<H: Host>() {
    let host = start::<H>();
    let mut peer = RawPeer::connect(host.address());
    peer.send(KEEP_ALIVE);
    let long = 3_000_000;
    for n in [long, 1, 2] {
        peer.send(text(&request(n)));
        peer.send(format!("{{\"Ping\":{n}}}"));
    }
    for n in [long, 1, 2] {
        assert_eq!(sum_of(&peer.read_line()), harmonic(n));
        assert_eq!(peer.read_line(), format!("{{\"Pong\":{n}}}\n"));
    }
    peer.finish();
    assert_eq!(peer.read_to_end(), "");
}

/// Idle, slow, silent and vanished clients, and one that is served nevertheless.
pub fn nobody_delays_another<H: Host>() {
    let host = start::<H>();
    let idle: Vec<RawPeer> = (0..100).map(|_| RawPeer::connect(host.address())).collect();
    let mut slow = RawPeer::connect(host.address());
    slow.send("{\"Ping\"");
    let mut vanished = RawPeer::connect(host.address());
    vanished.send("{\"Run\":");
    vanished.reset();
    assert_eq!(ask(host.address(), "{\"Ping\":1}", false), PONG);
    slow.send(":1}");
    assert_eq!(slow.read_to_end(), PONG);
    drop(idle);
}

/// More endless jobs than there are threads, and short jobs besides.
pub fn long_work_delays_nobody<H: Host>() {
    let mut limits = HostLimits::default();
    limits.workers = 1;
    // So that the connections that were served see their peers close.
    limits.grace_time = Duration::from_secs(1);
    let watched = Watched::<H>::start(limits);
    let busy: Vec<RawPeer> = (0..3).map(|_| watched.busy(ENDLESS)).collect();
    let host = watched.host;
    for n in [1, 10, 3_000_000] {
        assert_eq!(harmonic_from(host.address(), n), harmonic(n));
    }
    assert_eq!(ask(host.address(), "{\"Ping\":1}", false), PONG);
    assert_eq!(host.shutdown().cut, busy.len());
}

/// Every client gets its own answers.
pub fn many_clients_get_their_own_answers<H: Host>() {
    let host = start::<H>();
    let address = host.address();
    thread::scope(|scope| {
        for client in 0..8 {
            scope.spawn(move || {
                for round in 0..20 {
                    let n = client * 100 + round + 1;
                    assert_eq!(harmonic_from(address, n), harmonic(n));
                }
            });
        }
    });
}

/// The peer receives the reason although it was still sending when it was refused.
pub fn a_request_over_the_limit_is_refused_in_words<H: Host>() {
    let host = start::<H>();
    let mut peer = RawPeer::connect(host.address());
    let spaces = vec![b' '; 3 << 20];
    peer.send(spaces);
    peer.finish();
    let reply = peer.read_to_end();
    assert!(
        reply.contains("\"code\": 1000") && reply.contains("message-bytes of 1048576"),
        "{reply}"
    );
}

/// A silent client is told why it is dropped; one that was served and then stays silent is dropped without a message.
pub fn silence_is_ended<H: Host>() {
    let mut limits = SessionLimits::default();
    limits.request_timeout = Duration::from_millis(100);
    limits.idle_timeout = Duration::from_millis(100);
    let host = H::start(Adder::new(limits), HostLimits::default());
    let mut silent = RawPeer::connect(host.address());
    let mut half = RawPeer::connect(host.address());
    half.send("{\"Run\":");
    let mut idle = RawPeer::connect(host.address());
    idle.send(KEEP_ALIVE);
    for peer in [&mut silent, &mut half] {
        assert!(peer.read_to_end().contains("request-timeout of 100ms"));
    }
    assert_eq!(idle.read_to_end(), "");
}

/// A client that sends requests and never reads costs a bounded amount of memory, for a bounded time.
pub fn a_reader_that_stops_is_dropped<H: Host>() {
    let mut limits = SessionLimits::default();
    limits.write_timeout = Duration::from_millis(200);
    limits.output_bytes = 10_000;
    let host = H::start(Adder::new(limits), HostLimits::default());
    let mut peer = RawPeer::connect(host.address());
    peer.send(KEEP_ALIVE);
    let pings = "{\"Ping\":1}".repeat(10_000);
    let error = loop {
        if let Err(error) = peer.try_send(pings.as_bytes()) {
            break error;
        }
    };
    assert!(
        matches!(error, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
        "{error}"
    );
    assert_eq!(ask(host.address(), "{\"Ping\":1}", false), PONG);
}

/// Work whose client has gone does not keep a server from ending.
pub fn a_reset_cancels_the_work<H: Host>() {
    let mut limits = HostLimits::default();
    limits.grace_time = Duration::from_secs(60);
    let watched = Watched::<H>::start(limits);
    watched.busy(ENDLESS).reset();
    let host = watched.host;
    // Kill is answered when nothing runs any more.
    assert_eq!(ask(host.address(), "{\"Kill\":1}", true), "");
    assert_eq!(
        host.wait(),
        Ended {
            by_request: true,
            cut: 0
        }
    );
}

/// A connection over the limit is closed at once; when another has gone, there is room again.
pub fn connections_over_the_limit_are_closed<H: Host>() {
    let mut limits = HostLimits::default();
    limits.connections = 2;
    let host = H::start(Adder::new(SessionLimits::default()), limits);
    let mut peers: Vec<RawPeer> = (0..2).map(|_| RawPeer::connect(host.address())).collect();
    for peer in &mut peers {
        peer.send(KEEP_ALIVE);
        peer.send("{\"Ping\":1}");
        assert_eq!(peer.read_line(), "{\"Pong\":1}\n");
    }
    let mut refused = RawPeer::connect(host.address());
    assert_eq!(refused.read_to_end(), "");
    peers.truncate(1);
    let served = |address| {
        let mut peer = RawPeer::connect(address);
        peer.try_send(b"{\"Ping\":1}").is_ok() && peer.try_read_to_end().is_some_and(|text| text == PONG)
    };
    while !served(host.address()) {
        thread::yield_now();
    }
}

/// Outstanding requests are answered; idle connections end.
pub fn a_shutdown_answers_what_was_asked<H: Host>() {
    let watched = Watched::<H>::start(HostLimits::default());
    let n = 20_000_000;
    let mut busy = watched.busy(n);
    let host = watched.host;
    let address = host.address();
    let mut idle = RawPeer::connect(address);
    idle.send(KEEP_ALIVE);
    idle.send("{\"Ping\":1}");
    idle.read_line();
    harmonic_from(address, 1);
    harmonic_from(address, 1);
    assert_eq!(
        host.shutdown(),
        Ended {
            by_request: false,
            cut: 0
        }
    );
    assert_eq!(sum_of(&busy.read_to_end()), harmonic(n));
    assert_eq!(idle.read_to_end(), "");
}

/// Nothing keeps a server from ending for longer than the grace time.
pub fn a_shutdown_cuts_what_takes_too_long<H: Host>() {
    let mut limits = HostLimits::default();
    limits.grace_time = Duration::from_millis(100);
    let watched = Watched::<H>::start(limits);
    let mut busy = watched.busy(ENDLESS);
    let host = watched.host;
    assert_eq!(
        host.shutdown(),
        Ended {
            by_request: false,
            cut: 1
        }
    );
    assert_eq!(busy.try_read_to_end().unwrap_or_default(), "");
}

/// Kill waits for running jobs.
pub fn kill_ends_the_server_after_what_runs<H: Host>() {
    let watched = Watched::<H>::start(HostLimits::default());
    let n = 20_000_000;
    let mut busy = watched.busy(n);
    let host = watched.host;
    assert_eq!(ask(host.address(), "{\"Kill\":1}", false), "");
    assert_eq!(sum_of(&busy.read_to_end()), harmonic(n));
    assert_eq!(
        host.wait(),
        Ended {
            by_request: true,
            cut: 0
        }
    );
}

/// Nothing waits for a service that has failed: neither its clients nor a connection that is just being accepted.
pub fn a_service_that_panics_ends_its_host<H: Host>() {
    let trap = Arc::new(Trap::default());
    let adder = Adder::new(SessionLimits::default()).with_trap(trap.clone());
    let mut limits = HostLimits::default();
    limits.grace_time = Duration::from_millis(100);
    let host = H::start(adder, limits);
    let mut asked = RawPeer::connect(host.address());
    asked.send(text(&request(1)));
    while !trap.holds.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    let late: Vec<RawPeer> = (0..10).map(|_| RawPeer::connect(host.address())).collect();
    // Time to reach the service.
    thread::sleep(Duration::from_millis(50));
    trap.is_open.store(true, Ordering::Relaxed);
    for mut peer in late.into_iter().chain([asked]) {
        assert_eq!(peer.try_read_to_end().unwrap_or_default(), "");
    }
    assert!(host.wait().by_request);
}

/// Where the service knows an error reply, a job that panics ends nothing: neither its connection, nor the worker, on which
/// the next jobs run, nor another's job. It panics at its first turn, or on a worker.
pub fn a_job_that_panics_is_answered<H: Host>() {
    const TERMS: f64 = 10_000_000.0;
    let host = H::start(
        Adder::new(SessionLimits::default()),
        HostLimits::default().with_workers(1_usize),
    );
    let mut other = RawPeer::connect(host.address());
    other.send(KEEP_ALIVE);
    for terms in [-1.0, -TERMS, -1.0] {
        let mut peer = RawPeer::connect(host.address());
        peer.send(KEEP_ALIVE);
        peer.send(text(&Request::Run(RunRequest::new(vec![terms]))));
        peer.send(text(&request(3)));
        assert!(peer.read_line().contains("the sum panicked"));
        assert_eq!(sum_of(&peer.read_line()), harmonic(3));
        other.send(text(&request(4)));
        assert_eq!(sum_of(&other.read_line()), harmonic(4));
    }
}

/// A function of an embedder's problem may have a bug: OpEn's error reply says so, and the solver that was interrupted is
/// not used again.
pub fn a_problem_that_panics_is_answered<H: Host>() {
    let fragile = ParametricCost::new(1, Set::All, 1, |p: &[f64], u: &[f64], gradient: &mut [f64]| {
        assert!(p[0] < 10.0, "the panic that the test wants");
        gradient[0] = u[0] - p[0];
        0.5 * gradient[0].powi(2)
    });
    let service = OptimizerService::new(fragile, OptimizerSettings::default()).expect("a problem");
    let host = H::start(service, HostLimits::default());
    let mut peer = RawPeer::connect(host.address());
    peer.send(KEEP_ALIVE);
    for _ in 0..2 {
        peer.send(text(&request(11)));
        let reply = peer.read_line();
        assert!(
            reply.contains("2000") && reply.contains("a function of the problem, panicked"),
            "{reply}"
        );
        peer.send(text(&request(2)));
        assert!((sum_of(&peer.read_line()) - 2.0).abs() < 1e-3);
    }
}
