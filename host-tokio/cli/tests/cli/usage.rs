//! Arguments, configuration, exit statuses and streams.

use super::*;

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
fn limits_on_files_are_those_of_the_configuration() {
    let square = File::new("limited.json", SQUARE);
    let short = File::new("short.toml", "[open]\ntext-bytes = 50");
    let tight = File::new("tight.toml", "[obe]\nexperiment-memory = 100000");
    for command in ["check", "solve"] {
        let (code, _, err) = run(&[command, square.path(), "--config", short.path()]);
        assert!(code == Some(65) && err.contains("limit `text-bytes`"), "{err}");
    }
    for particles in [&[][..], &["--particles", "5000"]] {
        let line = ["experiment", "line", "--config", tight.path()];
        let (code, _, err) = run(&[&line, particles, &["simulate", "-m", "1"]].concat());
        assert!(
            code == Some(65) && err.contains("limit `experiment-memory`"),
            "{err}"
        );
    }
    // The environment goes before the file.
    let line = ["experiment", "line", "--config", tight.path()];
    let simulate = [&line[..], &["simulate", "-m", "1"]].concat();
    let mut simulate = labwire(&simulate);
    simulate.env("LABWIRE_OBE_EXPERIMENT_MEMORY", "200000000");
    assert_eq!(simulate.output().unwrap().status.code(), Some(0));
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
    assert!(
        code == Some(64) && err.contains("--only: a name is missing"),
        "{err}"
    );
    let server = Server::start_one("zeiss-ws", "zeiss-ws", "one", &["--zeiss-ws", "127.0.0.1:0"]);
    assert_eq!(server.addresses.len(), 1, "{:?}", server.addresses);
    server.signal("INT");
    assert_eq!(server.wait(), Some(0));
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
            &["-p", "1,2", "--solve-time", "0,5"],
            "write a decimal point, \"0.5\"",
        ),
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
fn a_client_that_would_wait_for_no_time_is_refused() {
    for client in [
        &["open", "ping"][..],
        &["obe", "status"],
        &["zeiss", "image", "a.jpg"],
        &["pymodaq", "list"],
        &["device", "query", "*IDN?"],
    ] {
        for time in ["--timeout=0", "--timeout=-1", "--timeout=nan"] {
            let (code, _, err) = run(&[client, &["--address=127.0.0.1:1", time]].concat());
            assert!(
                code == Some(64) && err.contains("--timeout is not a positive number of seconds"),
                "{client:?} {time}: {err}"
            );
        }
    }
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
