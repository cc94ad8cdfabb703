//! Priors that go together: moments, bounds, posteriors against closed forms, errors.

use labwire_core::design::{DesignLimits, Designer, Experiment};

fn read(parameters: &str) -> Result<Experiment, String> {
    let text = format!(
        r#"{{"settings": {{"x": {{"linspace": [0, 1, 11]}}}}, "parameters": {parameters}, "model": "a + b*x", "noise": 0.5,
            "options": {{"particles": 40000}}}}"#
    );
    Experiment::from_json(&text, &[], &DesignLimits::default()).map_err(|error| error.to_string())
}

fn designer(parameters: &str) -> Designer {
    let experiment = read(parameters).unwrap_or_else(|error| panic!("{error}"));
    Designer::new(experiment, 1).expect("an experiment")
}

fn assert_moments(designer: &Designer, mean: &[f64], covariance: &[&[f64]]) {
    let (found_mean, found) = (designer.mean(), designer.covariance());
    for (i, row) in covariance.iter().enumerate() {
        let std = row[i].sqrt();
        assert!(
            (found_mean[i] - mean[i]).abs() < 0.03 * std,
            "{found_mean:?} {mean:?}"
        );
        for (j, entry) in row.iter().enumerate() {
            let scale = std * covariance[j][j].sqrt();
            assert!(
                (found[i][j] - entry).abs() < 0.04 * scale,
                "{found:?} {covariance:?}"
            );
        }
    }
}

#[test]
fn correlated_priors_have_their_moments() {
    let both = r#"{"multivariate_normal": {"mean": [1, -2], "cov": [[4, 1.5], [1.5, 1]]}}"#;
    let covariance: &[&[f64]] = &[&[4.0, 1.5], &[1.5, 1.0]];
    assert_moments(
        &designer(&format!(r#"{{"a, b": {both}}}"#)),
        &[1.0, -2.0],
        covariance,
    );
    // As a vector, and after a parameter on which its mean depends.
    let text = r#"{"settings": {"x": [0, 1]}, "parameters": {"m": {"normal": [5, 2]},
        "ab": {"multivariate_normal": {"mean": ["m", -2, "2*m"], "cov": [[4, 1.5, 1], [1.5, 1, 0.2], [1, 0.2, 3]]}}},
        "model": "ab[0] + ab[1]*x + ab[2] + m", "noise": 0.1, "options": {"particles": 40000}}"#;
    let experiment = Experiment::from_json(text, &[], &DesignLimits::default()).expect("a file");
    let names: Vec<&str> = experiment.parameters.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["m", "ab[0]", "ab[1]", "ab[2]"]);
    let expected: &[&[f64]] = &[
        &[4.0, 4.0, 0.0, 8.0],
        &[4.0, 8.0, 1.5, 9.0],
        &[0.0, 1.5, 1.0, 0.2],
        &[8.0, 9.0, 0.2, 19.0],
    ];
    let designer = Designer::new(experiment, 1).expect("an experiment");
    assert_moments(&designer, &[5.0, 5.0, -2.0, 10.0], expected);
}

