//! Servers that write files for their clients: projects, scripts, posteriors.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use labwire_core::zeiss::{ImportMode, Request};

use super::{Helper, labwire};

const IMAGE_BYTES: usize = 200_000;
const ACKNOWLEDGED: &str = "O.k.\r\n";

/// Kind of server, which writes into the folder `out` below its own.
struct Server {
    name: &'static str,
    flags: &'static [&'static str],
    /// Asks a server at an address for something to be written, by its number; `None` if it did not acknowledge it.
    ask: fn(&str, &Path, usize) -> Option<()>,
    /// Checks what is in the folder, and returns how many requests it shows.
    check: fn(&Path) -> usize,
}

const SERVERS: [Server; 3] = [
    Server {
        name: "zeiss",
        flags: &["--zeiss-ws", "127.0.0.1:0", "--zeiss-dir", "out"],
        ask: |address, folder, number| {
            let image = image(folder, number);
            import(address, &Request::image(image.to_str()?, "a/b", 35.0).unwrap())
        },
        check: project,
    },
    Server {
        name: "zeiss",
        flags: &["--zeiss-ws", "127.0.0.1:0", "--zeiss-script", "out/import.py"],
        ask: |address, folder, number| {
            let image = image(folder, number);
            let request = Request::elements(image.to_str()?, ImportMode::NewStage).unwrap();
            import(address, &request)
        },
        check: script,
    },
    Server {
        name: "obe",
        flags: &["--experiment", "line.json", "--obe-dir", "out"],
        ask: |address, _, number| {
            let y = [0.44, 0.47, 0.45, 0.46][number % 4];
            let newdat = format!(r#"{{"command": "newdat", "x": [0.5], "y": {y}}}"#);
            for command in [&newdat, r#"{"command": "save", "name": "p"}"#] {
                let mut stream = TcpStream::connect(address).ok()?;
                write!(stream, "{:010}{command}", command.len()).ok()?;
                let mut reply = [0; 14];
                stream.read_exact(&mut reply).ok()?;
                assert_eq!(reply, *b"0000000004\"OK\"");
            }
            Some(())
        },
        check: posterior,
    },
];

/// File to be imported.
fn image(folder: &Path, number: usize) -> PathBuf {
    let path = folder.join(format!("{number}.jpg"));
    fs::write(&path, vec![number as u8; IMAGE_BYTES]).unwrap();
    path
}

fn import(address: &str, request: &Request) -> Option<()> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(request.to_text().as_bytes()).ok()?;
    stream.write_all(b"\x04").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    // A killed server may have sent a part of it, but never anything else.
    assert!(ACKNOWLEDGED.starts_with(&answer), "{answer}");
    (answer == ACKNOWLEDGED).then_some(())
}

/// What `project.json` lists is there, and whole.
fn project(out: &Path) -> usize {
    let Ok(text) = fs::read(out.join("project.json")) else {
        return 0;
    };
    let project: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let series = &project["measurement_series"][0];
    let folder = out
        .join("measurement_series")
        .join(series["folder"].as_str().unwrap());
    let images = series["images"].as_array().unwrap();
    for image in images {
        let copy = fs::read(folder.join(image["file"].as_str().unwrap())).unwrap();
        let source = fs::read(image["source"].as_str().unwrap()).unwrap();
        assert!(copy == source && copy.len() == IMAGE_BYTES, "{image}");
    }
    images.len()
}

/// Every command of the script is whole.
fn script(out: &Path) -> usize {
    let Ok(text) = fs::read_to_string(out.join("import.py")) else {
        return 0;
    };
    let mut lines = text.lines();
    assert!(
        lines.by_ref().take(2).last() == Some("import gom") && text.ends_with('\n'),
        "{text}"
    );
    let commands: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    for command in &commands {
        assert!(
            command.starts_with("gom.script.sys.") && command.ends_with("'new_stage')"),
            "{command}"
        );
    }
    commands.len()
}

/// The posterior is whole: so many numbers in every row.
fn posterior(out: &Path) -> usize {
    let Ok(text) = fs::read(out.join("p.json")) else {
        return 0;
    };
    let posterior: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let rows = posterior["particles"].as_array().unwrap();
    assert!(rows.iter().all(|row| row.as_array().unwrap().len() == 500));
    posterior["history"].as_array().unwrap().len()
}

impl Server {
    fn start(&self, folder: &Path) -> (Helper, String) {
        let flag = format!("--{}", self.name);
        let ready = folder.join("ready.json");
        let _ = fs::remove_file(&ready);
        let mut command = labwire(&[
            "serve",
            "--only",
            self.name,
            &flag,
            "127.0.0.1:0",
            "--ready-file",
            "ready.json",
        ]);
        let log = folder.join("log");
        command.args(self.flags).current_dir(folder);
        command.stderr(fs::File::create(&log).unwrap());
        let mut server = Helper(command.spawn().unwrap());
        while !ready.exists() {
            let ended = server.0.try_wait().unwrap();
            assert_eq!(
                ended,
                None,
                "{:?}: {}",
                self.flags,
                fs::read_to_string(&log).unwrap()
            );
            thread::sleep(Duration::from_millis(1));
        }
        let servers: serde_json::Value = serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
        (server, servers[self.name].as_str().unwrap().to_owned())
    }

    /// Kills the server so often while a client asks, each time a little later, and looks at what it left.
    fn kill(&self, rounds: u32) {
        let home = tempfile::tempdir().unwrap();
        let (folder, out) = (home.path(), home.path().join("out"));
        fs::create_dir(&out).unwrap();
        let line = include_str!("../../../../core/design/experiments/line.json");
        fs::write(folder.join("line.json"), line.replace("50000", "500")).unwrap();
        let mut acknowledged = 0;
        for round in 0..rounds {
            let (server, address) = self.start(folder);
            let first = acknowledged;
            acknowledged += thread::scope(|scope| {
                let (sender, receiver) = mpsc::channel();
                let client = scope.spawn(move || {
                    (first..)
                        .take_while(|number| (self.ask)(&address, folder, *number).is_some())
                        .inspect(|_| {
                            let _ = sender.send(());
                        })
                        .count()
                });
                // In one half of the rounds from the first acknowledgement on, in the other from the start on.
                if round % 2 == 1 {
                    let log = || fs::read_to_string(folder.join("log")).unwrap();
                    receiver
                        .recv()
                        .unwrap_or_else(|_| panic!("nothing acknowledged: {}", log()));
                }
                thread::sleep(Duration::from_micros(u64::from(round % 25) * 1600));
                drop(server);
                client.join().unwrap()
            });
            let there = (self.check)(&out);
            assert!(
                there >= acknowledged,
                "{there} of {acknowledged}: {:?}: {}",
                self.flags,
                fs::read_to_string(folder.join("log")).unwrap()
            );
        }
        assert!(acknowledged > 0, "{:?}", self.flags);
        // A further start removes what is incomplete.
        let (server, address) = self.start(folder);
        (self.ask)(&address, folder, acknowledged).unwrap();
        drop(server);
        assert!((self.check)(&out) > acknowledged);
        assert_eq!(fs::read_dir(out.join(".labwire/incoming")).unwrap().count(), 0);
        assert!(!out.join(".labwire/unfinished").exists());
    }
}

pub(super) fn kill_all(rounds: u32) {
    for server in SERVERS {
        server.kill(rounds);
    }
}
