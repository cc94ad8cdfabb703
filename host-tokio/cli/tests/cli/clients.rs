//! `labwire obe` and `labwire zeiss`, against servers and peers.

use super::*;

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
    assert!(
        err.contains("hint: commas separate numbers; the decimal sign is a point"),
        "{err}"
    );
    let (code, _, err) = obe(&["newrun", "lolim=2,5"]);
    assert!(
        code == Some(64) && err.contains("write a decimal point, \"2.5\""),
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
fn the_longest_reply_is_an_option() {
    let square = File::new("reply.json", SQUARE);
    let addresses = [
        "--obe",
        "127.0.0.1:0",
        "--open",
        "127.0.0.1:0",
        "--problem",
        square.path(),
    ];
    let server = Server::start_one("obe,open", "obe", "reply", &addresses);
    let open = server.addresses["open"].as_str().unwrap();
    for (client, address, command) in [
        ("obe", &*server.address, &["getset"][..]),
        ("open", open, &["run", "-p", "2"]),
    ] {
        let call = |bytes: &str| {
            run(&[
                &[client, "--address", address, "--message-bytes", bytes][..],
                command,
            ]
            .concat())
        };
        assert_eq!(call("1000000").0, Some(0));
        let (code, _, err) = call("10");
        assert!(
            code == Some(76)
                && err.contains("limit message-bytes of 10")
                && err.contains("hint: --message-bytes"),
            "{client}: {code:?} {err}"
        );
    }
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
    // Names of modules and files become arguments in scripts.
    for arguments in [
        &["check", "a", hostile][..],
        &["solve", "a", "-p", hostile],
        &[hostile],
    ] {
        let (code, _, err) = run(arguments);
        assert_eq!(code, Some(64));
        assert!(!err.contains(['\x1b', '\x07', '\u{9b}', '\u{202e}']), "{err:?}");
    }
}
