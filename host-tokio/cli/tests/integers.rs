//! `labwire solve` and `labwire check` for problems with integers.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const RELAY: &str = r#"{"solver": {"max_nodes": NODES}, "ocp": {"horizon": 8, "states": ["T"], "inputs": ["on"], "parameters": ["T0", "out"],
    "initial_state": ["T0"], "dynamics": {"next": ["T+0.2*(out-T)+4*on"]}, "stage_cost": "(T-21)^2+0.01*on",
    "terminal_cost": "(T-21)^2", "input_bounds": {"min": 0, "max": 1}, "integers": ["on"]}}"#;
const ODD: &str = r#"{"variables": {"n": 2}, "cost": "n[0]^2", "constraints": {"n": {"box": {"min": 0, "max": 3}}},
    "f1": [{"name": "odd", "expression": "2*n[0] + 2*n[1] == 5"}], "integers": ["n"]}"#;

fn run(folder: &Path, text: &str, arguments: &[&str]) -> Output {
    fs::write(folder.join("problem.json"), text).unwrap();
    Command::new(env!("CARGO_BIN_EXE_labwire"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_gap_is_printed_and_limits_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let solve = ["solve", "problem.json", "-p", "15,5"];
    let output = run(folder, &RELAY.replace("NODES", "1000"), &solve);
    let (words, _) = texts(&output);
    assert!(
        output.status.success() && words.starts_with("converged: "),
        "{words}"
    );
    assert!(
        words.contains("\nintegers      ") && words.contains("bound 66.6"),
        "{words}"
    );
    assert!(words.contains("on            [1.0, 1.0, "), "{words}");
    let output = run(
        folder,
        &RELAY.replace("NODES", "2"),
        &[&solve[..], &["--verbose"]].concat(),
    );
    let (words, notes) = texts(&output);
    assert!(
        !output.status.success() && words.starts_with("iteration limit: "),
        "{words}"
    );
    assert!(words.contains("integers      2 nodes, gap "), "{words}");
    assert!(
        notes.contains("the limit is 2 nodes (\"max_nodes\" in \"solver\")"),
        "{notes}"
    );
    assert!(
        notes.contains(" nodes  outer  iter") && notes.contains("\n     2  "),
        "{notes}"
    );
    let (json, _) = texts(&run(
        folder,
        &RELAY.replace("NODES", "2"),
        &[&solve[..], &["--json"]].concat(),
    ));
    assert!(
        json.contains("\"exit_status\": \"NotConvergedIterations\"") && json.contains("\"is_global\": true"),
        "{json}"
    );
}

#[test]
fn infeasible_and_not_convex_are_said_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (words, notes) = texts(&run(folder, ODD, &["solve", "problem.json"]));
    assert!(words.starts_with("locally infeasible: "), "{words}");
    assert!(words.contains("cannot be satisfied: F1[0] (`odd`)"), "{words}");
    assert!(
        notes.contains("no integers within their bounds satisfy the constraints"),
        "{notes}"
    );
    let (words, _) = texts(&run(folder, ODD, &["check", "problem.json"]));
    assert!(words.contains("  integers     2 variables; branch and bound from sum-up rounding; the gap that a solve states holds"), "{words}");
    let curved = ODD.replace("n[0]^2", "cos(n[0])").replace("== 5", "== 4");
    let (words, _) = texts(&run(folder, &curved, &["check", "problem.json"]));
    assert!(words.contains("is not known to be convex"), "{words}");
    let (words, _) = texts(&run(folder, &curved, &["solve", "problem.json"]));
    assert!(words.contains("(of local minima: "), "{words}");
    // Sets of points are no way to say on and off.
    let points = r#"{"variables": {"u": 1}, "cost": "(u - 0.3)^2", "constraints": {"u": {"finite_set": {"points": [[0], [1]]}}}}"#;
    let (words, _) = texts(&run(folder, points, &["check", "problem.json"]));
    assert!(
        words.contains("beware       variables in a `finite_set`"),
        "{words}"
    );
    let (_, notes) = texts(&run(
        folder,
        &ODD.replace("\"max\": 3", "\"max\": null"),
        &["check", "problem.json"],
    ));
    assert!(notes.contains("`n[0]` has the bounds 0 and inf"), "{notes}");
}
