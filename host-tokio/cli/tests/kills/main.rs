//! What is on the disk after the program was killed: every file whole, every row whole, and everything that was
//! acknowledged.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod served;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PROBLEM: &str = r#"{"variables": {"x": 50}, "parameters": {}, "cost": "sum(i in 0..49, (x[i+1] - x[i]^2)^2 + (1 - x[i])^2)"}"#;

fn labwire(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_labwire"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// Standard output of a run that succeeds.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Program that ends with the test.
struct Helper(Child);

impl Helper {
    fn start(arguments: &[&str]) -> Self {
        Self(labwire(arguments).spawn().unwrap())
    }

    /// Last word of the first line.
    fn address(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        line.split_whitespace().last().unwrap().to_owned()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Other programs that writers need.
struct Surroundings {
    device: String,
    server: String,
    _helpers: Vec<Helper>,
    home: tempfile::TempDir,
}

impl Surroundings {
    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let ready = home.path().join("ready.json");
        let flags = ["pymodaq", "serve", "--listen", "127.0.0.1:0", "--ready-file"];
        let mut helpers = vec![Helper::start(&[&flags[..], &[ready.to_str().unwrap()]].concat())];
        wait_for(&ready);
        let servers: serde_json::Value = serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
        let server = servers["pymodaq"].as_str().unwrap().to_owned();
        let module = ["pymodaq", "instrument", "--as", "grabber", "--dim", "1D"];
        let flags = ["--name", "spectrum", "--connect", &server];
        helpers.push(Helper::start(&[&module[..], &flags].concat()));
        let list = ["pymodaq", "--address", &server, "list"];
        while !output(&mut labwire(&list)).contains("spectrum") {
            thread::sleep(Duration::from_millis(10));
        }
        helpers.push(Helper::start(&["device", "emulate", "--address", "127.0.0.1:0"]));
        let device = helpers.last_mut().unwrap().address();
        Self {
            device,
            server,
            _helpers: helpers,
            home,
        }
    }
}

fn wait_for(path: &Path) {
    while !path.exists() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Kind of program that writes files into a folder.
struct Writer {
    /// Command line; `DEVICE` and `SERVER` are replaced by addresses.
    arguments: &'static [&'static str],
    /// Lines that are typed.
    typed: &'static str,
    /// Files that are whole if they equal those of a run that ended by itself.
    files: &'static [&'static str],
    /// Further checks after a kill, of the folder and of what was printed.
    check: fn(&Path, &str),
}

const fn files(arguments: &'static [&'static str], files: &'static [&'static str]) -> Writer {
    Writer {
        arguments,
        typed: "",
        files,
        check: |_, _| {},
    }
}

const WRITERS: &[Writer] = &[
    files(
        &[
            "experiment",
            "line",
            "--seed",
            "1",
            "--particles",
            "50",
            "simulate",
            "-m",
            "20",
            "--csv",
            "a.csv",
            "--averages",
            "b.csv",
            "--svg",
            "c.svg",
            "--force",
        ],
        &["a.csv", "b.csv", "c.svg"],
    ),
    files(
        &[
            "experiment",
            "line",
            "--seed",
            "1",
            "--particles",
            "50",
            "replay",
            "../measured.csv",
            "--svg",
            "a.svg",
            "--posterior",
            "b.json",
            "--averages",
            "c.csv",
            "--force",
        ],
        &["a.svg", "b.json", "c.csv"],
    ),
    files(&["solve", "../problem.json", "--plot", "a.svg"], &["a.svg"]),
    Writer {
        arguments: &[
            "experiment",
            "line",
            "--seed",
            "1",
            "--particles",
            "500",
            "by-hand",
            "--posterior",
            "p.json",
        ],
        typed: "0.5\n",
        files: &[],
        check: nothing_acknowledged_is_missing,
    },
    Writer {
        arguments: &[
            "device",
            "watch",
            "--address",
            "DEVICE",
            "--every",
            "0",
            "--csv",
            "w.csv",
            "VOLT?",
            "*IDN?",
        ],
        typed: "",
        files: &[],
        check: |folder, _| rows_are_whole(&folder.join("w.csv")),
    },
    Writer {
        arguments: &[
            "pymodaq",
            "--address",
            "SERVER",
            "grab",
            "spectrum",
            "--every",
            "1ms",
            "--csv",
            "g.csv",
            "--npy",
            "n.npy",
            "--plot=p.png",
            "--force",
        ],
        typed: "",
        files: &[],
        check: |folder, _| {
            rows_are_whole(&folder.join("g.csv"));
            for file in fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                let bytes = fs::read(&path).unwrap();
                match path.extension().and_then(|extension| extension.to_str()) {
                    Some("npy") if !is_hidden(&path) => assert_eq!(bytes.len(), 128 + 8 * 1024, "{path:?}"),
                    Some("png") => assert!(bytes.ends_with(b"IEND\xaeB\x60\x82"), "{path:?}"),
                    _ => {}
                }
            }
        },
    },
    Writer {
        arguments: &[
            "serve",
            "--only",
            "open",
            "--open",
            "127.0.0.1:0",
            "--ready-file",
            "r.json",
        ],
        typed: "",
        files: &[],
        check: |folder, _| {
            if let Ok(text) = fs::read_to_string(folder.join("r.json")) {
                let servers: serde_json::Value = serde_json::from_str(&text).unwrap();
                assert!(servers["open"].as_str().unwrap().starts_with("127.0.0.1:"));
            }
        },
    },
];

