//! OptBayesExpt's commands, answered like its own server, and cases in which that fails.

use std::time::Duration;

use labwire_core::design::DesignLimits;
use labwire_core::framing::decimal_length::{self, HEAD};
use labwire_core::obe::{ErrorReply, Limits, Permissions, Server, code};
use labwire_core::python_json::{self, Value, dumps, parse};
use labwire_core::service::designer::{DesignerHandler, DesignerSettings, ObePermissions, service};
use labwire_core::service::{Busy, ConnectionId, Endpoint, Peer, Sequential, Service};
use labwire_core::time::Instant;
use labwire_host::{OperatorFolder, PosteriorFolder};

const NOW: Instant = Instant::ZERO;
const ID: ConnectionId = ConnectionId(1);

/// Experiment of the captured server: four particles, two parameters, three settings.
const FOUR_PARTICLES: &str = r#"{
    "newrun": {"lolim": 0, "hilim": 2, "steps": 3},
    "settings": {"x": {"linspace": ["lolim", "hilim", "steps"]}},
    "parameters": {"a": {"samples": [0, 1, 2, 3]}, "b": {"samples": [1, 3, 2, 4]}},
    "constants": {"first": 0.1, "second": 3},
    "model": "a + b*x",
    "options": {"particles": 4}
}"#;

/// A server, and its answers to messages on one connection, one after the other.
fn server(experiment: &str) -> impl FnMut(&str) -> Value + use<> {
    let folder = PosteriorFolder::new(None);
    let handler = DesignerHandler::new(experiment, DesignLimits::default(), 1, folder);
    telling(handler.unwrap_or_else(|error| panic!("{error}")))
}

fn telling(handler: DesignerHandler<PosteriorFolder>) -> impl FnMut(&str) -> Value + use<> {
    let mut server = Endpoint::new(service(Limits::default(), ObePermissions::default(), handler));
    let opened = server.open(NOW, ID, Peer::LOCAL);
    opened.expect("the first connection");
    move |command| {
        server.handle_input(NOW, ID, format!("{:010}{command}", command.len()).as_bytes());
        while server.step(NOW, 1) == Busy::Yes {}
        let reply = server.transmit(ID).to_vec();
        server.transmitted(NOW, ID, reply.len());
        let end = decimal_length::end(&reply).expect("a length");
        assert_eq!(end, Some(reply.len()), "one reply");
        parse(&reply[HEAD..], &python_json::Limits::default()).expect("JSON")
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::List(items) => items.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().expect("a number")],
    }
}

