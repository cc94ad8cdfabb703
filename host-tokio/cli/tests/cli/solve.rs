//! `labwire solve` and `labwire check`.

use super::*;

#[test]
fn an_end_that_is_no_success_is_explained() {
    let explanation = |text: &str, arguments: &[&str]| {
        let file = File::new("explained.json", text);
        let arguments = [&["solve", file.path()], arguments].concat();
        let (code, out, err) = run(&arguments);
        assert_ne!(code, Some(0), "{out}{err}");
        err
    };
    let too_far = r#"{"ocp": {"horizon": 3, "states": ["x"], "inputs": ["u"], "initial_state": [0],
        "dynamics": {"next": ["x + u"]}, "stage_cost": "u^2", "input_bounds": {"min": -1, "max": 1},
        "path_constraints": [{"expression": "x", "set": {"box": {"min": 2}}, "from": 1}]}}"#;
    let err = explanation(too_far, &[]);
    assert!(err.contains("(path constraint 0 `x` at stage 1) is 1,"), "{err}");
    assert!(err.contains("allowed is 2: off by 1"), "{err}");
    let err = explanation(
        r#"{"variables": {"x": 1}, "parameters": {"least": 1}, "cost": "x[0]", "constraints": {"x": {"box": {"min": 0, "max": 1}}},
        "f1": [{"name": "demand", "expression": "x[0] >= least[0]"}]}"#,
        &["-p", "4"],
    );
    assert!(err.contains("F1[0] (`demand`) is off by 3\n"), "{err}");
    let err = explanation(
        r#"{"variables": {"x": 2}, "cost": "x[0]^2 - x[1]^3", "initial_guess": 1}"#,
        &[],
    );
    assert!(
        err.contains("x[1] is at") && err.contains("may need bounds"),
        "{err}"
    );
    let err = explanation(
        r#"{"variables": {"x": 2}, "cost": "x[0]^2 + sqrt(x[1] - 1)"}"#,
        &[],
    );
    assert!(err.contains("at the initial guess the cost is NaN"), "{err}");
    assert!(
        err.contains("the derivative with respect to x[1] is NaN"),
        "{err}"
    );
    // The case k13d: the origin, where a file without an initial guess starts.
    let text = r#"{"variables": {"x": 2}, "cost": "sqrt(x[0] - 1) + x[1]^2"}"#;
    let err = explanation(text, &[]);
    assert!(
        err.contains("sqrt") && err.contains("the origin, as the file has no \"initial_guess\""),
        "{err}"
    );
    let stiff = r#"{"ocp": {"horizon": 100, "step": 1, "shooting": "single", "states": ["x"], "inputs": ["u"], "initial_state": [15],
        "dynamics": {"derivative": ["200*(10*u - x)"]}, "stage_cost": "(x - 25)^2", "input_bounds": {"min": 0, "max": 3}}}"#;
    let err = explanation(stiff, &[]);
    assert!(
        err.contains("\"integrator\": \"radau2\"") && err.contains("\"substeps\""),
        "{err}"
    );
    // The case g07, which ends at states that are not large: those of other inputs are.
    let heater = r#"{"ocp": {"horizon": 10, "step": 1, "states": ["T", "w"], "inputs": ["u"], "parameters": ["T0"],
        "initial_state": ["T0", "T0"], "dynamics": {"derivative": ["-0.1*(T-20)+0.5*(w-T)", "200*(T+10*u-w)"]},
        "stage_cost": "(T-25)^2+0.1*u^2", "terminal_cost": "(T-25)^2", "input_bounds": {"min": 0, "max": 3}}}"#;
    let err = explanation(heater, &["-p", "15"]);
    assert!(
        err.contains("the slopes along the inputs grow to") && err.contains("\"substeps\""),
        "{err}"
    );
    let named = r#"{"variables": {"x": 1}, "cost": "x^2", "f1": [{"name": "high", "expression": "x >= 2"}, "x <= 1"]}"#;
    let err = explanation(named, &[]);
    assert!(
        err.contains("F1[0] (`high`) is") && err.contains("F1[1] (`x <= 1`) is"),
        "{err}"
    );
    let runaway = r#"{"ocp": {"horizon": 400, "shooting": "single", "states": ["x", "v"], "inputs": ["u"], "initial_state": [3, 1],
        "dynamics": {"next": ["x + 0.1*v", "v + x^2*v + 0.001*u"]}, "stage_cost": "x^2 + u^2", "input_bounds": {"min": -1, "max": 1}}}"#;
    for text in [runaway, &runaway.replace("single", "auto")] {
        let err = explanation(text, &[]);
        assert!(
            err.contains("the state v leaves what numbers can say at stage 9"),
            "{err}"
        );
    }
    let names = r#"{"ocp": {"horizon": 20, "step": 0.1, "states": ["p", "v"], "inputs": ["a"], "initial_state": [0, 0],
        "dynamics": {"derivative": ["v", "a"]}, "stage_cost": "a^2", "input_bounds": {"min": -1, "max": 1},
        "path_constraints": [{"expression": "p", "set": {"box": {"max": 10}}},
            {"expression": ["v + 0.5*a"], "set": {"box": {"min": 1.5}}, "from": 5}]}}"#;
    let err = explanation(names, &[]);
    assert!(
        err.contains("(path constraint 1 `v + 0.5*a` at stage 5) is"),
        "{err}"
    );
    let limited = r#"{"variables": {"x": 2}, "cost": "(1 - x[0])^4 + 100*(x[1] - x[0]^2)^2", "initial_guess": [-3, 2],
        "solver": {"max_inner_iterations": 2}}"#;
    let err = explanation(limited, &[]);
    assert!(err.contains("the limits are 2 inner iterations"), "{err}");
    assert!(err.contains("the Lagrangian is steepest along x["), "{err}");
}

