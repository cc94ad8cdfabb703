//! Tests of the program from outside. They are here and not in `tests/`, because cargo gives the path of a program
//! only to its own package's tests.
#![allow(clippy::unwrap_used, reason = "tests")]

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
    _state: tempfile::TempDir,
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
            .stderr(Stdio::null())
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
            _state: state,
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

#[test]
fn serves_several_problems_until_it_is_killed() {
    let (square, endless) = (
        File::new("square.json", SQUARE),
        File::new("endless.json", ENDLESS),
    );
    let server = Server::start(
        "several",
        &[
            "--open",
            "127.0.0.1:0",
            "--problem",
            square.path(),
            "--problem",
            endless.path(),
        ],
    );
    let address = server.address.clone();
    let (code, out, _) = run(&["open", "--address", &address, "ping", "--", "-3"]);
    assert!(code == Some(0) && out.contains("answers -3"), "{out}");
    let (code, out, _) = run(&["open", "--address", &address, "run", "-p", "2.5", "--json"]);
    let reply: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, reply["exit_status"].as_str()),
        (Some(0), Some("Converged"))
    );
    assert!((reply["solution"][0].as_f64().unwrap() - 2.5).abs() < 1e-4);
    let (code, _, err) = run(&[
        "open",
        "--address",
        &address,
        "run",
        "-p",
        "2.5",
        "--problem",
        "circle",
    ]);
    assert!(code == Some(65) && err.contains("`square`, `endless`"), "{err}");
    let (code, ..) = run(&["open", "--address", &address, "kill"]);
    assert_eq!((code, server.wait()), (Some(0), Some(0)));
    let (code, _, err) = run(&["open", "--address", &address, "ping"]);
    assert!(code == Some(69) && err.contains("hint: start a server"), "{err}");
}

#[test]
fn kill_is_refused_when_other_machines_can_connect() {
    let server = Server::start("exposed", &["--open", "0.0.0.0:0"]);
    assert!(server.ask("{\"Kill\": 1}").contains("\"code\": 2100"));
    assert!(
        server
            .ask("{\"Run\": {\"parameter\": [1, 10]}}")
            .contains("Converged")
    );
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_signal_drains_and_a_second_one_does_not() {
    let endless = File::new("drained.json", ENDLESS);
    let config = File::new("drained.toml", "open.solve-time = 0.5");
    let arguments = [
        "--open",
        "127.0.0.1:0",
        "--problem",
        endless.path(),
        "--config",
        config.path(),
    ];
    let server = Server::start("drained", &arguments);
    let kept = server.connect("{\"KeepAlive\": true} {\"Ping\": 1} {\"Run\": {\"parameter\": [1]}}");
    let mut first = [0; 11];
    { &kept }.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"{\"Pong\":1}\n");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(read(kept).contains("NotConvergedOutOfTime"));

    let server = Server::start("twice", &["--open", "127.0.0.1:0", "--problem", endless.path()]);
    let kept = server.connect("{\"KeepAlive\": true} {\"Ping\": 1} {\"Run\": {\"parameter\": [1]}}");
    { &kept }.read_exact(&mut first).unwrap();
    server.signal("INT");
    // Signals of one kind that are sent together may arrive as one.
    while TcpStream::connect(&server.address).is_ok() {
        thread::yield_now();
    }
    server.signal("TERM");
    assert_eq!(server.wait(), Some(130));
}

