//! `labwire bench`: how fast this machine solves, answers and designs.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use labwire_core::design::{DEFAULT_EXPERIMENT, DesignLimits, Designer, Experiment, Noise, Simulator};
use labwire_core::limits::HostLimits;
use labwire_core::open::RunRequest;
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, ProblemSolver, StartOptions, TextLimits};
use labwire_core::service::Busy;
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_tokio::{ClientSettings, Clock, Host, OptimizerClient, serve};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::common::{block_on, number, positive_seconds};
use crate::console::answer;
use crate::example;
use crate::failure::{self, Failure, Outcome};

/// What is measured, with the milliseconds in the book: of a release build, on two cores of a virtual machine.
const MEASURES: [(&str, f64); 8] = [
    ("solve rosenbrock.json -p 1,10", 0.022),
    ("solve heating.json -p 5,16", 0.0057),
    ("solve crane.json -p 0,0,0,0,3", 0.97),
    ("the same again, from its last solution", 0.21),
    ("solve swing.json -p 0", 0.4),
    ("a Ping through the loopback", 0.1),
    (
        "a Run of rosenbrock.json through it, from its last solution",
        0.15,
    ),
    ("a measurement of dip.json: suggest and learn", 0.14),
];

/// Smallest number of repetitions.
const LEAST: usize = 5;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Time for each figure, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.3, value_parser = number)]
    time: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let time = positive_seconds("--time", arguments.time)?;
    let mut found = Vec::new();
    for (name, parameters) in [
        ("rosenbrock", &[1.0, 10.0][..]),
        ("heating", &[5.0, 16.0]),
        ("crane", &[0.0, 0.0, 0.0, 0.0, 3.0]),
    ] {
        found.push(cold(name, parameters, time)?);
    }
    found.push(warm("crane", &[0.0, 0.0, 0.0, 0.0, 3.0], time)?);
    found.push(cold("swing", &[0.0], time)?);
    block_on(async {
        found.extend(round_trips(time).await?);
        Ok(ExitCode::SUCCESS)
    })?;
    found.push(design(time)?);
    let rows = MEASURES.iter().zip(&found);
    answer(
        || {
            let lines = rows.clone().map(|((name, book), here)| {
                format!("{name:<60} {} ms, in the book {} ms", short(*here), short(*book))
            });
            lines.collect::<Vec<_>>().join("\n")
        },
        || {
            let rows = rows.clone();
            rows.map(
                |((name, book), here)| json!({"name": name, "milliseconds": here, "book_milliseconds": book}),
            )
            .collect()
        },
    );
    Ok(ExitCode::SUCCESS)
}

/// Milliseconds with three digits.
fn short(milliseconds: f64) -> String {
    let digits = 2.0 - milliseconds.abs().max(1e-6).log10().floor();
    format!("{milliseconds:.*}", digits.clamp(0.0, 6.0) as usize)
}

/// Median of the times, in milliseconds, that `measure` gives as often as there is time for.
fn median(time: Duration, mut measure: impl FnMut() -> Result<Duration, Failure>) -> Result<f64, Failure> {
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < LEAST || start.elapsed() < time {
        times.push(measure()?);
    }
    Ok(middle(times))
}

fn middle(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::new(failure::DATA, format!("an example is refused: {error}"))
}

fn problem(name: &str) -> Result<Problem, Failure> {
    let text = example::text(name).unwrap_or_default();
    Problem::from_json(text, &TextLimits::default()).map_err(broken)
}

/// Time of a solve from the file's start.
fn cold(name: &str, parameters: &[f64], time: Duration) -> Result<f64, Failure> {
    let problem = problem(name)?;
    median(time, || {
        let mut solver = ProblemSolver::new(problem.clone()).map_err(broken)?;
        solve(&mut solver, parameters)
    })
}

/// Time of a solve from the last solution.
fn warm(name: &str, parameters: &[f64], time: Duration) -> Result<f64, Failure> {
    let mut solver = ProblemSolver::new(problem(name)?).map_err(broken)?;
    solve(&mut solver, parameters)?;
    median(time, || solve(&mut solver, parameters))
}

fn solve(solver: &mut ProblemSolver, parameters: &[f64]) -> Result<Duration, Failure> {
    const FUEL: u32 = 64;
    let (clock, start) = (Clock::start(), Instant::now());
    solver
        .start(clock.now(), parameters, &StartOptions::default())
        .map_err(broken)?;
    while solver.step(clock.now(), FUEL).map_err(broken)? != Busy::No {}
    solver.finish(clock.now()).map_err(broken)?;
    Ok(start.elapsed())
}

/// Times of a Ping and of a Run on a connection that is kept open.
async fn round_trips(time: Duration) -> Result<[f64; 2], Failure> {
    let system = |error: std::io::Error| Failure::new(failure::SYSTEM, error.to_string());
    let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default()).map_err(broken)?;
    let service = OptimizerService::new(problem, OptimizerSettings::default()).map_err(broken)?;
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(system)?;
    let address = listener.local_addr().map_err(system)?.to_string();
    let shutdown = CancellationToken::new();
    let ended = shutdown.clone();
    let serving = tokio::spawn(async move {
        let host = Host::start("bench", service, HostLimits::default());
        serve(listener, &host, &ended).await
    });
    let settings = ClientSettings::default().with_keep_open(true);
    let address = crate::common::resolve(&address).await?;
    let failed = |error| Failure::call(&error);
    let client: OptimizerClient = OptimizerClient::connect(address, settings)
        .await
        .map_err(failed)?;
    let (mut pings, mut runs) = (Vec::new(), Vec::new());
    let start = Instant::now();
    while pings.len() < LEAST || start.elapsed() < 2 * time {
        let sent = Instant::now();
        client.ping(1).await.map_err(failed)?;
        pings.push(sent.elapsed());
        let sent = Instant::now();
        client
            .run(RunRequest::new(vec![1.0, 10.0]))
            .await
            .map_err(failed)?;
        runs.push(sent.elapsed());
    }
    drop(client);
    shutdown.cancel();
    // It cannot fail but by a bug.
    let _ = serving.await;
    Ok([middle(pings), middle(runs)])
}

/// Time of choosing a setting and of learning what was measured there.
fn design(time: Duration) -> Result<f64, Failure> {
    let experiment =
        Experiment::from_json(DEFAULT_EXPERIMENT, &[], &DesignLimits::default()).map_err(broken)?;
    let is_reported = matches!(experiment.noise, Noise::Reported);
    let mut instrument = Simulator::new(experiment.clone(), None, None, 1).map_err(broken)?;
    let mut designer = Designer::new(experiment, 1).map_err(broken)?;
    median(time, || {
        let start = Instant::now();
        let setting = designer.suggest();
        let chosen = start.elapsed();
        let values = instrument.measure(&setting);
        let sigma = is_reported.then(|| instrument.sigma(&setting));
        let start = Instant::now();
        designer
            .update(&setting, &values, sigma.as_deref())
            .map_err(broken)?;
        Ok(chosen + start.elapsed())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        assert_eq!(short(0.01234), "0.0123");
        assert_eq!(short(1.2345), "1.23");
        assert_eq!(short(123.45), "123");
    }
}
