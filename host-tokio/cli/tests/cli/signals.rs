//! Ends of `labwire serve` by signals, and what systemd is told.

use super::*;

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

/// Messages to systemd of a service with `Type=notify-reload` and `WatchdogSec=`.
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
    let config = File::new("notified.toml", "");
    let mut child = labwire(&[
        "serve",
        "--only",
        "open",
        "--open",
        "127.0.0.1:0",
        "--config",
        config.path(),
    ])
    .env("NOTIFY_SOCKET", &path)
    .env("WATCHDOG_USEC", "20000")
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    assert_eq!([hear(), hear(), hear()], ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]);
    let id = child.id().to_string();
    let kill = |name: &str| Command::new("kill").args(["-s", name, &id]).status().unwrap();
    assert!(kill("HUP").success());
    let heard: Vec<String> = std::iter::repeat_with(hear)
        .filter(|message| message != "WATCHDOG=1")
        .take(2)
        .collect();
    let time = heard[0].strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    assert!(time.is_some_and(|time| time.parse::<u64>().is_ok()), "{heard:?}");
    assert_eq!(heard[1], "READY=1");
    assert!(kill("TERM").success());
    while hear() != "STOPPING=1" {}
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
