//! Models from differential equations: closed forms, orders of the methods, errors.

use labwire_core::design::{DesignLimits, Designer, Experiment, Points, Simulator};

fn read(model: &str, rest: &str) -> Result<Experiment, String> {
    let text = format!(
        r#"{{"settings": {{"t": {{"linspace": [0, 5, 101]}}}}, "parameters": {{"k": {{"uniform": [0.5, 2]}}}},
            "model": {model}, "noise": 0.1, "options": {{"particles": 500}}{rest}}}"#
    );
    Experiment::from_json(&text, &[], &DesignLimits::default()).map_err(|error| error.to_string())
}

const DECAY: &str =
    r#"{"states": ["c"], "initial_state": ["2"], "dynamics": {"derivative": ["-k*c"]}, "end": "t"}"#;

#[test]
fn a_decay_is_the_exponential() {
    let integrated = read(DECAY, "").expect("a file");
    let expressed = read(r#""2*exp(-k*t)""#, "").expect("a file");
    let mut instrument = Simulator::new(integrated.clone(), Some(vec![0.7]), None, 1).expect("a truth");
    for t in [0.0, 0.3, 5.0] {
        assert!((instrument.exact(&[t])[0] - 2.0 * (-0.7 * t).exp()).abs() < 1e-7);
    }
    let mut designers = [integrated, expressed].map(|it| Designer::new(it, 1).expect("an experiment"));
    for _ in 0..5 {
        let setting = designers[1].suggest();
        let values = instrument.measure(&setting);
        for designer in &mut designers {
            designer.update(&setting, &values, None).expect("a measurement");
        }
    }
    let [found, expected] = designers.each_ref().map(|designer| designer.mean()[0]);
    assert!((found - expected).abs() < 1e-6, "{found} {expected}");
}

/// A driven oscillator, x'' = -x + cos(k s), against its solution; the error falls with the order of the method.
#[test]
fn the_time_and_several_states_are_integrated() {
    let error = |integrator: &str, steps: usize| {
        let model = format!(
            r#"{{"states": ["x", "v"], "initial_state": "[1, 0]", "time": "s", "start": 0, "end": "t", "steps": {steps},
                "dynamics": {{"derivative": ["v", "-x + cos(k*s)"], "integrator": "{integrator}"}},
                "outputs": ["x", "x^2 + v^2 + 0*s"]}}"#
        );
        let experiment = read(&model, "").expect("a file");
        let mut instrument = Simulator::new(experiment, Some(vec![1.5]), None, 1).expect("a truth");
        let found = instrument.exact(&[5.0]);
        let (a, t) = (1.0 / (1.0 - 2.25), 5.0_f64);
        let x = (1.0 - a) * t.cos() + a * (1.5 * t).cos();
        let v = -(1.0 - a) * t.sin() - 1.5 * a * (1.5 * t).sin();
        (found[0] - x).abs().max((found[1] - x * x - v * v).abs())
    };
    assert!(error("rk4", 200) < 1e-6);
    let ratio = error("rk4", 50) / error("rk4", 100);
    assert!((12.0..20.0).contains(&ratio), "{ratio}");
    let ratio = error("euler", 4000) / error("euler", 8000);
    assert!((1.8..2.2).contains(&ratio), "{ratio}");
}

/// Many settings at one draw, many draws at one setting, and one of each give the same bits.
#[test]
fn blocks_do_not_matter() {
    let mut model = read(DECAY, "").expect("a file").model;
    let settings: Vec<f64> = (0..150).map(|i| 0.03 * f64::from(i)).collect();
    let parameters: Vec<f64> = (0..150).map(|i| 0.5 + 0.01 * f64::from(i)).collect();
    let (mut by_setting, mut by_parameter, mut single) = (vec![0.0; 150], vec![0.0; 150], [0.0]);
    let (many, draws) = (
        Points::new(&settings, 150, 0..150),
        Points::new(&parameters, 150, 0..150),
    );
    model.evaluate(many, Points::one(&[0.8]), &mut by_setting);
    model.evaluate(Points::one(&[1.1]), draws, &mut by_parameter);
    for i in 0..150 {
        model.evaluate(Points::one(&settings[i..=i]), Points::one(&[0.8]), &mut single);
        assert_eq!(single[0].to_bits(), by_setting[i].to_bits());
        model.evaluate(Points::one(&[1.1]), Points::one(&parameters[i..=i]), &mut single);
        assert_eq!(single[0].to_bits(), by_parameter[i].to_bits());
    }
}

#[test]
fn dynamics_that_cannot_be_are_refused() {
    let with = |changes: &[(&str, &str)]| {
        let known = [
            ("states", r#"["c"]"#),
            ("initial_state", "1"),
            ("dynamics", r#"{"derivative": "-k*c"}"#),
            ("end", r#""t""#),
        ];
        let others = known
            .iter()
            .filter(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
        let entries = changes
            .iter()
            .chain(others)
            .filter(|(_, value)| !value.is_empty());
        let entries: Vec<String> = entries
            .map(|(key, value)| format!("\"{key}\": {value}"))
            .collect();
        format!("{{{}}}", entries.join(", "))
    };
    for (changes, rest, message) in [
        (&[("end", "")][..], "", "the key `end` is missing"),
        (&[("states", r#"["k"]"#)], "", "`k` is already defined"),
        (&[("states", r#"["2c"]"#)], "", "expected a name, found `2c`"),
        (&[("initial_state", "[1, 2]")], "", "expected 1 numbers, found 2"),
        (&[("initial_state", r#""c""#)], "", "unknown name `c`"),
        (
            &[("dynamics", r#"{"derivative": ["c", "c"]}"#)],
            "",
            "expected the rates of 1 states, found 2",
        ),
        (
            &[("dynamics", r#"{"derivative": "c", "integrator": "rk5"}"#)],
            "",
            "expected euler or rk4, found `rk5`",
        ),
        (&[("steps", "4000000")], "", "(limit `expansion-steps`)"),
        (&[("step", "1")], "", "did you mean `steps`?"),
        (
            &[],
            r#", "targets": {"final": "c"}"#,
            "states of the model stand in the model alone",
        ),
        (
            &[],
            r#", "constraints": ["c > 0"]"#,
            "states of the model stand in the model alone",
        ),
    ] {
        let error = read(&with(changes), rest)
            .err()
            .unwrap_or_else(|| panic!("accepted: {changes:?}"));
        assert!(error.contains(message), "{changes:?}: {error}");
    }
}
