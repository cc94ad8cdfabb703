//! `labwire serve`: servers, their peers, their table, and the web port.

use super::*;

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
    let (code, _, err) = run(&["open", "--address", &address, "run", "-p", "2,5"]);
    assert!(
        code == Some(65) && err.contains("the decimal sign is a point"),
        "{err}"
    );
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
fn done_is_refused_when_other_machines_can_connect() {
    let server = Server::start_one("obe", "obe", "obe-exposed", &["--obe", "0.0.0.0:0"]);
    let (code, _, err) = run(&["obe", "--address", &server.address, "done"]);
    assert!(code == Some(65) && err.contains("not-permitted"), "{err}");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn built_in_experiments_are_served_by_their_names() {
    let server = Server::start_one(
        "obe",
        "obe",
        "built-in",
        &["--obe", "127.0.0.1:0", "--experiment", "line"],
    );
    let (code, out, err) = run(&["obe", "--address", &server.address, "status"]);
    assert!(
        code == Some(0) && out.contains("straight line with unknown noise"),
        "{out}{err}"
    );
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

/// At the default level, what a peer can repeat as often as it likes is not written as often.
#[test]
fn peers_cannot_fill_the_log() {
    const ROUNDS: usize = 30;
    let services = ["open", "obe", "pymodaq", "zeiss", "zeiss-ws", "web"];
    let flags = services.map(|service| format!("--{service}"));
    let everywhere: Vec<&str> = flags.iter().flat_map(|flag| [flag, "127.0.0.1:0"]).collect();
    let server = Server::start_one(&services.join(","), "open", "log", &everywhere);
    let before = server.log().len();
    let hello = b"\x16\x03\x01\x00\x10\x01\x00\x00\x0c\x03\x03";
    for _ in 0..ROUNDS {
        for (service, said) in [
            ("open", &br#"{"Run": {"parameter": [1, 10], "unknown": 1}}"#[..]),
            ("open", b"nonsense"),
            ("obe", br#"0000000030{"command": "getmean", "x": 1}"#),
            ("obe", b"nonsense"),
            ("pymodaq", b"\0\0\0\x07GRABBER"),
            ("pymodaq", b"\0\0\0\x07LABWIRE"),
            ("pymodaq", b"\xff\xff\xff\xff"),
            (
                "zeiss",
                b"{\"elements\": {\"file\": \"/none\", \"import_mode\": \"clipboard\"}}\x04",
            ),
            ("zeiss", b"nonsense\x04"),
            ("zeiss-ws", b"nonsense\r\n\r\n"),
            ("zeiss-ws", b"GET / HTTP/1.1\r\nHost: elsewhere\r\n\r\n"),
            (
                "web",
                b"GET / HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n",
            ),
            ("web", b"nonsense\r\n\r\n"),
        ] {
            talk(server.addresses[service].as_str().unwrap(), said);
        }
        for service in services {
            talk(server.addresses[service].as_str().unwrap(), hello);
        }
    }
    server.signal("INT");
    let lines = &server.log()[before..];
    assert!(lines.iter().any(|line| line.contains("WARN")), "{lines:?}");
    assert!(lines.len() < ROUNDS, "{lines:#?}");
}

/// Says something and listens to the end.
fn talk(address: &str, said: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // It may be reset already.
    let _ = stream.write_all(said);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

/// What peers send is in the log, but neither steers a terminal nor begins a line.
#[test]
fn peers_do_not_steer_the_log() {
    let steering = r"\u001b]0;owned\u0007\u009b2J\u202e\n2026 forged";
    for format in ["human", "json"] {
        let flags = [
            "--log-format",
            format,
            "--open",
            "127.0.0.1:0",
            "--obe",
            "127.0.0.1:0",
        ];
        let server = Server::start_one("open,obe", "open", format, &flags);
        let newrun = format!(r#"{{"command": "newrun", "{steering}": 1}}"#);
        for (service, said) in [
            (
                "open",
                format!(r#"{{"Run": {{"parameter": [1, 10], "{steering}": 1}}}}"#),
            ),
            ("obe", format!("{:010}{newrun}", newrun.len())),
        ] {
            talk(server.addresses[service].as_str().unwrap(), said.as_bytes());
        }
        let log = server.log().join("\n");
        assert!(log.matches("owned").count() >= 1, "{log}");
        let steers = |character: char| character == '\u{202e}' || character.is_control() && character != '\n';
        assert!(!log.contains(steers), "{log:?}");
        assert!(!log.contains("\n2026 forged"), "{log}");
    }
}
