//! `labwire example`: every file runs by the command that is listed with it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

fn labwire(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_labwire"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("XDG_STATE_HOME", folder)
        .env_remove("RUST_LOG");
    command
}

/// Standard output of a command that succeeds.
fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = labwire(folder, arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Names and commands of the list, with their files written to the folder.
fn examples(folder: &Path) -> Vec<(String, Vec<String>)> {
    let list = run(folder, &["example", "--list"]);
    let lines: Vec<&str> = list.lines().take_while(|line| !line.is_empty()).collect();
    let examples = lines.chunks(2).map(|lines| {
        let name = lines[0].split_whitespace().next().unwrap();
        fs::write(folder.join(name), run(folder, &["example", name])).unwrap();
        let words = lines[1].split_whitespace().skip(1);
        (
            name.to_owned(),
            words.map(|word| word.trim_matches('\'').to_owned()).collect(),
        )
    });
    examples.collect()
}

#[test]
fn every_example_runs_by_its_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let examples = examples(folder);
    assert!(examples.len() >= 8);
    for (name, command) in &examples {
        let mut command: Vec<&str> = command.iter().map(String::as_str).collect();
        match command[0] {
            "serve" => serve(folder, &command),
            "device" => query(folder, &command),
            "experiment" => {
                command.splice(2..2, ["--seed", "1", "--particles", "2000"]);
                assert!(run(folder, &command).contains("after 50 measurements"), "{name}");
            }
            _ => assert!(run(folder, &command).starts_with("converged: "), "{name}"),
        }
    }
}

/// Serves at free ports, until all listen.
fn serve(folder: &Path, command: &[&str]) {
    let ready = folder.join("ready.json");
    let ready_file = ready.display().to_string();
    let ports = [
        "--open",
        "127.0.0.1:0",
        "--obe",
        "127.0.0.1:0",
        "--web",
        "none",
        "--ready-file",
        &ready_file,
    ];
    let mut server = labwire(folder, &[command, &ports].concat())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !ready.exists() {
        assert!(server.try_wait().unwrap().is_none(), "the server ended");
        thread::sleep(Duration::from_millis(20));
    }
    let listening: serde_json::Value = serde_json::from_str(&fs::read_to_string(&ready).unwrap()).unwrap();
    let names: Vec<&String> = listening.as_object().unwrap().keys().collect();
    assert_eq!(names, ["obe", "open"]);
    server.kill().unwrap();
    server.wait().unwrap();
}

/// Asks an emulated device at a free port.
fn query(folder: &Path, command: &[&str]) {
    let emulate = [
        "device",
        "emulate",
        "--preset",
        "scpi",
        "--address",
        "127.0.0.1:0",
    ];
    let mut device = labwire(folder, &emulate).stdout(Stdio::piped()).spawn().unwrap();
    let line = BufReader::new(device.stdout.take().unwrap())
        .lines()
        .next()
        .unwrap()
        .unwrap();
    let address = line.rsplit(' ').next().unwrap();
    let place = command.iter().position(|word| *word == "--address").unwrap() + 1;
    let (before, after) = command.split_at(place);
    let command = [before, &[address], &after[1..]].concat();
    assert_eq!(run(folder, &command), "labwire,PS-60-10,0,1.0\n");
    device.kill().unwrap();
    device.wait().unwrap();
}

#[test]
fn an_unknown_example_gets_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let output = labwire(folder.path(), &["example", "swinng"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean `swing.json`?"));
    assert!(run(folder.path(), &["example"]).contains("swing.json"));
    assert_eq!(
        run(folder.path(), &["example", "swing"]),
        run(folder.path(), &["example", "swing.json"])
    );
}
