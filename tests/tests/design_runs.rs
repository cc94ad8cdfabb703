//! Runs of a designer's server: kept as logs, and restored from them to the last bit.

use std::fs;
use std::path::Path;

use labwire_core::design::{DEFAULT_EXPERIMENT, DesignLimits};
use labwire_core::framing::decimal_length::HEAD;
use labwire_core::obe::{ErrorReply, Limits, code};
use labwire_core::python_json::{self, Value, dumps, parse};
use labwire_core::service::designer::{
    Begun, DesignerHandler, DesignerSettings, MemoryRuns, ObePermissions, RunStore, service,
};
use labwire_core::service::{Busy, ConnectionId, Endpoint, Peer, Service};
use labwire_core::time::Instant;
use labwire_host::{PosteriorFolder, RunFolder};

const NOW: Instant = Instant::ZERO;
const ID: ConnectionId = ConnectionId(1);

type Handler = DesignerHandler<PosteriorFolder>;

fn experiment() -> String {
    DEFAULT_EXPERIMENT.replace("10000", "300")
}

fn handler(experiment: &str, folder: &Path) -> Handler {
    let posteriors = PosteriorFolder::new(Some(folder.join("posteriors")));
    DesignerHandler::new(experiment, DesignLimits::default(), 1, posteriors).expect("the example is right")
}

/// A server that answers one message after the other.
struct Lab<S: Service> {
    server: Endpoint<S>,
}

/// Server with these runs.
fn lab(handler: Handler) -> Lab<impl Service + use<>> {
    let service = service(Limits::default(), ObePermissions::default(), handler);
    let mut server = Endpoint::new(service);
    server.open(NOW, ID, Peer::LOCAL).expect("the first connection");
    Lab { server }
}

/// Server that keeps its runs in a folder, and how it began.
fn started(experiment: &str, folder: &Path, is_fresh: bool) -> (Lab<impl Service + use<>>, Begun) {
    let mut handler = handler(experiment, folder);
    let runs = RunFolder::open(&folder.join("runs")).expect("nobody else has it");
    let begun = handler.keep_runs(Box::new(runs), is_fresh).expect("a folder");
    (lab(handler), begun)
}

impl<S: Service> Lab<S> {
    fn ask(&mut self, command: &str) -> String {
        let message = format!("{:010}{command}", command.len());
        self.server.handle_input(NOW, ID, message.as_bytes());
        let mut reply = Vec::new();
        loop {
            let busy = self.server.step(NOW, 1);
            let bytes = self.server.transmit(ID).to_vec();
            self.server.transmitted(NOW, ID, bytes.len());
            reply.extend_from_slice(&bytes);
            if busy == Busy::No && bytes.is_empty() {
                return String::from_utf8(reply.split_off(HEAD)).expect("ASCII");
            }
        }
    }

    fn ok(&mut self, command: &str) {
        assert_eq!(self.ask(command), "\"OK\"", "{command}");
    }

    fn code(&mut self, command: &str) -> String {
        let reply = self.value(command);
        ErrorReply::from_value(&reply)
            .unwrap_or_else(|| panic!("{command}: {}", dumps(&reply)))
            .code
    }

    fn value(&mut self, command: &str) -> Value {
        parse(self.ask(command).as_bytes(), &python_json::Limits::default()).expect("JSON")
    }

