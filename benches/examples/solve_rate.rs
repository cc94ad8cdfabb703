//! Number of solves per second that an optimizer server gives four clients with kept-open connections, with two workers
//! beside one, for solves of about 1 ms and 100 us; and of one client, who needs no second core.
//!
//! All configurations take turns, so that other load on the machine affects them alike; medians and ratios are printed.
#![allow(clippy::print_stdout, reason = "a report")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use labwire_core::limits::HostLimits;
use labwire_core::problem::{Problem, ProblemSolver, StartOptions, TextLimits};
use labwire_core::service::Busy;
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_tokio::{Host, serve};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(300);
/// Clients and workers.
const CONFIGURATIONS: [(usize, usize); 3] = [(1, 2), (4, 1), (4, 2)];
const REQUEST: &[u8] = b"{\"Run\":{\"parameter\":[3],\"initial_guess\":[0,0]}}\n";

fn main() {
    for target in [Duration::from_millis(1), Duration::from_micros(100)] {
        let (text, alone) = sized(target);
        let servers: Vec<_> = CONFIGURATIONS
            .iter()
            .map(|(clients, workers)| (*clients, Server::start(&text, *workers)))
            .collect();
        let mut rates = vec![Vec::new(); servers.len()];
        for _ in 0..ROUNDS {
            for ((clients, server), rates) in servers.iter().zip(&mut rates) {
                rates.push(rate(server.address, *clients));
            }
        }
        let [lone, one, two] = [0, 1, 2].map(|i| {
            rates[i].sort_by(f64::total_cmp);
            rates[i][ROUNDS / 2]
        });
        println!("a solve takes {:.0} us", alone.as_secs_f64() * 1e6);
        println!("  1 client,  2 workers {lone:9.0} /s");
        println!("  4 clients, 1 worker  {one:9.0} /s");
        println!(
            "  4 clients, 2 workers {two:9.0} /s   {:.2} times one worker",
            two / one
        );
    }
}

/// Problem whose solve takes about `target`, and its time.
fn sized(target: Duration) -> (String, Duration) {
    let text = |terms: usize| {
        format!(
            r#"{{"variables": {{"u": 2}}, "parameters": {{"p": 1}},
                "cost": "sum(i in 1..{terms}, sqrt(1 + (u[0] - p[0] + i/{terms}*u[1])^2)) + u[1]^2"}}"#
        )
    };
    let mut terms = 4;
    loop {
        let alone = solve_time(&text(terms));
        if alone >= target {
            return (text(terms), alone);
        }
        terms += 1 + terms / 8;
    }
}

fn solve_time(text: &str) -> Duration {
    let problem = Problem::from_json(text, &TextLimits::default()).expect("a problem");
    let mut solver = ProblemSolver::new(problem).expect("a problem");
    let mut cold = StartOptions::default();
    cold.is_cold = true;
    let times = (0..9).map(|_| {
        let start = Instant::now();
        let now = labwire_core::time::Instant::ZERO;
        solver.start(now, &[3.0], &cold).expect("a parameter");
        while solver.step(now, 64).expect("a solve") == Busy::Yes {}
        start.elapsed()
    });
    let mut times: Vec<_> = times.collect();
    times.sort();
    times[4]
}

fn rate(address: SocketAddr, clients: usize) -> f64 {
    let end = Instant::now() + ROUND;
    let clients: Vec<_> = (0..clients)
        .map(|_| thread::spawn(move || solve_until(address, end)))
        .collect();
    let solves: usize = clients
        .into_iter()
        .map(|client| client.join().expect("a client"))
        .sum();
    solves as f64 / ROUND.as_secs_f64()
}

fn solve_until(address: SocketAddr, end: Instant) -> usize {
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.set_nodelay(true).expect("a TCP socket");
    stream.write_all(b"{\"KeepAlive\":true}\n").expect("a reader");
    let mut replies = BufReader::new(stream.try_clone().expect("a socket"));
    let mut solves = 0;
    while Instant::now() < end {
        stream.write_all(REQUEST).expect("a reader");
        let mut reply = String::new();
        replies.read_line(&mut reply).expect("a reply");
        assert!(reply.contains("Converged"), "{reply}");
        solves += 1;
    }
    solves
}

struct Server {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Server {
    fn start(problem: &str, workers: usize) -> Self {
        let runtime = Runtime::new().expect("threads");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let problem = Problem::from_json(problem, &TextLimits::default()).expect("a problem");
        let service = OptimizerService::new(problem, OptimizerSettings::default()).expect("a problem");
        let limits = HostLimits::default().with_workers(workers);
        runtime.spawn(async move {
            let host = Host::start("open", service, limits);
            serve(listener, &host, &CancellationToken::new()).await
        });
        Self {
            address,
            runtime: Some(runtime),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
