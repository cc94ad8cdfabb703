//! Noise models: posteriors against closed forms and quadrature, utilities against exact information, calibration, errors.

use labwire_core::design::{DesignLimits, Designer, Experiment, Noise, NoiseShape, Simulator};

fn read(text: &str) -> Result<Experiment, String> {
    Experiment::from_json(text, &[], &DesignLimits::default()).map_err(|error| error.to_string())
}

/// Experiment with one parameter `a`; its particles stay as they were drawn.
fn experiment(prior: &str, rest: &str) -> Experiment {
    let options = r#""options": {"particles": 40000, "auto_resample": false, "draws": 2000}"#;
    let settings = r#""settings": {"x": {"linspace": [-3, 3, 7]}}"#;
    let text = format!(r#"{{{settings}, "parameters": {{"a": {prior}}}, {rest}, {options}}}"#);
    read(&text).unwrap_or_else(|error| panic!("{error}"))
}

fn learn(experiment: Experiment, data: &[(f64, &[f64])]) -> Designer {
    let mut designer = Designer::new(experiment, 1).expect("an experiment");
    for (x, values) in data {
        designer.update(&[*x], values, None).expect("a measurement");
    }
    designer
}

fn assert_posterior(designer: &Designer, mean: f64, std: f64) {
    let (found_mean, found_std) = (designer.mean()[0], designer.std()[0]);
    assert!(
        (found_mean - mean).abs() < 0.03 * std,
        "mean {found_mean} {mean} +- {std}"
    );
    assert!((found_std / std - 1.0).abs() < 0.03, "std {found_std} {std}");
}

/// Mean and standard deviation of a density on an interval, by quadrature.
fn quadrature([low, high]: [f64; 2], density: impl Fn(f64) -> f64) -> (f64, f64) {
    let points = (0..20_001).map(|i| low + (high - low) * f64::from(i) / 20_000.0);
    let moment = |power: i32| points.clone().map(|a| a.powi(power) * density(a)).sum::<f64>();
    let (total, first, second) = (moment(0), moment(1), moment(2));
    let mean = first / total;
    (mean, (second / total - mean * mean).sqrt())
}

/// With a gamma prior, the posterior is a gamma distribution. An expectation below 0 is one of 0.
#[test]
fn poisson_counts_have_their_posterior() {
    let counts = experiment(
        r#"{"gamma": [2, 3]}"#,
        r#""model": "a*x", "likelihood": "poisson""#,
    );
    let designer = learn(
        counts,
        &[(1.0, &[5.0]), (2.0, &[9.0]), (3.0, &[20.0]), (-2.0, &[0.0])],
    );
    let (shape, rate) = (2.0 + 34.0, 1.0 / 3.0 + 6.0_f64);
    assert_posterior(&designer, shape / rate, shape.sqrt() / rate);
}

/// With a uniform prior, the posterior is a beta distribution; the number of trials is a function of the setting.
#[test]
fn binomial_counts_have_their_posterior() {
    let counts = experiment(
        r#"{"uniform": [0, 1]}"#,
        r#""model": "a", "likelihood": {"binomial": "10*(x + 3)"}"#,
    );
    let designer = learn(counts, &[(-2.0, &[3.0]), (0.0, &[12.0])]);
    let (hits, misses) = (1.0 + 15.0, 1.0 + 25.0);
    let all: f64 = hits + misses;
    assert_posterior(&designer, hits / all, (hits * misses / (all + 1.0)).sqrt() / all);
}

#[test]
fn students_t_sees_past_outliers() {
    let data = [0.1, 0.4, -0.2, 0.3, 4.0];
    let robust = experiment(
        r#"{"uniform": [-3, 3]}"#,
        r#""model": "a", "noise": 0.5, "likelihood": {"student_t": 3}"#,
    );
    let measured = data.map(|y| (0.0, [y]));
    let measured: Vec<(f64, &[f64])> = measured.iter().map(|(x, y)| (*x, &y[..])).collect();
    let density = |a: f64| {
        let factors = data
            .iter()
            .map(|y| (1.0 + ((y - a) / 0.5).powi(2) / 3.0).powi(-2));
        factors.product::<f64>()
    };
    let (mean, std) = quadrature([-3.0, 3.0], density);
    assert!(mean < 0.4, "{mean}");
    assert_posterior(&learn(robust, &measured), mean, std);
}

#[test]
fn relative_noise_grows_with_the_value() {
    let relative = experiment(
        r#"{"uniform": [0.5, 4]}"#,
        r#""model": "a*x", "noise": {"relative": 0.2, "absolute": 0.1}"#,
    );
    let data = [(1.0, 2.2), (3.0, 5.0), (2.0, 4.4)];
    let density = |a: f64| {
        let factors = data.map(|(x, y)| {
            let variance = (0.2 * a * x).powi(2) + 0.01;
            (-0.5 * (y - a * x) * (y - a * x) / variance).exp() / variance.sqrt()
        });
        factors.iter().product::<f64>()
    };
    let (mean, std) = quadrature([0.5, 4.0], density);
    let measured = data.map(|(x, y)| (x, [y]));
    let measured: Vec<(f64, &[f64])> = measured.iter().map(|(x, y)| (*x, &y[..])).collect();
    assert_posterior(&learn(relative, &measured), mean, std);
}

/// The sensitivities of two channels, and the inverse of their covariance.
const CORRELATED: &str = r#""model": ["a", "2*a"], "noise": [[1, 1.2], [1.2, 4]]"#;

fn information(first: f64, second: f64) -> f64 {
    let determinant = 4.0 - 1.44;
    (4.0 * first * first - 2.4 * first * second + second * second) / determinant
}

#[test]
fn correlated_channels_count_as_they_should() {
    let correlated = experiment(r#"{"normal": [1, 2]}"#, CORRELATED);
    let precision = 0.25 + information(1.0, 2.0);
    // 1/4 from the prior's mean, and sensitivities times inverse covariance times values.
    let determinant = 4.0 - 1.44;
    let pull = 0.25 + ((4.0 - 1.2 * 2.0) * 0.5 + (2.0 - 1.2) * 3.0) / determinant;
    let designer = learn(correlated.clone(), &[(0.0, &[0.5, 3.0])]);
    assert_posterior(&designer, pull / precision, precision.powf(-0.5));
    // Standard deviations and a correlation say the same.
    let same = experiment(
        r#"{"normal": [1, 2]}"#,
        r#""model": ["a", "2*a"], "noise": {"std": [1, 2], "correlation": [[1, 0.6], [0.6, 1]]}"#,
    );
    let same = learn(same, &[(0.0, &[0.5, 3.0])]);
    assert!((same.mean()[0] - designer.mean()[0]).abs() < 1e-12);
    // The utility is the variance of the prior times the information.
    let mut designer = Designer::new(correlated, 1).expect("an experiment");
    let utility = designer.utility()[0] / (4.0 * information(1.0, 2.0));
    assert!((utility - 1.0).abs() < 0.1, "{utility}");
}

/// The utility in units of the exact one, for each kind of noise: half the mean over the draws of the information times the
/// variance, without what does not matter here, the constant.
#[test]
fn utilities_know_the_noise() {
    let utility = |prior: &str, rest: &str| {
        Designer::new(experiment(prior, rest), 1)
            .expect("an experiment")
            .utility()
    };
    // a*x counts: the variance x^2/12 over the mean 10x.
    let counts = utility(
        r#"{"uniform": [9.5, 10.5]}"#,
        r#""model": "a*x", "likelihood": "poisson""#,
    );
    assert_eq!(counts[..4], [0.0; 4]);
    for (i, x) in [(4, 1.0), (5, 2.0), (6, 3.0)] {
        assert!((counts[i] * 120.0 / x - 1.0).abs() < 0.1, "{counts:?}");
    }
    // n counts of a probability of 1/2: n^2 0.01/12 over n/4.
    let rest = r#""model": "a", "likelihood": {"binomial": "10*(x + 3)"}"#;
    let counts = utility(r#"{"uniform": [0.45, 0.55]}"#, rest);
    assert_eq!(counts[0], 0.0);
    for i in 1..7_u8 {
        let expected = 10.0 * f64::from(i) * 4.0 * 0.01 / 12.0;
        assert!(
            (counts[usize::from(i)] / expected - 1.0).abs() < 0.1,
            "{counts:?}"
        );
    }
    // Fisher's information of Student's t is (n + 1)/(n + 3) of the normal one's.
    let (prior, rest) = (r#"{"uniform": [0, 1]}"#, r#""model": "a*x", "noise": 0.5"#);
    let normal = utility(prior, rest);
    let robust = utility(prior, &format!(r#"{rest}, "likelihood": {{"student_t": 1}}"#));
    assert!((robust[0] / normal[0] - 0.5).abs() < 1e-12);
}

/// Truths within one and two standard deviations, over many simulated runs with resampling.
#[test]
fn posteriors_are_calibrated() {
    let experiments = [
        r#""model": "a*x^2", "likelihood": "poisson""#,
        r#""model": "a/20", "likelihood": {"binomial": 40}"#,
        r#""model": "a*x", "noise": 2, "likelihood": {"student_t": 3}"#,
        r#""model": "a*x", "noise": {"relative": 0.3, "absolute": 0.2}"#,
        r#""model": ["a*x", "a"], "noise": [[9, 3.5], [3.5, 4]]"#,
    ];
    const RUNS: u32 = 250;
    for rest in experiments {
        let mut it = experiment(r#"{"uniform": [2, 18]}"#, rest);
        (it.options.particles, it.options.draws, it.options.auto_resample) = (1000, 30, true);
        let mut within = [0_u32; 2];
        for seed in 0..u64::from(RUNS) {
            let mut instrument = Simulator::new(it.clone(), None, None, seed).expect("an experiment");
            let mut designer = Designer::new(it.clone(), seed).expect("an experiment");
            for _ in 0..12 {
                let setting = designer.suggest();
                let values = instrument.measure(&setting);
                designer.update(&setting, &values, None).expect("a measurement");
            }
            let distance = (designer.mean()[0] - instrument.truth()[0]).abs() / designer.std()[0];
            within[0] += u32::from(distance < 1.0);
            within[1] += u32::from(distance < 2.0);
        }
        // Three standard errors.
        let shares = within.map(|count| f64::from(count) / f64::from(RUNS));
        assert!((shares[0] - 0.683).abs() < 0.09, "{rest}: {shares:?}");
        assert!((shares[1] - 0.954).abs() < 0.04, "{rest}: {shares:?}");
    }
}

#[test]
fn noise_that_cannot_be_is_refused() {
    let file = |rest: &str| {
        read(&format!(
            r#"{{"settings": {{"x": [0, 1]}}, "parameters": {{"a": {{"uniform": [0, 1]}}}}, "model": ["a", "a*x"], {rest}}}"#
        ))
    };
    for (rest, message) in [
        (r#""likelihood": "poison""#, "did you mean `poisson`?"),
        (
            r#""likelihood": {"binomial": "a"}"#,
            "the number of trials cannot depend on parameters",
        ),
        (
            r#""likelihood": {"binomial": [1, 2, 3]}"#,
            "expected the number of trials of 2 channels, found 3",
        ),
        (
            r#""likelihood": {"student_t": 0}"#,
            "the degrees of freedom must be positive, not 0",
        ),
        (r#""likelihood": "poisson", "noise": 1"#, "leave `noise` out"),
        (
            r#""likelihood": {"student_t": 3}, "noise": [[1, 0], [0, 1]]"#,
            "correlated noise is normal",
        ),
        (r#""noise": [[1, 0], [0]]"#, "expected a 2 x 2 matrix, by rows"),
        (
            r#""noise": [[1, 2], [2, 1]]"#,
            "must be symmetric and positive definite",
        ),
        (
            r#""noise": [[1, 0.5], [0, 1]]"#,
            "must be symmetric and positive definite",
        ),
        (r#""noise": {"relativ": 1}"#, "did you mean `relative`?"),
        (r#""noise": {"absolute": 1}"#, "expected \"std\", or \"relative\""),
        (
            r#""noise": {"std": 1, "correlation": [[1, 2], [2, 1]]}"#,
            "must be symmetric and positive definite",
        ),
        (
            r#""noise": {"std": -1}"#,
            "a standard deviation must be positive, not -1",
        ),
    ] {
        let error = file(rest).err().unwrap_or_else(|| panic!("accepted: {rest}"));
        assert!(error.contains(message), "{rest}: {error}");
    }
    assert!(matches!(
        file(r#""likelihood": "poisson""#).expect("a file").noise,
        Noise::Poisson
    ));
    let plain = file(r#""likelihood": "normal", "noise": 1"#).expect("a file");
    assert_eq!(plain.noise_shape, NoiseShape::Normal);
    let counts = file(r#""likelihood": {"binomial": 10}"#).expect("a file");
    let mut designer = Designer::new(counts, 1).expect("an experiment");
    for wrong in [-1.0, 0.5, 11.0] {
        let refused = designer
            .update(&[0.0], &[1.0, wrong], None)
            .unwrap_err()
            .to_string();
        assert_eq!(
            refused,
            format!("a measurement of this experiment is a count, a whole number from 0 to 10, not {wrong}")
        );
    }
    let counts = file(r#""likelihood": "poisson""#).expect("a file");
    let refused = Designer::new(counts, 1)
        .expect("an experiment")
        .update(&[0.0], &[1.0, 2.5], None);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "a measurement of this experiment is a count, a whole number from 0 on, not 2.5"
    );
}

/// At 0 all trials hit, whatever the parameter: the round-off of a mean over the draws tells nothing.
#[test]
fn certain_counts_tell_nothing() {
    let rest = r#""model": "(1 + cos(a*x))/2", "likelihood": {"binomial": 100}"#;
    let it = experiment(r#"{"uniform": [0.1, 0.9]}"#, rest);
    let utility = Designer::new(it.clone(), 1).expect("an experiment").utility();
    let certain = it.grid.knobs()[0]
        .values
        .iter()
        .position(|x| *x == 0.0)
        .expect("0");
    for (i, other) in utility.iter().enumerate() {
        assert_eq!(i == certain, *other < 1e-9, "{utility:?}");
    }
}

/// What a measurement without noise says cannot be weighed; the reason is the noise, not the model.
#[test]
fn noise_of_zero_is_named() {
    for noise in [r#"{"relative": 0.1}"#, r#""0.1*x^2""#] {
        let it = experiment(
            r#"{"uniform": [1, 2]}"#,
            &format!(r#""model": "a*x", "noise": {noise}"#),
        );
        let mut designer = Designer::new(it, 1).expect("an experiment");
        assert_eq!(
            designer.update(&[0.0], &[0.0], None),
            Err(labwire_core::design::DesignError::NoNoise)
        );
        assert_eq!(designer.update(&[1.0], &[1.5], None), Ok(()), "{noise}");
    }
}