fn is_hidden(path: &Path) -> bool {
    path.file_name().unwrap().to_str().unwrap().starts_with('.')
}

/// Every row has as many fields as the header; what is torn at the end, the next start removes.
fn rows_are_whole(path: &Path) {
    let Ok(text) = fs::read_to_string(path) else {
        return;
    };
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    let reader = csv::Reader::from_reader(whole.as_bytes());
    for record in reader.into_records() {
        record.unwrap();
    }
}

/// The prompt for measurement N is printed when N - 1 are in the file.
fn nothing_acknowledged_is_missing(folder: &Path, printed: &str) {
    let number = |text: &str| -> usize {
        let prompt = text.rmatch_indices("measurement ").find_map(|(at, word)| {
            let (number, _) = text[at + word.len()..].split_once(':')?;
            number.parse().ok()
        });
        prompt.unwrap_or(1)
    };
    let mut again = labwire(&[
        "experiment",
        "line",
        "--particles",
        "500",
        "by-hand",
        "--posterior",
        "p.json",
    ]);
    let resumed = number(&output(again.current_dir(folder)));
    let acknowledged = number(printed);
    assert!(resumed >= acknowledged, "{resumed} < {acknowledged}");
}

impl Writer {
    fn start(&self, around: &Surroundings, folder: &Path) -> Child {
        let arguments: Vec<&str> = self
            .arguments
            .iter()
            .map(|argument| match *argument {
                "DEVICE" => &around.device,
                "SERVER" => &around.server,
                argument => argument,
            })
            .collect();
        let mut child = labwire(&arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let typed = self.typed;
        thread::spawn(move || while !typed.is_empty() && input.write_all(typed.as_bytes()).is_ok() {});
        child
    }

    /// Starts the program in `folder`, kills it `delay` after the first file appeared there, and checks what it left.
    fn kill(&self, around: &Surroundings, folder: &Path, whole: &Path, delay: Duration) {
        let before = fs::read_dir(folder).unwrap().count();
        let mut child = self.start(around, folder);
        let mut stdout = child.stdout.take().unwrap();
        let printed = thread::spawn(move || {
            let mut printed = Vec::new();
            let _ = stdout.read_to_end(&mut printed);
            String::from_utf8_lossy(&printed).into_owned()
        });
        let begun = Instant::now();
        while fs::read_dir(folder).unwrap().count() == before && begun.elapsed() < Duration::from_millis(300)
        {
            if child.try_wait().unwrap().is_some_and(|status| !status.success()) {
                let mut said = String::new();
                child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                panic!("{:?}: {said}", self.arguments);
            }
        }
        thread::sleep(delay);
        let _ = child.kill();
        child.wait().unwrap();
        (self.check)(folder, &printed.join().unwrap());
        for file in self.files {
            if let Ok(found) = fs::read(folder.join(file)) {
                assert!(found == fs::read(whole.join(file)).unwrap(), "{file} is half");
            }
        }
    }
}

/// Kills every writer `rounds` times, at moments further and further from its first file.
fn kill_all(rounds: u32) {
    let around = Surroundings::start();
    fs::write(around.home.path().join("problem.json"), PROBLEM).unwrap();
    let rows = (0..20).map(|row| format!("0.{row:02},0.{}\n", 40 + row % 7));
    let table = "x,y\n".to_owned() + &rows.collect::<String>();
    fs::write(around.home.path().join("measured.csv"), table).unwrap();
    for (index, writer) in WRITERS.iter().enumerate() {
        let [folder, whole] = ["killed", "whole"].map(|name| {
            let folder = around.home.path().join(format!("{name}-{index}"));
            fs::create_dir(&folder).unwrap();
            folder
        });
        if !writer.files.is_empty() {
            writer.start(&around, &whole).wait().unwrap();
        }
        for round in 0..rounds {
            // Of a file that is written once, the first milliseconds matter.
            let delay = Duration::from_micros(u64::from(round % 25) * 400);
            writer.kill(&around, &folder, &whole, delay);
            if round % 2 == 0 {
                for file in writer.files {
                    let _ = fs::remove_file(folder.join(file));
                }
            }
        }
        if !writer.files.is_empty() {
            writer.start(&around, &folder).wait().unwrap();
            let left: Vec<_> = fs::read_dir(&folder).unwrap().flatten().collect();
            assert_eq!(
                left.len(),
                writer.files.len(),
                "incomplete files are left: {left:?}"
            );
        }
    }
}

#[test]
fn a_killed_program_leaves_no_half_files() {
    kill_all(4);
    served::kill_all(4);
}

/// `.ci/run kills`
#[test]
#[ignore = "takes a minute"]
fn a_program_killed_500_times_leaves_no_half_files() {
    kill_all(50);
    served::kill_all(50);
}