    /// Measures where the server suggests, `count` times. Measurements differ by their number, and by `shift`.
    fn measure(&mut self, count: usize, shift: f64) {
        for _ in 0..count {
            let x = self.ask(r#"{"command": "goodset"}"#);
            let number = self.measurements() as f64;
            let y = 0.97 + shift + 0.01 * (number * 2.3).sin();
            self.ok(&format!(
                r#"{{"command": "newdat", "x": {x}, "y": {y}, "s": 0.005}}"#
            ));
        }
    }

    fn measurements(&mut self) -> i64 {
        let status = self.value(r#"{"command": "status"}"#);
        match status.as_object().and_then(|status| status.get("measurements")) {
            Some(Value::Int(count)) => *count,
            other => panic!("{other:?}"),
        }
    }

    /// Everything that is known and comes next.
    fn knowledge(&mut self) -> Vec<String> {
        let commands = ["getpar", "getwgt", "history", "utility", "goodset", "optset"];
        let ask = |command: &str| self.ask(&format!("{{\"command\": \"{command}\"}}"));
        commands.map(ask).to_vec()
    }

    /// Everything that does not change by being asked for.
    fn posterior(&mut self) -> Vec<String> {
        let commands = ["getpar", "getwgt", "history"];
        let ask = |command: &str| self.ask(&format!("{{\"command\": \"{command}\"}}"));
        commands.map(ask).to_vec()
    }

    /// Number, name and measurements of each run, and whether it is the default one.
    fn runs(&mut self) -> Vec<(i64, String, i64, bool)> {
        let runs = self.value(r#"{"command": "runs"}"#);
        let run = |run: &Value| {
            let run = run.as_object().expect("an object");
            let whole = |name: &str| match run.get(name) {
                Some(Value::Int(number)) => *number,
                other => panic!("{other:?}"),
            };
            let name = run.get("name").and_then(Value::as_str).unwrap_or_default();
            let is_default = run.get("default") == Some(&Value::Bool(true));
            (whole("run"), name.to_owned(), whole("measurements"), is_default)
        };
        runs.as_list().expect("a list").iter().map(run).collect()
    }

    fn end(mut self) {
        self.server.service_mut().handle_shutdown(NOW);
    }
}

const NEW_RUN: &str = r#"{"command": "newrun", "lolim": 2.0, "hilim": 3.0, "steps": 51, "seed": 5}"#;
const UNDO: &str = r#"{"command": "undo"}"#;

/// The posterior and the next suggestions are those of a server that was not killed, whenever it was.
#[test]
fn a_killed_server_goes_on_as_if_it_had_not_been() {
    let home = tempfile::tempdir().expect("a folder");
    let mut twin = lab(handler(&experiment(), home.path()));
    let (mut killed, begun) = started(&experiment(), home.path(), false);
    assert_eq!(begun, Begun::Anew);
    twin.ok(NEW_RUN);
    killed.ok(NEW_RUN);
    for measurements in [0, 1, 5, 6, 20] {
        let more = measurements - twin.measurements() as usize;
        twin.measure(more, 0.0);
        killed.measure(more, 0.0);
        drop(killed);
        let begun;
        (killed, begun) = started(&experiment(), home.path(), false);
        assert_eq!(begun, Begun::WentOn { run: 2, measurements });
        assert!(killed.knowledge() == twin.knowledge(), "{measurements}");
        if measurements > 3 {
            // Undone measurements stay so.
            for server in [&mut twin as &mut dyn Asked, &mut killed] {
                assert_eq!(server.asked(UNDO), "\"OK\"");
                assert_eq!(server.asked(UNDO), "\"OK\"");
            }
        }
    }
}

/// Servers of different types.
trait Asked {
    fn asked(&mut self, command: &str) -> String;
}

impl<S: Service> Asked for Lab<S> {
    fn asked(&mut self, command: &str) -> String {
        self.ask(command)
    }
}

/// A crash in the middle of a line, which was not acknowledged.
#[test]
fn an_incomplete_line_is_no_measurement() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut server, _) = started(&experiment(), home.path(), false);
    server.measure(3, 0.0);
    let before = server.knowledge();
    drop(server);
    let log = home.path().join("runs/run-1.log");
    let text = fs::read_to_string(&log).expect("a log");
    let last = text.lines().last().expect("a line");
    for length in [1, last.len() / 2, last.len()] {
        fs::write(&log, format!("{text}{}", &last[..length])).expect("a log");
        let (mut server, begun) = started(&experiment(), home.path(), false);
        assert_eq!(
            begun,
            Begun::WentOn {
                run: 1,
                measurements: 3
            }
        );
        assert!(server.knowledge() == before);
    }
    // What is wrong further up is not passed over.
    fs::write(&log, text.replacen("\"y\"", "\"z\"", 1)).expect("a log");
    let (mut server, begun) = started(&experiment(), home.path(), false);
    let told = begun.to_string();
    assert!(
        told.contains("run 1,") && told.contains("line 2: y is not a list"),
        "{told}"
    );
    assert_eq!(
        server.runs(),
        [(1, String::new(), 3, false), (2, String::new(), 0, true)]
    );
    assert_eq!(server.code(r#"{"command": "resume", "run": 1}"#), code::STORAGE);
    assert_eq!(server.measurements(), 0);
}

/// A log that somebody has edited is an error at most.
#[test]
fn a_log_from_a_stranger_never_panics() {
    let experiment = r#"{"settings": {"x": [0, 1, 2]}, "newrun": {"n": 2},
        "parameters": {"a": {"samples": [0, 1, 2, 3]}, "b": {"samples": [1, 3, 2, 4]}},
        "model": "a + b*x", "options": {"particles": 4}}"#;
    let home = tempfile::tempdir().expect("a folder");
    let (mut server, _) = started(experiment, home.path(), false);
    let newdat = r#"{"command": "newdat", "x": [1], "y": 5.0, "s": 1.0}"#;
    server.ok(newdat);
    server.ok(newdat);
    server.ok(UNDO);
    drop(server);
    let read = |name: &str| fs::read_to_string(home.path().join("runs").join(name)).expect("a file");
    let (log, state) = (read("run-1.log"), read("state.json"));
    let mut began = [0, 0];
    for at in 0..log.len() {
        for byte in ["9", "-", "]", ",", "\"", "\n"] {
            let mut edited = log.clone();
            edited.replace_range(at..=at, byte);
            let mut store = MemoryRuns::default();
            for (number, line) in edited.lines().enumerate() {
                let stored = match number {
                    0 => store.create(1, line),
                    _ => store.append(1, line),
                };
                stored.expect("memory");
            }
            store.set_state(&state).expect("memory");
            let mut handler = handler(experiment, home.path());
            let begun = handler.keep_runs(Box::new(store), false).expect("memory");
            began[usize::from(matches!(begun, Begun::WentOn { .. }))] += 1;
            let mean = lab(handler).ask(r#"{"command": "getmean"}"#);
            assert!(mean.starts_with('['), "{edited}: {mean}");
        }
    }
    assert!(began.iter().all(|count| *count > 100), "{began:?}");
}

#[test]
fn a_server_begins_anew_unless_it_was_killed_with_the_same_experiment() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut server, _) = started(&experiment(), home.path(), false);
    server.measure(2, 0.0);
    let known = server.knowledge();
    server.end();
    // Told to end.
    let (server, begun) = started(&experiment(), home.path(), false);
    assert_eq!(begun, Begun::Anew);
    drop(server);
    // A run without measurements goes on as well.
    let (mut server, begun) = started(&experiment(), home.path(), false);
    assert_eq!(
        begun,
        Begun::WentOn {
            run: 2,
            measurements: 0
        }
    );
    server.measure(1, 0.0);
    drop(server);
    let (server, begun) = started(&experiment(), home.path(), true);
    assert!(begun.to_string().contains("instead of run 2"), "{begun}");
    drop(server);
    let other = experiment().replace("resonance", "another");
    let (mut server, begun) = started(&other, home.path(), false);
    assert!(
        begun.to_string().contains("has another experiment now"),
        "{begun}"
    );
    // Nothing is lost.
    assert_eq!(
        server.runs(),
        [
            (1, String::new(), 2, false),
            (2, String::new(), 1, false),
            (4, String::new(), 0, true)
        ]
    );
    server.ok(r#"{"command": "resume", "run": 1}"#);
    assert!(server.knowledge() == known);
    server.end();
}

#[test]
fn a_new_run_can_be_undone_and_an_old_one_resumed() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut server, _) = started(&experiment(), home.path(), false);
    assert_eq!(server.code(UNDO), code::NOTHING_TO_UNDO);
    server.measure(4, 0.0);
    server.ok(r#"{"command": "save", "name": "first"}"#);
    let first = server.knowledge();
    for begin in [NEW_RUN, r#"{"command": "load", "name": "first"}"#] {
        server.ok(begin);
        assert_eq!(server.runs().len(), 2, "{begin}");
        server.ok(UNDO);
        assert!(server.knowledge() == first, "{begin}");
        assert_eq!(server.runs(), [(1, String::new(), 4, true)]);
    }
    server.ok(NEW_RUN);
    server.measure(2, 0.01);
    let second = server.knowledge();
    server.ok(r#"{"command": "load", "name": "first"}"#);
    server.measure(1, 0.0);
    let third = server.knowledge();
    for (run, known) in [(1, &first), (4, &second), (5, &third), (4, &second)] {
        server.ok(&format!(r#"{{"command": "resume", "run": {run}}}"#));
        assert!(server.knowledge() == *known, "{run}");
    }
    // Back to the run before, measurement by measurement.
    server.ok(UNDO);
    server.ok(UNDO);
    server.ok(UNDO);
    assert!(server.knowledge() == first);
    assert_eq!(
        server.code(r#"{"command": "resume", "run": 4}"#),
        code::NO_SUCH_RUN
    );
    assert_eq!(server.code(r#"{"command": "resume"}"#), code::INVALID_ARGUMENT);
}

/// A named run leaves the default one alone, which the commands of the original act on.
#[test]
fn a_named_run_is_beside_the_default_one() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut server, _) = started(&experiment(), home.path(), false);
    server.measure(3, 0.0);
    let before = server.posterior();
    server.ok(r#"{"command": "newrun", "steps": 11, "run": "cavity"}"#);
    let newdat = r#"{"command": "newdat", "x": [2.5], "y": 0.98, "s": 0.005, "run": "cavity"}"#;
    server.ok(newdat);
    server.ok(newdat);
    let of_cavity = |server: &mut Lab<_>, command: &str| {
        Lab::ask(server, &format!(r#"{{"command": "{command}", "run": "cavity"}}"#))
    };
    assert_eq!(of_cavity(&mut server, "getset").split(", ").count(), 11);
    assert!(server.posterior() == before);
    assert_eq!(
        server.runs(),
        [(1, String::new(), 3, true), (2, "cavity".into(), 2, false)]
    );
    // Another one of that name takes the place of the first, until it is undone.
    server.ok(r#"{"command": "newrun", "run": "cavity", "steps": 5}"#);
    assert_eq!(of_cavity(&mut server, "getset").split(", ").count(), 5);
    assert_eq!(of_cavity(&mut server, "undo"), "\"OK\"");
    assert_eq!(of_cavity(&mut server, "getset").split(", ").count(), 11);
    assert_eq!(of_cavity(&mut server, "undo"), "\"OK\"");
    assert!(server.posterior() == before);
    let mean = of_cavity(&mut server, "getmean");
    drop(server);
    let (mut server, _) = started(&experiment(), home.path(), false);
    assert_eq!(of_cavity(&mut server, "getmean"), mean);
    server.ok(r#"{"command": "resume", "run": "cavity"}"#);
    assert_eq!(server.ask(r#"{"command": "getmean"}"#), mean);
    for (command, expected) in [
        (r#"{"command": "getmean", "run": "attic"}"#, code::NO_SUCH_RUN),
        (r#"{"command": "getmean", "run": 99}"#, code::NO_SUCH_RUN),
        (r#"{"command": "getmean", "run": ""}"#, code::INVALID_ARGUMENT),
        (r#"{"command": "getmean", "run": [1]}"#, code::INVALID_ARGUMENT),
        (r#"{"command": "newrun", "run": 3}"#, code::INVALID_ARGUMENT),
        (r#"{"command": "newrun", "run": "a\nb"}"#, code::INVALID_ARGUMENT),
    ] {
        assert_eq!(server.code(command), expected, "{command}");
    }
}

#[test]
fn the_last_ten_runs_are_kept() {
    let home = tempfile::tempdir().expect("a folder");
    let (mut server, _) = started(&experiment(), home.path(), false);
    server.ok(r#"{"command": "newrun", "run": "pet"}"#);
    for count in 1..15 {
        server.measure(1, 0.0);
        let pet = r#"{"command": "newdat", "x": [2.5], "y": 0.98, "s": 0.005, "run": "pet"}"#;
        server.ok(pet);
        // Runs without measurements are the first to go.
        server.ok(r#"{"command": "newrun"}"#);
        server.ok(r#"{"command": "newrun"}"#);
        assert!(server.runs().len() <= 11, "{count}");
    }
    let runs = server.runs();
    assert_eq!(runs.len(), 11);
    assert!(
        runs.iter()
            .any(|(_, name, count, _)| name == "pet" && *count == 14)
    );
    let full = runs.iter().filter(|(_, _, count, _)| *count > 0).count();
    assert_eq!(full, 9, "{runs:?}");
    let files = fs::read_dir(home.path().join("runs")).expect("a folder").count();
    // With the lock and the state.
    assert_eq!(files, 13);
    server.ok(UNDO);
}

#[test]
fn a_log_has_a_limit() {
    let home = tempfile::tempdir().expect("a folder");
    let settings = DesignerSettings::default().with_run_bytes(4000);
    let mut handler = handler(&experiment(), home.path()).with_settings(&settings);
    let runs = RunFolder::open(&home.path().join("runs")).expect("nobody else has it");
    handler.keep_runs(Box::new(runs), false).expect("a folder");
    let mut server = lab(handler);
    let newdat = r#"{"command": "newdat", "x": [2.5], "y": 0.98, "s": 0.005}"#;
    let mut count = 0;
    while server.ask(newdat) == "\"OK\"" {
        count += 1;
    }
    assert!((5..100).contains(&count), "{count}");
    let known = server.posterior();
    let refused = server.ask(newdat);
    assert!(
        refused.contains(code::STORAGE) && refused.contains("limit run-bytes of 4000"),
        "{refused}"
    );
    assert_eq!(server.measurements(), count);
    assert!(server.posterior() == known);
    let length = fs::metadata(home.path().join("runs/run-1.log"))
        .expect("a log")
        .len();
    assert!(length <= 4000);
    server.ok(r#"{"command": "newrun"}"#);
    server.ok(newdat);
}

/// Store whose disk is full as soon as a file says so.
#[derive(Debug)]
struct Fragile {
    store: MemoryRuns,
    is_full: std::path::PathBuf,
}

impl Fragile {
    fn check(&self) -> Result<(), String> {
        match self.is_full.exists() {
            true => Err("No space left on device".into()),
            false => Ok(()),
        }
    }
}

impl RunStore for Fragile {
    fn time(&self) -> String {
        "2026-11-29T12:00:00Z".into()
    }

    fn numbers(&self) -> Vec<u64> {
        self.store.numbers()
    }

    fn create(&mut self, number: u64, line: &str) -> Result<(), String> {
        self.check()?;
        self.store.create(number, line)
    }

    fn append(&mut self, number: u64, line: &str) -> Result<(), String> {
        self.check()?;
        self.store.append(number, line)
    }

    fn read(&mut self, number: u64, take: &mut dyn FnMut(&str)) -> Result<(), String> {
        self.store.read(number, take)
    }

    fn remove(&mut self, number: u64) -> Result<(), String> {
        self.store.remove(number)
    }

    fn state(&mut self) -> Result<Option<String>, String> {
        self.store.state()
    }

    fn set_state(&mut self, text: &str) -> Result<(), String> {
        self.check()?;
        self.store.set_state(text)
    }
}

/// Nothing is acknowledged, and nothing has changed.
#[test]
fn what_cannot_be_stored_has_not_happened() {
    let home = tempfile::tempdir().expect("a folder");
    let is_full = home.path().join("full");
    let store = Fragile {
        store: MemoryRuns::default(),
        is_full: is_full.clone(),
    };
    let mut handler = handler(&experiment(), home.path());
    handler.keep_runs(Box::new(store), false).expect("space");
    let mut server = lab(handler);
    let mut twin = lab(self::handler(&experiment(), home.path()));
    for server in [&mut server as &mut dyn Asked, &mut twin] {
        assert_eq!(server.asked(NEW_RUN), "\"OK\"");
    }
    for _ in 0..3 {
        server.measure(2, 0.0);
        twin.measure(2, 0.0);
        server.ok(r#"{"command": "save", "name": "some"}"#);
        fs::write(&is_full, "").expect("a file");
        for command in [
            r#"{"command": "newdat", "x": [2.5], "y": 0.98, "s": 0.005}"#,
            UNDO,
            r#"{"command": "newrun"}"#,
            r#"{"command": "newrun", "run": "beside"}"#,
            r#"{"command": "load", "name": "some"}"#,
            r#"{"command": "resume", "run": 1}"#,
        ] {
            let refused = server.ask(command);
            assert!(
                refused.contains(code::STORAGE) && refused.contains("No space left"),
                "{refused}"
            );
        }
        assert!(server.knowledge() == twin.knowledge());
        fs::remove_file(&is_full).expect("a file");
    }
    assert_eq!(
        server.runs(),
        [(1, String::new(), 0, false), (2, String::new(), 6, true)]
    );
}
