//! Tests of TLS and of reloading, from outside.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

/// Authority that signs certificates.
struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    /// Writes `NAME.pem` and `NAME.key`, valid until the end of `year`.
    fn sign(&self, folder: &Path, name: &str, hosts: &[&str], year: i32) {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = date_time_ymd(year, 12, 31);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

/// Folder with `ca.pem`, a server's certificate for 127.0.0.1, an expired one, one of a client, one of a stranger, and one
/// that has signed itself.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let (authority, stranger) = (Authority::new("ours"), Authority::new("strange"));
    fs::write(folder.path().join("ca.pem"), &authority.1).unwrap();
    fs::write(folder.path().join("strange-ca.pem"), &stranger.1).unwrap();
    authority.sign(folder.path(), "server", &["127.0.0.1", "lab.example"], 4000);
    authority.sign(folder.path(), "old", &["127.0.0.1"], 2020);
    authority.sign(folder.path(), "client", &["client"], 4000);
    stranger.sign(folder.path(), "stranger", &["stranger"], 4000);
    let key = KeyPair::generate().unwrap();
    let mut own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(
        folder.path().join("own.pem"),
        own.self_signed(&key).unwrap().pem(),
    )
    .unwrap();
    fs::write(folder.path().join("own.key"), key.serialize_pem()).unwrap();
    folder
}

fn labwire(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_labwire"));
    command
        .args(arguments)
        .current_dir(folder.path())
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1");
    command
}

