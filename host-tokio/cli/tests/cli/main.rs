//! Tests of the program from outside. They are here and not in `tests/`, because cargo gives the path of a program
//! only to its own package's tests.
#![allow(clippy::unwrap_used, reason = "tests")]

mod clients;
mod json;
mod program;
mod prompts;
mod serve;
#[cfg(unix)]
mod signals;
mod solve;
mod strangers;
mod usage;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

/// Valley so long and narrow that a solve takes minutes.
const ENDLESS: &str = r#"{
    "name": "endless",
    "variables": {"u": 2000},
    "parameters": {"p": 1},
    "cost": "sum(i in 0..1999, 1e12*(u[i+1] - u[i]^2)^2 + (1.2 - u[i])^2) + p[0]",
    "solver": {"tolerance": 1e-300, "max_inner_iterations": 4000000000}
}"#;
const SQUARE: &str =
    r#"{"name": "square", "variables": {"x": 1}, "parameters": {"p": 1}, "cost": "(x[0] - p[0])^2"}"#;

fn labwire(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_labwire"));
    command
        .args(arguments)
        .env_remove("RUST_LOG")
        // Not the configuration of who runs the tests.
        .env("LABWIRE_CONFIG", "")
        .env("NO_COLOR", "1");
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = labwire(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// File that lives as long as the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("labwire-cli-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Running `labwire serve`.
struct Server {
    child: Child,
    address: String,
    addresses: serde_json::Map<String, serde_json::Value>,
    _ready: File,
    state: tempfile::TempDir,
}

impl Server {
    fn start(name: &str, arguments: &[&str]) -> Self {
        Self::start_one("open", "open", name, arguments)
    }

    /// Server `service` of its `group`.
    fn start_one(group: &str, service: &str, name: &str, arguments: &[&str]) -> Self {
        let ready = File::new(&format!("{name}.ready"), "stale");
        let state = tempfile::tempdir().unwrap();
        let mut child = labwire(&["serve", "--only", group, "--ready-file", ready.path()])
            .args(arguments)
            .env("XDG_STATE_HOME", state.path())
            .stdout(Stdio::null())
            .stderr(fs::File::create(state.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let addresses = loop {
            assert_eq!(child.try_wait().unwrap(), None, "it ended before it was ready");
            let text = fs::read_to_string(&ready.0).unwrap_or_default();
            if let Ok(serde_json::Value::Object(servers)) = serde_json::from_str(&text) {
                break servers;
            }
            thread::sleep(Duration::from_millis(10));
        };
        let address = addresses[service].as_str().unwrap();
        Self {
            child,
            address: address.replace("0.0.0.0", "127.0.0.1"),
            addresses,
            _ready: ready,
            state,
        }
    }

    fn connect(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        stream
    }

    fn ask(&self, request: &str) -> String {
        read(self.connect(request))
    }

    /// Lines of the log so far.
    fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.state.path().join("log")).unwrap();
        log.lines().map(str::to_owned).collect()
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The test failed; otherwise it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