#[test]
fn an_end_that_is_no_success_is_explained() {
    let explanation = |text: &str, arguments: &[&str]| {
        let file = File::new("explained.json", text);
        let arguments = [&["solve", file.path()], arguments].concat();
        let (code, out, err) = run(&arguments);
        assert_ne!(code, Some(0), "{out}{err}");
        err
    };
    let too_far = r#"{"ocp": {"horizon": 3, "states": ["x"], "inputs": ["u"], "initial_state": [0],
        "dynamics": {"next": ["x + u"]}, "stage_cost": "u^2", "input_bounds": {"min": -1, "max": 1},
        "path_constraints": [{"expression": "x", "set": {"box": {"min": 2}}, "from": 1}]}}"#;
    let err = explanation(too_far, &[]);
    assert!(err.contains("(path constraint 0 at stage 1) is 1.0000"), "{err}");
    assert!(err.contains("allowed is 2.0000"), "{err}");
    let err = explanation(
        r#"{"variables": {"x": 2}, "cost": "x[0]^2 - x[1]^3", "initial_guess": 1}"#,
        &[],
    );
    assert!(
        err.contains("x[1] is at") && err.contains("may need bounds"),
        "{err}"
    );
    let err = explanation(
        r#"{"variables": {"x": 2}, "cost": "x[0]^2 + sqrt(x[1] - 1)"}"#,
        &[],
    );
    assert!(err.contains("at the initial guess the cost is NaN"), "{err}");
    assert!(
        err.contains("the derivative with respect to x[1] is NaN"),
        "{err}"
    );
    let limited = r#"{"variables": {"x": 2}, "cost": "(1 - x[0])^4 + 100*(x[1] - x[0]^2)^2", "initial_guess": [-3, 2],
        "solver": {"max_inner_iterations": 2}}"#;
    let err = explanation(limited, &[]);
    assert!(err.contains("the limits are 2 inner iterations"), "{err}");
    assert!(err.contains("the Lagrangian is steepest along x["), "{err}");
}

