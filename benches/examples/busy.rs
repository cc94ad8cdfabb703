//! Attention that a server has left while somebody keeps it busy: round trips of `ready` and Ping on kept-open
//! connections, each while another client has legal work done that takes very long, and the largest memory.
//!
//! The times until the server is free again after the busy client's reset are printed too.
#![allow(clippy::print_stdout, reason = "a report")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use labwire_core::design::{DEFAULT_EXPERIMENT, DesignLimits};
use labwire_core::limits::HostLimits;
use labwire_core::obe;
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, TextLimits};
use labwire_core::service::Permission;
use labwire_core::service::designer::{DesignerHandler, ObePermissions, service};
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_tokio::{Host, HostedService, PosteriorFolder, serve};
use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const LOOK: Duration = Duration::from_secs(5);

fn main() {
    let runtime = Runtime::new().expect("threads");
    let (obe, open) = (designer(&runtime), optimizer(&runtime));
    tell("idle", || watch(obe, open, LOOK));

    let mut busy = connect(obe);
    send(&mut busy, &new_run(5_000, 1_000_000));
    assert!(receive(&mut busy).contains("OK"));
    send(&mut busy, r#"{"command": "optset"}"#);
    tell("optset, 10^6 settings, 5,000 sines", || watch(obe, open, LOOK));
    time_to_be_free(obe, busy);

    let mut busy = connect(obe);
    for _ in 0..64 {
        send(&mut busy, &new_run(40_000, 3));
    }
    tell("64 experiments of 40,000 sines", || watch(obe, open, LOOK));
    time_to_be_free(obe, busy);

    let loads: Vec<_> = (0..250)
        .map(|i| {
            let mut stream = connect(open);
            let text = format!(
                r#"{{"Load":{{"name":"n{}","variables":{{"x":1}},"cost":"sum(i in 1..20000, sin(i*x))"}}}}"#,
                i % 8
            );
            stream.write_all(text.as_bytes()).expect("a reader");
            stream
        })
        .collect();
    tell("250 Loads of 20,000 sines", || watch(obe, open, LOOK));
    drop(loads);
    println!("largest memory {:.0} MB", peak_mb());
}

/// Round trips of `ready` and of Ping for a while, sorted.
fn watch(obe: SocketAddr, open: SocketAddr, time: Duration) -> [Vec<f64>; 2] {
    let end = Instant::now() + time;
    let repeat = move |mut ask: Box<dyn FnMut() + Send>| {
        thread::spawn(move || {
            let mut times = Vec::new();
            while Instant::now() < end {
                let start = Instant::now();
                ask();
                times.push(start.elapsed().as_secs_f64() * 1e3);
                thread::sleep(Duration::from_millis(2));
            }
            times.sort_by(f64::total_cmp);
            times
        })
    };
    let mut stream = connect(obe);
    let ready = repeat(Box::new(move || {
        send(&mut stream, r#"{"command": "ready"}"#);
        receive(&mut stream);
    }));
    let mut stream = connect(open);
    stream.write_all(b"{\"KeepAlive\":true}\n").expect("a reader");
    let mut replies = BufReader::new(stream.try_clone().expect("a socket"));
    let ping = repeat(Box::new(move || {
        stream.write_all(b"{\"Ping\":1}\n").expect("a reader");
        let mut reply = String::new();
        replies.read_line(&mut reply).expect("a reply");
    }));
    [ready, ping].map(|times| times.join().expect("round trips"))
}

fn tell(what: &str, watch: impl FnOnce() -> [Vec<f64>; 2]) {
    let [ready, ping] = watch();
    let at = |times: &[f64], share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{what:36} ready: median {:6.2} ms, p99 {:6.2} ms   Ping: median {:6.2} ms, p99 {:6.2} ms",
        at(&ready, 0.5),
        at(&ready, 0.99),
        at(&ping, 0.5),
        at(&ping, 0.99)
    );
}

/// Resets the busy connection, and waits for an answer that only a free designer gives.
fn time_to_be_free(obe: SocketAddr, busy: TcpStream) {
    let mut stream = connect(obe);
    SockRef::from(&busy)
        .set_linger(Some(Duration::ZERO))
        .expect("a TCP socket");
    let start = Instant::now();
    drop(busy);
    send(&mut stream, r#"{"command": "getmean"}"#);
    receive(&mut stream);
    println!(
        "{:36} {:.0} ms",
        "  free after its reset",
        start.elapsed().as_secs_f64() * 1e3
    );
}

fn new_run(sines: usize, settings: usize) -> String {
    format!(
        r#"{{"command": "newrun", "experiment": {{"settings": {{"x": {{"linspace": [0, 1, {settings}]}}}}, "noise": 0.1,
            "parameters": {{"a": {{"uniform": [0, 1]}}}}, "model": "sum(i in 1..{sines}, sin(i*a*x))"}}}}"#
    )
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a server");
    stream.set_nodelay(true).expect("a TCP socket");
    stream
}

fn send(stream: &mut TcpStream, command: &str) {
    let message = format!("{:010}{command}", command.len());
    stream.write_all(message.as_bytes()).expect("a reader");
}

fn receive(stream: &mut TcpStream) -> String {
    let mut head = [0; 10];
    stream.read_exact(&mut head).expect("a reply");
    let len = std::str::from_utf8(&head).ok().and_then(|head| head.parse().ok());
    let mut body = vec![0; len.expect("a length")];
    stream.read_exact(&mut body).expect("a reply");
    String::from_utf8(body).expect("ASCII")
}

fn start<S: HostedService>(runtime: &Runtime, name: &'static str, service: S) -> SocketAddr {
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    runtime.spawn(async move {
        let host = Host::start(name, service, HostLimits::default());
        serve(listener, &host, &CancellationToken::new()).await
    });
    address
}

fn designer(runtime: &Runtime) -> SocketAddr {
    let folder = PosteriorFolder::new(None);
    let handler = DesignerHandler::new(DEFAULT_EXPERIMENT, DesignLimits::default(), 1, folder);
    let handler = handler.expect("the example is right");
    let service = service(obe::Limits::default(), ObePermissions::default(), handler);
    start(runtime, "obe", service)
}

fn optimizer(runtime: &Runtime) -> SocketAddr {
    let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default()).expect("the example is right");
    let settings = OptimizerSettings::default().with_load(Permission::Local);
    let service = OptimizerService::new(problem, settings).expect("the example is right");
    start(runtime, "open", service)
}

/// Largest resident memory of the process, in millions of bytes; 0 where /proc does not tell.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    kib.unwrap_or(0.0) * 1024.0 / 1e6
}
