//! Texts that come by a socket reach for no file and no program of the machine.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;

use serde_json::{Value, json};

use super::{File, Server};

/// Sends all of `request`, and reads until the server closes.
fn ask(address: &Value, request: &str) -> String {
    let mut socket = TcpStream::connect(address.as_str().unwrap()).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let mut reply = String::new();
    socket.read_to_string(&mut reply).unwrap();
    reply
}

/// Command that writes the file `touched` when it runs.
fn touch(touched: &Path) -> Value {
    json!({"command": ["touch", touched]})
}

#[test]
fn a_loaded_problem_reads_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("pump.csv");
    fs::write(&table, "flow,head\n0,10\n1,9\n").unwrap();
    let permits = File::new("strangers.toml", "[open]\nload = \"local\"");
    let server = Server::start(
        "strangers-open",
        &["--open", "127.0.0.1:0", "--config", permits.path()],
    );
    let load = |table: Value| {
        let problem = json!({"variables": {"u": 1}, "let": {"head": table}, "cost": "(u[0] - head[1])^2"});
        ask(&server.addresses["open"], &json!({"Load": problem}).to_string())
    };
    let reply = load(json!({"csv": table, "column": "head"}));
    assert!(
        reply.contains("pump.csv") && reply.contains("a file is read only for a problem that is named on"),
        "{reply}"
    );
    // It was not another part of the problem that was refused.
    let reply = load(json!([10, 9]));
    assert!(!reply.contains("Error"), "{reply}");
}

#[test]
fn an_experiment_that_is_sent_starts_no_program_and_reads_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (touched, axis, samples) = (
        folder.path().join("touched"),
        folder.path().join("axis.csv"),
        folder.path().join("samples.csv"),
    );
    fs::write(&axis, "x\n1\n2\n").unwrap();
    fs::write(&samples, "a\n1\n2\n").unwrap();
    let server = Server::start_one("obe", "obe", "strangers-obe", &["--obe", "127.0.0.1:0"]);
    let begin = |key: &str, value: Value| {
        let mut experiment = json!({
            "settings": {"x": [1, 2]}, "parameters": {"a": {"uniform": [0, 1]}}, "model": "a*x", "noise": 0.1
        });
        experiment[key] = value;
        let request = json!({"command": "newrun", "experiment": experiment}).to_string();
        ask(
            &server.addresses["obe"],
            &format!("{:010}{request}", request.len()),
        )
    };
    for (key, value, named) in [
        ("model", touch(&touched), "touch"),
        ("settings", json!({"x": {"csv": axis}}), "axis.csv"),
        ("constants", json!({"c": {"csv": axis}}), "axis.csv"),
        (
            "parameters",
            json!({"a": {"samples": {"csv": samples}}}),
            "samples.csv",
        ),
    ] {
        let reply = begin(key, value);
        assert!(
            reply.contains(named)
                && reply.contains("is honoured only in an experiment file that the operator"),
            "{key}: {reply}"
        );
    }
    assert!(!touched.exists());
    let reply = begin("model", json!("2*a*x"));
    assert!(!reply.to_lowercase().contains("error"), "{reply}");
}
