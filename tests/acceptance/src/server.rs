//! A running `labwire serve`, and its memory.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use serde_json::{Map, Value};
use socket2::{Domain, Socket, Type};

/// The program that was built beside this one, as a server. It ends when this is dropped. Linux only: it reads /proc.
#[derive(Debug)]
pub struct Server {
    process: Child,
    addresses: Map<String, Value>,
}

impl Server {
    /// Starts the servers `only`, on any free ports, and waits until they listen.
    ///
    /// # Panics
    /// If there is no such program.
    #[must_use]
    pub fn start(only: &str) -> Self {
        Self::start_with(only, &[], &[])
    }

    /// As [`start`](Self::start), with further arguments and variables of the environment.
    ///
    /// # Panics
    /// If there is no such program.
    #[must_use]
    pub fn start_with(only: &str, arguments: &[String], environment: &[(&str, &str)]) -> Self {
        let program = env::current_exe().expect("this program's path");
        let folder = program.ancestors().nth(1).expect("target/release");
        let ready = env::temp_dir().join(format!("labwire-acceptance-{}.json", std::process::id()));
        let mut command = Command::new(folder.join("labwire"));
        command
            .args(["serve", "--only", only, "--ready-file"])
            .arg(&ready)
            .args(arguments)
            .envs(environment.iter().copied());
        for flag in ["--open", "--obe", "--zeiss", "--zeiss-ws", "--pymodaq", "--web"] {
            command.args([flag, "127.0.0.1:0"]);
        }
        let process = command
            .env("RUST_LOG", "error")
            .env("XDG_STATE_HOME", state_folder())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program, built by `cargo build --release`");
        let addresses = loop {
            if let Ok(text) = fs::read_to_string(&ready) {
                let _ = fs::remove_file(&ready);
                break serde_json::from_str(&text).expect("an object");
            }
            thread::sleep(Duration::from_millis(20));
        };
        Self { process, addresses }
    }

    /// Address of one of the servers.
    ///
    /// # Panics
    /// If it was not started.
    #[must_use]
    pub fn address(&self, name: &str) -> SocketAddr {
        let address = self.addresses.get(name).and_then(Value::as_str);
        address
            .expect("a server that was started")
            .parse()
            .expect("host:port")
    }

    /// Resident memory, in millions of bytes.
    #[must_use]
    pub fn resident_mb(&self) -> f64 {
        self.status("VmRSS")
    }

    /// Largest resident memory so far, in millions of bytes.
    #[must_use]
    pub fn peak_mb(&self) -> f64 {
        self.status("VmHWM")
    }

    fn status(&self, name: &str) -> f64 {
        let path = PathBuf::from(format!("/proc/{}/status", self.process.id()));
        let status = fs::read_to_string(path).expect("Linux");
        let line = status.lines().find(|line| line.starts_with(name));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.and_then(|kib| kib.parse::<f64>().ok())
            .expect("a number of kB")
            * 1024.0
            / 1e6
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(state_folder());
    }
}

/// Folder for what the server keeps.
fn state_folder() -> PathBuf {
    env::temp_dir().join(format!("labwire-acceptance-state-{}", std::process::id()))
}

/// Connection from the loopback address with this last number: limits apply to each address.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn connect_from(host: u8, server: SocketAddr) -> TcpStream {
    let from = SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&from.into()).expect("a loopback address");
    socket.connect(&server.into()).expect("the server");
    TcpStream::from(socket)
}
