//! `labwire check`: files in words, and likely trouble.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::process::{Command, Stdio};

/// Standard output for a file on standard input.
fn check(text: &str, arguments: &[&str]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_labwire"))
        .args(["check", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    program.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = program.wait_with_output().unwrap();
    assert!(output.status.success(), "{text}");
    String::from_utf8(output.stdout).unwrap()
}

fn example(name: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_labwire"))
        .args(["example", name])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn functions_are_called_what_they_are() {
    for (cost, shape) in [
        ("x[0] - 2*x[1]", "linear"),
        ("x[0]^2 + x[0]*x[1] + x[1]^2", "quadratic, convex as far as tried"),
        ("x[0]^2 - x[1]^2", "quadratic, not convex"),
        ("exp(x[0]) + x[1]^4", "nonlinear, convex as far as tried"),
        ("sin(3*x[0])*x[1]", "nonlinear, not convex"),
    ] {
        let text = format!(
            "{{\"variables\": {{\"x\": 2}}, \"cost\": \"{cost}\", \"f1\": [\"x[0] + x[1] <= 1\", \"x[0]^2 <= 1\"]}}"
        );
        let words = check(&text, &[]);
        assert!(
            words.contains(&format!("  cost         {shape}\n")),
            "{cost}: {words}"
        );
        assert!(
            words.contains("  g[0..2] is  quadratic, convex as far as tried\n"),
            "{words}"
        );
        assert!(!words.contains("beware"), "{words}");
    }
    let words = check(&example("heating"), &["-p", "5,16"]);
    assert!(
        words.contains("  sparsity     6 of 6 entries of the Jacobian, 21 of 21 of the Hessian\n"),
        "{words}"
    );
}

#[test]
fn likely_trouble_is_named() {
    let plain = |cost: &str| {
        format!("{{\"variables\": {{\"x\": 2}}, \"parameters\": {{\"p\": 1}}, \"cost\": \"{cost}\"}}")
    };
    for (cost, words) in [
        (
            "1e9*x[0] + x[1]",
            "changes by 1e9 per unit of x[0], by 1e0 per unit of x[1]",
        ),
        (
            "abs(x[1]) + x[0]^2",
            "at a kink: the cost has different slopes on both sides of x[1]",
        ),
        ("log(x[0]) + x[1]^2", "the cost is -inf at the start"),
        ("sqrt(p[0] - 2 + x[0]^2)", "the cost is NaN at the start"),
    ] {
        let found = check(&plain(cost), &[]);
        assert!(
            found.contains("  beware") && found.contains(words),
            "{cost}: {found}"
        );
    }
    // With other parameters, there is none.
    assert!(!check(&plain("sqrt(p[0] - 2 + x[0]^2)"), &["-p", "3"]).contains("beware"));
}

#[test]
fn a_table_is_no_linear_function() {
    for (expression, shape) in [
        (
            "interp(x[0], [0, 1, 2], [0, 1, 4])",
            "nonlinear, convex as far as tried",
        ),
        ("interp(x[0], [0, 1, 2], [0, 3, 4])", "nonlinear, not convex"),
        (
            "x[1]^2 + interp(x[0], [0, 1, 2], [0, 3, 4])",
            "nonlinear, not convex",
        ),
        ("interp(x[0], [0, 1, 2], [0, 1, 2])", "linear"),
    ] {
        let text = format!(
            "{{\"variables\": {{\"x\": 2}}, \"cost\": \"x[1]^2\", \"f1\": [\"{expression} + 0*x[1] <= 1\"]}}"
        );
        let words = check(&text, &[]);
        assert!(
            words.contains(&format!("  g[0..1] is  {shape}\n")),
            "{expression}: {words}"
        );
    }
}

#[test]
fn steps_too_long_for_the_dynamics_are_named() {
    let text = |integrator: &str| {
        format!(
            r#"{{"ocp": {{"horizon": 10, "step": 1, "states": ["x"], "inputs": ["u"], "initial_state": [1],
            "dynamics": {{"derivative": ["u - 200*x"], "integrator": "{integrator}"}}, "stage_cost": "x^2 + u^2"}}}}"#
        )
    };
    let words = check(&text("rk4"), &[]);
    assert!(
        words.contains("beware") && words.contains("an explicit integrator"),
        "{words}"
    );
    assert!(!words.contains("choose units"), "{words}");
    let words = check(&text("radau2"), &[]);
    assert!(!words.contains("beware"), "{words}");
}

