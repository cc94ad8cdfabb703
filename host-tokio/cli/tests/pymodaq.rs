//! Tests of `labwire pymodaq` from outside: a server, simulated instruments in both directions, and every command.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Folder of this test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("labwire-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Program that ends with its test.
struct Running(Child);

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let child = labwire(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        line
    }

    fn interrupt(mut self) -> Option<i32> {
        let id = self.0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", "INT", &id])
                .status()
                .unwrap()
                .success()
        );
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn labwire(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_labwire"));
    command.arg("pymodaq").args(arguments).stdin(Stdio::null());
    command
}

/// Server, and commands for it.
struct Server {
    folder: Folder,
    address: String,
    running: Running,
}

impl Server {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let folder = Folder::new(name);
        let ready = folder.file("ready.json");
        let running = Running::start(
            &[
                &["serve", "--listen", "127.0.0.1:0", "--ready-file", &ready],
                arguments,
            ]
            .concat(),
        );
        let address = loop {
            let text = fs::read_to_string(&ready).unwrap_or_default();
            if let Ok(servers) = serde_json::from_str::<serde_json::Value>(&text) {
                break servers["pymodaq"].as_str().unwrap().to_owned();
            }
            thread::sleep(Duration::from_millis(10));
        };
        Self {
            folder,
            address,
            running,
        }
    }

    fn instrument(&self, name: &str, arguments: &[&str]) -> Running {
        Running::start(
            &[
                &["instrument", "--name", name, "--connect", &self.address],
                arguments,
            ]
            .concat(),
        )
    }

    /// Exit status, standard output and standard error.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = labwire(&[&["--address", &self.address], arguments].concat())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Output of a command that succeeds.
    fn ask(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}: {out}");
        out
    }

    fn wait_for(&self, count: usize) -> Vec<serde_json::Value> {
        loop {
            let modules = self.wait_for_nameless(count);
            let is_named = |module: &serde_json::Value| !module["name"].as_str().unwrap().contains(':');
            if modules.iter().all(is_named) {
                return modules;
            }
        }
    }

    /// The same for modules that propose no names for themselves, as real ones do not.
    fn wait_for_nameless(&self, count: usize) -> Vec<serde_json::Value> {
        loop {
            let list: serde_json::Value = serde_json::from_str(&self.ask(&["list", "--json"])).unwrap();
            let modules = list["modules"].as_array().unwrap();
            if modules.len() == count {
                return modules.clone();
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn number(text: &str) -> f64 {
    text.split_whitespace()
        .find_map(|word| word.parse().ok())
        .unwrap()
}

#[test]
fn a_command_for_nobody_is_no_success() {
    let server = Server::start("nobody", &[]);
    for command in ["grab", "last", "stop", "position"] {
        let (code, out, err) = server.run(&[command]);
        assert_eq!((code, out.as_str()), (Some(69), ""), "{command}");
        assert_eq!(
            err,
            format!("{}: no such modules are connected\n", server.address),
            "{command}"
        );
    }
    assert_eq!(server.ask(&["list", "--json"]).trim(), r#"{"modules":[]}"#);
}

#[test]
fn names_of_modules_do_not_steer_the_terminal() {
    let server = Server::start("hostile", &[]);
    let name = "abc\u{202e}def";
    let _meter = server.instrument(name, &["--as", "grabber", "--dim", "0D"]);
    server.wait_for(1);
    let table = server.folder.file("hostile.csv");
    server.ask(&["grab", "--csv", &table]);
    for shown in [
        server.ask(&["list"]),
        server.ask(&["list", "--json"]),
        server.ask(&["grab"]),
        fs::read_to_string(&table).unwrap(),
    ] {
        assert!(
            !shown.contains('\u{202e}') && shown.contains("abc\\u202edef"),
            "{shown:?}"
        );
    }
    let list: serde_json::Value = serde_json::from_str(&server.ask(&["list", "--json"])).unwrap();
    assert_eq!(list["modules"][0]["name"], name);
}

#[test]
fn data_are_grabbed_drawn_and_kept() {
    let server = Server::start("grab", &[]);
    let _camera = server.instrument("camera", &["--as", "grabber", "--size", "40x30"]);
    let _spectrum = server.instrument(
        "spectrum",
        &["--as", "grabber", "--dim", "1D", "--generation", "g2"],
    );
    let _meter = server.instrument(
        "meter",
        &["--as", "grabber", "--dim", "0D", "--generation", "g3c"],
    );
    server.wait_for(3);
    let all = server.ask(&["grab"]);
    assert!(all.contains("camera: image (count) <u2[30, 40]"), "{all}");
    assert!(all.contains("spectrum: spectrum <f8[1024]"), "{all}");
    assert!(all.contains("meter: voltage (V) = "), "{all}");

    let table = server.folder.file("table.csv");
    server.ask(&[
        "grab", "spectrum", "--every", "1ms", "--count", "2", "--csv", &table,
    ]);
    let text = fs::read_to_string(&table).unwrap();
    assert!(
        text.starts_with("timestamp,module,data,wavelength (nm),spectrum\n"),
        "{}",
        &text[..100]
    );
    assert_eq!(text.lines().count(), 1 + 2 * 1024);
    server.ask(&["last", "spectrum", "--csv", &table]);
    assert_eq!(fs::read_to_string(&table).unwrap().lines().count(), 1 + 3 * 1024);

    let array = server.folder.file("image.npy");
    server.ask(&["grab", "camera", "--npy", &array]);
    let array = fs::read(array).unwrap();
    assert!(
        String::from_utf8_lossy(&array[..128])
            .contains("'descr': '<u2', 'fortran_order': False, 'shape': (30, 40)")
    );
    assert_eq!(array.len(), 128 + 2 * 30 * 40);
    let mut printed = labwire(&["--address", &server.address, "grab", "camera", "--npy", "-"]);
    let printed = printed.output().unwrap().stdout;
    assert_eq!((&printed[..6], printed.len()), (&b"\x93NUMPY"[..], array.len()));
    let (code, _, err) = server.run(&["grab", "--npy", "-"]);
    assert!(
        code == Some(64) && err.contains("standard output takes one array"),
        "{err}"
    );
    // For programs, on one line per module.
    let meter: serde_json::Value = serde_json::from_str(&server.ask(&["grab", "meter", "--json"])).unwrap();
    assert_eq!(
        meter["channels"][0]["values"].as_array().unwrap().len(),
        1,
        "{meter}"
    );

    assert!(
        server
            .ask(&["grab", "spectrum", "--plot"])
            .contains("wavelength (nm)")
    );
    assert!(server.ask(&["grab", "camera", "--plot"]).contains('@'));
    for (module, file, start) in [
        ("spectrum", "a.svg", "<svg"),
        ("camera", "b.svg", "<svg"),
        ("camera", "c.png", "\u{fffd}PNG"),
        ("spectrum", "d.png", "\u{fffd}PNG"),
    ] {
        let file = server.folder.file(file);
        server.ask(&["grab", module, &format!("--plot={file}")]);
        assert!(String::from_utf8_lossy(&fs::read(file).unwrap()).starts_with(start));
    }
    server.ask(&["grab", &format!("--plot={}", server.folder.file("all.svg"))]);
    let drawn = fs::read_dir(&server.folder.0).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.starts_with("all-").then_some(name)
    });
    let mut drawn: Vec<_> = drawn.collect();
    drawn.sort();
    assert_eq!(
        drawn,
        [
            "all-camera-image-CH00.svg",
            "all-meter-voltage-CH00.svg",
            "all-spectrum-spectrum-CH00.svg"
        ]
    );
    let (code, _, err) = server.run(&["grab", "spectrum", "--plot=/tmp/a.jpg"]);
    assert!(
        code == Some(65) && err.contains("a plot is a file .svg or .png"),
        "{err}"
    );
}

#[test]
fn a_stage_is_moved_set_and_stopped() {
    // The stage listens, and the server connects to it.
    let mut stage = Running::start(&[
        "instrument",
        "--as",
        "actuator",
        "--name",
        "stage",
        "--listen",
        "127.0.0.1:0",
    ]);
    let listens = stage.first_line();
    let address = listens.trim().strip_prefix("instrument listens on ").unwrap();
    let server = Server::start("move", &["--connect", address]);
    server.wait_for(1);
    assert_eq!(server.ask(&["set", "stage", "backlash", "0"]), "stage: set\n");
    assert_eq!(number(&server.ask(&["move-abs", "stage", "0.5"])), 0.5);
    assert_eq!(number(&server.ask(&["move-rel", "stage", "-0.75"])), -0.25);
    assert_eq!(server.ask(&["position"]), "stage: -0.25 mm\n");
    assert_eq!(server.ask(&["home", "stage"]), "stage: 0 mm\n");
    assert!(
        server
            .ask(&["settings", "stage"])
            .contains("velocity = 10  (Velocity (mm/s), float)")
    );
    assert!(
        server
            .ask(&["settings", "stage", "--xml"])
            .starts_with("<Settings type=\"group\"")
    );

    let far = labwire(&["--address", &server.address, "move-abs", "stage", "50"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut far = Running(far.unwrap());
    while server.wait_for(1)[0]["state"] != "moving" {}
    assert!(server.ask(&["stop"]).starts_with("stage: "));
    let mut why = String::new();
    BufReader::new(far.0.stderr.take().unwrap())
        .read_line(&mut why)
        .unwrap();
    let from = format!("{}: stage: ", server.address);
    assert!(why.starts_with(&format!("{from}stopped at ")), "{why}");
    assert_eq!(far.0.wait().unwrap().code(), Some(69));

    let (code, _, err) = server.run(&["move-abs", "stage", "-99"]);
    assert_eq!(
        (code, err),
        (
            Some(69),
            format!("{from}the module says: -99 mm is beyond the limits -50 and 50 mm\n")
        )
    );
    let (code, _, err) = server.run(&["set", "stage", "speed", "1"]);
    assert_eq!((code, err), (Some(69), format!("{from}unknown setting speed\n")));
    assert_eq!(stage.interrupt(), Some(0));
    assert_eq!(server.running.interrupt(), Some(0));
}

#[test]
fn an_interrupted_move_is_stopped() {
    let server = Server::start("interrupt", &[]);
    let _stage = server.instrument("stage", &["--as", "actuator"]);
    server.wait_for(1);
    let far = labwire(&["--address", &server.address, "move-abs", "stage", "50"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut far = Running(far);
    while server.wait_for(1)[0]["state"] != "moving" {}
    let mut errors = BufReader::new(far.0.stderr.take().unwrap());
    assert_eq!(far.interrupt(), Some(69));
    let mut why = String::new();
    errors.read_line(&mut why).unwrap();
    let from = format!("{}: stage: ", server.address);
    assert!(why.starts_with(&format!("{from}stopped at ")), "{why}");
    assert_eq!(server.wait_for(1)[0]["state"], "idle");
}

#[test]
fn a_prompt_takes_commands_and_remembers_them() {
    let server = Server::start("prompt", &[]);
    let _stage = server.instrument("stage", &["--as", "actuator"]);
    server.wait_for(1);
    let mut prompt = labwire(&["--address", &server.address])
        .env("XDG_STATE_HOME", &server.folder.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = b"rename stage 'my stage'\nposition 'my stage'\nposition --json\nfly\nquit\n";
    prompt.stdin.take().unwrap().write_all(lines).unwrap();
    let output = prompt.wait_with_output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        out.contains("stage: done") && out.contains("my stage: 0 mm"),
        "{out}"
    );
    assert!(out.contains("\"position\":0.0"), "{out}");
    assert!(err.contains("unrecognized subcommand 'fly'"), "{err}");
    assert_eq!(output.status.code(), Some(69));
    let history = fs::read_to_string(server.folder.0.join("labwire/pymodaq-history")).unwrap();
    assert!(history.contains("position 'my stage'"), "{history}");
}

#[test]
fn the_oldest_generation_can_be_told() {
    let server = Server::start("oldest", &["--generation", "g1"]);
    let _meter = Running::start(&[
        "instrument",
        "--as",
        "grabber",
        "--dim",
        "0D",
        "--generation",
        "g1",
        "--connect",
        &server.address,
    ]);
    while server.ask(&["list"]).lines().count() < 2 {}
    let said = server.ask(&["grab"]);
    assert!(said.contains(" = 1.02"), "{said}");
    assert!(server.ask(&["list"]).contains(" g1 "));
}

#[test]
fn an_address_is_not_taken_for_what_it_is_not() {
    for arguments in [&["serve"][..], &["instrument", "--as", "actuator"]] {
        let arguments = [arguments, &["--address", "127.0.0.1:1"]].concat();
        let output = labwire(&arguments).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(err.contains("--listen or --connect"), "{err}");
        assert_eq!(output.status.code(), Some(64));
    }
}

#[test]
fn who_is_not_there_is_told() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let output = labwire(&["--address", &nobody, "list"]).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        err.contains("cannot connect") && err.contains("labwire pymodaq serve"),
        "{err}"
    );
    assert_eq!(output.status.code(), Some(69));
}

/// A server that takes connections, and never answers.
#[test]
fn a_server_that_does_not_answer_is_named_after_the_time_limit() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let output = labwire(&["--address", &address, "--timeout", "0.2", "list"])
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(69), "{errors}");
    let words =
        format!("error: {address}: no answer within 200ms\nhint: a longer time is given with --timeout\n");
    assert_eq!(errors, words);
}

/// Text as PyMoDAQ sends it.
fn text(version: &str, text: &str) -> Vec<u8> {
    let with_length = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
    match version.starts_with('5') {
        true => with_length(&[with_length(b"str"), with_length(text.as_bytes())].concat()),
        false => with_length(text.as_bytes()),
    }
}

/// Bytes that a release of PyMoDAQ was seen to send for an object.
fn captured(version: &str, object: &str) -> Vec<u8> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/pymodaq");
    let captured = fs::read_to_string(corpus.join(format!("{version}.json"))).unwrap();
    let captured: serde_json::Value = serde_json::from_str(&captured).unwrap();
    let digits = captured[object].as_str().unwrap().as_bytes().chunks(2);
    let byte = |digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

/// Connects a module that answers every order with `answer`, a byte at first and then the rest.
fn connect_module(server: &Server, version: &str, kind: &str, answer: Vec<u8>) {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.write_all(&text(version, kind)).unwrap();
    thread::spawn(move || {
        while stream.read(&mut [0; 1000]).is_ok_and(|count| count > 0) {
            stream.write_all(&answer[..1]).unwrap();
            thread::sleep(Duration::from_millis(2));
            stream.write_all(&answer[1..]).unwrap();
        }
    });
}

/// The server of which a user has said nothing about releases: the bytes of real ones show theirs.
#[test]
fn modules_of_every_release_work_at_the_default_server() {
    for (version, generation) in [
        ("3.6.13", "g2"),
        ("4.1.5", "g3a"),
        ("4.2.5", "g3b"),
        ("4.3.7", "g3b"),
        ("4.4.11", "g3c"),
        ("5.1.12", "g4"),
    ] {
        let server = Server::start(&format!("release-{version}"), &[]);
        let (data, shown) = match generation {
            "g2" => (captured(version, "Done+list (send_data)"), "1 to 3"),
            _ => (
                [text(version, "Done"), captured(version, "DataToExport 1x0D")].concat(),
                "1.5",
            ),
        };
        connect_module(&server, version, "GRABBER", data);
        let modules = server.wait_for_nameless(1);
        let before = modules[0]["generation"].as_str().unwrap();
        assert_eq!(
            before,
            if generation == "g4" { "g4" } else { "unknown" },
            "{version}"
        );
        // The second time the generation is known.
        for _ in 0..2 {
            let grabbed = server.ask(&["grab"]);
            assert!(grabbed.contains(shown), "{version}: {grabbed}");
        }
        assert_eq!(
            server.wait_for_nameless(1)[0]["generation"],
            generation,
            "{version}"
        );
        if generation != "g2" {
            let position = captured(version, "DataActuator 12.5");
            let position = [text(version, "position_is"), position].concat();
            connect_module(&server, version, "ACTUATOR", position);
            server.wait_for_nameless(2);
            for _ in 0..2 {
                let found = server.ask(&["position"]);
                assert!(found.contains(": 12.5\n"), "{version}: {found}");
            }
        }
    }
}