/// A linear measurement of a normal prior: the posterior is Kalman's.
#[test]
fn correlated_priors_have_their_posterior() {
    let mut designer =
        designer(r#"{"a,b": {"multivariate_normal": {"mean": [1, -2], "cov": [[4, 1.5], [1.5, 1]]}}}"#);
    designer.update(&[1.0], &[0.5], None).expect("a measurement");
    let (gain, variance) = ([5.5, 2.5], 8.0 + 0.25);
    let mean = [1.0 + gain[0] * 1.5 / variance, -2.0 + gain[1] * 1.5 / variance];
    let entry = |i: usize, j: usize, prior: f64| prior - gain[i] * gain[j] / variance;
    let expected: &[&[f64]] = &[
        &[entry(0, 0, 4.0), entry(0, 1, 1.5)],
        &[entry(0, 1, 1.5), entry(1, 1, 1.0)],
    ];
    assert_moments(&designer, &mean, expected);
}

#[test]
fn dependent_priors_follow_the_parameters_before_them() {
    let chain = designer(r#"{"a": {"normal": [1, 2]}, "b": {"normal": ["2*a", 1]}}"#);
    assert_moments(&chain, &[1.0, 2.0], &[&[4.0, 8.0], &[8.0, 17.0]]);
    let logs = designer(r#"{"a": {"normal": [0, 0.3]}, "b": {"lognormal": ["a", 0.4]}}"#);
    // The logarithm of b is normal, with a variance of 0.25.
    assert!(
        (logs.mean()[1] - 0.125_f64.exp()).abs() < 0.01,
        "{:?}",
        logs.mean()
    );
    let gamma = designer(r#"{"a": {"uniform": [1, 3]}, "b": {"gamma": [3, "a"]}}"#);
    assert!((gamma.mean()[1] - 6.0).abs() < 0.06, "{:?}", gamma.mean());
    // What a measurement tells of one, and resampling, keep the other within its ends.
    let mut between = designer(r#"{"a": {"uniform": [1, 3]}, "b": {"uniform": ["a", "2*a"]}}"#);
    assert!((between.mean()[1] - 3.0).abs() < 0.03);
    for _ in 0..20 {
        between.update(&[0.0], &[1.5], None).expect("a measurement");
    }
    assert!(between.resamplings() > 0);
    let pairs = between.particles(0).iter().zip(between.particles(1));
    assert!(pairs.into_iter().all(|(a, b)| a <= b && *b <= 2.0 * a));
}

#[test]
fn bounded_priors_stay_within_their_bounds() {
    let mut half =
        designer(r#"{"a": {"normal": [0, 1], "min": 0}, "b": {"exponential": 2, "min": 1, "max": 3}}"#);
    let mean = (2.0 / std::f64::consts::PI).sqrt();
    assert!(
        (half.mean()[0] - mean).abs() < 0.01 && (half.std()[0] - (1.0 - mean * mean).sqrt()).abs() < 0.01
    );
    // The exponential distribution between 1 and 3: 2 + 1 - 2/(e - 1).
    let between = 3.0 - 2.0 / (1.0_f64.exp() - 1.0);
    assert!((half.mean()[1] - between).abs() < 0.01, "{:?}", half.mean());
    for _ in 0..30 {
        half.update(&[0.0], &[0.1], None).expect("a measurement");
    }
    assert!(half.resamplings() > 0);
    assert!(half.particles(0).iter().all(|a| *a >= 0.0));
    assert!(half.particles(1).iter().all(|b| (1.0..=3.0).contains(b)));
}

#[test]
fn samples_stay_together() {
    let rows: Vec<String> = (0..200).map(|i| format!("[{i}, {}]", 3 * i)).collect();
    for names in ["a,b", "ab"] {
        let text = format!(r#"{{"{names}": {{"samples": [{}]}}}}"#, rows.join(", "));
        let text = match names {
            "ab" => text.replace(
                "]}}",
                r#"]}, "a": {"uniform": [0, 1]}, "b": {"uniform": [0, 1]}}"#,
            ),
            _ => text,
        };
        let designer = designer(&text);
        let pairs = designer.particles(0).iter().zip(designer.particles(1));
        assert!(pairs.into_iter().all(|(a, b)| *b == 3.0 * a), "{names}");
    }
}

#[test]
fn priors_that_cannot_be_are_refused() {
    for (parameters, message) in [
        (
            r#"{"a": {"normal": ["2*b", 1]}, "b": {"normal": [0, 1]}}"#,
            "unknown name `b`",
        ),
        (
            r#"{"a": {"normal": ["x", 1]}, "b": {"normal": [0, 1]}}"#,
            "a prior cannot depend on settings",
        ),
        (
            r#"{"a": {"normal": [0, 1], "min": 1, "max": 1}}"#,
            "the lower end must be below the upper end",
        ),
        (r#"{"a": {"normal": [0, 1], "min": 9}}"#, "less than a thousandth"),
        (
            r#"{"a": {"normal": [0, 1]}, "b": {"normal": ["a", 1], "min": 0}}"#,
            "has no bounds of its own: write a constraint",
        ),
        (r#"{"a": {"min": 0}}"#, "expected one of uniform"),
        (
            r#"{"a": {"uniform": [1, 2]}, "b": {"gamma": ["a", 2]}}"#,
            "the shape of gamma cannot depend",
        ),
        (
            r#"{"a,b": {"normal": [0, 1]}}"#,
            "expected a prior of 2 parameters together",
        ),
        (
            r#"{"a,b": {"multivariate_normal": {"mean": [0], "cov": [[1]]}}}"#,
            "expected 2 means, found 1",
        ),
        (
            r#"{"a,b": {"multivariate_normal": {"mean": [0, 0], "cov": [[1, 2], [2, 1]]}}}"#,
            "symmetric and positive definite",
        ),
        (
            r#"{"a,b": {"multivariate_normal": {"mean": [0, 0]}}}"#,
            "the key `cov` is missing",
        ),
        (
            r#"{"a,b": {"samples": [[1, 2], [3]]}}"#,
            "expected a, b (2 numbers), found 1",
        ),
        (
            r#"{"a,b": {"samples": {"csv": "samples.csv"}}}"#,
            "the file \"samples.csv\" is honoured only in an experiment file that the operator names",
        ),
    ] {
        let error = read(parameters)
            .err()
            .unwrap_or_else(|| panic!("accepted: {parameters}"));
        assert!(error.contains(message), "{parameters}: {error}");
    }
    let narrow = read(r#"{"a": {"uniform": [-1, 1]}, "b": {"normal": [0, "a"]}}"#).expect("a file");
    let refused = Designer::new(narrow, 1).unwrap_err().to_string();
    assert!(
        refused.contains("b has no prior where the parameters before it are [-"),
        "{refused}"
    );
}
