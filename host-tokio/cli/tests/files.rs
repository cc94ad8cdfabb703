//! Files that cannot be written, files that have data already, and outputs that take nothing.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PROBLEM: &str = r#"{"variables": {"x": 1}, "parameters": {}, "cost": "(x[0] - 1)^2"}"#;

/// Status, standard output and standard error of the program in a folder, with nothing to read.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    finish(
        Command::new(env!("CARGO_BIN_EXE_labwire")).args(arguments),
        folder,
    )
}

/// The same of a shell command, in which `$0` is the program.
fn shell(folder: &Path, script: &str) -> (Option<i32>, String, String) {
    finish(
        Command::new("bash").args(["-c", script, env!("CARGO_BIN_EXE_labwire")]),
        folder,
    )
}

fn finish(command: &mut Command, folder: &Path) -> (Option<i32>, String, String) {
    let output = command.current_dir(folder).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("problem.json"), PROBLEM).unwrap();
    folder
}

/// Emulated power supply, which ends with the test.
struct Device(Child, String);

impl Device {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_labwire"))
            .args(["device", "emulate", "--address", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.as_mut().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line.split_whitespace().last().unwrap().to_owned();
        Self(child, address)
    }

    /// `labwire device watch` for one voltage and a few polls.
    fn watch(&self, folder: &Path, polls: u32, flags: &[&str]) -> (Option<i32>, String, String) {
        let polls = polls.to_string();
        let watch = ["device", "watch", "--address", &self.1, "--every", "0", "--count"];
        run(folder, &[&watch, &[&polls, "VOLT?"][..], flags].concat())
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_with_its_name() {
    let folder = folder();
    let device = Device::start();
    let simulate = ["experiment", "line", "--particles", "50", "simulate", "-m", "2"];
    let watch = ["device", "watch", "--address", &device.1, "--count", "1", "VOLT?"];
    let solve = ["solve", "problem.json"];
    let serve = ["serve", "--only", "open", "--open", "127.0.0.1:0"];
    fs::write(folder.path().join("data.csv"), "x,y\n0.5,1\n").unwrap();
    let replay = ["experiment", "line", "--particles", "50", "replay", "data.csv"];
    for (path, reason) in [
        ("/dev/full", "No space left on device"),
        ("nowhere/a", "No such file or directory"),
        ("problem.json/a", "Not a directory"),
        ("/proc/a", ""),
    ] {
        for (command, flag) in [
            (&simulate[..], "--csv"),
            (&simulate, "--averages"),
            (&simulate, "--svg"),
            (&replay, "--posterior"),
            (&replay, "--svg"),
            (&replay, "--averages"),
            (&watch, "--csv"),
            (&solve, "--plot"),
            (&serve, "--ready-file"),
        ] {
            let (code, _, err) = run(folder.path(), &[command, &[flag, path]].concat());
            let message = format!("cannot write {path}: ");
            assert!(
                code == Some(73) && err.contains(&message) && err.contains(reason),
                "{command:?} {flag} {path}: {code:?} {err}"
            );
        }
    }
}

#[test]
fn a_measurement_that_cannot_be_kept_is_not_acknowledged() {
    let folder = folder();
    let by_hand = "echo 0.5 | $0 experiment line --particles 50 by-hand --posterior /dev/full";
    let (code, out, err) = shell(folder.path(), by_hand);
    assert_eq!(code, Some(73), "{err}");
    assert!(err.contains("cannot write /dev/full"), "{err}");
    assert!(
        out.contains("measurement 1:") && !out.contains("measurement 2:"),
        "{out}"
    );
}

#[test]
fn a_disk_that_is_full_leaves_whole_rows() {
    let folder = folder();
    let device = Device::start();
    // The limit takes the place of a full disk.
    let watch = "ulimit -f 1; exec $0 device watch --every 0 --csv w.csv 'VOLT?' --address ";
    let (code, _, err) = shell(folder.path(), &format!("{watch}{}", device.1));
    assert!(
        code == Some(73) && err.contains("cannot write w.csv"),
        "{code:?} {err}"
    );
    let text = fs::read_to_string(folder.path().join("w.csv")).unwrap();
    assert!(text.ends_with("\n") && text.len() > 900, "{text}");
    let rows = text.lines().map(|row| row.split(',').count());
    assert!(rows.into_iter().all(|fields| fields == 4), "{text}");
}

#[test]
fn an_output_that_takes_nothing_is_an_error_and_one_that_nobody_reads_is_none() {
    let folder = folder();
    for command in ["config", "solve problem.json", "check problem.json", "--help"] {
        let (code, _, err) = shell(folder.path(), &format!("$0 {command} > /dev/full"));
        assert_eq!(code, Some(74), "{command}: {err}");
        assert!(
            err.contains("cannot write standard output: No space left"),
            "{err}"
        );
        let (_, _, err) = shell(folder.path(), &format!("$0 {command} | head -n 1 > /dev/null"));
        assert_eq!(err, "", "{command}");
        let (code, ..) = shell(folder.path(), &format!("$0 {command} >&- 2>&-"));
        assert_ne!(code, Some(101), "{command}");
    }
    let (code, ..) = shell(folder.path(), "$0 check nowhere.json 2> /dev/full");
    assert_eq!(code, Some(66), "the status tells it where nothing else can");
}

#[test]
fn a_table_grows_and_is_replaced_only_when_asked() {
    let folder = folder();
    let device = Device::start();
    let csv = folder.path().join("w.csv");
    let rows = || fs::read_to_string(&csv).unwrap().lines().count();
    for expected in [3, 5] {
        let (code, _, err) = device.watch(folder.path(), 2, &["--csv", "w.csv"]);
        assert_eq!((code, rows()), (Some(0), expected), "{err}");
    }
    // As a process leaves it that was killed while it wrote.
    let whole = fs::read_to_string(&csv).unwrap();
    fs::write(&csv, format!("{whole}2026-11-28T2")).unwrap();
    let (code, _, err) = device.watch(folder.path(), 1, &["--csv", "w.csv"]);
    assert_eq!((code, rows()), (Some(0), 6));
    assert!(
        err.contains("w.csv: the last row was incomplete and has been removed: 2026-11-28T2\n"),
        "{err}"
    );
    let (code, _, err) = device.watch(folder.path(), 1, &["*IDN?", "--csv", "w.csv"]);
    assert_eq!((code, rows()), (Some(73), 6));
    assert!(
        err.contains("w.csv has other columns") && err.contains("--force"),
        "{err}"
    );
    let (code, ..) = device.watch(folder.path(), 1, &["*IDN?", "--csv", "w.csv", "--force"]);
    assert_eq!((code, rows()), (Some(0), 2));
}

#[test]
fn data_are_replaced_only_when_asked_and_pictures_always() {
    let folder = folder();
    let simulate = |flags: &[&str]| {
        let simulate = ["experiment", "line", "--particles", "50", "simulate", "-m", "2"];
        run(folder.path(), &[&simulate, flags].concat())
    };
    for flag in ["--csv", "--averages"] {
        assert_eq!(simulate(&[flag, "a.csv", "--force"]).0, Some(0));
        let before = fs::read(folder.path().join("a.csv")).unwrap();
        let (code, _, err) = simulate(&[flag, "a.csv"]);
        assert!(
            code == Some(73) && err.contains("a.csv has data already") && err.contains("hint: --force"),
            "{err}"
        );
        assert_eq!(fs::read(folder.path().join("a.csv")).unwrap(), before);
    }
    for _ in 0..2 {
        assert_eq!(simulate(&["--svg", "a.svg"]).0, Some(0));
        assert_eq!(
            run(folder.path(), &["solve", "problem.json", "--plot", "a.svg"]).0,
            Some(0)
        );
    }
}

#[test]
fn a_dash_is_standard_input_or_output() {
    let folder = folder();
    let simulate = [
        "experiment",
        "line",
        "--particles",
        "50",
        "--seed",
        "1",
        "simulate",
        "-m",
        "3",
    ];
    let (code, csv, err) = run(folder.path(), &[&simulate[..], &["--csv", "-"]].concat());
    assert!(
        code == Some(0) && csv.starts_with("x,y") && csv.lines().count() == 4,
        "{csv}"
    );
    assert!(
        err.contains("after 3 measurements"),
        "the rest goes elsewhere: {err}"
    );
    let replay = "$0 experiment line --particles 50 --seed 1 simulate -m 3 --csv - 2> /dev/null | \
        $0 experiment line --particles 50 replay -";
    let (code, out, err) = shell(folder.path(), replay);
    assert!(code == Some(0) && out.contains("3 measurements"), "{out}{err}");
    let (_, out, err) = run(folder.path(), &["solve", "problem.json", "--plot", "-"]);
    assert!(
        out.starts_with("<svg") && out.trim_end().ends_with("</svg>"),
        "{out}"
    );
    assert!(err.contains("converged"), "{err}");
    let (code, ..) = run(
        folder.path(),
        &["experiment", "line", "by-hand", "--posterior", "-"],
    );
    assert_eq!(code, Some(64));
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

/// Imports and posteriors for which there is no room are refused, and leave nothing; others go on.
#[test]
fn what_clients_have_written_is_there_or_refused() {
    let folder = folder();
    for (name, bytes) in [("big.jpg", 40_000), ("small.jpg", 400)] {
        fs::write(folder.path().join(name), vec![b'x'; bytes]).unwrap();
    }
    // As on a disk that is full.
    let serve = "trap '' XFSZ; ulimit -f 16; exec $0 serve --only zeiss,obe --zeiss 127.0.0.1:0 \
        --zeiss-ws 127.0.0.1:0 --zeiss-dir z --obe 127.0.0.1:0 --obe-dir o --ready-file ready.json 2> log";
    let mut server = Command::new("bash")
        .args(["-c", serve, env!("CARGO_BIN_EXE_labwire")])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let addresses = loop {
        let text = fs::read_to_string(folder.path().join("ready.json")).unwrap_or_default();
        if let Ok(serde_json::Value::Object(addresses)) = serde_json::from_str(&text) {
            break addresses;
        }
        assert_eq!(server.try_wait().unwrap(), None, "it ended");
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    let client = |name: &str, arguments: &[&str]| {
        let address = ["--address", addresses[name].as_str().unwrap()];
        run(folder.path(), &[&[name][..], &address, arguments].concat())
    };
    let big = client("zeiss", &["image", "big.jpg"]);
    let small = client("zeiss", &["image", "small.jpg"]);
    let saved = client("obe", &["save", "p"]);
    let measured = client("obe", &["newdat", "-x", "2.5", "-y", "0.9", "-s", "0.1"]);
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(
        big.0 != Some(0) && big.2.contains("could not be imported"),
        "{}",
        big.2
    );
    assert_eq!(
        (small.0, measured.0),
        (Some(0), Some(0)),
        "{}{}",
        small.2,
        measured.2
    );
    assert!(
        saved.0 == Some(65) && saved.2.contains("o/p.json: File too large"),
        "{}",
        saved.2
    );
    let names = |path: &str| -> Vec<_> {
        let entries = fs::read_dir(folder.path().join(path)).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(names("z/measurement_series/Default"), ["small.jpg"]);
    assert!(names("z/.labwire/incoming").is_empty() && names("o/.labwire/incoming").is_empty());
    let project = fs::read_to_string(folder.path().join("z/project.json")).unwrap();
    assert!(
        project.contains("small.jpg") && !project.contains("big.jpg"),
        "{project}"
    );
    assert!(!folder.path().join("o/p.json").exists());
}
