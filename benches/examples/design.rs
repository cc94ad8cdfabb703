//! Cost of a cycle of the experiment designer, `optimal_setting` and `update`, on one thread: medians and means over
//! 500 cycles; cost of `optset` over TCP; memory for a million particles. For comparison,
//! `benches/yardstick/design.py` is the same algorithm in NumPy; `benches/yardstick/run` runs both.
#![allow(clippy::print_stdout, reason = "a report")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use labwire_benches::experiments::{TRUTH, closure, lorentzian};
use labwire_core::design::{DEFAULT_EXPERIMENT, DesignLimits, Designer, Experiment, Simulator};
use labwire_core::framing::decimal_length::{self, HEAD};
use labwire_core::limits::HostLimits;
use labwire_core::obe::Limits;
use labwire_core::service::designer::{DesignerHandler, ObePermissions, service};
use labwire_tokio::{Host, PosteriorFolder, serve};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const CYCLES: usize = 500;

fn main() {
    // First, while the memory is still unused.
    cycles("closure", closure(lorentzian(1_000_000, 200)), 30);
    println!("  resident memory at most {}", most_resident());
    for particles in [1_000, 10_000, 50_000, 100_000] {
        let text = lorentzian(particles, 200);
        cycles("text", text.clone(), CYCLES);
        cycles("closure", closure(text), CYCLES);
    }
    over_tcp();
}

/// Times in seconds.
#[derive(Default)]
struct Times(Vec<f64>);

impl Times {
    fn median(&mut self) -> f64 {
        self.0.sort_by(f64::total_cmp);
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }
}

fn cycles(name: &str, experiment: Experiment, count: usize) {
    let particles = experiment.options.particles;
    let instrument = Simulator::new(experiment.clone(), Some(TRUTH.to_vec()), None, 1);
    let mut instrument = instrument.expect("a truth");
    let mut designer = Designer::new(experiment, 1).expect("priors");
    let [mut cycle, mut suggest, mut update, mut resampled]: [Times; 4] = Default::default();
    for _ in 0..count {
        let start = Instant::now();
        let setting = designer.suggest();
        let suggested = start.elapsed().as_secs_f64();
        let values = instrument.measure(&setting);
        let resamplings = designer.resamplings();
        let start = Instant::now();
        designer.update(&setting, &values, None).expect("a measurement");
        let updated = start.elapsed().as_secs_f64();
        suggest.0.push(suggested);
        cycle.0.push(suggested + updated);
        let times = if designer.resamplings() > resamplings {
            &mut resampled
        } else {
            &mut update
        };
        times.0.push(updated);
    }
    println!(
        "{particles:8} particles, 200 settings, 30 draws, {name:8} cycle {:6.3} ms median {:6.3} ms mean; suggest {:.3}, \
         update {:6.3}, {:2} times with resampling {:6.3}; x0 +- {:.4}",
        1e3 * cycle.median(),
        1e3 * cycle.mean(),
        1e3 * suggest.median(),
        1e3 * update.median(),
        resampled.0.len(),
        1e3 * resampled.median(),
        designer.std()[0],
    );
}

/// Built-in experiment, with its 10,000 particles, over one kept-open connection and over one per message.
fn over_tcp() {
    let runtime = Runtime::new().expect("threads");
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    runtime.spawn(async move {
        let folder = PosteriorFolder::new(None);
        let handler = DesignerHandler::new(DEFAULT_EXPERIMENT, DesignLimits::default(), 1, folder);
        let handler = handler.expect("the example is right");
        let service = service(Limits::default(), ObePermissions::default(), handler);
        let host = Host::start("obe", service, HostLimits::default());
        serve(listener, &host, &CancellationToken::new()).await
    });
    let connect = || {
        let stream = TcpStream::connect(address).expect("a server");
        stream.set_nodelay(true).expect("a TCP socket");
        stream
    };
    let newdat = r#"{"command": "newdat", "x": [2.5], "y": 0.99, "s": 0.005}"#;
    for command in [
        "ready", "optset", "goodset", "getmean", "getstd", "getcov", "getwgt", "getpar", newdat,
    ] {
        let message = match command.starts_with('{') {
            true => command.to_owned(),
            false => format!("{{\"command\": \"{command}\"}}"),
        };
        let message = format!("{:010}{message}", message.len());
        let [mut kept, mut each]: [Times; 2] = Default::default();
        let mut stream = connect();
        for _ in 0..200 {
            kept.0.push(exchange(&mut stream, &message));
            let start = Instant::now();
            exchange(&mut connect(), &message);
            each.0.push(start.elapsed().as_secs_f64());
        }
        let name = if command.starts_with('{') {
            "newdat"
        } else {
            command
        };
        println!(
            "{name:8} over TCP, 10,000 particles: {:.3} ms median, {:.3} with a connection each",
            1e3 * kept.median(),
            1e3 * each.median()
        );
    }
}

fn exchange(stream: &mut TcpStream, message: &str) -> f64 {
    let start = Instant::now();
    stream.write_all(message.as_bytes()).expect("a reader");
    let mut head = [0; HEAD];
    stream.read_exact(&mut head).expect("a reply");
    let end = decimal_length::end(&head).expect("a length").expect("all of it");
    stream
        .read_exact(&mut vec![0; end - HEAD])
        .expect("all of the reply");
    start.elapsed().as_secs_f64()
}

fn most_resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown".into(), |line| line.trim().to_owned())
}
