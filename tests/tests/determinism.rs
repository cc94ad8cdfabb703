//! The same solves, experiments and sessions everywhere, to the last bit: `tests/corpus/determinism/` holds what is done and
//! what came of it. Here it is done natively, in debug and in release; `host-wasm/tests/determinism.js` does it in Node.js
//! and in Chromium.

use labwire_core::design::{DesignLimits, Designer, EXPERIMENTS, Experiment, Simulator};
use labwire_core::limits::SessionLimits;
use labwire_core::obe::ErrorReply;
use labwire_core::open::{Reply, Request};
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, ProblemLimits};
use labwire_core::python_json;
use labwire_core::service::Busy;
use labwire_core::session::{Event, Session};
use labwire_core::solve::{Solver, Start};
use labwire_core::time::Instant;
use labwire_core::{obe, open, zeiss};
use serde_json::{Value, json};

const CORPUS: &str = include_str!("../corpus/determinism/corpus.json");
const EXPECTED: &str = include_str!("../corpus/determinism/expected.txt");
const TRAILER: &str = include_str!("../../core/problems/trailer.json");
const RECORDINGS: [&str; 3] = [
    include_str!("../corpus/determinism/recordings/open.json"),
    include_str!("../corpus/determinism/recordings/obe.json"),
    include_str!("../corpus/determinism/recordings/zeiss.json"),
];

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

/// Every solve begins where the last one ended.
fn solve(order: &Value, lines: &mut Vec<String>) {
    let text = match order["problem"].as_str().expect("a problem") {
        "default" => DEFAULT_PROBLEM,
        "trailer" => TRAILER,
        text => text,
    };
    let problem =
        Problem::from_json(text, &ProblemLimits::default()).unwrap_or_else(|error| panic!("{error}"));
    let mut evaluator = problem.evaluator();
    let mut solver = Solver::for_problem(&problem).expect("settings");
    let mut start = Start::for_problem(&problem);
    for parameters in order["parameters"].as_array().expect("a list") {
        solver.start(&start).expect("a start");
        evaluator.set_parameters(&numbers(parameters));
        while solver.step(&mut evaluator, 7) == Busy::Yes {}
        if solver.store_warm_start(&mut start) {
            start.advance(&problem);
        }
        let mut digest = Digest::new();
        digest.add(solver.solution());
        digest.add(solver.multipliers());
        digest.add(solver.penalties());
        digest.add(solver.constraints());
        digest.add(&[solver.cost(), solver.residual(), solver.violation()]);
        lines.push(format!(
            "solve {} {parameters}: {}, {} evaluations, {:016x}",
            order["name"].as_str().expect("a name"),
            solver.status().expect("an end").name(),
            solver.counters().evaluations,
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

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value["bytes"].as_str().expect("bytes").as_bytes();
    let pairs = digits.chunks(2).map(|pair| str::from_utf8(pair).expect("digits"));
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).expect("digits"))
        .collect()
}

/// Numbers with the same bits; whether they were written as whole numbers does not count.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().map(f64::to_bits) == b.as_f64().map(f64::to_bits),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_same(a, b)))
        }
        _ => a == b,
    }
}

/// Does the steps of a recording again: the same bytes go out, the same events come.
fn replay<S: Session>(
    session: &mut S,
    steps: &Value,
    request: impl Fn(&mut S, Instant, &str, &Value),
    told: impl Fn(S::Event) -> Value,
) {
    for (number, step) in steps.as_array().expect("a list").iter().enumerate() {
        let now = Instant::from_nanos((step["at"].as_f64().expect("a time") * 1e6) as u64);
        match step["call"].as_str().expect("a call") {
            "handleInput" => session.handle_input(now, &bytes(&step["args"][0])),
            "handleEof" => session.handle_eof(now),
            "handleLost" => session.handle_lost(now),
            "handleTimeout" => session.handle_timeout(now),
            call => request(session, now, call, &step["args"]),
        }
        let mut sent = Vec::new();
        while !session.transmit().is_empty() {
            sent.extend_from_slice(session.transmit());
            session.transmitted(now, session.transmit().len());
        }
        let events: Vec<Value> = core::iter::from_fn(|| session.poll_event())
            .map(|event| match event {
                Event::Application(event) => told(event),
                Event::Closed(reason) => {
                    let is_regular = reason == labwire_core::session::CloseReason::Finished;
                    json!({"type": "closed", "isRegular": is_regular, "reason": reason.to_string()})
                }
            })
            .collect();
        assert_eq!(sent, bytes(&step["sent"]), "step {number}");
        let events = Value::Array(events);
        assert!(
            is_same(&events, &step["events"]),
            "step {number}: {events} {}",
            step["events"]
        );
    }
}

fn open_request(session: &mut open::Client, now: Instant, call: &str, args: &Value) {
    let request = match call {
        "ping" => Request::Ping(args[0].as_i64().expect("a number") as i32),
        "run" => Request::Run(serde_json::from_value(args[0].clone()).expect("a request")),
        other => panic!("{other}"),
    };
    session.request(now, &request).expect("it is taken");
}

fn open_event(reply: Reply) -> Value {
    match reply {
        Reply::Pong(number) => json!({"type": "pong", "number": number}),
        Reply::Run(reply) => json!({"type": "run", "reply": reply}),
        Reply::Error(error) => json!({"type": "error", "code": error.code, "message": error.message}),
        other => panic!("{other:?}"),
    }
}

fn obe_event(reply: python_json::Value) -> Value {
    match ErrorReply::from_value(&reply) {
        Some(error) => json!({"type": "error", "code": error.code, "message": error.message}),
        None => {
            let text = python_json::dumps(&reply);
            json!({"type": "reply", "value": serde_json::from_str::<Value>(&text).expect("finite")})
        }
    }
}

#[test]
fn recorded_sessions() {
    for text in RECORDINGS {
        let recording: Value = serde_json::from_str(text).expect("JSON");
        let (args, steps) = (&recording["args"], &recording["steps"]);
        assert!(steps.as_array().is_some_and(|steps| steps.len() > 2));
        match recording["protocol"].as_str().expect("a protocol") {
            "open" => {
                let now = Instant::from_nanos((args[0].as_f64().expect("a time") * 1e6) as u64);
                let mut session = match args[1] == true {
                    true => open::Client::kept_open(now, SessionLimits::default()),
                    false => open::Client::one_shot(SessionLimits::default()),
                };
                replay(&mut session, steps, open_request, open_event);
            }
            "obe" => {
                let send = |session: &mut obe::Client, now: Instant, _: &str, args: &Value| {
                    let text = args[0].as_str().expect("a message").as_bytes();
                    let message = python_json::parse(text, &python_json::Limits::default()).expect("JSON");
                    session.send(now, &message).expect("it is taken");
                };
                replay(
                    &mut obe::Client::new(obe::Limits::default()),
                    steps,
                    send,
                    obe_event,
                );
            }
            "zeiss" => {
                let image = |session: &mut zeiss::Client, now: Instant, _: &str, args: &Value| {
                    let text = |place: usize| args[place].as_str().expect("text");
                    let focal_length = args[2].as_f64().expect("a number");
                    let request = zeiss::Request::image(text(0), text(1), focal_length).expect("valid");
                    session.send(now, &request.to_text()).expect("it is taken");
                };
                let mut session = zeiss::Client::new(zeiss::Transport::Tcp, zeiss::Limits::default());
                replay(
                    &mut session,
                    steps,
                    image,
                    |text| json!({"type": "answer", "text": text}),
                );
            }
            other => panic!("{other}"),
        }
    }
}
