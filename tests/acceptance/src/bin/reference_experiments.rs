//! Reference problems of OptBayesExpt at full size, with many runs each: the precision that designed, random and
//! scanned measurements reach, beside figures measured on OptBayesExpt 1.2.0 itself.
//!
//! `cargo run --release -p labwire-acceptance --bin reference_experiments`. Fails if a standard deviation differs by
//! more than 10 % from the reference, or coverage by more than the counting error.
#![allow(clippy::print_stdout, reason = "the table is its purpose")]

use std::process::ExitCode;
use std::thread;

use labwire_benches::experiments::{COIL, DIP, LINE, LORENTZIAN, MEAN_AND_SIGMA, SPEED_UP, TRUTH, read};
use labwire_core::design::{Designer, Experiment, Selection, Simulator};
use nalgebra::{Matrix3, Vector3};

/// Largest relative difference of a standard deviation from the reference.
const TOLERANCE: f64 = 0.1;
const THREADS: usize = 2;

fn main() -> ExitCode {
    println!(
        "{:44} {:>10} {:>13} {:>6}",
        "median standard deviation", "labwire", "OptBayesExpt", "ratio"
    );
    let passed = [peak(), speed_up(), line(), coil(), mean_and_sigma(), dip()];
    match passed.iter().all(|passed| *passed) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// P1: a Lorentzian peak, demos/find_peak.
fn peak() -> bool {
    let mut passed = true;
    for (selection, name, pickiness, expected) in [
        (Selection::Optimal, "optimal", 15.0, [0.0041, 62.4, 42.6]),
        (Selection::Good, "good", 19.0, [0.0043, 60.9, 40.1]),
        (Selection::Random, "random", 15.0, [0.0126, 114.4, 26.2]),
    ] {
        let experiment = choosing(read(LORENTZIAN), selection, pickiness);
        let runs = runs(&experiment, &vec![TRUTH.to_vec(); 30], 500);
        for (parameter, expected) in expected.into_iter().enumerate() {
            let name = format!("peak, 500 {name}");
            passed &= deviation(&name, &runs, parameter, expected);
        }
    }
    passed
}

/// P2: savings in measurements by design, demos/fit_vs_obe: against the best that a scan of the same settings could
/// reach, by the Cramer-Rao bound; the posterior of a real scan is wider.
fn speed_up() -> bool {
    const MEASUREMENTS: usize = 3000;
    let experiment = read(SPEED_UP);
    let runs = runs(&experiment, &vec![vec![2.5, 1.0, 0.0]; 16], MEASUREMENTS);
    let name = format!("speed-up, {MEASUREMENTS} good");
    let passed = deviation(&name, &runs, 0, 0.0070);
    let mut information = Matrix3::zeros();
    for x in &experiment.grid.knobs()[0].values {
        let t = (x - 2.5) / 0.15;
        let shape = 1.0 / (t * t + 1.0);
        // Derivatives with respect to x0, a and b at the truth; the noise is 1.
        let gradient = Vector3::new(2.0 * t / 0.15 * shape * shape, shape, 1.0);
        information += gradient * gradient.transpose();
    }
    let covariance = information.try_inverse().expect("more settings than parameters");
    let scans = MEASUREMENTS as f64 / experiment.grid.len() as f64;
    let scan_variance = covariance[(0, 0)] / scans;
    let std = std_of(&runs, 0);
    report(
        "  a scan needs times as many",
        scan_variance / (std * std),
        3.9,
        TOLERANCE,
    ) && passed
}

/// P3: a line in unknown noise, demos/line_plus_noise.
fn line() -> bool {
    let mut passed = true;
    for (selection, name, expected, at_ends) in [
        (Selection::Optimal, "optimal", [0.0417, 0.0294, 0.0153], 1.0),
        (Selection::Good, "good", [0.0534, 0.0345, 0.0157], 0.61),
        (Selection::Random, "random", [0.0729, 0.0424, 0.0150], 0.19),
    ] {
        let experiment = choosing(read(LINE), selection, 4.0);
        let runs = runs(&experiment, &vec![vec![-0.29056, -0.45648, 0.2]; 30], 100);
        for (parameter, expected) in expected.into_iter().enumerate() {
            passed &= deviation(&format!("line, 100 {name}"), &runs, parameter, expected);
        }
        let settings = runs.iter().flat_map(|run| run.history()).map(|it| it.setting[0]);
        let count = settings.filter(|x| !(*x >= 0.1 && *x <= 0.9)).count();
        let share = count as f64 / (100 * runs.len()) as f64;
        passed &= report("  share at the ends", share, at_ends, TOLERANCE);
    }
    passed
}

/// P5: a coil at a lock-in amplifier, two channels, and a cost of moving, demos/lockin. The number of changes of the
/// setting varies from run to run; what counts is that the cost matters and hardly harms the result.
fn coil() -> bool {
    let truth = vec![1e-3, 10.0, 10e-6, 5.0];
    let dear = read(COIL);
    let mut free = dear.clone();
    free.cost = None;
    let mut passed = true;
    let mut changes = Vec::new();
    for (experiment, name, expected) in [
        (dear, "moving costs 5", [0.0305, 0.0397, 0.0271, 0.0242]),
        (free, "moving costs 1", [0.0288, 0.0401, 0.0282, 0.0248]),
    ] {
        let runs = runs(&experiment, &vec![truth.clone(); 60], 500);
        for (parameter, expected) in expected.into_iter().enumerate() {
            let relative = runs
                .iter()
                .map(|run| run.std()[parameter] / run.mean()[parameter]);
            let label = format!(
                "coil, 500, {name}: {} (relative)",
                experiment.parameters[parameter].name
            );
            passed &= report(&label, median(relative.collect()), expected, TOLERANCE);
        }
        let counts = runs.iter().map(|run| {
            let pairs = run.history().windows(2);
            pairs.filter(|pair| pair[0].setting != pair[1].setting).count() as f64
        });
        changes.push(median(counts.collect()));
    }
    println!(
        "  changes of the setting: {} and {} (OptBayesExpt 8 and 470.5)",
        changes[0], changes[1]
    );
    passed && changes[0] <= 12.0 && changes[1] >= 420.0
}

/// P6: mean and sigma of a normal distribution, tests/test_zinference.py; the truth drawn from the prior, so that an
/// interval of 95 % holds it in 95 % of all runs.
fn mean_and_sigma() -> bool {
    const RUNS: u64 = 500;
    let mut passed = true;
    for (scale, expected) in [(true, [0.101, 0.074]), (false, [0.105, 0.076])] {
        let mut experiment = read(MEAN_AND_SIGMA);
        experiment.options.scale = scale;
        let fixed = runs(&experiment, &vec![vec![1.0, 1.0]; 60], 100);
        for (parameter, expected) in expected.into_iter().enumerate() {
            let name = format!("mean and sigma, 100, scale {scale}");
            passed &= deviation(&name, &fixed, parameter, expected);
        }
        let drawn: Vec<Vec<f64>> = (0..RUNS)
            .map(|seed| {
                let simulator = Simulator::new(experiment.clone(), None, None, seed);
                simulator.expect("priors").truth().to_vec()
            })
            .collect();
        let runs = runs(&experiment, &drawn, 100);
        for parameter in 0..2 {
            let held = drawn.iter().zip(&runs).filter(|(truth, run)| {
                let [low, high] = run.interval(0.95).expect("a probability")[parameter];
                (low..=high).contains(&truth[parameter])
            });
            let share = held.count() as f64 / RUNS as f64;
            // Three counting errors; without scaling, the variance of the particles grows by 4 % with every
            // resampling.
            let within = share > 0.95 - 0.03 && share < if scale { 0.95 + 0.03 } else { 0.99 };
            println!(
                "  {:42} {share:10.3} {:>13} {}",
                format!(
                    "{} within its 95 % interval",
                    experiment.parameters[parameter].name
                ),
                if scale { "0.950" } else { "0.964" },
                verdict(within)
            );
            passed &= within;
        }
    }
    passed
}

/// P7: the dip of the server's demo; 0.0007 to 0.0011 in OptBayesExpt's five runs.
fn dip() -> bool {
    let experiment = choosing(read(DIP), Selection::Good, 6.0);
    let runs = runs(&experiment, &vec![vec![2.6, 0.02, 0.04]; 30], 200);
    report("dip, 200 good: f0", std_of(&runs, 0), 0.0009, 0.0002 / 0.0009)
}

fn choosing(mut experiment: Experiment, selection: Selection, pickiness: f64) -> Experiment {
    experiment.options.selection = selection;
    experiment.options.pickiness = pickiness;
    experiment
}

/// A run of `measurements` for each truth, with seeds from 0.
fn runs(experiment: &Experiment, truths: &[Vec<f64>], measurements: usize) -> Vec<Designer> {
    let run = |experiment: Experiment, seed: usize| {
        let truth = Some(truths[seed].clone());
        let mut instrument = Simulator::new(experiment.clone(), truth, None, seed as u64).expect("a truth");
        let mut designer = Designer::new(experiment, seed as u64).expect("priors");
        for _ in 0..measurements {
            let setting = designer.suggest();
            let values = instrument.measure(&setting);
            designer.update(&setting, &values, None).expect("a measurement");
        }
        designer
    };
    let run = &run;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let seeds = (thread * truths.len() / THREADS)..((thread + 1) * truths.len() / THREADS);
                let experiment = experiment.clone();
                scope.spawn(move || {
                    seeds
                        .map(|seed| run(experiment.clone(), seed))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join().expect("it ends"));
        ended.flatten().collect()
    })
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn std_of(runs: &[Designer], parameter: usize) -> f64 {
    median(runs.iter().map(|run| run.std()[parameter]).collect())
}

fn deviation(name: &str, runs: &[Designer], parameter: usize, expected: f64) -> bool {
    let label = format!("{name}: {}", runs[0].experiment().parameters[parameter].name);
    report(&label, std_of(runs, parameter), expected, TOLERANCE)
}

fn report(label: &str, ours: f64, expected: f64, tolerance: f64) -> bool {
    let ratio = ours / expected;
    let within = (ratio - 1.0).abs() <= tolerance;
    println!(
        "{label:44} {ours:10.4} {expected:13.4} {ratio:6.3} {}",
        verdict(within)
    );
    within
}

fn verdict(within: bool) -> &'static str {
    if within { "" } else { "BEYOND" }
}
