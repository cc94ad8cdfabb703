//! Number of `ready` commands per second that an OptBayesExpt server answers: with a connection for each, beside a
//! bare accept-echo-close loop on the same runtime, and over one kept-open connection with 100 requests in flight.
//!
//! The three take turns, so that other load on the machine affects them alike; medians are printed.
#![allow(clippy::print_stdout, reason = "a report")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use labwire_core::design::{DEFAULT_EXPERIMENT, DesignLimits};
use labwire_core::limits::HostLimits;
use labwire_core::obe::Limits;
use labwire_core::service::designer::{DesignerHandler, ObePermissions, service};
use labwire_tokio::{Host, PosteriorFolder, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const READY: &[u8] = b"0000000020{\"command\": \"ready\"}";
const OK: &[u8] = b"0000000004\"OK\"";
const ROUNDS: usize = 20;
/// Connections per round: 10,000 in all.
const CONNECTIONS: usize = 500;
const REQUESTS: usize = 5000;
const IN_FLIGHT: usize = 100;

fn main() {
    let runtime = Runtime::new().expect("threads");
    let (echo, obe) = (echo(&runtime), obe(&runtime));
    let mut kept = connect(obe);
    let mut rates: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        rates[0].push(rate(CONNECTIONS, || {
            (0..CONNECTIONS).for_each(|_| exchange(&mut connect(echo), READY.len()));
        }));
        rates[1].push(rate(CONNECTIONS, || {
            (0..CONNECTIONS).for_each(|_| exchange(&mut connect(obe), OK.len()));
        }));
        rates[2].push(rate(REQUESTS, || pipeline(&mut kept)));
    }
    let [echo, ready, kept] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[ROUNDS / 2]
    });
    println!("accept, echo, close            {echo:9.0} /s");
    println!(
        "ready, a connection each       {ready:9.0} /s   {:.2} of echo",
        ready / echo
    );
    println!(
        "ready, {IN_FLIGHT} in flight           {kept:9.0} /s   {:.1} times a connection each",
        kept / ready
    );
}

fn rate(count: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    count as f64 / start.elapsed().as_secs_f64()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a server");
    stream.set_nodelay(true).expect("a TCP socket");
    stream
}

fn exchange(stream: &mut TcpStream, reply: usize) {
    stream.write_all(READY).expect("a reader");
    stream.read_exact(&mut vec![0; reply]).expect("a reply");
}

/// Sends the next request whenever a reply makes room.
fn pipeline(stream: &mut TcpStream) {
    let flood = READY.repeat(IN_FLIGHT);
    let mut buffer = vec![0; 64 << 10];
    stream.write_all(&flood).expect("a reader");
    let (mut sent, mut received) = (IN_FLIGHT, 0);
    while received < REQUESTS * OK.len() {
        received += stream.read(&mut buffer).expect("replies");
        let room = (received / OK.len() + IN_FLIGHT - sent).min(REQUESTS - sent);
        stream.write_all(&flood[..room * READY.len()]).expect("a reader");
        sent += room;
    }
}

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
        let mut buffer = [0; 4096];
        while let Ok((mut stream, _)) = listener.accept().await {
            if let Ok(count) = stream.read(&mut buffer).await {
                // The client is waiting for it.
                let _ = stream.write_all(&buffer[..count]).await;
            }
        }
    });
    address
}

fn obe(runtime: &Runtime) -> SocketAddr {
    let (listener, address) = listen(runtime);
    runtime.spawn(async move {
        let folder = PosteriorFolder::new(None);
        let handler = DesignerHandler::new(DEFAULT_EXPERIMENT, DesignLimits::default(), 1, folder);
        let handler = handler.expect("the example is right");
        let service = service(Limits::default(), ObePermissions::default(), handler);
        let host = Host::start("obe", service, HostLimits::default());
        serve(listener, &host, &CancellationToken::new()).await
    });
    address
}
