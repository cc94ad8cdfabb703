//! OptBayesExpt's commands, answered like its own server, and cases in which that fails.

use labwire_core::design::DesignLimits;
use labwire_core::framing::decimal_length::{self, HEAD};
use labwire_core::obe::{ErrorReply, Limits, code};
use labwire_core::python_json::{self, Value, dumps, parse};
use labwire_core::service::designer::{DesignerHandler, ObePermissions, service};
use labwire_core::service::{Busy, ConnectionId, Endpoint, Peer};
use labwire_core::time::Instant;
use labwire_host::PosteriorFolder;

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
    let handler = handler.unwrap_or_else(|error| panic!("{error}"));
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
