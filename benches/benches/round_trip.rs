//! Round trips on loopback: a bare echo server on tokio, and labwire's servers on tokio and on async-std.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::future::pending;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use criterion::{Criterion, criterion_group, criterion_main};
use labwire_core::limits::HostLimits;
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, TextLimits};
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_tokio::{Host, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const PING: &str = "{\"Ping\":1}\n";
const RUN: &str = "{\"Run\":{\"parameter\":[1,10]}}\n";

fn listen(runtime: &Runtime) -> (TcpListener, SocketAddr) {
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    (listener, address)
}

fn echo(runtime: &Runtime) -> SocketAddr {
    let (listener, address) = listen(runtime);
    runtime.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    stream.write_all(&buffer[..count]).await?;
                }
                std::io::Result::Ok(())
            });
        }
        std::io::Result::Ok(())
    });
    address
}

fn optimizer() -> OptimizerService {
    let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default()).expect("the embedded problem");
    OptimizerService::new(problem, OptimizerSettings::default()).expect("the embedded problem")
}

fn optimizer_on_tokio(runtime: &Runtime) -> SocketAddr {
    let (listener, address) = listen(runtime);
    runtime.spawn(async move {
        let host = Host::start("bench", optimizer(), HostLimits::default());
        serve(listener, &host, &CancellationToken::new()).await
    });
    address
}

fn optimizer_on_async_std() -> SocketAddr {
    let binding = async_std::net::TcpListener::bind("127.0.0.1:0");
    let listener = async_std::task::block_on(binding).expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    async_std::task::spawn(async move {
        let host = labwire_async_std::Host::start("bench", optimizer(), HostLimits::default());
        labwire_async_std::serve(listener, &host, pending()).await
    });
    address
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a server");
    stream.set_nodelay(true).expect("a TCP socket");
    stream
}

/// Sends one line and reads one line.
fn exchange(stream: &mut TcpStream, line: &str) {
    let mut buffer = [0; 4096];
    stream.write_all(line.as_bytes()).expect("a reader");
    loop {
        let count = stream.read(&mut buffer).expect("a writer");
        if buffer[..count].contains(&b'\n') {
            return;
        }
    }
}

fn one_shot(address: SocketAddr, request: &str) {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).expect("a reader");
    stream.shutdown(Shutdown::Write).expect("an open socket");
    stream.read_to_end(&mut Vec::new()).expect("a reply");
}

fn round_trip(c: &mut Criterion) {
    let runtime = Runtime::new().expect("threads");
    let echo = echo(&runtime);
    let servers = [
        ("tokio", optimizer_on_tokio(&runtime)),
        ("async-std", optimizer_on_async_std()),
    ];
    let mut stream = connect(echo);
    c.bench_function("kept open/echo", |b| b.iter(|| exchange(&mut stream, PING)));
    for (request, line) in [("Ping", PING), ("Run, warm", RUN)] {
        for (host, address) in servers {
            let mut stream = connect(address);
            stream.write_all(b"{\"KeepAlive\":true}").expect("a reader");
            let name = format!("kept open/{request}, {host}");
            c.bench_function(&name, |b| b.iter(|| exchange(&mut stream, line)));
        }
    }
    c.bench_function("one connection each/echo", |b| b.iter(|| one_shot(echo, PING)));
    for (request, line) in [("Ping", PING), ("Run, warm", RUN)] {
        for (host, address) in servers {
            let name = format!("one connection each/{request}, {host}");
            c.bench_function(&name, |b| b.iter(|| one_shot(address, line)));
        }
    }
}

criterion_group!(benches, round_trip);
criterion_main!(benches);
