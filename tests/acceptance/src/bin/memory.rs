//! Memory of `labwire serve`: with only the default problem, and for 1,000 idle connections.
//!
//! `cargo build --release && cargo run --release -p labwire-acceptance --bin memory`; reads /proc, so Linux only.
//! Exits with 1 if either is 20 MB or more.
#![expect(clippy::print_stdout, reason = "a program")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;

use labwire_acceptance::{Server, connect_from};

const CONNECTIONS: usize = 1000;
/// Fewer than the limit `connections-per-peer` allows from one address.
const CONNECTIONS_PER_ADDRESS: usize = 200;
const LIMIT_MB: f64 = 20.0;

fn main() -> ExitCode {
    // Both ends of the connections count against the limit of open files.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let server = Server::start("open");
    let address = server.address("open");
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
    let mut stream = connect_from(host as u8, server);
    stream
        .write_all(b"{\"KeepAlive\":true}{\"Ping\":1}")
        .expect("a reader");
    let mut reply = [0; 11];
    stream.read_exact(&mut reply).expect("a reply");
    assert_eq!(&reply, b"{\"Pong\":1}\n");
    stream
}