#[test]
fn solves_a_file_and_its_status_says_whether_it_converged() {
    let (square, endless) = (
        File::new("solved.json", SQUARE),
        File::new("unsolved.json", ENDLESS),
    );
    let (code, out, err) = run(&["solve", square.path(), "-p", "-1.5", "--initial-guess", "-7"]);
    assert!(
        code == Some(0) && out.starts_with("converged: ") && err.is_empty(),
        "{out}{err}"
    );
    let (code, out, _) = run(&[
        "solve",
        endless.path(),
        "-p",
        "1",
        "--solve-time",
        "0.2",
        "--json",
    ]);
    assert!(code == Some(1) && out.contains("NotConvergedOutOfTime"), "{out}");
    let picture = std::env::temp_dir().join(format!("labwire-solve-{}.svg", std::process::id()));
    let (code, ..) = run(&[
        "solve",
        square.path(),
        "-p",
        "2",
        "--plot",
        picture.to_str().unwrap(),
    ]);
    let svg = std::fs::read_to_string(&picture).unwrap();
    assert!(
        code == Some(0) && svg.starts_with("<svg") && svg.matches("<polyline").count() > 1,
        "{svg}"
    );
    std::fs::remove_file(&picture).unwrap();
    let (code, _, err) = run(&["solve", square.path(), "-p", "2", "--plot", "/nowhere/x.svg"]);
    assert!(
        code == Some(73) && err.contains("cannot write /nowhere/x.svg"),
        "{err}"
    );
    let (code, _, err) = run(&["solve", square.path()]);
    assert!(
        code == Some(65) && err.contains("hint: the problem's parameters are p[1]"),
        "{err}"
    );
    let (code, out, err) = run(&["solve", square.path(), "-p", "2", "--verbose"]);
    assert!(
        code == Some(0) && out.starts_with("converged: ") && err.starts_with("outer  iter  objective"),
        "{out}{err}"
    );
    let (code, ..) = run(&["solve", "/nowhere.json"]);
    assert_eq!(code, Some(66));

    let mut child = labwire(&["solve", "-", "-p", "3"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(SQUARE.as_bytes()).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
}

#[test]
fn checks_a_file() {
    let good = File::new("good.json", SQUARE);
    let (code, out, _) = run(&["check", good.path()]);
    assert!(
        code == Some(0) && out.contains("x[1]") && out.contains("p[1]"),
        "{out}"
    );
    let bad = File::new("bad.json", &SQUARE.replace("x[0] -", "y[0] -"));
    let (code, out, _) = run(&["check", good.path(), "--at", "-1", "-p", "3"]);
    assert!(code == Some(0) && out.contains("  cost         16.0\n"), "{out}");
    assert!(out.contains("  gradient     [-8.0]\n"), "{out}");
    let (code, _, err) = run(&["check", good.path(), "--at", "1,2", "-p", "3"]);
    assert!(
        code == Some(64) && err.contains("--at has 2 numbers, the problem needs 1"),
        "{err}"
    );
    let (code, out, err) = run(&["check", bad.path()]);
    assert!(
        code == Some(65) && out.is_empty() && err.contains("  | ") && err.contains('^'),
        "{err}"
    );
}

#[test]
fn misuse_gets_the_status_of_sysexits_and_a_hint() {
    let config = File::new("wrong.toml", "[open]\nadress = \"none\"");
    let broken = File::new("broken.json", "{");
    for (arguments, status, hint) in [
        (&["solve"][..], 64, "required arguments"),
        (&["frobnicate"], 64, "unrecognized"),
        (&["serve", "--only", "opn"], 64, "did you mean `open`?"),
        (
            &["serve", "--only", "open", "--open", "none"],
            69,
            "no server listens",
        ),
        (&["serve", "--open", "nonsense"], 69, "host:port"),
        (
            &["serve", "--config", config.path()],
            78,
            "did you mean `address`?",
        ),
        (&["serve", "--config", "/nowhere.toml"], 66, "cannot read"),
        (&["serve", "--log-format", "xml"], 78, "xml"),
        (
            &["serve", "--open", "127.0.0.1:0", "--problem", broken.path()],
            65,
            "line 1",
        ),
    ] {
        let (code, _, err) = run(arguments);
        assert!(
            code == Some(status) && err.contains(hint),
            "{arguments:?}: {code:?} {err}"
        );
    }
    assert_eq!(run(&["--version"]).0, Some(0));
    assert_eq!(run(&["serve", "--help"]).0, Some(0));
}

#[test]
fn the_printed_configuration_configures() {
    let (code, text, _) = run(&["config"]);
    assert_eq!(code, Some(0));
    let config = File::new("printed.toml", &text);
    let server = Server::start("printed", &["--config", config.path(), "--open", "127.0.0.1:0"]);
    assert_eq!(server.ask("{\"Ping\": 1}"), "{\n\t\"Pong\" : 1\n}\n");
}

#[test]
fn obe_commands_are_answered_until_done() {
    let server = Server::start_one("obe", "obe", "obe", &["--obe", "127.0.0.1:0"]);
    let address = server.address.clone();
    let obe = |arguments: &[&str]| run(&[&["obe", "--address", &address], arguments].concat());
    assert_eq!(obe(&["ready"]), (Some(0), "\"OK\"\n".to_owned(), String::new()));
    assert_eq!(obe(&["newrun", "lolim=2.5", "note=µm"]).0, Some(0));
    assert_eq!(
        obe(&["raw", "{\"command\": \"are you ready?\", \"x\": NaN}"]).0,
        Some(0)
    );
    let (code, out, err) = obe(&["newdat", "-x", "-2.45,1", "-y", "-1e-3", "-s", "0.1"]);
    assert!(
        code == Some(65) && out.is_empty() && err.contains("the setting must have 1 numbers, not 2"),
        "{err}"
    );
    assert_eq!(
        obe(&["newdat", "-x", "2.45", "-y", "0.95", "-s", "0.1"]).1,
        "\"OK\"\n"
    );
    for command in [
        &["getmean"][..],
        &["goodset", "--pickiness", "4"],
        &["optset"],
        &["interval"],
    ] {
        let (code, out, err) = obe(command);
        assert!(code == Some(0) && out.starts_with('['), "{out} {err}");
    }
    let (_, status, _) = obe(&["status"]);
    assert!(
        status.contains("\"lolim\": 2.5") && status.contains("no argument \\\"note\\\""),
        "{status}"
    );
    assert_eq!(
        obe(&["history"]).1,
        "[{\"x\": [2.45], \"y\": [0.95], \"s\": [0.1]}]\n"
    );
    assert_eq!(obe(&["undo"]).1, "\"OK\"\n");
    assert_eq!(obe(&["history"]).1, "[]\n");
    let (code, _, err) = obe(&["raw", "[1,"]);
    assert!(
        code == Some(64) && err.contains("Expecting value: line 1 column 4 (char 3)"),
        "{err}"
    );
    assert_eq!(obe(&["done"]).0, Some(0));
    assert_eq!(server.wait(), Some(0));
    let (code, _, err) = obe(&["ready"]);
    assert!(code == Some(69) && err.contains("hint: start a server"), "{err}");
}

#[test]
fn done_is_refused_when_other_machines_can_connect() {
    let server = Server::start_one("obe", "obe", "obe-exposed", &["--obe", "0.0.0.0:0"]);
    let (code, _, err) = run(&["obe", "--address", &server.address, "done"]);
    assert!(code == Some(65) && err.contains("not-permitted"), "{err}");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn the_web_port_leads_to_every_server_and_outlives_none() {
    let arguments = [
        "--open",
        "127.0.0.1:0",
        "--obe",
        "127.0.0.1:0",
        "--web",
        "127.0.0.1:0",
    ];
    let server = Server::start_one("open,obe,web", "web", "web", &arguments);
    let get = |path: &str| {
        let host = &server.address;
        server.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        ))
    };
    assert!(get("/ready").starts_with("HTTP/1.1 200"));
    let bridge = get("/bridge");
    assert!(
        bridge.contains("\"paths\":[\"device\",\"obe\",\"open\"]"),
        "{bridge}"
    );
    for name in ["open", "obe", "device", "web"] {
        let line = format!("labwire_connections_total{{server=\"{name}\"}}");
        assert!(get("/metrics").contains(&line), "{name}");
    }
    let address = |name: &str| server.addresses[name].as_str().unwrap();
    assert_eq!(run(&["open", "--address", address("open"), "kill"]).0, Some(0));
    while !get("/ready").ends_with("open has ended\n") {
        thread::yield_now();
    }
    assert!(get("/live").starts_with("HTTP/1.1 200"));
    assert_eq!(run(&["obe", "--address", address("obe"), "done"]).0, Some(0));
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn the_web_port_alone_ends_by_a_signal() {
    let server = Server::start_one("web", "web", "page", &["--web", "127.0.0.1:0"]);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn zeiss_imports_go_where_the_flags_say() {
    let folder = std::env::temp_dir().join(format!("labwire-cli-{}-zeiss", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (image, script) = (folder.join("image.jpg"), folder.join("import.py"));
    fs::write(&image, "image").unwrap();
    let image = image.to_str().unwrap();
    for (service, websocket) in [("zeiss", false), ("zeiss-ws", true)] {
        for (flag, target) in [("--zeiss-dir", &folder), ("--zeiss-script", &script)] {
            let target = target.to_str().unwrap();
            let arguments = [
                "--zeiss",
                "127.0.0.1:0",
                "--zeiss-ws",
                "127.0.0.1:0",
                flag,
                target,
            ];
            let server = Server::start_one("zeiss", service, service, &arguments);
            let zeiss = |arguments: &[&str]| {
                let websocket = if websocket { &["--websocket"][..] } else { &[] };
                run(&[&["zeiss", "--address", &server.address], websocket, arguments].concat())
            };
            let ok = (Some(0), "O.k.\n".to_owned(), String::new());
            assert_eq!(
                zeiss(&["image", image, "--series", "µ/1", "--focal-length", "35"]),
                ok
            );
            assert_eq!(zeiss(&["elements", image, "--import-mode", "new_stage"]), ok);
            let (code, out, err) = zeiss(&["elements", "nothing.gxml"]);
            assert!(code == Some(65) && out.is_empty(), "{out}");
            assert!(
                err.contains("Error: Elements file nothing.gxml could not be read."),
                "{err}"
            );
            assert_eq!(zeiss(&["image", image, "--focal-length", "-1"]).0, Some(64));
        }
    }
    assert_eq!(
        fs::read_to_string(folder.join("measurement_series/%C2%B5%2F1/image.jpg")).unwrap(),
        "image"
    );
    let commands = fs::read_to_string(&script).unwrap();
    assert_eq!(commands.matches("import_mode='new_stage'").count(), 2);
    assert_eq!(commands.matches("camera_focal_length='35.0'").count(), 2);
    fs::remove_dir_all(&folder).unwrap();
}

/// `labwire config | head -n 1`.
#[test]
fn what_was_asked_for_and_failed_is_no_success() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let config = File::new(
        "taken.toml",
        &format!("[obe]\naddress = \"{taken}\"\n[open]\naddress = \"127.0.0.1:0\""),
    );
    let only = ["serve", "--config", config.path(), "--only", "open, obe"];
    let (code, out, err) = run(&only);
    assert_eq!((code, out.as_str()), (Some(69), ""));
    assert!(err.contains(&format!("obe: cannot listen on {taken}")), "{err}");
    let (code, _, err) = run(&["serve", "--only", "open,,obe"]);
    assert!(code == Some(64) && err.contains("no server ``"), "{err}");
    let server = Server::start_one("zeiss-ws", "zeiss-ws", "one", &["--zeiss-ws", "127.0.0.1:0"]);
    assert_eq!(server.addresses.len(), 1, "{:?}", server.addresses);
    server.signal("INT");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn the_request_in_the_table_is_answered() {
    for parameters in ["", "\"a\": 3, \"b\": 1"] {
        let text = format!(
            r#"{{"variables": {{"x": 1}}, "parameters": {{{parameters}}}, "cost": "x[0]^2 {}"}}"#,
            // Has a value only where all parameters are 0.
            if parameters.is_empty() {
                ""
            } else {
                "+ sqrt(-a[0]^2) + b[0]"
            }
        );
        let problem = File::new("table.json", &text);
        let mut child = labwire(&[
            "serve",
            "--only",
            "open",
            "--open",
            "127.0.0.1:0",
            "--problem",
            problem.path(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.nth(1).unwrap().unwrap();
        let (_, request) = line.split_once("echo '").unwrap();
        let (request, address) = request.split_once("' | nc ").unwrap();
        let mut server = TcpStream::connect(address.replace(' ', ":")).unwrap();
        server.write_all(request.as_bytes()).unwrap();
        server.shutdown(Shutdown::Write).unwrap();
        let reply = read(server);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(
            reply.contains("\"exit_status\": \"Converged\""),
            "{request}: {reply}"
        );
    }
}

#[test]
fn numbers_are_taken_as_people_write_them() {
    let problem = File::new(
        "blanks.json",
        r#"{"variables": {"x": 1}, "parameters": {"p": 2}, "cost": "(x[0] - p[0])^2 + p[1]"}"#,
    );
    for parameters in ["1,2", "1, 2", " 1 ,2 "] {
        let (code, out, err) = run(&["solve", problem.path(), "-p", parameters]);
        assert!(
            code == Some(0) && out.contains("cost          2"),
            "{parameters}: {out}{err}"
        );
    }
    for (arguments, message) in [
        (&["-p", "1,,2"][..], "a number is missing"),
        (&["-p", "1 2"], "\"1 2\" is not a number"),
        (
            &["-p", "1,2", "--solve-time", "0"],
            "--solve-time is not a positive number of seconds",
        ),
        (
            &["-p", "1,2", "--solve-time", "nan"],
            "--solve-time is not a positive number of seconds",
        ),
    ] {
        let (code, _, err) = run(&[&["solve", problem.path()], arguments].concat());
        assert!(code == Some(64) && err.contains(message), "{arguments:?}: {err}");
    }
    let picture = File::new("none.svg", "");
    let simulate = [
        "experiment",
        "line",
        "simulate",
        "--measurements",
        "0",
        "--svg",
        picture.path(),
    ];
    let (code, out, err) = run(&simulate);
    assert!(code == Some(0) && out.contains("after 0 measurements"), "{err}");
    assert!(fs::read_to_string(&picture.0).unwrap().ends_with("</svg>\n"));
}

#[test]
fn answers_of_servers_do_not_steer_the_terminal() {
    let hostile = "\x1b]0;owned\x07\u{9b}2J\u{202e}";
    let answer_once = |answer: String| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1000]);
            stream.write_all(format!("{answer}\r\n").as_bytes()).unwrap();
        });
        address
    };
    let shows = |text: String| {
        let steers = |character: char| character == '\u{202e}' || character.is_control() && character != '\n';
        assert!(!text.contains(steers), "{text:?}");
        assert!(text.contains("\\u001b]0;owned\\u0007\\u009b2J"), "{text:?}");
    };
    let zeiss = answer_once(hostile.to_owned());
    let (_, out, err) = run(&["zeiss", "--address", &zeiss, "image", "a.jpg"]);
    shows(out + &err);
    let zeiss = answer_once(format!("Error {hostile}"));
    shows(run(&["zeiss", "--address", &zeiss, "image", "a.jpg"]).2);
    let file = File::new("hostile.json", &format!(r#"{{"variables": {{"{hostile}": 1}}}}"#));
    let (code, _, err) = run(&["check", file.path()]);
    assert_eq!(code, Some(65));
    assert!(!err.contains('\x1b') && !err.contains('\u{9b}'), "{err:?}");
}

/// A peer that is not in the list is cut off; this machine, as 127.0.0.1, always may.
#[test]
fn only_listed_peers_may_connect() {
    // The address of this machine on its network. Nothing is sent. Without a network there is nobody to refuse.
    let outward = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let own = outward.connect("192.0.2.1:9").and_then(|()| outward.local_addr());
    let Ok(own) = own.map(|address| address.ip()) else {
        return;
    };
    let problem = File::new("peers.json", SQUARE);
    for (name, peers, is_listed) in [
        ("others", "198.51.100.7", false),
        ("own", &*format!("198.51.100.7, {own}"), true),
    ] {
        let arguments = [
            "--open",
            "0.0.0.0:0",
            "--problem",
            problem.path(),
            "--peers",
            peers,
        ];
        let server = Server::start(name, &arguments);
        assert!(server.ask(r#"{"Run": {"parameter": [1]}}"#).contains("Converged"));
        let mut stream =
            TcpStream::connect((own, server.address.rsplit(':').next().unwrap().parse().unwrap())).unwrap();
        // It may be reset already.
        let _ = stream.write_all(br#"{"Run": {"parameter": [1]}}"#);
        let _ = stream.shutdown(Shutdown::Write);
        let mut reply = String::new();
        let _ = stream.read_to_string(&mut reply);
        assert_eq!(reply.contains("Converged"), is_listed, "{peers}: {reply}");
        server.signal("INT");
        assert_eq!(server.wait(), Some(0));
    }
    let (code, _, err) = run(&["serve", "--peers", "lab"]);
    assert!(
        code == Some(78) && err.contains("\"lab\" is not an address such as"),
        "{err}"
    );
}

/// A closed terminal drains a server as any other signal does, unless `nohup` keeps it.
#[test]
fn a_hangup_drains_unless_it_is_ignored() {
    let problem = File::new("hangup.json", SQUARE);
    let server = Server::start("hangup", &["--open", "127.0.0.1:0", "--problem", problem.path()]);
    server.signal("HUP");
    assert_eq!(server.wait(), Some(0));
    let ready = File::new("nohup.ready", "");
    let script = "trap '' HUP; exec \"$0\" serve --only open --open 127.0.0.1:0 --ready-file \"$1\"";
    let mut child = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_labwire"), ready.path()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while fs::read(&ready.0).unwrap_or_default().is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    let kill = |name: &str| {
        Command::new("kill")
            .args(["-s", name, &child.id().to_string()])
            .status()
            .unwrap()
    };
    assert!(kill("HUP").success());
    thread::sleep(Duration::from_millis(200));
    assert!(kill("TERM").success(), "it is still there");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Messages to systemd of a service with `Type=notify` and `WatchdogSec=`.
#[cfg(unix)]
#[test]
fn systemd_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let hear = || {
        let mut message = [0; 100];
        let length = socket.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length]).trim_end().to_owned()
    };
    let mut child = labwire(&["serve", "--only", "open", "--open", "127.0.0.1:0"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "20000")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!([hear(), hear(), hear()], ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]);
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-s", "TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    while hear() != "STOPPING=1" {}
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn ends_without_a_word_when_nobody_reads() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_labwire"))
        .arg("config")
        .stdout(writer)
        .output()
        .expect("the program is built");
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
