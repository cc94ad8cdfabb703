//! Equal solves, experiments and sessions everywhere, to the last bit: `tests/corpus/determinism/` contains the
//! inputs and the results. Here they are compared natively, in debug and in release; `host-wasm/tests/determinism.js`
//! compares them in Node.js and in Chromium.

#[path = "determinism/sessions.rs"]
mod sessions;

use labwire_core::design::{DesignLimits, Designer, EXPERIMENTS, Experiment, Simulator};
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, ProblemSolver, StartOptions, TextLimits};
use labwire_core::service::Busy;
use labwire_core::time::Instant;
use serde_json::Value;

const CORPUS: &str = include_str!("../corpus/determinism/corpus.json");
const EXPECTED: &str = include_str!("../corpus/determinism/expected.txt");
const TRAILER: &str = include_str!("../../core/model/problems/trailer.json");
/// FNV-1a over the bytes of numbers, least significant first.
struct Digest(u64);

impl Digest {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, values: &[f64]) {
        for byte in values.iter().flat_map(|value| value.to_le_bytes()) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

fn numbers(list: &Value) -> Vec<f64> {
    let list = list.as_array().expect("a list");
    list.iter().map(|item| item.as_f64().expect("a number")).collect()
}

/// Every solve starts from the result of the previous one.
fn solve(order: &Value, lines: &mut Vec<String>) {
    let text = match order["problem"].as_str().expect("a problem") {
        "default" => DEFAULT_PROBLEM,
        "trailer" => TRAILER,
        text => text,
    };
    let problem = Problem::from_json(text, &TextLimits::default()).unwrap_or_else(|error| panic!("{error}"));
    let mut solver = ProblemSolver::new(problem).expect("settings");
    for parameters in order["parameters"].as_array().expect("a list") {
        let (now, options) = (Instant::ZERO, StartOptions::default());
        solver
            .start(now, &numbers(parameters), &options)
            .expect("a start");
        while solver.step(now, 7).expect("a solve") == Busy::Yes {}
        let solution = solver.finish(now).expect("a result");
        let mut digest = Digest::new();
        digest.add(&solution.u);
        digest.add(&solution.f1_multipliers);
        digest.add(&solution.f2_multipliers);
        digest.add(&solution.penalties);
        digest.add(&solution.constraints);
        digest.add(&[solution.cost, solution.residual, solution.violation]);
        lines.push(format!(
            "solve {} {parameters}: {}, {} evaluations, {:016x}",
            order["name"].as_str().expect("a name"),
            solution.status.name(),
            solution.counters.evaluations,
            digest.0
        ));
    }
}

fn design(order: &Value, lines: &mut Vec<String>) {
    let name = order["name"].as_str().expect("a name");
    let (_, text) = EXPERIMENTS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("known");
    let experiment = Experiment::from_json(text, &[], &DesignLimits::default()).expect("an experiment");
    let seed = order["seed"].as_u64().expect("a seed");
    let mut instrument = Simulator::new(experiment.clone(), None, None, seed).expect("an instrument");
    let mut designer = Designer::new(experiment, seed).expect("a designer");
    let mut digest = Digest::new();
    for _ in 0..order["measurements"].as_u64().expect("a number") {
        let setting = designer.suggest();
        let values = instrument.measure(&setting);
        designer.update(&setting, &values, None).expect("a measurement");
        digest.add(&setting);
        digest.add(&values);
    }
    digest.add(&designer.mean());
    digest.add(&designer.std());
    digest.add(&designer.covariance().concat());
    digest.add(&designer.interval(0.9).expect("a probability").concat());
    digest.add(&designer.utility());
    digest.add(designer.particles(0));
    digest.add(&designer.weights());
    lines.push(format!("design {name}: {:016x}", digest.0));
}

#[test]
fn solves_and_experiments() {
    let corpus: Value = serde_json::from_str(CORPUS).expect("JSON");
    let mut lines = Vec::new();
    for order in corpus["solves"].as_array().expect("a list") {
        solve(order, &mut lines);
    }
    for order in corpus["experiments"].as_array().expect("a list") {
        design(order, &mut lines);
    }
    let found = lines.join("\n") + "\n";
    assert_eq!(found, EXPECTED, "\n{found}");
}
