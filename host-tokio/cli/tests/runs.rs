//! Runs of the experiment designer: what was acknowledged outlives a kill, and a server goes on with it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const OK: &str = "\"OK\"";

fn labwire(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_labwire"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Running `labwire serve` with its runs below a folder.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path, flags: &[&str]) -> Self {
        Self::start_by(labwire(&[]), folder, flags)
    }

    /// As [`Self::start`], on a disk on which no file can be longer than 16 KiB.
    fn start_with_little_space(folder: &Path) -> Self {
        let mut limited = Command::new("bash");
        // Otherwise the signal ends the program.
        let script = "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"";
        limited
            .args(["-c", script, env!("CARGO_BIN_EXE_labwire")])
            .stdin(Stdio::null());
        Self::start_by(limited, folder, &[])
    }

    fn start_by(mut labwire: Command, folder: &Path, flags: &[&str]) -> Self {
        let ready = folder.join("ready.json");
        let _ = fs::remove_file(&ready);
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .unwrap();
        let child = labwire
            .args(["serve", "--only", "obe", "--obe", "127.0.0.1:0", "--obe-dir"])
            .arg(folder)
            .arg("--ready-file")
            .arg(&ready)
            .args(flags)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self {
            child,
            address: String::new(),
        };
        while !ready.exists() {
            assert_eq!(server.child.try_wait().unwrap(), None, "it ended");
            thread::sleep(Duration::from_millis(2));
        }
        let servers: serde_json::Value = serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
        servers["obe"].as_str().unwrap().clone_into(&mut server.address);
        server
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    fn ask(&self, command: &str) -> String {
        tell(&mut self.connect(), command).unwrap()
    }

    /// Output of `labwire obe`.
    fn client(&self, arguments: &[&str]) -> String {
        let output = labwire(&["obe", "--address", &self.address])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn end(mut self) {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-s", "TERM", &id]).status().unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reply to a message; `None` if the connection ended before it was complete.
fn tell(stream: &mut TcpStream, command: &str) -> Option<String> {
    stream
        .write_all(format!("{:010}{command}", command.len()).as_bytes())
        .ok()?;
    let mut head = [0; 10];
    stream.read_exact(&mut head).ok()?;
    let length: usize = str::from_utf8(&head).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(String::from_utf8(body).unwrap())
}

fn newdat(number: usize) -> String {
    let y = 0.9 + 1e-6 * number as f64;
    format!(r#"{{"command": "newdat", "x": [2.5], "y": {y}, "s": 0.05}}"#)
}

/// Number of the measurements, which have to be the first ones that were sent.
fn measured(server: &Server) -> usize {
    let history: Vec<serde_json::Value> =
        serde_json::from_str(&server.ask(r#"{"command": "history"}"#)).unwrap();
    for (number, entry) in history.iter().enumerate() {
        let sent: serde_json::Value = serde_json::from_str(&newdat(number)).unwrap();
        assert_eq!(entry["y"][0], sent["y"], "measurement {number}");
    }
    history.len()
}

/// Kills a server that is measuring, at moments further and further from its first measurement, and starts it again.
fn kill(rounds: usize) {
    let home = tempfile::tempdir().unwrap();
    let mut server = Server::start(home.path(), &[]);
    server.ask(r#"{"command": "newrun", "seed": 7}"#);
    let mut there = 0;
    for round in 0..rounds {
        let mut stream = server.connect();
        let (acknowledge, first) = mpsc::channel();
        let client = thread::spawn(move || {
            let mut acknowledged = there;
            while tell(&mut stream, &newdat(acknowledged)).is_some_and(|reply| reply == OK) {
                acknowledged += 1;
                let _ = acknowledge.send(());
            }
            acknowledged
        });
        first.recv().expect("a measurement was acknowledged");
        thread::sleep(Duration::from_micros(1_700 * round as u64));
        server.kill();
        let acknowledged = client.join().unwrap();
        server = Server::start(home.path(), &[]);
        there = measured(&server);
        // One that was on its way may be there.
        assert!(
            there == acknowledged || there == acknowledged + 1,
            "round {round}: {there}, not {acknowledged}"
        );
    }
    assert!(there >= rounds, "{there}");
    // As a server that was never killed.
    let log = fs::read_to_string(home.path().join("log")).unwrap();
    assert!(log.contains("run 2 goes on after"), "{log}");
    let twin_home = tempfile::tempdir().unwrap();
    let twin = Server::start(twin_home.path(), &[]);
    twin.ask(r#"{"command": "newrun", "seed": 7}"#);
    let mut stream = twin.connect();
    for number in 0..there {
        assert_eq!(tell(&mut stream, &newdat(number)).unwrap(), OK);
    }
    for command in ["getpar", "getwgt", "optset", "goodset"] {
        let command = format!("{{\"command\": \"{command}\"}}");
        assert_eq!(server.ask(&command), twin.ask(&command));
    }
}

#[test]
fn kills_lose_no_measurement() {
    kill(4);
}

/// `.ci/run kills`
#[test]
#[ignore = "takes a minute"]
fn many_kills_lose_no_measurement() {
    kill(50);
}

#[test]
fn on_a_full_disk_nothing_is_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start_with_little_space(home.path());
    let mut acknowledged = 0;
    let refused = loop {
        match server.ask(&newdat(acknowledged)) {
            reply if reply == OK => acknowledged += 1,
            reply => break reply,
        }
    };
    assert!(
        refused.contains("storage") && refused.contains("run-1.log: File too large"),
        "{refused}"
    );
    assert!(acknowledged > 50, "{acknowledged}");
    // It is as if it had not been asked.
    assert_eq!(measured(&server), acknowledged);
    let next = r#"{"command": "optset"}"#;
    let suggested = server.ask(next);
    assert!(server.ask(&newdat(acknowledged)).contains("storage"));
    server.kill();
    let server = Server::start(home.path(), &[]);
    assert_eq!(measured(&server), acknowledged);
    assert_eq!(server.ask(next), suggested);
    assert_eq!(server.ask(&newdat(acknowledged)), OK);
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let home = tempfile::tempdir().unwrap();
    let _first = Server::start(home.path(), &[]);
    let second = labwire(&["serve", "--only", "obe", "--obe", "127.0.0.1:0", "--obe-dir"])
        .arg(home.path())
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(69), "{err}");
    assert!(
        err.contains("another server keeps its runs in this folder"),
        "{err}"
    );
    assert!(err.contains("--obe-dir"), "{err}");
}

/// In the user's own state directory, where nobody asked for it.
#[test]
fn without_a_folder_a_server_still_serves() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state");
    fs::write(&state, "not a folder").unwrap();
    let output = labwire(&["serve", "--only", "obe", "--obe", "127.0.0.1:0", "--ready-file"])
        .arg(home.path().join("ready.json"))
        .env("XDG_STATE_HOME", &state)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ready = home.path().join("ready.json");
    while !ready.exists() {
        thread::sleep(Duration::from_millis(2));
    }
    let servers: serde_json::Value = serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
    let server = Server {
        child: output,
        address: servers["obe"].as_str().unwrap().to_owned(),
    };
    assert_eq!(server.ask(&newdat(0)), OK);
    assert_eq!(server.client(&["newrun"]), OK);
    assert_eq!(server.client(&["undo"]), OK);
    assert_eq!(measured(&server), 1);
    let mut server = server;
    server.child.kill().unwrap();
    let mut err = String::new();
    server
        .child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert!(err.contains("runs are kept in memory only"), "{err}");
}

#[test]
fn runs_are_listed_undone_and_resumed() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), &[]);
    for number in 0..2 {
        assert_eq!(server.ask(&newdat(number)), OK);
    }
    let mean = server.client(&["getmean"]);
    assert_eq!(server.client(&["newrun", "steps=11"]), OK);
    assert_eq!(server.client(&["undo"]), OK);
    assert_eq!(server.client(&["getmean"]), mean);
    assert_eq!(server.client(&["--run", "cavity 7", "newrun"]), OK);
    assert_eq!(
        server.client(&[
            "newdat", "-x", "2.4", "-y", "0.99", "-s", "0.01", "--run", "cavity 7"
        ]),
        OK
    );
    assert_eq!(server.client(&["getmean"]), mean);
    server.kill();
    let server = Server::start(home.path(), &["--fresh"]);
    let list = |server: &Server| -> Vec<serde_json::Value> {
        serde_json::from_str(&server.client(&["runs"])).unwrap()
    };
    let runs = list(&server);
    let names: Vec<_> = runs
        .iter()
        .map(|run| (&run["name"], run["measurements"].as_u64()))
        .collect();
    let cavity = serde_json::Value::from("cavity 7");
    let none = serde_json::Value::Null;
    assert_eq!(names, [(&none, Some(2)), (&cavity, Some(1)), (&none, Some(0))]);
    assert!(runs[0]["begun"].as_str().unwrap().ends_with('Z'), "{runs:?}");
    assert_eq!(server.client(&["resume", "cavity 7"]), OK);
    assert!(server.client(&["history"]).contains("[0.99]"));
    assert_eq!(server.client(&["resume", "1"]), OK);
    assert_eq!(server.client(&["getmean"]), mean);
    assert!(
        list(&server)
            .iter()
            .any(|run| run["run"] == 1 && run["default"] == true)
    );
    server.end();
    // It was told to end: an ordinary start.
    let server = Server::start(home.path(), &[]);
    assert_eq!(measured(&server), 0);
    let failed = labwire(&["obe", "--address", &server.address, "--run", "x", "ready"])
        .output()
        .unwrap();
    assert_eq!(failed.status.code(), Some(64));
    let failed = labwire(&["obe", "--address", &server.address, "resume", "attic"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&failed.stderr).contains("there is no run \"attic\""));
}
