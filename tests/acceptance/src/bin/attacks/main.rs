//! Memory of `labwire serve` before peers that never read, flood, or ask for too much, and the time that others wait.
//!
//! `cargo build --release && cargo run --release -p labwire-acceptance --bin attacks`; over the loopback interface, a few
//! seconds each; reads /proc, so Linux only. Exits with 1 if a peak is 200 MB or more. The times depend on the machine and
//! are printed only. With a part of the name of an attack, only that.
#![expect(clippy::print_stdout, reason = "a program")]

mod obe;
mod open;
mod others;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};

use labwire_acceptance::{Server, connect_from};

const LIMIT_MB: f64 = 200.0;
const DURATION: Duration = Duration::from_secs(6);
/// Fewer than the limit `connections-per-peer` allows from one address, so that the others get through.
const CONNECTIONS: usize = 200;

/// Peers that attack until a time.
struct Attack {
    name: &'static str,
    /// Whether the server has the [`open::problems`] besides its own, and takes others by Load.
    has_large_problem: bool,
    run: fn(&Server, Instant),
}

const fn attack(name: &'static str, run: fn(&Server, Instant)) -> Attack {
    Attack {
        name,
        has_large_problem: false,
        run,
    }
}

const fn with_large_problem(name: &'static str, run: fn(&Server, Instant)) -> Attack {
    Attack {
        name,
        has_large_problem: true,
        run,
    }
}

const ATTACKS: [Attack; 24] = [
    attack("6 getset of 7,000,000 settings", obe::getset),
    attack("64 getpdf on one connection", obe::getpdf),
    attack("200 connections with getpdf", obe::many_getpdf),
    attack("200 connections with 64 history", obe::history),
    attack("200 connections with 64 runs, status", obe::long_names),
    attack("200 connections with getcov, 1000 square", obe::covariance),
    attack("optset, 10^6 settings, 5,000 sines", obe::scan),
    attack("64 experiments of many particles", obe::experiments),
    attack("newdat, 10^6 particles, 5,000 sines", obe::measurement),
    attack("200 halves of messages of 60 MB", obe::halves),
    attack("4 connections with messages of 60 MB", obe::messages),
    with_large_problem("1 connection, Runs of 10^5 variables", open::runs),
    with_large_problem("200 connections, Runs of 10^5", open::many_runs),
    with_large_problem("200 connections, Runs of 10^4", open::many_smaller_runs),
    with_large_problem("64 connections, sensitivities", open::sensitivities),
    with_large_problem("1,000 Loads", open::loads),
    attack("200 connections with requests of 1 MB", open::messages),
    attack("zeiss requests that nobody reads", others::zeiss),
    attack("zeiss-ws requests that nobody reads", others::zeiss_ws),
    attack("200 halves of images, pymodaq", others::images),
    attack("200 controllers with 64 images unread", others::controllers),
    attack("pings that nobody answers, zeiss-ws", |server, end| {
        others::pings(server.address("zeiss-ws"), "/", end);
    }),
    attack("pings that nobody answers, bridge", |server, end| {
        others::pings(server.address("web"), "/open", end);
    }),
    attack("200 unread connections to the web port", others::unread),
];

fn main() -> ExitCode {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let only = env::args().nth(1).unwrap_or_default();
    println!(
        "{:<42} {:>9} {:>10} {:>10}",
        "attack", "peak", "Ping p99", "ready p99"
    );
    let mut is_held = true;
    for attack in ATTACKS.iter().filter(|attack| attack.name.contains(&only)) {
        let (peak, ping, ready) = measure(attack);
        println!("{:<42} {peak:6.1} MB {ping:>7.1} ms {ready:>7.1} ms", attack.name);
        is_held &= peak < LIMIT_MB;
    }
    if is_held {
        ExitCode::SUCCESS
    } else {
        println!("{LIMIT_MB} MB or more");
        ExitCode::FAILURE
    }
}

/// Peak memory in MB, and the 99th percentiles of the times for Ping and `ready` in ms.
fn measure(attack: &Attack) -> (f64, f64, f64) {
    let only = "open,obe,zeiss,zeiss-ws,pymodaq,web";
    let server = match attack.has_large_problem {
        true => Server::start_with(only, &open::problems(), &[("LABWIRE_OPEN_LOAD", "local")]),
        false => Server::start(only),
    };
    let (open, obe) = (server.address("open"), server.address("obe"));
    let is_over = AtomicBool::new(false);
    let (ping, ready) = thread::scope(|scope| {
        let ping = scope.spawn(|| ask(open, b"{\"KeepAlive\":true}", b"{\"Ping\":1}", 11, &is_over));
        let ready = scope.spawn(|| ask(obe, b"", b"0000000020{\"command\": \"ready\"}", 14, &is_over));
        (attack.run)(&server, Instant::now() + DURATION);
        is_over.store(true, Ordering::Relaxed);
        (ping.join().expect("no panic"), ready.join().expect("no panic"))
    });
    (server.peak_mb(), p99(ping), p99(ready))
}

/// Times of a question that is asked every 10 ms.
fn ask(
    server: SocketAddr,
    first: &[u8],
    question: &[u8],
    reply: usize,
    is_over: &AtomicBool,
) -> Vec<Duration> {
    let mut stream = connect_from(2, server);
    stream.write_all(first).expect("a reader");
    let mut times = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let start = Instant::now();
        stream.write_all(question).expect("a reader");
        stream.read_exact(&mut vec![0; reply]).expect("a reply");
        times.push(start.elapsed());
        thread::sleep(Duration::from_millis(10));
    }
    times
}

fn p99(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() * 99 / 100].as_secs_f64() * 1e3
}

fn wait_until(end: Instant) {
    thread::sleep(end.saturating_duration_since(Instant::now()));
}

/// Connections that send `bytes` again and again, as fast as they are taken, at most `times`, and read nothing.
fn flood(server: SocketAddr, connections: usize, bytes: &[u8], times: usize, end: Instant) {
    let connect = |_| {
        let stream = connect_from(1, server);
        stream.set_nonblocking(true).expect("a socket");
        (stream, 0)
    };
    let mut streams: Vec<(TcpStream, usize)> = (0..connections).map(connect).collect();
    while Instant::now() < end {
        let mut is_moving = false;
        for (stream, sent) in &mut streams {
            if *sent < times * bytes.len()
                && let Ok(count) = stream.write(&bytes[*sent % bytes.len()..])
            {
                *sent += count;
                is_moving = true;
            }
        }
        if !is_moving {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
