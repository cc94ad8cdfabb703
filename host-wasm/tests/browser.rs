//! The package as JavaScript sees it: fields read by their JavaScript names, errors as they are thrown. Runs in a
//! browser: stage `wasm_tests` of .ci/run.
#![cfg(target_arch = "wasm32")]
#![expect(clippy::unwrap_used, reason = "clippy takes only #[test] for tests")]

use js_sys::{Array, Error, JSON, Reflect};
use labwire_wasm::{
    Designer, DeviceSession, Experiment, ObeSession, OpenSession, Problem, PymodaqSession, Simulator, Solver,
    default_experiment, default_problem, example_experiment, module_settings, version,
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// The optimum of the default problem (reference problem 9) at p = (1, 50), and its cost.
const OPTIMUM: [f64; 5] = [0.0211229, 0.0316843, -0.0314985, 0.0685015, 0.0046925];
const OPTIMAL_COST: f64 = 4.1570012325;

fn field(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap()
}

fn number(object: &JsValue, key: &str) -> f64 {
    field(object, key).as_f64().unwrap()
}

fn numbers(object: &JsValue, key: &str) -> Vec<f64> {
    let entries = field(object, key).unchecked_into::<Array>().to_vec();
    entries.iter().map(|entry| entry.as_f64().unwrap()).collect()
}

fn default_solver() -> Solver {
    Solver::new(&Problem::new(&default_problem()).unwrap()).unwrap()
}

/// Steps to the end; the number of steps, and the result.
fn finish(solver: &mut Solver, fuel: u32) -> (u32, JsValue) {
    let mut steps = 0;
    loop {
        steps += 1;
        let progress: JsValue = solver.step(fuel).unwrap().into();
        if field(&progress, "done") == JsValue::TRUE {
            return (steps, solver.result().unwrap().unwrap().into());
        }
        assert!(solver.result().unwrap().is_none());
    }
}

fn thrown<T>(result: Result<T, impl Into<JsValue>>) -> Error {
    let Err(error) = result else {
        panic!("nothing was thrown")
    };
    error.into().dyn_into().expect("not an Error")
}

#[wasm_bindgen_test]
fn tells_its_version() {
    assert_eq!(version(), env!("CARGO_PKG_VERSION"));
}

#[wasm_bindgen_test]
fn solves_the_default_problem() {
    let mut solver = default_solver();
    solver.start(&[1.0, 50.0], None).unwrap();
    let (_, result) = finish(&mut solver, 50);
    assert_eq!(field(&result, "status"), "converged");
    for (found, optimal) in numbers(&result, "solution").iter().zip(OPTIMUM) {
        assert!((found - optimal).abs() < 1e-4, "{found} {optimal}");
    }
    assert!((number(&result, "cost") - OPTIMAL_COST).abs() < 1e-4);
    assert!(number(&result, "residual") <= 1e-5 && number(&result, "violation") <= 1e-5);
    assert_eq!(numbers(&result, "multipliers").len(), 2);

    // Warm, it has little left to do; cold, as much as before.
    let cold = number(&result, "innerIterations");
    solver.start(&[1.0, 50.0], None).unwrap();
    let warm = number(&finish(&mut solver, 50).1, "innerIterations");
    assert!(warm <= 3.0, "{warm}");
    solver
        .start(&[1.0, 50.0], Some(options("{\"cold\": true}")))
        .unwrap();
    assert_eq!(number(&finish(&mut solver, 50).1, "innerIterations"), cold);
}

fn options(json: &str) -> tsify::Ts<labwire_wasm::StartOptions> {
    tsify::Ts::new_unchecked(JSON::parse(json).unwrap())
}

#[wasm_bindgen_test]
fn the_length_of_the_steps_changes_nothing() {
    let solve = |fuel| {
        let mut solver = default_solver();
        solver.start(&[1.0, 10.0], None).unwrap();
        let (steps, result) = finish(&mut solver, fuel);
        let bits: Vec<u64> = numbers(&result, "solution").iter().map(|x| x.to_bits()).collect();
        (steps, bits)
    };
    let ((many, small), (one, large)) = (solve(1), solve(u32::MAX));
    assert!(many > 10 && one == 1);
    assert_eq!(small, large);
}

#[wasm_bindgen_test]
fn starts_where_it_is_told() {
    let text = r#"{"variables": {"u": 1}, "cost": "(u[0] - 1)^2", "solver": {"tolerance": 1e6}}"#;
    let mut solver = Solver::new(&Problem::new(text).unwrap()).unwrap();
    // With a tolerance that everything meets, the solution stays near the guess.
    solver
        .start(&[], Some(options("{\"initialGuess\": [1]}")))
        .unwrap();
    assert_eq!(numbers(&finish(&mut solver, 1).1, "solution"), [1.0]);
}

#[wasm_bindgen_test]
fn a_wrong_text_is_thrown_with_its_place() {
    let text = "{\n  \"variables\": {\"u\": 2},\n  \"cost\": \"u[0]^2 + uu[1]^2\"\n}";
    let error = thrown(Problem::new(text));
    assert_eq!(error.name(), "TextError");
    assert_eq!((number(&error, "line"), number(&error, "column")), (3.0, 21.0));
    assert_eq!(field(&error, "path"), "cost");
    assert_eq!(field(&error, "help"), "did you mean `u`?");
    let message = String::from(error.message());
    assert!(message.contains("uu[1]") && message.contains('^'), "{message}");
    for text in [
        "",
        "\u{0}",
        "{\"variables\": ",
        "[[[[[[[[",
        "{\"variables\": {\"u\": 1e99}}",
    ] {
        thrown(Problem::new(text));
    }
}

#[wasm_bindgen_test]
fn misuse_is_thrown_and_leaves_the_solver_usable() {
    let mut solver = default_solver();
    assert!(String::from(thrown(solver.step(1)).message()).contains("no solve"));
    solver.cancel();
    assert!(solver.result().unwrap().is_none());
    for parameters in [
        &[][..],
        &[1.0],
        &[1.0, f64::NAN],
        &[1.0, f64::INFINITY],
        &[1.0, 2.0, 3.0],
    ] {
        let error = thrown(solver.start(parameters, None));
        assert!(String::from(error.message()).contains("parameters"));
    }
    for json in [
        "{\"initialGuess\": [1]}",
        "{\"initialGuess\": [1, 2, 3, 4, null]}",
        "{\"initialGuess\": 7}",
        "{\"initialMultipliers\": [1]}",
        "{\"initialPenalty\": 0}",
        "{\"initialPenalty\": -1}",
    ] {
        thrown(solver.start(&[1.0, 50.0], Some(options(json))));
    }
    solver.start(&[1.0, 50.0], None).unwrap();
    assert_eq!(field(&finish(&mut solver, 50).1, "status"), "converged");
}

#[wasm_bindgen_test]
fn a_cancelled_solve_gives_its_best_point() {
    let mut solver = default_solver();
    solver.start(&[1.0, 50.0], None).unwrap();
    solver.step(1).unwrap();
    solver.cancel();
    let result: JsValue = solver.result().unwrap().unwrap().into();
    assert_eq!(field(&result, "status"), "cancelled");
    assert!(numbers(&result, "solution").iter().all(|x| x.is_finite()));
    solver.start(&[1.0, 50.0], None).unwrap();
    assert_eq!(field(&finish(&mut solver, 50).1, "status"), "converged");
}

#[wasm_bindgen_test]
fn a_time_limit_ends_a_solve() {
    let text = default_problem().replace("\"tolerance\"", "\"max_duration_ms\": 1e-6, \"tolerance\"");
    let mut solver = Solver::new(&Problem::new(&text).unwrap()).unwrap();
    solver.start(&[1.0, 50.0], None).unwrap();
    assert_eq!(field(&finish(&mut solver, 1).1, "status"), "time limit");
}

#[wasm_bindgen_test]
fn a_session_takes_bytes_and_gives_bytes() {
    let mut session = OpenSession::new(0.0, false);
    session.ping(0.0, 7).unwrap();
    assert_eq!(session.transmit(0.0), b"{\"Ping\":7}\n");
    assert_eq!(session.transmit_state(), "finish");
    session.handle_input(1.0, b"{\"Pong\": 7");
    assert!(session.poll_event().is_undefined());
    session.handle_input(2.0, b"}");
    let pong = session.poll_event();
    assert_eq!(
        (field(&pong, "type"), number(&pong, "number")),
        ("pong".into(), 7.0)
    );
    let closed = session.poll_event();
    assert_eq!(
        (field(&closed, "type"), field(&closed, "reason")),
        ("closed".into(), "finished".into())
    );
    assert!(session.is_closed() && !session.is_drained());
    session.handle_eof(3.0);
    assert!(session.is_drained());
    assert!(String::from(thrown(session.ping(4.0, 8)).message()).contains("no more requests"));
}

#[wasm_bindgen_test]
fn a_connection_that_is_cut_says_where() {
    let mut session = ObeSession::new();
    assert!(String::from(thrown(session.send(0.0, "{")).message()).contains("line 1"));
    session.send(0.0, "{\"command\": \"getmean\"}").unwrap();
    assert_eq!(session.transmit(0.0), b"0000000022{\"command\": \"getmean\"}");
    session.send(0.0, "{\"command\": \"getstd\"}").unwrap();
    session.handle_input(1.0, b"0000000010[1.5, NaN]0000000004[2");
    let reply = session.poll_event();
    let values = numbers(&reply, "value");
    assert!(values[0] == 1.5 && values[1].is_nan());
    session.handle_lost(2.0);
    let closed = session.poll_event();
    assert_eq!(
        (field(&closed, "type"), field(&closed, "reason")),
        ("closed".into(), "connection lost".into())
    );
}

#[wasm_bindgen_test]
fn a_device_session_says_when_to_connect() {
    thrown(DeviceSession::new("klingon", 1));
    let mut session = DeviceSession::new("scpi", 1).unwrap();
    session.handle_timeout(0.0);
    assert_eq!(session.poll_action().as_deref(), Some("connect"));
    session.handle_connected(1.0);
    let id = session.query(1.0, "*IDN?").unwrap();
    assert_eq!(session.transmit(1.0), b"*IDN?\n");
    session.handle_input(2.0, b"a supply\n");
    let finished = session.poll_event();
    assert_eq!(
        (field(&finished, "type"), number(&finished, "id")),
        ("finished".into(), f64::from(id))
    );
    session.handle_lost(3.0);
    assert_eq!(field(&session.poll_event(), "type"), "degraded");
    assert!(session.degraded().is_some() && session.state() == "backoff");
}

#[wasm_bindgen_test]
fn settings_of_modules_are_read_and_changed() {
    let xml = r#"<Settings type="group"><camera type="group"><gain type="float" title="Gain" readonly="1">2.5</gain>
        </camera></Settings>"#;
    let settings = module_settings(xml).unwrap();
    assert_eq!(settings.length(), 1);
    let gain = settings.get(0);
    assert_eq!(
        JSON::stringify(&gain).unwrap(),
        r#"{"path":["camera","gain"],"title":"Gain","kind":"float","value":"2.5","isReadOnly":true}"#
    );
    thrown(module_settings("<Settings>"));
    let mut session = PymodaqSession::new(0.0);
    let path = Some(vec!["camera".into(), "gain".into()]);
    let modules = || vec!["left".into()];
    session
        .request(0.0, 1, modules(), "set", Some("3".into()), path)
        .unwrap();
    let sent = session.transmit(0.0);
    for text in ["set", "camera", "gain", "3"] {
        assert!(sent.windows(text.len()).any(|part| part == text.as_bytes()));
    }
    thrown(session.request(0.0, 2, modules(), "fly", None, None));
}

#[wasm_bindgen_test]
fn an_experiment_says_what_it_holds() {
    assert_eq!(thrown(Experiment::new(&"{".into())).name(), "TextError");
    let rabi = Experiment::new(&example_experiment("rabi").unwrap().into()).unwrap();
    assert_eq!(rabi.knobs(), ["t", "detuning"]);
    assert_eq!(rabi.parameters(), ["rabi", "center", "decay", "contrast"]);
    assert_eq!((rabi.num_settings(), rabi.num_channels()), (40 * 21, 1));
    assert_eq!(rabi.setting(22).unwrap()[1], rabi.knob_values(1).unwrap()[1]);
    thrown(rabi.setting(40 * 21));
    thrown(rabi.knob_values(2));
}

/// What a page is given starts no program, and reads no file.
#[wasm_bindgen_test]
fn texts_reach_for_nothing_outside() {
    let experiment = |key: &str, value: &str| {
        let parts = [
            ("settings", r#"{"x": [1, 2]}"#),
            ("parameters", r#"{"a": {"uniform": [0, 1]}}"#),
            ("model", r#""a*x""#),
            ("noise", "0.1"),
        ];
        let parts = parts.map(|(name, own)| format!("\"{name}\": {}", if name == key { value } else { own }));
        JsValue::from(format!("{{{}}}", parts.join(", ")))
    };
    assert!(Experiment::new(&experiment("", "")).is_ok());
    for (key, value, named) in [
        ("model", r#"{"command": ["touch", "x"]}"#, "touch"),
        ("settings", r#"{"x": {"csv": "axis.csv"}}"#, "axis.csv"),
        (
            "parameters",
            r#"{"a": {"samples": {"csv": "samples.csv"}}}"#,
            "samples.csv",
        ),
    ] {
        let file = experiment(key, value);
        for error in [
            thrown(Experiment::new(&file)),
            thrown(Designer::new(&file, 1)),
            thrown(Simulator::new(&file, None, None, 1)),
        ] {
            let message = String::from(error.message());
            assert!(
                message.contains(named) && message.contains("is honoured only"),
                "{message}"
            );
        }
    }
    let problem = r#"{"variables": {"u": 1}, "let": {"h": {"csv": "pump.csv"}}, "cost": "(u[0] - h[1])^2"}"#;
    let message = String::from(thrown(Problem::new(problem)).message());
    assert!(message.contains("pump.csv"), "{message}");
}

#[wasm_bindgen_test]
fn a_designer_learns() {
    let file = JsValue::from(default_experiment());
    assert_eq!(thrown(Designer::new(&"{".into(), 1)).name(), "TextError");
    let truth = vec![2.6, 0.05, 0.04];
    let mut instrument = Simulator::new(&file, Some(truth.clone()), None, 1).unwrap();
    let mut designer = Designer::new(&file, 1).unwrap();
    thrown(designer.update(&[1.0, 2.0], &[1.0], None));
    for _ in 0..60 {
        let setting = designer.suggest().unwrap();
        let values = instrument.measure(&setting).unwrap();
        designer.update(&setting, &values, None).unwrap();
    }
    assert!(
        (designer.mean()[0] - truth[0]).abs() < 0.01,
        "{:?}",
        designer.mean()
    );
    let kept = Designer::from_posterior(&file, &designer.posterior()).unwrap();
    assert_eq!(kept.mean(), designer.mean());
    designer.undo().unwrap();
    assert_eq!(designer.num_measurements(), 59);
    thrown(designer.particles(3));
}