/// Exit status, output and errors of a call.
fn call(folder: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    let output = labwire(folder, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Number of servers started.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Running servers, and their log.
struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
    addresses: serde_json::Map<String, serde_json::Value>,
}

impl Server {
    fn start(folder: &TempDir, only: &str, arguments: &[&str]) -> Self {
        let ready = folder
            .path()
            .join(format!("{}.json", NEXT.fetch_add(1, Ordering::Relaxed)));
        let given = ["serve", "--only", only, "--ready-file", ready.to_str().unwrap()];
        let ports = ["open", "obe", "zeiss", "zeiss-ws", "web", "pymodaq"];
        let ports = ports.map(|name| format!("--{name}=127.0.0.1:0"));
        let mut child = labwire(folder, &given)
            .args(ports)
            .args(["--zeiss-dir", "project"])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::<Mutex<String>>::default();
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()).lines(), log.clone());
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *kept.lock().unwrap() += &(line + "\n");
            }
        });
        let addresses = loop {
            let text = fs::read_to_string(&ready).unwrap_or_default();
            if let Ok(serde_json::Value::Object(servers)) = serde_json::from_str(&text) {
                break servers;
            }
            assert_eq!(child.try_wait().unwrap(), None, "{}", log.lock().unwrap());
            thread::sleep(Duration::from_millis(10));
        };
        Self {
            child,
            log,
            addresses,
        }
    }

    fn address(&self, service: &str) -> &str {
        self.addresses[service].as_str().unwrap()
    }

    /// Waits until the log has these words.
    fn logs(&self, words: &str) {
        for _ in 0..3000 {
            if self.log.lock().unwrap().contains(words) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("not logged: {words}\n{}", self.log.lock().unwrap());
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const IDENTITY: [&str; 4] = ["--tls-cert", "server.pem", "--tls-key", "server.key"];

#[test]
fn every_server_speaks_tls_to_its_client() {
    let folder = folder();
    fs::write(folder.path().join("photo.jpg"), "picture").unwrap();
    let server = Server::start(&folder, "open,obe,zeiss,zeiss-ws,pymodaq,web", &IDENTITY);
    for (service, command) in [
        ("open", &["open", "ping"][..]),
        ("open", &["open", "run", "-p", "1,10"]),
        ("obe", &["obe", "ready"]),
        ("zeiss", &["zeiss", "image", "photo.jpg"]),
        ("zeiss-ws", &["zeiss", "--websocket", "image", "photo.jpg"]),
        ("pymodaq", &["pymodaq", "list"]),
    ] {
        let ca = ["--address", server.address(service), "--ca", "ca.pem"];
        let (status, output, errors) = call(&folder, &[command, &ca].concat());
        assert_eq!(status, 0, "{command:?} {output}{errors}");
    }
    // The server's own certificate stands for its authority.
    let own = [
        "open",
        "ping",
        "--address",
        server.address("open"),
        "--ca",
        "server.pem",
    ];
    assert_eq!(call(&folder, &own).0, 0);
    let mut module = labwire(
        &folder,
        &["pymodaq", "instrument", "--as", "actuator", "--ca", "ca.pem"],
    )
    .args(["--connect", server.address("pymodaq")])
    .spawn()
    .unwrap();
    let list = [
        "pymodaq",
        "list",
        "--address",
        server.address("pymodaq"),
        "--ca",
        "ca.pem",
    ];
    while !call(&folder, &list).1.contains("ACTUATOR") {
        assert_eq!(module.try_wait().unwrap(), None);
    }
    module.kill().unwrap();
    module.wait().unwrap();
}

/// What the warning about other machines advises to do can be done, and what the table shows can be tried.
#[test]
fn commands_that_serve_have_the_flags_that_they_advise() {
    let folder = folder();
    for (command, address) in [
        (&["serve", "--only", "pymodaq"][..], "--pymodaq"),
        (&["pymodaq", "serve"], "--listen"),
    ] {
        let mut server = labwire(&folder, command)
            .args([address, "0.0.0.0:0", "--peers", "127.0.0.0/8"])
            .args([&IDENTITY[..], &["--tls-client-ca", "ca.pem"]].concat())
            .env("LABWIRE_PYMODAQ_CONTROLLERS", "everybody")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let shown = lines.nth(1).unwrap().unwrap();
        let address = shown
            .split(" --connect ")
            .nth(1)
            .unwrap()
            .split(' ')
            .next()
            .unwrap();
        assert!(address.starts_with("127.0.0.1:"), "{shown}");
        let list = ["pymodaq", "list", "--ca", "ca.pem", "--address", address];
        let identity = ["--cert", "client.pem", "--key", "client.key"];
        let listed = call(&folder, &[&list[..], &identity].concat());
        let stranger = call(&folder, &list);
        server.kill().unwrap();
        server.wait().unwrap();
        assert_eq!(listed.0, 0, "{}", listed.2);
        assert!(stranger.2.contains("asks for a certificate"), "{}", stranger.2);
    }
}

#[test]
fn who_speaks_tls_where_nobody_does_and_the_reverse_is_told_so() {
    let folder = folder();
    let (secure, plain) = (
        Server::start(&folder, "open,obe,zeiss,zeiss-ws,pymodaq,web", &IDENTITY),
        Server::start(&folder, "open,obe,zeiss,zeiss-ws,pymodaq,web", &[]),
    );
    for (service, command) in [
        ("open", &["open", "ping"][..]),
        ("obe", &["obe", "ready"]),
        ("zeiss", &["zeiss", "image", "photo.jpg"]),
        ("zeiss-ws", &["zeiss", "--websocket", "image", "photo.jpg"]),
    ] {
        let address = ["--address", secure.address(service)];
        let (status, _, errors) = call(&folder, &[command, &address].concat());
        assert!(status != 0 && errors.contains(address[1]), "{command:?} {errors}");
        assert!(errors.contains("speaks TLS only"), "{command:?} {errors}");
        let address = ["--address", plain.address(service), "--ca", "ca.pem"];
        let (status, _, errors) = call(&folder, &[command, &address].concat());
        assert!(
            status != 0 && errors.contains("does not speak TLS"),
            "{command:?} {errors}"
        );
    }
    secure.logs("the client does not speak TLS");
    plain.logs("the client speaks TLS, this port does not");
    // A browser sees why.
    let mut browser = TcpStream::connect(secure.address("web")).unwrap();
    browser
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    browser.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("this port speaks TLS only\n"));
}

#[test]
fn certificates_that_are_not_right_are_refused_in_words_on_both_sides() {
    let folder = folder();
    let server = Server::start(&folder, "open", &IDENTITY);
    let ping = |server: &Server, options: &[&str]| {
        let address = ["open", "ping", "--address", server.address("open")];
        let (status, _, errors) = call(&folder, &[&address, options].concat());
        (status, errors)
    };
    let fails = |(status, errors): (i32, String), words: &str| {
        assert!(status != 0 && errors.contains(words), "{status} {errors}");
        assert!(errors.contains("127.0.0.1:"), "{errors}");
    };
    fails(ping(&server, &["--ca", "strange-ca.pem"]), "unknown authority");
    server.logs("the peer does not know the authority of the certificate");
    fails(
        ping(&server, &["--ca", "ca.pem", "--server-name", "other.example"]),
        "not valid for name",
    );
    assert_eq!(
        ping(&server, &["--ca", "ca.pem", "--server-name", "lab.example"]).0,
        0
    );
    let old = Server::start(
        &folder,
        "open",
        &["--tls-cert", "old.pem", "--tls-key", "old.key"],
    );
    let (_, errors) = ping(&old, &["--ca", "ca.pem"]);
    assert!(!errors.contains("start a server"), "{errors}");
    fails(ping(&old, &["--ca", "ca.pem"]), "certificate has expired");
    old.logs("the peer says that the certificate has expired");

    // As `openssl req -x509` makes one.
    let own = Server::start(
        &folder,
        "open",
        &["--tls-cert", "own.pem", "--tls-key", "own.key"],
    );
    for authority in [&["--ca", "ca.pem"][..], &["--tls"]] {
        let (status, errors) = ping(&own, authority);
        assert!(
            status != 0
                && errors.contains("unknown authority: itself")
                && errors.contains("hint: --ca names"),
            "{errors}"
        );
    }
    assert_eq!(ping(&own, &["--ca", "own.pem"]).0, 0);

    let asking = [&IDENTITY[..], &["--tls-client-ca", "ca.pem"]].concat();
    let asking = Server::start(&folder, "open", &asking);
    let show = |name: &str| [format!("{name}.pem"), format!("{name}.key")];
    let with = |[cert, key]: [String; 2]| ping(&asking, &["--ca", "ca.pem", "--cert", &cert, "--key", &key]);
    assert_eq!(with(show("client")).0, 0);
    fails(ping(&asking, &["--ca", "ca.pem"]), "asks for a certificate");
    asking.logs("shown no certificate");
    fails(with(show("stranger")), "does not know the authority");
    fails(with(show("old")), "expired");
}

#[test]
fn files_that_are_not_right_are_named() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("empty.pem", "");
    write(
        "encrypted.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    write("torn.pem", "-----BEGIN CERTIFICATE-----\nMIIB");
    for (options, words) in [
        (
            &["--tls-cert", "none.pem", "--tls-key", "server.key"][..],
            "none.pem: No such file",
        ),
        (
            &["--tls-cert", "empty.pem", "--tls-key", "server.key"],
            "empty.pem: expected a certificate in PEM format",
        ),
        (
            &["--tls-cert", "torn.pem", "--tls-key", "server.key"],
            "torn.pem: ",
        ),
        (
            &["--tls-cert", "server.pem", "--tls-key", "server.pem"],
            "server.pem: expected a private key",
        ),
        (
            &["--tls-cert", "server.pem", "--tls-key", "encrypted.key"],
            "encrypted.key: the private key is encrypted",
        ),
        (
            &["--tls-cert", "server.pem", "--tls-key", "old.key"],
            "old.key: not the key of the certificate in server.pem",
        ),
        (
            &["--tls-cert", "server.pem"],
            "tls.certificate is given, tls.key is missing",
        ),
        (
            &["--tls-client-ca", "ca.pem"],
            "tls.client-ca is given, tls.certificate is missing",
        ),
    ] {
        let given = [&["serve", "--only", "open", "--open", "127.0.0.1:0"], options].concat();
        let (status, _, errors) = call(&folder, &given);
        assert!(status != 0 && errors.contains(words), "{options:?} {errors}");
    }
    let ping = ["open", "ping", "--address", "127.0.0.1:1"];
    for (options, words) in [
        (&["--ca", "none.pem"][..], "none.pem: No such file"),
        (&["--tls", "--cert", "server.pem"], "--key"),
        (&["--server-name", "x"], "--tls"),
    ] {
        let (status, _, errors) = call(&folder, &[&ping, options].concat());
        assert!(status != 0 && errors.contains(words), "{options:?} {errors}");
    }
}

#[test]
fn a_handshake_that_does_not_come_ends_at_the_time_limit() {
    let folder = folder();
    fs::write(
        folder.path().join("labwire.toml"),
        "limits.request-timeout = 0.2\n",
    )
    .unwrap();
    let server = Server::start(
        &folder,
        "open",
        &[&IDENTITY[..], &["--config", "labwire.toml"]].concat(),
    );
    for bytes in [&b""[..], &[0x16, 3, 1, 1, 0, 1, 0][..]] {
        let mut stream = TcpStream::connect(server.address("open")).unwrap();
        stream.write_all(bytes).unwrap();
        let mut rest = Vec::new();
        // Ends, or is reset.
        let _ = stream.read_to_end(&mut rest);
    }
    server.logs("the TLS handshake has not ended within 200ms");
}

#[test]
fn a_configuration_that_is_read_again_says_what_has_changed() {
    let folder = folder();
    let write = |text: &str| fs::write(folder.path().join("labwire.toml"), text).unwrap();
    let tls = "[tls]\ncertificate = \"old.pem\"\nkey = \"old.key\"\n";
    write(tls);
    let server = Server::start(&folder, "open", &["--config", "labwire.toml"]);
    let ping = [
        "open",
        "ping",
        "--address",
        server.address("open"),
        "--ca",
        "ca.pem",
    ];
    assert!(call(&folder, &ping).2.contains("expired"));
    write(&format!(
        "{}[limits]\nworkers = 3\npeers = [\"10.0.0.0/8\"]\n[web]\ntoken = \"secret-word\"\n",
        tls.replace("old", "server")
    ));
    server.signal("HUP");
    server.logs("configuration read again");
    assert_eq!(call(&folder, &ping).0, 0);
    let log = server.log.lock().unwrap().clone();
    for words in [
        "setting changed key=\"limits.peers\" old=\"[]\" new=\"[\\\"10.0.0.0/8\\\"]\"",
        "setting changed, takes effect at the next start key=\"limits.workers\" old=\"2\" new=\"3\"",
        "key=\"web.token\"",
    ] {
        assert!(log.contains(words), "{words}\n{log}");
    }
    assert!(!log.contains("secret-word"), "{log}");
    write("[limits]\nworkers = \"many\"\n");
    server.signal("HUP");
    server.logs("configuration not changed: labwire.toml: `limits.workers` is of type integer, not string");
    assert_eq!(call(&folder, &ping).0, 0);
}

#[test]
fn a_hangup_without_a_configuration_file_ends_the_servers() {
    let folder = folder();
    let mut server = Server::start(&folder, "open", &[]);
    let address = server.address("open").to_owned();
    server.signal("HUP");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    server.logs("signal=\"SIGHUP\"");
    assert!(
        TcpStream::connect(address)
            .and_then(|stream| stream.shutdown(Shutdown::Both))
            .is_err()
    );
}
