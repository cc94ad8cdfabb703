//! Memory of `labwire serve`: with only the default problem, and for 1,000 idle connections.
//!
//! `cargo build --release && cargo run --release -p labwire-acceptance --bin memory`; reads /proc, so Linux only.
//! Exits with 1 if either is 20 MB or more.
#![expect(clippy::print_stdout, reason = "a program")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use socket2::{Domain, Socket, Type};

const CONNECTIONS: usize = 1000;
/// Fewer than the limit `connections-per-peer` allows from one address.
const CONNECTIONS_PER_ADDRESS: usize = 200;
const LIMIT_MB: f64 = 20.0;

fn main() -> ExitCode {
    // Both ends of the connections count against the limit of open files.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let (server, address) = Server::start();
    solve(address);
    let alone = server.resident_mb();
    println!("server with the default problem   {alone:6.1} MB");
    let connections: Vec<TcpStream> = (0..CONNECTIONS).map(|i| connect(address, i)).collect();
    let idle = server.resident_mb() - alone;
    println!("{} idle connections           {idle:+6.1} MB", connections.len());
    if alone < LIMIT_MB && idle < LIMIT_MB {
        ExitCode::SUCCESS
    } else {
        println!("that is {LIMIT_MB} MB or more");
        ExitCode::FAILURE
    }
}

struct Server(Child);

impl Server {
    fn start() -> (Self, SocketAddr) {
        let program = env::current_exe().expect("this program's path");
        let folder = program.ancestors().nth(1).expect("target/release");
        let ready = env::temp_dir().join(format!("labwire-memory-{}.json", std::process::id()));
        let server = Command::new(folder.join("labwire"))
            .args(["serve", "--only", "open", "--open", "127.0.0.1:0", "--ready-file"])
            .arg(&ready)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::null())
            .spawn()
            .expect("the program, built by `cargo build --release`");
        (Self(server), address(&ready))
    }

    /// VmRSS, in millions of bytes.
    fn resident_mb(&self) -> f64 {
        let path = PathBuf::from(format!("/proc/{}/status", self.0.id()));
        let status = fs::read_to_string(path).expect("Linux");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .expect("VmRSS");
        let kib = line.split_whitespace().nth(1).expect("a number");
        kib.parse::<f64>().expect("a number") * 1024.0 / 1e6
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn address(ready: &Path) -> SocketAddr {
    loop {
        if let Ok(text) = fs::read_to_string(ready) {
            let _ = fs::remove_file(ready);
            let address = text.split('"').nth(3).expect("{\"open\": \"host:port\"}");
            return address.parse().expect("an address");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn solve(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).expect("the server");
    stream
        .write_all(b"{\"Run\":{\"parameter\":[1,50]}}\n")
        .expect("a reader");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    assert!(reply.contains("Converged"), "{reply}");
}

/// Connection that has been used once and stays open.
fn connect(server: SocketAddr, index: usize) -> TcpStream {
    let host = 1 + index / CONNECTIONS_PER_ADDRESS;
    let from = SocketAddr::from((Ipv4Addr::new(127, 0, 0, host as u8), 0));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&from.into()).expect("a loopback address");
    socket.connect(&server.into()).expect("the server");
    let mut stream = TcpStream::from(socket);
    stream
        .write_all(b"{\"KeepAlive\":true}{\"Ping\":1}")
        .expect("a reader");
    let mut reply = [0; 11];
    stream.read_exact(&mut reply).expect("a reply");
    assert_eq!(&reply, b"{\"Pong\":1}\n");
    stream
}