/// Replies of the real server, from `vectors/obe/server_capture.txt`. The last digits of covariances and weights
/// depend on NumPy's order of summation.
#[test]
fn every_command_is_answered_as_upstream_does() {
    let mut tell = server(FOUR_PARTICLES);
    for (command, reply) in [
        (r#"{"command": "ready"}"#, "\"OK\""),
        (r#"{"command": "getset"}"#, "[[0.0, 1.0, 2.0]]"),
        (
            r#"{"command": "getpar"}"#,
            "[[0.0, 1.0, 2.0, 3.0], [1.0, 3.0, 2.0, 4.0]]",
        ),
        (
            r#"{"command": "getpdf"}"#,
            "[[0.0, 1.0, 2.0, 3.0], [1.0, 3.0, 2.0, 4.0]]",
        ),
        (r#"{"command": "getcon"}"#, "[0.1, 3]"),
        (r#"{"command": "getwgt"}"#, "[0.25, 0.25, 0.25, 0.25]"),
        (r#"{"command": "getmean"}"#, "[1.5, 2.5]"),
        (
            r#"{"command": "getstd"}"#,
            "[1.118033988749895, 1.118033988749895]",
        ),
        (r#"{"command": "optset"}"#, "[2.0]"),
        (r#"{"command": "goodset", "pickiness": 400}"#, "[2.0]"),
        (r#"{"command": "please getmean now"}"#, "[1.5, 2.5]"),
        (r#"{"command": ["x","getmean"]}"#, "[1.5, 2.5]"),
        (r#"{"command": {"getmean":1}}"#, "[1.5, 2.5]"),
    ] {
        assert_eq!(dumps(&tell(command)), reply, "{command}");
    }
    let near = |found: &Value, expected: &[f64]| {
        for (found, expected) in numbers(found).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
    };
    let covariance = [
        1.6666666666666665,
        1.3333333333333333,
        1.3333333333333333,
        1.6666666666666665,
    ];
    near(&tell(r#"{"command": "getcov"}"#), &covariance);
    let measurement = r#"{"command": "newdat", "x": [1], "y": 5.0, "s": 1.0}"#;
    assert_eq!(tell(measurement), "OK".into());
    let weights = [
        0.0002487244401877818,
        0.44970433737134974,
        0.44970433737134974,
        0.10034260081711278,
    ];
    near(&tell(r#"{"command": "getwgt"}"#), &weights);
    let new_run = r#"{"command": "newrun", "lolim": 2, "hilim": 3, "steps": 25}"#;
    assert_eq!(tell(new_run), "OK".into());
    let settings = numbers(&tell(r#"{"command": "getset"}"#));
    assert_eq!((settings.len(), settings[0], settings[24]), (25, 2.0, 3.0));
    assert_eq!(numbers(&tell(r#"{"command": "getwgt"}"#)), [0.25; 4]);
    assert_eq!(tell(r#"{"command": "done"}"#), "OK".into());
}

#[test]
fn what_upstream_dies_of_is_answered_and_changes_nothing() {
    let mut tell = server(FOUR_PARTICLES);
    let before = tell(r#"{"command": "getwgt"}"#);
    for (message, expected) in [
        (r#"{"command": "nonsense"}"#, code::UNKNOWN_COMMAND),
        (r#"{"cmd": "getmean"}"#, code::NOT_A_COMMAND),
        (r#""getmean""#, code::NOT_A_COMMAND),
        ("[1, 2]", code::NOT_A_COMMAND),
        ("{\"command\": ", code::MALFORMED_JSON),
        ("", code::MALFORMED_JSON),
        (
            r#"{"command": "newdat", "x": [1], "y": 5.0}"#,
            code::INVALID_ARGUMENT,
        ),
        (
            r#"{"command": "newdat", "x": 1, "y": 5.0, "s": 1}"#,
            code::INVALID_ARGUMENT,
        ),
        (
            r#"{"command": "newdat", "x": [1], "y": NaN, "s": 1}"#,
            code::INVALID_ARGUMENT,
        ),
        (
            r#"{"command": "newdat", "x": [1], "y": 5.0, "s": 0}"#,
            code::INVALID_ARGUMENT,
        ),
        (
            r#"{"command": "newdat", "x": [1], "y": 5.0, "s": -1.0}"#,
            code::INVALID_ARGUMENT,
        ),
        (
            r#"{"command": "newdat", "x": [1, 2], "y": 5.0, "s": 1}"#,
            code::INVALID_ARGUMENT,
        ),
        (
            r#"{"command": "newdat", "x": [1], "y": [5.0, 6.0], "s": 1}"#,
            code::INVALID_ARGUMENT,
        ),
        (
            r#"{"command": "newdat", "x": [1], "y": "5", "s": 1}"#,
            code::INVALID_ARGUMENT,
        ),
        (r#"{"command": "newrun", "steps": 0}"#, code::INVALID_ARGUMENT),
        (
            r#"{"command": "newrun", "steps": "many"}"#,
            code::INVALID_ARGUMENT,
        ),
        (r#"{"command": "newrun", "steps": 1e12}"#, code::INVALID_ARGUMENT),
        (r#"{"command": "newrun", "seed": -1}"#, code::INVALID_ARGUMENT),
        (
            r#"{"command": "newrun", "experiment": {"model": "x"}}"#,
            code::INVALID_EXPERIMENT,
        ),
        (
            r#"{"command": "newrun", "experiment": "{}"}"#,
            code::INVALID_EXPERIMENT,
        ),
        (
            r#"{"command": "newrun", "experiment": 3}"#,
            code::INVALID_EXPERIMENT,
        ),
        (
            r#"{"command": "interval", "probability": 1}"#,
            code::INVALID_ARGUMENT,
        ),
        (r#"{"command": "undo"}"#, code::NOTHING_TO_UNDO),
        (r#"{"command": "save", "name": "x"}"#, code::STORAGE),
        (r#"{"command": "load", "name": "../x"}"#, code::STORAGE),
        (r#"{"command": "load"}"#, code::INVALID_ARGUMENT),
    ] {
        let reply = tell(message);
        let error = ErrorReply::from_value(&reply).unwrap_or_else(|| panic!("{message}: {}", dumps(&reply)));
        assert_eq!(error.code, expected, "{message}: {error}");
        assert_eq!(tell(r#"{"command": "getwgt"}"#), before, "{message}");
    }
    // So unlikely that its likelihood underflows: the particles survive, and there is a warning.
    for y in ["1e6", "-1e6", "1e100"] {
        let newdat = format!(r#"{{"command": "newdat", "x": [1], "y": {y}, "s": 1}}"#);
        assert_eq!(tell(&newdat), "OK".into());
        let total: f64 = numbers(&tell(r#"{"command": "getwgt"}"#)).iter().sum();
        assert!((total - 1.0).abs() < 1e-15);
        assert_eq!(numbers(&tell(r#"{"command": "optset"}"#)).len(), 1);
    }
}

/// One message replaces the experiment, another returns to its own arguments.
#[test]
fn a_new_run_may_bring_its_own_experiment() {
    let mut tell = server(FOUR_PARTICLES);
    let new_run = r#"{"command": "newrun", "number": 4, "seed": 9, "sted": 1, "experiment": {
        "name": "two knobs", "newrun": {"number": 2},
        "settings": {"f": {"linspace": [0, 1, "number"]}, "power": [1, 10, 100]},
        "parameters": {"rate": {"lognormal": [0, 1]}, "spins": {"discrete": [1, 2]}},
        "model": ["exp(-rate*f)", "spins*power"], "noise": [0.1, 5],
        "options": {"particles": 100, "utility": "information_gain"}}}"#;
    assert_eq!(tell(new_run), "OK".into());
    assert_eq!(numbers(&tell(r#"{"command": "getset"}"#)).len(), 24);
    assert_eq!(numbers(&tell(r#"{"command": "utility"}"#)).len(), 12);
    let measurement = r#"{"command": "newdat", "x": [1, 100], "y": [0.4, 210]}"#;
    assert_eq!(tell(measurement), "OK".into());
    assert_eq!(
        tell(r#"{"command": "newdat", "x": [0.5, 1], "y": [0.4, 2], "s": [1, 1]}"#),
        "OK".into()
    );
    let status = tell(r#"{"command": "status"}"#);
    let status = status.as_object().expect("an object");
    for (name, value) in [
        ("experiment", Value::from("two knobs")),
        ("seed", Value::Int(9)),
        ("measurements", Value::Int(2)),
        ("particles", Value::Int(100)),
        ("settings", Value::Int(12)),
    ] {
        assert_eq!(status.get(name), Some(&value));
    }
    let warnings = dumps(status.get("warnings").expect("a list"));
    assert!(warnings.contains(r#"no argument \"sted\""#), "{warnings}");
    assert!(warnings.contains("[0.5, 1.0] is not on the grid"), "{warnings}");
    assert_eq!(tell(r#"{"command": "newrun", "number": 3}"#), "OK".into());
    assert_eq!(numbers(&tell(r#"{"command": "getset"}"#)).len(), 18);
}

/// Long commands run as jobs, with the same answers.
#[test]
fn many_particles_are_asked_like_few() {
    let mut tell = server(&FOUR_PARTICLES.replace("\"particles\": 4", "\"particles\": 100001"));
    for command in [
        "ready", "getmean", "getcov", "interval", "optset", "goodset", "status", "getset",
    ] {
        let reply = tell(&format!("{{\"command\": \"{command}\"}}"));
        assert!(ErrorReply::from_value(&reply).is_none(), "{command}");
    }
    assert_eq!(
        tell(r#"{"command": "newdat", "x": [1], "y": 5.0, "s": 1.0}"#),
        "OK".into()
    );
    let mean = numbers(&tell(r#"{"command": "getmean"}"#));
    // Mean of the four particles, each drawn about 25,000 times.
    assert!((mean[0] - 1.65).abs() < 0.02, "{mean:?}");
    let reply = tell(r#"{"command": "newdat", "x": [1], "y": 5.0, "s": -1.0}"#);
    assert!(ErrorReply::from_value(&reply).is_some());
    assert_eq!(tell(r#"{"command": "done"}"#), "OK".into());
}

/// Server with several connections, and a clock.
struct Bench {
    server: Endpoint<Designers>,
    now: Instant,
}

type Designers = Sequential<Server, DesignerHandler<PosteriorFolder>, fn(Instant, Peer) -> Server>;

impl Bench {
    /// Server of an experiment whose scan takes many steps.
    fn new(design_time: Duration) -> Self {
        let experiment = FOUR_PARTICLES.replace("\"steps\": 3", "\"steps\": 100000");
        let handler = DesignerHandler::new(
            &experiment,
            DesignLimits::default(),
            1,
            PosteriorFolder::new(None),
        );
        let settings = DesignerSettings::default().with_design_time(design_time);
        let handler = handler
            .unwrap_or_else(|error| panic!("{error}"))
            .with_settings(&settings);
        let open = |now, _| Server::new(now, Limits::default(), Permissions::ALL);
        let mut server = Endpoint::new(Sequential::new(handler, open as fn(Instant, Peer) -> Server));
        for id in 1..=3 {
            server
                .open(NOW, ConnectionId(id), Peer::LOCAL)
                .expect("a new number");
        }
        Self { server, now: NOW }
    }

    fn send(&mut self, id: u64, command: &str) {
        let message = format!("{:010}{command}", command.len());
        self.server
            .handle_input(self.now, ConnectionId(id), message.as_bytes());
    }

    fn step(&mut self) -> Busy {
        self.now = self.now + Duration::from_millis(1);
        self.server.step(self.now, 1)
    }

    fn received(&mut self, id: u64) -> String {
        let id = ConnectionId(id);
        let bytes = self.server.transmit(id).to_vec();
        self.server.transmitted(self.now, id, bytes.len());
        String::from_utf8(bytes).expect("ASCII")
    }
}

const LONG: Duration = Duration::from_secs(3600);
const OK: &str = "0000000004\"OK\"";

#[test]
fn ready_waits_for_no_other_client() {
    let mut bench = Bench::new(LONG);
    bench.send(1, r#"{"command": "optset"}"#);
    assert_eq!(bench.step(), Busy::Yes);
    bench.send(2, r#"{"command": "ready"}"#);
    assert_eq!(bench.received(2), OK);
    // On the same connection replies keep their order.
    bench.send(1, r#"{"command": "ready"}"#);
    assert_eq!(bench.received(1), "");
    bench.send(3, r#"{"command": "getcon"}"#);
    bench.send(3, r#"{"command": "ready"}"#);
    assert_eq!(bench.received(3), "");
    while bench.step() == Busy::Yes {}
    assert_eq!(bench.received(1), format!("0000000005[2.0]{OK}"));
    assert_eq!(bench.received(3), format!("0000000008[0.1, 3]{OK}"));
}

/// A client that has finished sending may be listening, or gone.
#[test]
fn who_may_have_gone_gives_way_to_others() {
    let mut bench = Bench::new(LONG);
    bench.send(1, r#"{"command": "optset"}"#);
    assert_eq!(bench.step(), Busy::Yes);
    bench.send(2, r#"{"command": "optset"}"#);
    bench.send(2, r#"{"command": "getcon"}"#);
    bench.server.handle_eof(bench.now, ConnectionId(2));
    bench.send(3, r#"{"command": "getcon"}"#);
    let mut replies = String::new();
    while replies.is_empty() {
        assert_eq!(bench.step(), Busy::Yes);
        replies = bench.received(3);
    }
    assert_eq!(replies, "0000000008[0.1, 3]");
    assert_eq!(bench.received(2), "");
    while bench.step() == Busy::Yes {}
    assert_eq!(bench.received(1), "0000000005[2.0]");
    assert_eq!(bench.received(2), "0000000005[2.0]0000000008[0.1, 3]");

    let mut bench = Bench::new(Duration::from_millis(50));
    bench.send(1, r#"{"command": "optset"}"#);
    bench.send(2, r#"{"command": "optset"}"#);
    bench.send(3, r#"{"command": "newdat", "x": [1], "y": 5.0, "s": 1.0}"#);
    for id in [2, 3] {
        bench.server.handle_eof(bench.now, ConnectionId(id));
    }
    while bench.step() == Busy::Yes {}
    assert_eq!(bench.received(3), OK, "a measurement is taken in");
    let reply = bench.received(2);
    assert!(
        reply.contains(code::OUT_OF_TIME) && reply.contains("others were served first"),
        "{reply}"
    );
}

#[test]
fn work_ends_with_its_asker_but_a_measurement_is_taken_in() {
    let mut bench = Bench::new(LONG);
    bench.send(1, r#"{"command": "optset"}"#);
    assert_eq!(bench.step(), Busy::Yes);
    bench.send(2, r#"{"command": "getmean"}"#);
    bench.server.handle_lost(bench.now, ConnectionId(1));
    let mut steps = 0;
    while bench.received(2).is_empty() {
        bench.step();
        steps += 1;
    }
    // A scan takes many more.
    assert!(steps < 5, "{steps}");
    bench.send(2, r#"{"command": "newdat", "x": [1], "y": 5.0, "s": 1.0}"#);
    bench.server.handle_lost(bench.now, ConnectionId(2));
    while bench.step() == Busy::Yes {}
    bench.send(3, r#"{"command": "history"}"#);
    while bench.step() == Busy::Yes {}
    assert_eq!(
        bench.received(3),
        r#"0000000038[{"x": [1.0], "y": [5.0], "s": [1.0]}]"#
    );
}

/// A replay that takes too long changes nothing either.
#[test]
fn a_replay_has_a_time_limit() {
    let mut bench = Bench::new(Duration::from_millis(20));
    for _ in 0..100 {
        bench.send(1, r#"{"command": "newdat", "x": [1], "y": 5.0, "s": 1.0}"#);
        while bench.step() == Busy::Yes {}
    }
    bench.send(1, r#"{"command": "newrun"}"#);
    while bench.step() == Busy::Yes {}
    bench.received(1);
    for command in [r#"{"command": "undo"}"#, r#"{"command": "resume", "run": 1}"#] {
        bench.send(1, command);
        while bench.step() == Busy::Yes {}
        let reply = bench.received(1);
        assert!(
            reply.contains("measurements of run 1 are left to be taken in"),
            "{reply}"
        );
        bench.send(1, r#"{"command": "history"}"#);
        while bench.step() == Busy::Yes {}
        assert_eq!(bench.received(1), "0000000002[]");
    }
}

#[test]
fn a_request_has_a_time_limit() {
    let mut bench = Bench::new(Duration::from_millis(20));
    let status = r#"{"command": "status"}"#;
    bench.send(1, status);
    let before = bench.received(1);
    bench.send(1, r#"{"command": "utility"}"#);
    let mut steps = 0;
    while bench.step() == Busy::Yes {
        steps += 1;
    }
    assert!(steps < 25, "{steps}");
    let reply = bench.received(1);
    assert!(
        reply.contains("out-of-time") && reply.contains("limit design-time of 20ms"),
        "{reply}"
    );
    bench.send(1, status);
    assert_eq!(bench.received(1), before);
    bench.send(1, r#"{"command": "newdat", "x": [1], "y": 5.0, "s": 1.0}"#);
    bench.now = bench.now + LONG;
    while bench.step() == Busy::Yes {}
    assert_eq!(bench.received(1), OK);
}

/// The reply is that of the original, the remark is for the log.
#[test]
fn keys_of_newrun_without_a_meaning_are_remarked_on() {
    let mut bench = Bench::new(LONG);
    bench.send(1, r#"{"command": "newrun", "hilm": 3, "steps": 4}"#);
    while bench.step() == Busy::Yes {}
    assert_eq!(bench.received(1), OK);
    let remark = bench.server.service_mut().poll_remark().expect("a remark");
    assert!(remark.contains("\"hilm\"; did you mean \"hilim\"?"), "{remark}");
    assert_eq!(bench.server.service_mut().poll_remark(), None);
}

/// The reply is that of the original, the remark is for the log, and stands in the status once.
#[test]
fn keys_that_a_command_does_not_have_are_remarked_on() {
    let mut bench = Bench::new(LONG);
    for _ in 0..2 {
        bench.send(
            1,
            r#"{"command": "newdat", "x": [1], "y": 5.0, "s": 1.0, "Y": 3}"#,
        );
        while bench.step() == Busy::Yes {}
        assert_eq!(bench.received(1), OK);
    }
    let remark = bench.server.service_mut().poll_remark().expect("a remark");
    assert_eq!(remark, r#"newdat: there is no key "Y"; did you mean "y"?"#);
    assert_eq!(bench.server.service_mut().poll_remark(), None);
    bench.send(1, r#"{"command": "goodset", "sharpness": 9}"#);
    while bench.step() == Busy::Yes {}
    bench.received(1);
    let remark = bench.server.service_mut().poll_remark();
    let expected = r#"goodset: there is no key "sharpness"; expected pickiness"#;
    assert_eq!(remark.as_deref(), Some(expected));
    bench.send(1, r#"{"command": "status"}"#);
    assert_eq!(bench.received(1).matches("there is no key").count(), 2);
    for known in [
        r#"{"command": "getmean", "run": null}"#,
        r#"{"command": "interval", "probability": 0.5}"#,
    ] {
        bench.send(1, known);
        bench.received(1);
        assert_eq!(bench.server.service_mut().poll_remark(), None, "{known}");
    }
}

/// Programs and files are the operator's: those that a client names are refused by name, also where the server's own
/// experiment names some.
#[test]
fn a_clients_experiment_reaches_for_nothing() {
    let refused = |tell: &mut dyn FnMut(&str) -> Value, experiment: &str, name: &str| {
        let reply = tell(&format!(r#"{{"command": "newrun", "experiment": {experiment}}}"#));
        let reply = dumps(&reply);
        assert!(
            reply.contains("invalid-experiment") && reply.contains(name),
            "{reply}"
        );
        assert!(
            reply.contains("honoured only in an experiment file that the operator names"),
            "{reply}"
        );
    };
    let with = |settings: &str, model: &str| {
        format!(
            r#"{{"settings": {{"x": {settings}}}, "parameters": {{"a": {{"uniform": [0, 1]}}}}, "model": {model}, "noise": 1}}"#
        )
    };
    let (program, file) = (
        with("[1]", r#"{"command": "touch owned"}"#),
        with(r#"{"csv": "/etc/passwd"}"#, r#""a*x""#),
    );
    let mut tell = server(FOUR_PARTICLES);
    refused(&mut tell, &program, "touch owned");
    refused(&mut tell, &file, "/etc/passwd");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("x.csv"), "x\n1\n2\n3\n").expect("a file");
    let own = with(r#"{"csv": "x.csv"}"#, r#""a*x""#);
    let outside = OperatorFolder::of(&folder.path().join("own.json"));
    let posteriors = PosteriorFolder::new(None);
    let handler =
        DesignerHandler::from_operator(&own, DesignLimits::default(), 1, posteriors, Box::new(outside));
    let handler = handler.unwrap_or_else(|error| panic!("{error}"));
    let mut tell = telling(handler);
    assert_eq!(dumps(&tell(r#"{"command": "getset"}"#)), "[[1.0, 2.0, 3.0]]");
    refused(&mut tell, &program, "touch owned");
    refused(&mut tell, &file, "/etc/passwd");
    assert_eq!(dumps(&tell(r#"{"command": "newrun"}"#)), "\"OK\"");
    assert_eq!(dumps(&tell(r#"{"command": "getset"}"#)), "[[1.0, 2.0, 3.0]]");
}

#[test]
fn batches_targets_and_ends_are_told() {
    let experiment = r#"{"settings": {"x": [-1, 0, 1]}, "parameters": {"a": {"normal": [0, 1]}, "b": {"normal": [0, 1]}},
        "model": "a + b*x", "noise": 0.5, "targets": {"total": "a + b"}, "until": {"measurements": 1}}"#;
    let mut tell = server(experiment);
    let batch = tell(r#"{"command": "batch", "count": 3}"#);
    let rows = batch.as_list().expect("a list");
    assert!(
        rows.len() == 3 && rows.iter().all(|row| numbers(row).len() == 1),
        "{batch:?}"
    );
    for wrong in ["0", "1001", "1.5", "\"2\""] {
        let reply = dumps(&tell(&format!(r#"{{"command": "batch", "count": {wrong}}}"#)));
        assert!(reply.contains("must be a whole number from 1 to 1000"), "{reply}");
    }
    let status = tell(r#"{"command": "status"}"#);
    let status = status.as_object().expect("an object");
    assert_eq!(status.get("ended"), Some(&Value::Null));
    assert_eq!(
        numbers(
            status
                .get("targets")
                .and_then(|it| it.as_object()?.get("total"))
                .expect("a target")
        )
        .len(),
        2
    );
    tell(r#"{"command": "newdat", "x": [1], "y": 0.5}"#);
    let status = tell(r#"{"command": "status"}"#);
    let ended = status.as_object().and_then(|it| it.get("ended")).map(dumps);
    assert_eq!(
        ended.as_deref(),
        Some("\"the number of measurements is 1, of 1\"")
    );
}
