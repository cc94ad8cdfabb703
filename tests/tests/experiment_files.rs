//! Experiment files: the examples, errors and their texts, and that no text makes the reader panic.

use labwire_core::design::{
    DesignLimits, Designer, EXPERIMENTS, Experiment, Model, ModelProgram, Noise, Outside, Simulator,
};
use proptest::prelude::*;

fn read(text: &str) -> Result<Experiment, String> {
    Experiment::from_json(text, &[], &DesignLimits::default()).map_err(|error| error.to_string())
}

/// File with these entries.
fn file(entries: &[(&str, &str)]) -> String {
    let known = [
        ("settings", r#"{"x": {"linspace": [0, 1, 5]}}"#),
        (
            "parameters",
            r#"{"a": {"uniform": [0, 1]}, "sigma": {"exponential": 1}}"#,
        ),
        ("model", r#""a*x""#),
    ];
    let others = known
        .iter()
        .filter(|(key, _)| !entries.iter().any(|(given, _)| given == key));
    let all: Vec<String> = entries
        .iter()
        .chain(others)
        .map(|(key, value)| format!("\"{key}\": {value}"))
        .collect();
    format!("{{{}}}", all.join(", "))
}

#[test]
fn examples_can_be_designed() {
    for (name, text) in EXPERIMENTS {
        let mut experiment = read(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        experiment.options.particles = 200;
        let mut designer = Designer::new(experiment, 1).unwrap_or_else(|error| panic!("{name}: {error}"));
        let utility = designer.utility();
        assert_eq!(utility.len(), designer.experiment().grid.len(), "{name}");
        assert!(utility.iter().all(|utility| *utility >= 0.0), "{name}");
    }
}

/// Impedance of the coil's circuit, in complex numbers.
#[test]
fn the_coils_model_is_its_impedance() {
    let experiment = read(EXPERIMENTS[1].1).expect("an example");
    let truth = vec![1e-3, 10.0, 10e-6, 5.0];
    let mut instrument =
        labwire_core::design::Simulator::new(experiment, Some(truth), None, 1).expect("a truth");
    for f in [100.0_f64, 1591.5, 3e5] {
        let w = 2.0 * std::f64::consts::PI * f;
        // 1/(1/(R + iwL) + iwC)
        let (r, l) = (10.0, w * 1e-3);
        let square = r * r + l * l;
        let (g, b) = (r / square, -l / square + w * 10e-6);
        let admittance = g * g + b * b;
        let exact = instrument.exact(&[f]);
        assert!(
            (exact[0] - g / admittance).abs() < 1e-9 * exact[0].abs(),
            "{exact:?}"
        );
        assert!(
            (exact[1] + b / admittance).abs() < 1e-9 * exact[1].abs(),
            "{exact:?}"
        );
    }
}

#[test]
fn noise_is_what_it_depends_on() {
    let noise = |text: &str| read(&file(&[("noise", text)])).map(|experiment| experiment.noise);
    assert!(matches!(read(&file(&[])).expect("a file").noise, Noise::Reported));
    assert!(matches!(noise("0.1"), Ok(Noise::Known(sigma)) if sigma == [0.1]));
    assert!(matches!(noise(r#""0.1 + x""#), Ok(Noise::OfSetting(_))));
    assert!(matches!(noise(r#""sigma*(1 + x)""#), Ok(Noise::Unknown(_))));
}

/// Lists of settings, with a constraint that excludes one of them; the file that has them is given by a host.
#[test]
fn settings_can_be_lists() {
    let inline = r#"{"v,i": [[1, 2], [3, 4], [5, 6]], "x": [0, 1]}"#;
    let constraint = ("constraints", r#"["v*i < 20", "a < 0.5"]"#);
    let experiment = read(&file(&[("settings", inline), constraint])).expect("a file");
    let settings: Vec<Vec<f64>> = (0..experiment.grid.len())
        .map(|i| experiment.grid.setting(i))
        .collect();
    assert_eq!(
        settings,
        [[1.0, 2.0, 0.0], [1.0, 2.0, 1.0], [3.0, 4.0, 0.0], [3.0, 4.0, 1.0]]
    );
    assert!(experiment.constraints.is_some());

    #[derive(Debug)]
    struct Disk;
    impl Outside for Disk {
        fn columns(&self, file: &str, names: &[String]) -> Result<Vec<Vec<f64>>, String> {
            assert_eq!((file, names), ("vi.csv", &["v".to_owned(), "i".to_owned()][..]));
            Ok(vec![vec![1.0, 3.0, 5.0], vec![2.0, 4.0, 6.0]])
        }

        fn program(&self, program: ModelProgram) -> Result<Box<dyn Model>, String> {
            Err(format!("there is no {:?}", program.command))
        }
    }
    let outside = file(&[
        ("settings", r#"{"v,i": {"csv": "vi.csv"}, "x": [0, 1]}"#),
        constraint,
    ]);
    let limits = DesignLimits::default();
    let same = Experiment::from_operator(&outside, &[], &limits, &Disk).expect("a file");
    assert_eq!(same.grid, experiment.grid);
}

/// A spectrum is one measurement: a constant is its axis, and the model has a channel for each of its values.
#[test]
fn spectra_are_measurements() {
    let text = r#"{"settings": {"t": [1, 2]}, "parameters": {"f0": {"uniform": [4, 6]}},
        "constants": {"f": {"linspace": [0, 10, 101]}, "gain": [1, 2, 3]},
        "model": "t/(1 + (f - f0)^2)", "noise": 0.1}"#;
    let experiment = read(text).expect("a file");
    assert_eq!((experiment.channels(), experiment.constants.len()), (101, 0));
    let mut instrument = Simulator::new(experiment.clone(), Some(vec![5.0]), None, 1).expect("a truth");
    let spectrum = instrument.exact(&[2.0]);
    assert_eq!((spectrum[50], spectrum[60]), (2.0, 1.0));
    let mut designer = Designer::new(experiment, 1).expect("an experiment");
    assert_eq!(designer.suggest(), [2.0]);
    designer
        .update(&[2.0], &instrument.measure(&[2.0]), None)
        .expect("a measurement");
    // Fisher's information: the sum of the squares of the slopes over the variance.
    let slope = |f: f64| 4.0 * (f - 5.0) / (1.0 + (f - 5.0).powi(2)).powi(2);
    let information: f64 = (0..101).map(|i| (slope(0.1 * f64::from(i)) / 0.1).powi(2)).sum();
    let ratio = designer.std()[0] * information.sqrt();
    assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
    assert!((designer.mean()[0] - 5.0).abs() < 4.0 * designer.std()[0]);
}

#[test]
fn what_is_refused_is_shown_at_its_place() {
    let text = "{\n  \"settings\": {\"x\": [1]},\n  \"parameters\": {\"width\": {\"uniform\": [0, 1]}},\n  \"model\": \"1/widht\"\n}";
    let expected = "line 4, column 15: `model`: unknown name `widht`\n  \
                      4 |   \"model\": \"1/widht\"\n    \
                        |               ^\n\
                    help: did you mean `width`?";
    assert_eq!(read(text).unwrap_err(), expected);
}

#[test]
fn everything_that_is_wrong_has_its_words() {
    for (entries, message) in [
        (&[("modle", "1")][..], "did you mean `model`?"),
        (&[("version", "2")], "version 2 is not known"),
        (&[("settings", "{}")], "expected at least one knob"),
        (&[("settings", r#"{"x": []}"#)], "expected at least one value"),
        (
            &[("settings", r#"{"x": {"linspce": [0, 1, 2]}}"#)],
            "did you mean `linspace`?",
        ),
        (
            &[("settings", r#"{"x": {"linspace": [0, 1]}}"#)],
            "expected [start, stop, count], found 2 numbers",
        ),
        (
            &[("settings", r#"{"x": {"linspace": [0, 1, 2.5]}}"#)],
            "must be a whole number from 1 on, not 2.5",
        ),
        (
            &[("settings", r#"{"x": {"linspace": [0, 1, 1e9]}}"#)],
            "(limit `settings`)",
        ),
        (
            &[("settings", r#"{"x": {"logspace": [0, 400, 3]}}"#)],
            "exceeds the range of 64-bit floats",
        ),
        (
            &[(
                "settings",
                r#"{"x": {"linspace": [0, 1, 5000]}, "y": {"linspace": [0, 1, 5000]}}"#,
            )],
            "combinations (limit `settings`)",
        ),
        (&[("settings", r#"{"x": [0, "steps"]}"#)], "unknown name `steps`"),
        (
            &[("settings", r#"{"sin": [0]}"#)],
            "`sin` is part of the language",
        ),
        (&[("settings", r#"{"a": [0]}"#)], "`a` is already defined"),
        (&[("parameters", "{}")], "expected at least one parameter"),
        (
            &[("parameters", r#"{"a": {"uniform": [1, 0]}}"#)],
            "the lower end must be below the upper end",
        ),
        (
            &[("parameters", r#"{"a": {"normal": [1, 0]}}"#)],
            "the standard deviation must be positive",
        ),
        (
            &[("parameters", r#"{"a": {"gama": [1, 2]}}"#)],
            "did you mean `gamma`?",
        ),
        (
            &[("parameters", r#"{"a": {"gamma": [1, -2]}}"#)],
            "shape and scale must be positive",
        ),
        (
            &[("parameters", r#"{"a": {"exponential": 0}}"#)],
            "the mean must be positive",
        ),
        (
            &[(
                "parameters",
                r#"{"a": {"discrete": {"values": [1, 2], "weights": [1]}}}"#,
            )],
            "as many weights as values",
        ),
        (
            &[(
                "parameters",
                r#"{"a": {"discrete": {"values": [1, 2], "weights": [0, 0]}}}"#,
            )],
            "one must be positive",
        ),
        (
            &[("parameters", r#"{"a": {"uniform": [0, 1], "normal": [0, 1]}}"#)],
            "expected one of uniform",
        ),
        (
            &[("name", &*format!("\"{}\"", "n".repeat(1001)))],
            "expected a name of at most 1000 characters, found 1001",
        ),
        (&[("model", "[]")], "expected an expression for each channel"),
        (&[("model", r#""y*x""#)], "unknown name `y`"),
        (&[("noise", "0")], "a standard deviation must be positive, not 0"),
        (
            &[("noise", "[1, 2]")],
            "expected the noise of 1 channels, found 2",
        ),
        (&[("cost", r#""a""#)], "it cannot depend on parameters"),
        (
            &[("cost", r#""1 + abs(x - previous_z)""#)],
            "did you mean `previous_x`?",
        ),
        (&[("constraints", r#"["x > a"]"#)], "it cannot depend on both"),
        (
            &[("constants", r#"{"f": {"linspace": [0, 1, 20000]}}"#)],
            "more than 10000 values (limit `variables`)",
        ),
        (
            &[("constants", r#"{"f": {"csv": "axis.csv"}}"#)],
            "the file \"axis.csv\" is honoured only",
        ),
        (
            &[("constraints", r#"["x > 2"]"#)],
            "the constraints exclude every setting",
        ),
        (&[("settings", r#"{"x, x": [[1, 2]]}"#)], "`x` is there twice"),
        (
            &[("settings", r#"{"x,y": [[1, 2], [3]]}"#)],
            "expected x, y (2 numbers), found 1",
        ),
        (&[("settings", r#"{"x,y": []}"#)], "expected at least one row"),
        (
            &[("settings", r#"{"x": {"linspace": [0, 1, 5]}, "y": ["x"]}"#)],
            "expected a number, found an expression of settings",
        ),
        (
            &[("settings", r#"{"x": {"csv": "settings.csv"}}"#)],
            "the file \"settings.csv\" is honoured only in an experiment file that the operator names",
        ),
        (
            &[("options", r#"{"particels": 10}"#)],
            "did you mean `particles`?",
        ),
        (&[("options", r#"{"particles": 1}"#)], "a whole number from 2"),
        (
            &[("options", r#"{"particles": 4000000000}"#)],
            "(limit `particle-numbers`)",
        ),
        (
            &[("options", r#"{"particles": 6000000}"#)],
            "(limit `experiment-memory`): fewer particles or settings need less",
        ),
        (&[("options", r#"{"draws": 1000000}"#)], "(limit `draw-numbers`)"),
        (
            &[("options", r#"{"utility": "variance"}"#)],
            "expected one of variance_approx",
        ),
        (
            &[("options", r#"{"selection": "optimel"}"#)],
            "did you mean `optimal`?",
        ),
        (
            &[("options", r#"{"scale": 1}"#)],
            "expected true or false, found a number",
        ),
        (
            &[("options", r#"{"choke": 2}"#)],
            "expected a number of at most 1, found 2",
        ),
        (
            &[("newrun", r#"{"n": "1/0"}"#)],
            "must be a finite number, not inf",
        ),
        (
            &[("constants", r#"{"c": "[1, 2]"}"#)],
            "expected a number, found a vector of 2",
        ),
    ] {
        let error = read(&file(entries))
            .err()
            .unwrap_or_else(|| panic!("accepted: {entries:?}"));
        assert!(error.contains(message), "{entries:?}: {error}");
    }
    assert!(read("{").is_err() && read("[]").is_err() && read("").is_err());
    let impossible = file(&[("constraints", r#"["a > 2"]"#)]);
    let refused = Designer::new(read(&impossible).expect("a file"), 1).unwrap_err();
    assert!(refused.to_string().contains("violated a constraint"), "{refused}");
}

proptest! {
    /// Built-in experiment with some bytes replaced.
    #[test]
    fn no_text_makes_the_reader_panic(
        example in 0..EXPERIMENTS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[ -~]"), 1..6),
    ) {
        let mut text = String::from(EXPERIMENTS[example].1);
        for (place, replacement) in changes {
            let at = place.index(text.len());
            text.replace_range(at..=at, &replacement);
        }
        if let Ok(mut experiment) = read(&text) {
            experiment.options.particles = 20;
            if let Ok(mut designer) = Designer::new(experiment, 1) {
                let setting = designer.experiment().grid.setting(0);
                let values = vec![0.5; designer.experiment().channels()];
                // It may be refused.
                let _ = designer.update(&setting, &values, Some(&[0.1]));
                prop_assert_eq!(designer.mean().len(), designer.experiment().parameters.len());
            }
        }
    }
}