#[test]
fn files_that_an_experiment_names_are_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("knobs.csv"), "t,i\n1,2\n3,4\n5,6\n").unwrap();
    let file = folder.path().join("decay.json");
    let text = r#"{"settings": {"t,i": {"csv": "knobs.csv"}}, "parameters": {"k": {"uniform": [0, 1]}},
        "model": {"command": "no-such-program"}, "likelihood": "poisson"}"#;
    std::fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_labwire"))
        .arg("check")
        .arg(&file)
        .output()
        .unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(words.contains("  settings     3 combinations\n"), "{words}");
    assert!(words.contains("that of counts"), "{words}");
}

#[test]
fn experiments_are_explained_too() {
    let words = check(&example("coil"), &[]);
    for line in [
        "experiment `impedance of a coil",
        "f: 200 values, 100 to 1000000",
        "L: exponential, mean 0.001",
        "unknown: learned",
    ] {
        assert!(words.contains(line), "{words}");
    }
}

#[test]
fn a_configuration_is_what_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("supply.toml");
    std::fs::write(&file, example("supply")).unwrap();
    let check = || {
        Command::new(env!("CARGO_BIN_EXE_labwire"))
            .arg("check")
            .arg(&file)
            .output()
            .unwrap()
    };
    let words = String::from_utf8(check().stdout).unwrap();
    assert!(
        words.contains("  device.pace = 0.05, in place of 0.0\n"),
        "{words}"
    );
    std::fs::write(&file, "[device]\npaces = 1").unwrap();
    assert_eq!(check().status.code(), Some(78));
}

#[test]
fn what_a_solve_decides_once_is_named_with_its_bounds() {
    let text = r#"{"ocp": {"horizon": 3, "step": 0.2, "states": ["p", "v"], "inputs": ["w", "z"], "parameters": ["start"],
        "horizon_variables": {"mass": {"min": 0}, "load": {}}, "initial_state": ["start", {"min": 0, "max": 2}],
        "dynamics": {"derivative": ["v", "w/mass"]}, "stage_cost": "(p - 2)^2 + w^2 + z^2 + load^2"}}"#;
    let words = check(text, &[]);
    let free: Vec<&str> = words.lines().filter(|line| line.starts_with("  free ")).collect();
    assert_eq!(
        free,
        [
            "  free         mass, from 0 on",
            "  free         load, without bounds",
            "  free         initial v, from 0 to 2",
        ]
    );
    assert!(words.contains("\"guess\" of what is free"), "{words}");
}

#[test]
fn an_experiment_is_told_in_words() {
    let words = check(
        r#"{"settings": {"x": [1, 2]}, "constants": {"w": [1, 2, 3]},
        "parameters": {"a": {"normal": [1, 0.5], "min": 0}, "b": {"normal": ["2*a", 1]}}, "model": "a*x*w + b", "noise": 0.1,
        "targets": {"ratio": "a/b"}, "until": {"std": {"ratio": 0.05, "a": 0.1}, "cost": 15, "measurements": 90}}"#,
        &[],
    );
    for line in [
        "  parameter    a: normal, 1 +- 0.5, cut off: from 0\n",
        "  parameter    b: depends on other parameters\n",
        "  noise        known: 0.1 in each channel\n",
        "  targets      ratio\n",
        "  until        ratio known to 0.05 and a known to 0.1, or cost 15, or 90 measurements\n",
    ] {
        assert!(words.contains(line), "{line}{words}");
    }
}
