//! Attacks on the experiment designer.

use std::io::{Read, Write};
use std::time::Instant;

use labwire_acceptance::{Server, connect_from};

use super::{CONNECTIONS, flood};

fn message(text: &str) -> Vec<u8> {
    format!("{:010}{text}", text.len()).into_bytes()
}

fn command(name: &str) -> Vec<u8> {
    message(&format!(r#"{{"command": "{name}"}}"#))
}

/// Sends requests one after the other, none of which is refused, and reads each reply.
fn ask_all(server: &Server, requests: impl IntoIterator<Item = Vec<u8>>) {
    let mut stream = connect_from(1, server.address("obe"));
    for request in requests {
        stream.write_all(&request).expect("a reader");
        let mut head = [0; 10];
        stream.read_exact(&mut head).expect("a reply");
        let length = str::from_utf8(&head).ok().and_then(|head| head.parse().ok());
        let mut reply = vec![0; length.expect("a length")];
        stream.read_exact(&mut reply).expect("a reply");
        let reply = String::from_utf8_lossy(&reply);
        assert!(!reply.starts_with(r#"{"error""#), "{reply}");
    }
}

/// Nearly as many settings as the memory of an experiment allows.
pub(crate) fn getset(server: &Server, end: Instant) {
    ask_all(server, [message(r#"{"command": "newrun", "steps": 7000000}"#)]);
    flood(server.address("obe"), 1, &command("getset").repeat(6), 1, end);
}

pub(crate) fn getpdf(server: &Server, end: Instant) {
    flood(server.address("obe"), 1, &command("getpdf").repeat(64), 1, end);
}

pub(crate) fn many_getpdf(server: &Server, end: Instant) {
    let asked = command("getpdf").repeat(64);
    flood(server.address("obe"), CONNECTIONS, &asked, 1, end);
}

pub(crate) fn history(server: &Server, end: Instant) {
    let measurement = |index: usize| {
        let x = 1.5 + 0.01 * (index % 300) as f64;
        message(&format!(
            r#"{{"command": "newdat", "x": [{x}], "y": [1.0], "s": [1e3]}}"#
        ))
    };
    ask_all(server, (0..3000).map(measurement));
    let asked = command("history").repeat(64);
    flood(server.address("obe"), CONNECTIONS, &asked, 1, end);
}

/// Names as long as an experiment may have, in replies that show them.
pub(crate) fn long_names(server: &Server, end: Instant) {
    let begin = |_| {
        let experiment = format!(
            r#"{{"name": "{}", "settings": {{"x": [0, 1]}}, "parameters": {{"a": {{"uniform": [0, 1]}}}}, "model": "a*x"}}"#,
            "n".repeat(1000)
        );
        message(&format!(r#"{{"command": "newrun", "experiment": {experiment}}}"#))
    };
    ask_all(server, (0..10).map(begin));
    let asked = [command("runs"), command("status")].concat().repeat(32);
    flood(server.address("obe"), CONNECTIONS, &asked, 1, end);
}

pub(crate) fn covariance(server: &Server, end: Instant) {
    let parameters: Vec<String> = (0..1000)
        .map(|index| format!(r#""p{index}": {{"uniform": [0, 1]}}"#))
        .collect();
    let experiment = format!(
        r#"{{"settings": {{"x": [0, 1]}}, "parameters": {{{}}}, "model": "p0*x", "options": {{"particles": 2000}}}}"#,
        parameters.join(", ")
    );
    ask_all(
        server,
        [message(&format!(
            r#"{{"command": "newrun", "experiment": {experiment}}}"#
        ))],
    );
    let asked = command("getcov").repeat(64);
    flood(server.address("obe"), CONNECTIONS, &asked, 1, end);
}

/// `newrun` with this number of settings and particles, and a model of 5,000 sines.
fn sines(settings: usize, particles: usize) -> Vec<u8> {
    let terms: Vec<String> = (0..5000).map(|index| format!("sin(a*x+{index})")).collect();
    let terms = terms
        .chunks(50)
        .map(|chunk| format!("({})", chunk.join("+")))
        .collect::<Vec<_>>();
    message(&format!(
        r#"{{"command": "newrun", "experiment": {{"settings": {{"x": {{"linspace": [0, 1, {settings}]}}}},
           "parameters": {{"a": {{"uniform": [0, 1]}}}}, "model": "{}", "options": {{"particles": {particles}}}}}}}"#,
        terms.join("+")
    ))
}

/// The client leaves in the middle, and others take its place.
pub(crate) fn scan(server: &Server, end: Instant) {
    ask_all(server, [sines(1_000_000, 10_000)]);
    while Instant::now() < end {
        let mut stream = connect_from(1, server.address("obe"));
        stream.write_all(&command("optset")).expect("a reader");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
}

/// Nearly as many particles as the memory of an experiment allows.
pub(crate) fn experiments(server: &Server, end: Instant) {
    let experiment = message(
        r#"{"command": "newrun", "experiment": {"settings": {"x": [0, 1]}, "parameters": {"a": {"uniform": [0, 1]}, "b": {"uniform": [0, 1]}}, "model": "a*x+b", "constraints": ["a+b<1.99"], "options": {"particles": 1900000}}}"#,
    );
    ask_all(server, [experiment.clone()]);
    flood(server.address("obe"), 64, &experiment, 1, end);
}

pub(crate) fn measurement(server: &Server, end: Instant) {
    ask_all(server, [sines(100, 1_000_000)]);
    let asked = message(r#"{"command": "newdat", "x": [0.5], "y": [1.0], "s": [0.1]}"#);
    flood(server.address("obe"), 64, &asked, 64, end);
}

/// Bytes that the server does not take wait in the sockets' buffers.
pub(crate) fn halves(server: &Server, end: Instant) {
    let half = [b"0060000000{\"x\": \"", &[b'x'; 59_000_000][..]].concat();
    flood(server.address("obe"), CONNECTIONS, &half, 1, end);
}

/// Whole messages, as many numbers as fit.
pub(crate) fn messages(server: &Server, end: Instant) {
    let numbers = "0.123456789012345, ".repeat(60_000_000 / 19);
    let asked = message(&format!(
        r#"{{"command": "newdat", "x": [{numbers}0], "y": [0]}}"#
    ));
    flood(server.address("obe"), 4, &asked, usize::MAX / asked.len(), end);
}
