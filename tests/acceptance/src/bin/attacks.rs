//! Memory of `labwire serve` before peers that never read, flood, or ask for too much, and the time that others wait.
//!
//! `cargo build --release && cargo run --release -p labwire-acceptance --bin attacks`; over the loopback interface, a few
//! seconds each; reads /proc, so Linux only. Exits with 1 if a peak is 200 MB or more. The times depend on the machine and
//! are printed only. With a part of the name of an attack, only that.
#![expect(clippy::print_stdout, reason = "a program")]

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

/// Name, and what the peers do.
type Attack = (&'static str, fn(&Server, Instant));

const ATTACKS: [Attack; 7] = [
    ("6 getset of 10,000,000 settings", getset),
    ("64 getpdf on one connection", getpdf),
    ("200 connections with getpdf", many_getpdf),
    ("200 halves of messages of 60 MB", halves),
    ("pings that nobody answers, zeiss-ws", |server, end| {
        pings(server.address("zeiss-ws"), "/", end)
    }),
    ("pings that nobody answers, bridge", |server, end| {
        pings(server.address("web"), "/open", end)
    }),
    ("200 unread connections to the web port", unread),
];

fn main() -> ExitCode {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let only = env::args().nth(1).unwrap_or_default();
    println!(
        "{:<40} {:>9} {:>10} {:>10}",
        "attack", "peak", "Ping p99", "ready p99"
    );
    let mut is_held = true;
    for (name, attack) in ATTACKS.iter().filter(|(name, _)| name.contains(&only)) {
        let (peak, ping, ready) = measure(*attack);
        println!("{name:<40} {peak:6.1} MB {ping:>7.1} ms {ready:>7.1} ms");
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
fn measure(attack: fn(&Server, Instant)) -> (f64, f64, f64) {
    let server = Server::start("open,obe,zeiss,web");
    let (open, obe) = (server.address("open"), server.address("obe"));
    let is_over = AtomicBool::new(false);
    let (ping, ready) = thread::scope(|scope| {
        let ping = scope.spawn(|| ask(open, b"{\"KeepAlive\":true}", b"{\"Ping\":1}", 11, &is_over));
        let ready = scope.spawn(|| ask(obe, b"", b"0000000020{\"command\": \"ready\"}", 14, &is_over));
        attack(&server, Instant::now() + DURATION);
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

fn obe(text: &str) -> Vec<u8> {
    format!("{:010}{text}", text.len()).into_bytes()
}

fn getset(server: &Server, end: Instant) {
    let mut stream = connect_from(1, server.address("obe"));
    let asked = [
        obe(r#"{"command": "newrun", "steps": 10000000}"#),
        obe(r#"{"command": "getset"}"#).repeat(6),
    ];
    stream.write_all(&asked.concat()).expect("a reader");
    wait_until(end);
}

fn getpdf(server: &Server, end: Instant) {
    let mut stream = connect_from(1, server.address("obe"));
    let asked = obe(r#"{"command": "getpdf"}"#).repeat(64);
    stream.write_all(&asked).expect("a reader");
    wait_until(end);
}

fn many_getpdf(server: &Server, end: Instant) {
    let asked = obe(r#"{"command": "getpdf"}"#).repeat(64);
    let ask = |_| {
        let mut stream = connect_from(1, server.address("obe"));
        stream.write_all(&asked).expect("a reader");
        stream
    };
    let _streams: Vec<TcpStream> = (0..CONNECTIONS).map(ask).collect();
    wait_until(end);
}

/// Bytes that the server does not take wait in the sockets' buffers.
fn halves(server: &Server, end: Instant) {
    let begin = |_| {
        let mut stream = connect_from(1, server.address("obe"));
        stream.write_all(b"0060000000{\"x\": \"").expect("a reader");
        stream.set_nonblocking(true).expect("a socket");
        stream
    };
    let mut streams: Vec<TcpStream> = (0..CONNECTIONS).map(begin).collect();
    let piece = [b'x'; 64 << 10];
    while Instant::now() < end {
        let mut is_moving = false;
        for stream in &mut streams {
            is_moving |= stream.write(&piece).is_ok();
        }
        if !is_moving {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn pings(server: SocketAddr, path: &str, end: Instant) {
    let mut stream = connect_from(1, server);
    let handshake = format!(
        "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(handshake.as_bytes()).expect("a reader");
    stream.read_exact(&mut [0; 12]).expect("a handshake");
    stream
        .set_write_timeout(Some(Duration::from_millis(100)))
        .expect("a socket");
    let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0], &[b'x'; 125][..]].concat();
    let pings = ping.repeat(1000);
    while Instant::now() < end {
        // The server may stop reading, or end the connection.
        let _ = stream.write(&pings);
    }
}

/// Each asks for the page, again and again.
fn unread(server: &Server, end: Instant) {
    let address = server.address("web");
    let asked = format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").repeat(2000);
    let ask = |_| {
        let mut stream = connect_from(1, address);
        stream.set_nonblocking(true).expect("a socket");
        // As much as the buffers take.
        let _ = stream.write(asked.as_bytes());
        stream
    };
    let _streams: Vec<TcpStream> = (0..CONNECTIONS).map(ask).collect();
    wait_until(end);
}
