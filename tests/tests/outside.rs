//! Files and programs that an experiment names: those of the operator, and nobody else's.

use std::fs;

use labwire_core::design::{DesignLimits, Designer, Experiment, Simulator};
use labwire_host::OperatorFolder;
use tempfile::TempDir;

/// Decay with the rate `k`, one line at a time.
const DECAY: &str = r#"
import json, math, sys
for line in sys.stdin:
    points = json.loads(line)
    print(json.dumps([math.exp(-k*t) for t, k in zip(points["t"], points["k"])]), flush=True)
"#;

fn folder(program: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("model.py"), program).expect("a file");
    folder
}

fn read(folder: &TempDir, model: &str) -> Result<Experiment, String> {
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
    let folder = folder(DECAY);
    let programmed = read(&folder, r#"{"command": "python3 model.py"}"#).expect("a file");
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
    let folder = folder(
        "import json, sys\nfor line in sys.stdin:\n    t = json.loads(line)['t']\n    \
         print(json.dumps([t, [None if x > 3 else 2*x for x in t]]), flush=True)\n",
    );
    let experiment = read(&folder, r#"{"command": ["python3", "model.py"], "channels": 2}"#).expect("a file");
    let mut instrument = Simulator::new(experiment, Some(vec![1.0]), None, 1).expect("a truth");
    assert_eq!(instrument.exact(&[1.5]), [1.5, 3.0]);
    assert!(instrument.exact(&[4.0])[1].is_nan());
}

#[test]
fn a_program_that_fails_says_why() {
    let short = "import json, sys\nfor line in sys.stdin:\n    print('[1.0]', flush=True)\n";
    let silent = "import sys, time\nfor line in sys.stdin:\n    time.sleep(60)\n";
    let chatty = "import sys\nwhile True:\n    sys.stdout.write('1' * 65536)\n";
    for (program, model, message) in [
        (
            "exit(3)",
            r#"{"command": "python3 model.py"}"#,
            "python3 model.py: it ended before it",
        ),
        (
            "",
            r#"{"command": "./no-such-program"}"#,
            "./no-such-program: it cannot be started",
        ),
        (
            short,
            r#"{"command": "python3 model.py"}"#,
            "its answer must be a list of 512 numbers",
        ),
        (
            "print('hello', flush=True)\ninput()",
            r#"{"command": "python3 model.py"}"#,
            "its answer is not JSON",
        ),
        (
            silent,
            r#"{"command": "python3 model.py", "time_limit": 0.2}"#,
            "no answer within 200ms (`time_limit`)",
        ),
        (
            chatty,
            r#"{"command": "python3 model.py"}"#,
            "its answer is longer than",
        ),
    ] {
        let folder = folder(program);
        let mut designer = Designer::new(read(&folder, model).expect("a file"), 1).expect("an experiment");
        let refused = designer.update(&[1.0], &[0.5], None).unwrap_err().to_string();
        assert!(
            refused.starts_with("the model fails: ") && refused.contains(message),
            "{refused}"
        );
        assert!(designer.history().is_empty());
    }
}

/// The program ends with the last clone of its experiment: it writes a file then.
#[test]
fn a_program_ends_with_its_experiment() {
    let folder = folder(
        "import os, sys\nopen('pid', 'w').write(str(os.getpid()))\nfor line in sys.stdin:\n    print('[0.5]', flush=True)\n",
    );
    let experiment = read(&folder, r#"{"command": "python3 model.py"}"#).expect("a file");
    let mut instrument = Simulator::new(experiment, Some(vec![1.0]), None, 1).expect("a truth");
    assert_eq!(instrument.exact(&[1.5]), [0.5]);
    let pid = fs::read_to_string(folder.path().join("pid")).expect("a number");
    let process = std::path::Path::new("/proc").join(pid);
    assert!(process.exists() || !std::path::Path::new("/proc/self").exists());
    drop(instrument);
    assert!(!process.exists());
}

#[test]
fn files_beside_an_experiment_are_read() {
    let folder = folder("");
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
