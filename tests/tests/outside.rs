//! Files and programs that an experiment names: those of the operator, and nobody else's.

use std::fmt::Display;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use labwire_core::design::{DesignLimits, Designer, Experiment, Simulator};
use labwire_host::OperatorFolder;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Command of the program that does what `manner` says.
fn program(manner: &str) -> Value {
    json!([env!("CARGO_BIN_EXE_model_program"), manner])
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

fn read(folder: &TempDir, model: impl Display) -> Result<Experiment, String> {
    let text = format!(
        r#"{{"settings": {{"t": {{"linspace": [0, 5, 21]}}}}, "parameters": {{"k": {{"uniform": [0.1, 2]}}}},
            "model": {model}, "noise": 0.1, "options": {{"particles": 1000}}}}"#
    );
    let outside = OperatorFolder::of(&folder.path().join("experiment.json"));
    Experiment::from_operator(&text, &[], &DesignLimits::default(), &outside)
        .map_err(|error| error.to_string())
}

/// The same measurements lead to the same posterior as with the expression, to rounding.
#[test]
fn a_program_is_a_model() {
    let folder = folder();
    let programmed = read(&folder, json!({"command": program("decays")})).expect("a file");
    let expressed = read(&folder, r#""exp(-k*t)""#).expect("a file");
    let mut instrument = Simulator::new(programmed.clone(), Some(vec![0.7]), None, 1).expect("a truth");
    let mut designers = [programmed, expressed].map(|it| Designer::new(it, 1).expect("an experiment"));
    for _ in 0..10 {
        let [setting, same] = designers.each_mut().map(Designer::suggest);
        assert_eq!(setting, same);
        let values = instrument.measure(&setting);
        for designer in &mut designers {
            designer.update(&setting, &values, None).expect("a measurement");
        }
    }
    let [found, expected] = designers.each_ref().map(|designer| designer.mean()[0]);
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    assert!((found - 0.7).abs() < 0.3);
}

/// Two channels, with a value that cannot be computed.
#[test]
fn a_program_answers_for_every_channel() {
    let experiment = json!({"command": program("doubles"), "channels": 2});
    let folder = folder();
    let experiment = read(&folder, experiment).expect("a file");
    let mut instrument = Simulator::new(experiment, Some(vec![1.0]), None, 1).expect("a truth");
    assert_eq!(instrument.exact(&[1.5]), [1.5, 3.0]);
    assert!(instrument.exact(&[4.0])[1].is_nan());
}

#[test]
fn a_program_that_fails_says_why() {
    let of = |manner| json!({"command": program(manner)});
    for (model, message) in [
        (of("ends"), "ends: it ended before it"),
        (
            json!({"command": "./no-such-program"}),
            "./no-such-program: it cannot be started",
        ),
        (of("is-short"), "its answer must be a list of 512 numbers"),
        (of("speaks-first"), "its answer is not JSON"),
        (
            json!({"command": program("is-silent"), "time_limit": 0.2}),
            "no answer within 200ms (`time_limit`)",
        ),
        (of("never-ends-a-line"), "its answer is longer than"),
    ] {
        let folder = folder();
        let experiment = read(&folder, &model).expect("a file");
        let mut designer = Designer::new(experiment, 1).expect("an experiment");
        let refused = designer.update(&[1.0], &[0.5], None).unwrap_err().to_string();
        assert!(
            refused.starts_with("the model fails: ") && refused.contains(message),
            "{refused}"
        );
        assert!(designer.history().is_empty());
    }
}

/// The program ends with the last clone of its experiment, and so does what it has started.
#[test]
fn a_program_ends_with_its_experiment() {
    ends_with_its_experiment("tells-its-process");
    #[cfg(unix)]
    ends_with_its_experiment("starts-another");
}

fn ends_with_its_experiment(manner: &str) {
    let folder = folder();
    let experiment = read(&folder, json!({"command": program(manner)})).expect("a file");
    let mut instrument = Simulator::new(experiment, Some(vec![1.0]), None, 1).expect("a truth");
    assert_eq!(instrument.exact(&[1.5]), [0.5]);
    let pid = fs::read_to_string(folder.path().join("pid")).expect("a number");
    // Linux only: elsewhere nothing is found, and nothing shown.
    let is_running = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.contains(')') && !stat.contains(") Z ")
    };
    assert!(is_running() || !Path::new("/proc/self").exists());
    drop(instrument);
    let begun = Instant::now();
    while is_running() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it still runs");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn files_beside_an_experiment_are_read() {
    let folder = folder();
    fs::write(folder.path().join("vi.csv"), "v,i\n1,2\n3,4\n").expect("a file");
    let read = |settings: &str| {
        let text = format!(
            r#"{{"settings": {settings}, "parameters": {{"r": {{"uniform": [0, 1]}}}}, "model": "r*v*i", "noise": 0.5}}"#
        );
        let outside = OperatorFolder::of(&folder.path().join("experiment.json"));
        Experiment::from_operator(&text, &[], &DesignLimits::default(), &outside)
            .map_err(|error| error.to_string())
    };
    let grid = read(r#"{"v,i": {"csv": "vi.csv"}}"#).expect("a file").grid;
    assert_eq!([grid.setting(0), grid.setting(1)], [[1.0, 2.0], [3.0, 4.0]]);
    let missing = read(r#"{"v,j": {"csv": "vi.csv"}}"#).unwrap_err();
    assert!(missing.contains("there is no column `j`"), "{missing}");
    let missing = read(r#"{"v,i": {"csv": "no.csv"}}"#).unwrap_err();
    assert!(
        missing.contains("cannot read") && missing.contains("no.csv"),
        "{missing}"
    );
}
