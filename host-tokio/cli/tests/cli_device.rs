//! Tests of `labwire device` from outside.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

fn labwire(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_labwire"));
    command
        .arg("device")
        .args(arguments)
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1");
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = labwire(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// `labwire device emulate`, which ends with the test.
struct Emulator {
    process: Child,
    address: String,
    /// What it says of its commands.
    carries_out: String,
}

impl Emulator {
    fn start(arguments: &[&str]) -> Self {
        let mut command = labwire(&["emulate", "--address", "127.0.0.1:0"]);
        let mut process = command
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line.split_whitespace().last().unwrap().to_owned();
        let mut carries_out = String::new();
        output.read_line(&mut carries_out).unwrap();
        Self {
            process,
            address,
            carries_out,
        }
    }

    fn query(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        run(&[
            &["query", "--address", &self.address, "--timeout", "1"],
            arguments,
        ]
        .concat())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_device_is_asked_and_told() {
    let device = Emulator::start(&[]);
    let (code, output, _) = run(&["send", "--address", &device.address, "VOLT 5", "OUTP ON"]);
    assert_eq!((code, output.as_str()), (Some(0), ""));
    let (code, output, _) = device.query(&["--idempotent", "*IDN?", "MEAS:VOLT?"]);
    assert_eq!((code, output.as_str()), (Some(0), "labwire,PS-60-10,0,1.0\n5\n"));
    let (code, _, error) = device.query(&["NONSENSE?"]);
    assert_eq!(code, Some(69));
    assert!(
        error.contains("timed out") && error.contains("hint: does the device talk like"),
        "{error}"
    );
}

#[test]
fn bytes_are_bytes() {
    let device = Emulator::start(&["--preset", "modbus"]);
    let (code, output, _) = device.query(&["--preset", "modbus", "--hex", "01 04 0001 0001"]);
    assert_eq!((code, output.as_str()), (Some(0), "0104020000\n"));
    let (_, output, _) = device.query(&["--preset", "modbus", r"\x01\x06\x00\x01\x00\x01"]);
    assert_eq!(output, "\\x01\\x06\\x00\\x01\\x00\\x01\n");
}

/// Devices with habits, and what is said when they were not expected.
#[test]
fn habits_are_options_and_hints() {
    let device = Emulator::start(&["--preset", "scpi,echo,greeting=hello\\r\\n"]);
    let (code, output, _) = device.query(&["--preset", "scpi,echo", "*IDN?", "VOLT?"]);
    assert_eq!((code, output.as_str()), (Some(0), "labwire,PS-60-10,0,1.0\n0\n"));
    let (code, output, error) = device.query(&["*IDN?"]);
    assert_eq!((code, output.as_str()), (Some(76), ""));
    assert!(
        error.contains("*IDN?: more than one answer: *IDN?\\n, then "),
        "{error}"
    );
    assert!(
        error.contains("hint: the device returns what it is sent: --preset scpi,echo"),
        "{error}"
    );

    let address = &device.address;
    let preset = "scpi,echo";
    let arguments = [
        "talk",
        "--address",
        address,
        "--preset",
        preset,
        "VOLT 5",
        "VOLT?",
    ];
    let (code, output, _) = run(&arguments);
    assert_eq!((code, output.as_str()), (Some(0), "5\n"));

    let (code, _, error) = device.query(&["--preset", preset, "--answer-bytes", "10", "*IDN?"]);
    assert_eq!(code, Some(76));
    assert!(
        error.contains("answer-bytes of 10") && error.contains("hint: --answer-bytes,"),
        "{error}"
    );

    let device = Emulator::start(&["--preset", "modbus"]);
    let (code, output, error) = device.query(&["--preset", "modbus", "--hex", "010600010007"]);
    assert_eq!((code, output.as_str()), (Some(76), ""));
    assert!(
        error.contains("Modbus exception 3: illegal data value"),
        "{error}"
    );

    let (code, output, _) = run(&["presets"]);
    assert_eq!(code, Some(0));
    for line in [
        "lakeshore   7777  lines that end with CR LF, 20",
        "\nprefix=OFFSET/WIDTH",
    ] {
        assert!(output.contains(line), "{output}");
    }
}

#[test]
fn watching_survives_faults_and_writes_a_table() {
    let device = Emulator::start(&["--fault", "drop-after=4"]);
    let (code, output, error) = run(&[
        "watch",
        "--address",
        &device.address,
        "--every",
        "0.02",
        "--count",
        "6",
        "VOLT?",
        "OUTP?",
    ]);
    assert_eq!(code, Some(0));
    let rows: Vec<Vec<&str>> = output.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["time", "VOLT?", "OUTP?", "degraded", "reconnects"]);
    assert_eq!(rows.len(), 7);
    for row in &rows[1..] {
        assert!(row[0].ends_with('Z') && row[0].len() == 24, "{row:?}");
        assert_eq!((row[1], row[2]), ("0", "0"), "a lost question is asked again");
    }
    assert!(error.starts_with("6 polls, 0 of them with failures, "), "{error}");
}

#[test]
fn watching_says_why_an_answer_is_missing() {
    let device = Emulator::start(&[]);
    let poll = [
        "watch",
        "--address",
        &device.address,
        "--every",
        "0.01",
        "--count",
        "3",
    ];
    let (code, output, error) = run(&[&poll[..], &["--timeout", "0.5", "VOLT?", "nothing"]].concat());
    assert_eq!(code, Some(69), "{output}{error}");
    assert_eq!(output.lines().count(), 4, "{output}");
    let why = format!("warning: {}: nothing: timed out", device.address);
    assert!(error.contains(&why), "{error}");
    assert!(error.contains("--preset scpi"), "{error}");
    assert!(error.contains("3 polls, 3 of them with failures"), "{error}");
}

#[test]
fn a_list_answers() {
    let path = std::env::temp_dir().join(format!("labwire-cli-device-{}", std::process::id()));
    std::fs::write(&path, "T? => 1\nT? => 2\n").unwrap();
    let device = Emulator::start(&["--preset", "crlf", "--replies", path.to_str().unwrap()]);
    let (_, output, _) = device.query(&["--preset", "crlf", "T?", "T?", "T?"]);
    assert_eq!(output, "1\n2\n2\n");
    std::fs::write(&path, "T? = 1\n").unwrap();
    let (code, _, error) = run(&[
        "emulate",
        "--address",
        "127.0.0.1:0",
        "--replies",
        path.to_str().unwrap(),
    ]);
    assert_eq!(code, Some(65));
    assert!(error.contains("line 1: expected 'command => answer'"), "{error}");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn what_is_wrong_is_said() {
    let device = Emulator::start(&[]);
    let address = device.address.clone();
    drop(device);
    for (arguments, code, text) in [
        (
            &["query", "--address", &address, "*IDN?"][..],
            69,
            "not connected: connection refused",
        ),
        (
            &["query", "--preset", "scpo", "*IDN?"],
            64,
            "unknown dialect 'scpo'; expected one of raw, scpi,",
        ),
        (
            &["query", "--preset", "opcode", "x"],
            64,
            "no command begins with this byte",
        ),
        (&["query", "a\\q"], 64, "'\\q' is not an escape"),
        (&["query", "--hex", "0"], 64, "not hexadecimal"),
        (&["watch", "--every=-1", "x"], 64, "--every"),
        (
            &["emulate", "--fault", "explode"],
            64,
            "no fault 'explode'; there are drop-after=N",
        ),
        (&["emulate", "--fault", "mute@2"], 64, "'2' is no probability"),
        (
            &["emulate", "--address", "300.0.0.1:1"],
            69,
            "cannot listen on 300.0.0.1:1",
        ),
    ] {
        let (status, _, error) = run(arguments);
        assert_eq!(status, Some(code), "{arguments:?}: {error}");
        assert!(error.contains(text), "{arguments:?}: {error}");
    }
}

#[test]
#[cfg(unix)]
fn a_signal_ends_it_cleanly() {
    let mut device = Emulator::start(&[]);
    let watch = labwire(&["watch", "--address", &device.address, "VOLT?"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut watch = Emulator {
        process: watch,
        address: String::new(),
        carries_out: String::new(),
    };
    let mut lines = BufReader::new(watch.process.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("time,"));
    assert!(lines.next().unwrap().unwrap().ends_with(",0,,0"));
    for process in [&mut watch.process, &mut device.process] {
        let id = process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(process.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn options_stand_before_or_after_the_command() {
    let emulator = Emulator::start(&["--preset", "mnemonic"]);
    let target = [
        "--address",
        &emulator.address,
        "--preset",
        "mnemonic",
        "--timeout",
        "1",
    ];
    let before = run(&[&target[..], &["query", "UNI"]].concat());
    let after = run(&[&["query", "UNI"], &target[..]].concat());
    assert_eq!(before, (Some(0), "0\n".into(), String::new()));
    assert_eq!(after, before);
    for command in ["presets", "emulate"] {
        let (status, _, err) = run(&["--hex", command]);
        assert_eq!(status, Some(64), "{err}");
        assert!(err.contains("does not call a device: it has no --hex"), "{err}");
    }
}

#[test]
fn an_emulator_tells_what_it_carries_out() {
    let emulator = Emulator::start(&[]);
    let commands = emulator.carries_out.strip_prefix("carries out: ").unwrap();
    let (queries, commands): (Vec<&str>, Vec<&str>) = commands
        .trim_end()
        .split("  ")
        .partition(|command| command.ends_with('?'));
    assert!(
        queries.contains(&"MEAS:VOLT?") && commands.contains(&"VOLT 5"),
        "{queries:?}"
    );
    let (status, out, err) = emulator.query(&queries);
    assert_eq!((status, out.lines().count()), (Some(0), queries.len()), "{err}");
    assert_eq!(
        Emulator::start(&["--echo"]).carries_out,
        "returns every message\n"
    );
}

#[test]
fn lines_are_sent_as_they_are() {
    use std::io::Write;
    let emulator = Emulator::start(&[]);
    let state = tempfile::tempdir().unwrap();
    let mut console = labwire(&["--address", &emulator.address, "--alone", "0"])
        .env("XDG_STATE_HOME", state.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = b"help\n*IDN?\nVOLT 2.5\nVOLT?\nquit\n*IDN?\n";
    console.stdin.take().unwrap().write_all(lines).unwrap();
    let output = console.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    assert!(
        out.contains("A line is sent as it is") && out.contains("2.5"),
        "{out}{err}"
    );
    assert_eq!(out.matches("labwire,").count(), 1, "{out}");
}