#[test]
fn solves_a_file_and_its_status_says_whether_it_converged() {
    let (square, endless) = (
        File::new("solved.json", SQUARE),
        File::new("unsolved.json", ENDLESS),
    );
    let (code, out, err) = run(&["solve", square.path(), "-p", "-1.5", "--initial-guess", "-7"]);
    assert!(
        code == Some(0) && out.starts_with("converged: ") && err.is_empty(),
        "{out}{err}"
    );
    let (code, out, _) = run(&[
        "solve",
        endless.path(),
        "-p",
        "1",
        "--solve-time",
        "0.2",
        "--json",
    ]);
    assert!(code == Some(1) && out.contains("NotConvergedOutOfTime"), "{out}");
    let picture = std::env::temp_dir().join(format!("labwire-solve-{}.svg", std::process::id()));
    let (code, ..) = run(&[
        "solve",
        square.path(),
        "-p",
        "2",
        "--plot",
        picture.to_str().unwrap(),
    ]);
    let svg = std::fs::read_to_string(&picture).unwrap();
    assert!(
        code == Some(0) && svg.starts_with("<svg") && svg.matches("<polyline").count() > 1,
        "{svg}"
    );
    std::fs::remove_file(&picture).unwrap();
    let (code, _, err) = run(&["solve", square.path(), "-p", "2", "--plot", "/nowhere/x.svg"]);
    assert!(
        code == Some(73) && err.contains("cannot write /nowhere/x.svg"),
        "{err}"
    );
    let (code, _, err) = run(&["solve", square.path()]);
    assert!(
        code == Some(65) && err.contains("hint: the problem's parameters are p[1]"),
        "{err}"
    );
    let (code, out, err) = run(&["solve", square.path(), "-p", "2", "--verbose"]);
    assert!(
        code == Some(0) && out.starts_with("converged: ") && err.starts_with("outer  iter  objective"),
        "{out}{err}"
    );
    let (code, ..) = run(&["solve", "/nowhere.json"]);
    assert_eq!(code, Some(66));

    let mut child = labwire(&["solve", "-", "-p", "3"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(SQUARE.as_bytes()).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
}

#[test]
fn a_file_may_name_a_table_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let problem = folder.path().join("pump.json");
    let text = r#"{"variables": {"x": 1}, "let": {"speed": {"csv": "pump.csv", "column": "speed"}, "head": {"csv": "pump.csv", "column": "head"}},
        "cost": "(interp(x, speed, head) - 15)^2"}"#;
    std::fs::write(&problem, text).unwrap();
    let (code, _, err) = run(&["check", problem.to_str().unwrap()]);
    assert!(
        code == Some(65) && err.contains("`let.speed.csv`: `pump.csv`: cannot read"),
        "{err}"
    );
    std::fs::write(folder.path().join("pump.csv"), "speed,head\n0,10\n2,20\n").unwrap();
    let (code, out, err) = run(&["solve", problem.to_str().unwrap(), "--json"]);
    assert_eq!(code, Some(0), "{err}");
    let reply: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(
        (reply["solution"][0].as_f64().unwrap() - 1.0).abs() < 1e-3,
        "{out}"
    );
}

#[test]
fn checks_a_file() {
    let good = File::new("good.json", SQUARE);
    let (code, out, _) = run(&["check", good.path()]);
    assert!(
        code == Some(0) && out.contains("x[1]") && out.contains("p[1]"),
        "{out}"
    );
    let bad = File::new("bad.json", &SQUARE.replace("x[0] -", "y[0] -"));
    let (code, out, _) = run(&["check", good.path(), "--at", "-1", "-p", "3"]);
    assert!(code == Some(0) && out.contains("  cost         16.0\n"), "{out}");
    assert!(out.contains("  gradient     [-8.0]\n"), "{out}");
    let (code, _, err) = run(&["check", good.path(), "--at", "1,2", "-p", "3"]);
    assert!(
        code == Some(64) && err.contains("--at has 2 numbers, the problem needs 1"),
        "{err}"
    );
    let (code, out, err) = run(&["check", bad.path()]);
    assert!(
        code == Some(65) && out.is_empty() && err.contains("  | ") && err.contains('^'),
        "{err}"
    );
}
