//! Posteriors that stay true: wrong readings, priors with ends, truths outside of them, settings that cost too much.

use labwire_core::design::{DesignError, DesignLimits, Designer, Experiment};

fn experiment(text: &str) -> Experiment {
    Experiment::from_json(text, &[], &DesignLimits::default()).unwrap_or_else(|error| panic!("{error}"))
}

const LINE: &str = include_str!("../../core/design/experiments/line.json");

fn warnings(designer: &Designer) -> Vec<&str> {
    designer.warnings().collect()
}

/// A line, measured without noise at some points, by a designer that does not know the noise.
fn line(particles: usize) -> Designer {
    let text = LINE.replace("50000", &particles.to_string());
    let mut designer = Designer::new(experiment(&text), 1).expect("priors");
    for x in [0.0, 0.25, 0.5, 0.75, 1.0] {
        designer
            .update(&[x], &[0.2 + 0.5 * x], None)
            .expect("a measurement");
    }
    designer
}

/// SCPI's numbers for "no number", in 64 bits and as sent by instruments that calculate in 32.
#[test]
fn readings_that_are_no_numbers_are_refused() {
    let mut designer = line(2000);
    let before = designer.posterior();
    for reading in [
        9.9e37,
        -9.9e37,
        9.91e37,
        f64::from(9.9e37_f32),
        f64::from(9.91e37_f32),
    ] {
        let error = designer.update(&[0.5], &[reading], None).unwrap_err();
        assert!(matches!(error, DesignError::NoNumber { .. }), "{error}");
        assert!(error.to_string().contains("instead of one"), "{error}");
        assert!(designer.update(&[reading], &[0.5], None).is_err());
    }
    for reading in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = designer.update(&[0.5], &[reading], None);
        assert_eq!(refused, Err(DesignError::NotFinite("the measurement")));
    }
    assert_eq!(designer.posterior(), before);
    assert!(designer.update(&[0.5], &[9.8e37], None).is_ok(), "a large number");
}

/// One wrong reading costs nothing, however wrong, and the next measurements count as before.
#[test]
fn an_outlier_ruins_nothing() {
    for outlier in [9.89e37, -1e30, 1e9, -300.0, 40.0] {
        let mut designer = line(4000);
        let (mean, std) = (designer.mean(), designer.std());
        designer.update(&[0.5], &[outlier], None).expect("a measurement");
        assert_eq!((designer.mean(), designer.std()), (mean, std), "{outlier}");
        let expected = "from the nearest prediction and does not count";
        assert!(
            warnings(&designer)
                .last()
                .is_some_and(|it| it.ends_with(expected))
        );
        for x in [0.0, 0.25, 0.5, 0.75, 1.0, 0.0, 1.0, 0.0, 1.0] {
            designer
                .update(&[x], &[0.2 + 0.5 * x], None)
                .expect("a measurement");
            assert!(designer.std().iter().all(|std| *std > 0.0));
            assert!(designer.effective_sample_size() > 400.0);
        }
        let (mean, std) = (designer.mean(), designer.std());
        for (parameter, truth) in [0.5, 0.2].into_iter().enumerate() {
            let error = (mean[parameter] - truth).abs();
            assert!(error < 4.0 * std[parameter] && error < 0.05, "{mean:?} {std:?}");
        }
        designer.undo().expect("a measurement");
        assert_eq!(designer.history().len(), 14);
    }
}

/// Without resampling as well: what counts must leave particles.
#[test]
fn an_outlier_leaves_particles_that_are_not_resampled() {
    let text = LINE.replace("50000", "1000, \"auto_resample\": false");
    let mut designer = Designer::new(experiment(&text), 1).expect("priors");
    designer.update(&[0.5], &[0.4], None).expect("a measurement");
    let std = designer.std();
    designer.update(&[0.5], &[1e12], None).expect("a measurement");
    assert_eq!(designer.std(), std);
}

/// An outlier that the model can explain counts: a particle that has it is only rare.
#[test]
fn a_rare_truth_is_found() {
    let text = r#"{
        "settings": {"x": [0]},
        "parameters": {"a": {"normal": [0, 1]}},
        "model": "a",
        "noise": 0.01,
        "options": {"particles": 2000}
    }"#;
    let mut designer = Designer::new(experiment(text), 1).expect("priors");
    designer.update(&[0.0], &[3.0], None).expect("a measurement");
    assert!((designer.mean()[0] - 3.0).abs() < 0.05, "{:?}", designer.mean());
    assert!(warnings(&designer)[0].contains("hardly any particle fits"));
}

/// Every kind of prior that has an end, and a truth beside it, at it, or beyond it.
#[test]
fn no_particle_leaves_its_prior() {
    let kinds = [
        (r#"{"uniform": [0, 1]}"#, 0.0, 1.0),
        (r#"{"lognormal": [-1, 1]}"#, 0.0, f64::INFINITY),
        (r#"{"exponential": 0.5}"#, 0.0, f64::INFINITY),
        (r#"{"gamma": [2, 0.3]}"#, 0.0, f64::INFINITY),
        (r#"{"samples": [0.1, 0.3, 0.2, 0.5, 0.9]}"#, 0.1, 0.9),
        (r#"{"discrete": [0.25, 0.5, 0.75]}"#, 0.25, 0.75),
    ];
    for (prior, low, high) in kinds {
        for scale in [true, false] {
            for truth in [-0.03, 0.0, 0.05, 1.1] {
                let text = format!(
                    r#"{{
                        "settings": {{"x": {{"linspace": [0, 1, 11]}}}},
                        "parameters": {{"c": {prior}, "k": {{"lognormal": [0, 1]}}, "n": {{"normal": [0, 1]}}}},
                        "model": "c*x + 0.3*n + 0*k",
                        "noise": 0.05,
                        "options": {{"particles": 1000, "scale": {scale}}}
                    }}"#
                );
                let mut designer = Designer::new(experiment(&text), 1).expect("priors");
                for x in [1.0, 0.0].into_iter().cycle().take(24) {
                    designer.update(&[x], &[truth * x], None).expect("a measurement");
                    let inside = |c: &f64| *c >= low && *c <= high;
                    assert!(designer.particles(0).iter().all(inside), "{prior}");
                    assert!(designer.particles(1).iter().all(|k| *k > 0.0));
                }
                assert!(designer.resamplings() > 2);
                assert!(
                    designer.std()[1..].iter().all(|std| *std > 0.0),
                    "{:?}",
                    designer.std()
                );
            }
        }
    }
}

/// k of no influence keeps its prior: interval and standard deviation.
#[test]
fn what_no_measurement_depends_on_stays_unknown() {
    let text = r#"{
        "settings": {"x": {"linspace": [0, 1, 11]}},
        "parameters": {"c": {"uniform": [0, 1]}, "k": {"uniform": [2, 5]}},
        "model": "c*x + 0*k",
        "noise": 0.05,
        "options": {"particles": 4000}
    }"#;
    let mut designer = Designer::new(experiment(text), 1).expect("priors");
    for _ in 0..40 {
        designer.update(&[1.0], &[0.4], None).expect("a measurement");
    }
    let std = designer.std()[1];
    assert!((std / (3.0 / 12_f64.sqrt()) - 1.0).abs() < 0.1, "{std}");
    let [low, high] = designer.interval(0.95).expect("a probability")[1];
    assert!(
        (2.0..2.2).contains(&low) && (4.8..5.0).contains(&high),
        "{low} {high}"
    );
}

#[test]
fn a_truth_outside_of_its_prior_is_said() {
    let text = r#"{
        "settings": {"x": [1]},
        "parameters": {"c": {"uniform": [0, 1]}},
        "model": "c*x",
        "noise": 0.05,
        "options": {"particles": 2000}
    }"#;
    let measured = |truth: f64| {
        let mut designer = Designer::new(experiment(text), 1).expect("priors");
        for _ in 0..20 {
            designer.update(&[1.0], &[truth], None).expect("a measurement");
        }
        designer
    };
    for truth in [-0.05, 1.1] {
        let designer = measured(truth);
        let said = warnings(&designer);
        let leaning = said
            .iter()
            .filter(|it| it.contains("c is ") && it.contains("of its prior"));
        assert_eq!(leaning.count(), 1, "{said:?}");
    }
    for truth in [0.0, 0.5, 1.0] {
        assert_eq!(warnings(&measured(truth)), [""; 0], "{truth}");
    }
    // So far outside that nothing counts.
    let designer = measured(7.0);
    let last = warnings(&designer).pop().expect("a warning");
    assert!(
        last.contains("20 in a row: the truth may be outside of the priors"),
        "{last}"
    );
    assert!((designer.std()[0] - 1.0 / 12_f64.sqrt()).abs() < 0.02);
}

/// A posterior of an older version, with particles outside of the priors.
#[test]
fn a_posterior_is_taken_in_as_far_as_the_priors_allow() {
    let text = r#"{
        "settings": {"x": [1]},
        "parameters": {"c": {"uniform": [0, 1]}, "n": {"discrete": [1, 2]}},
        "model": "c*x*n",
        "noise": 0.05,
        "constraints": ["c < 0.9"],
        "options": {"particles": 4}
    }"#;
    let posterior = |c: &str, n: &str| {
        format!(
            r#"{{"version": 1, "posterior_of": "x", "seed": 1, "suggestions": 0, "resamplings": 0, "history": [],
            "parameters": ["c", "n"], "particles": [{c}, {n}], "log_weights": [0.0, -1.0, -2.0, -3.0]}}"#
        )
    };
    let read = |c: &str, n: &str| Designer::from_posterior(experiment(text), &posterior(c, n));
    let designer = read("[0.1, 0.2, 0.3, 0.4]", "[1, 2, 1, 2]").expect("a posterior");
    assert_eq!(warnings(&designer), [""; 0]);
    assert_eq!(designer.particles(0), [0.1, 0.2, 0.3, 0.4]);
    let mut designer = read("[-0.1, 0.2, 0.95, 0.4]", "[1, 2, 1, 1.5]").expect("a posterior");
    assert_eq!(designer.particles(0), [0.2; 4]);
    let said = warnings(&designer);
    assert!(
        said[0].contains("3 of 4 particles of the posterior were outside"),
        "{said:?}"
    );
    assert!(said[1].contains("the same c"), "{said:?}");
    assert_eq!(designer.suggest(), [1.0]);
    let error = read("[-0.1, -0.2, 0.95, 1.4]", "[1, 2, 1, 1]").unwrap_err();
    assert!(error.to_string().contains("exclude every particle"), "{error}");
}

/// Random settings are drawn by their costs: what costs 10^12 times as much as all others is never proposed.
#[test]
fn a_random_selection_heeds_the_cost() {
    let text = r#"{
        "settings": {"v": {"linspace": [0, 10, 11]}, "i": {"linspace": [0, 10, 11]}},
        "parameters": {"r": {"uniform": [0, 1]}},
        "model": "r*v*i",
        "noise": 0.5,
        "options": {"selection": "random", "particles": 100},
        "cost": "COST"
    }"#;
    let settings = |cost: &str| -> Vec<Vec<f64>> {
        let mut designer = Designer::new(experiment(&text.replace("COST", cost)), 1).expect("priors");
        (0..400).map(|_| designer.suggest()).collect()
    };
    for cost in [
        "if(v*i < 20, 1, 1e12)",
        "if(v*i < 20, 1, 1/0)",
        "if(v*i < 20, 1, -1)",
    ] {
        let settings = settings(cost);
        assert!(settings.iter().all(|it| it[0] * it[1] < 20.0), "{cost}");
        assert!(settings.iter().any(|it| it[0] == 10.0));
    }
    let dear = settings("if(v < 5.5, 1, 3)")
        .iter()
        .filter(|it| it[0] > 5.5)
        .count();
    let expected = 400.0 * 5.0 / 3.0 / (6.0 + 5.0 / 3.0);
    assert!((dear as f64 - expected).abs() < 30.0, "{dear} {expected}");
    assert_eq!(settings("1/0").len(), 400);
}

/// Measurements of a line with unknown noise, by fewer particles than the file says.
fn measured(readings: impl Iterator<Item = f64>) -> Designer {
    let text = LINE.replace("50000", "4000");
    let mut designer = Designer::new(experiment(&text), 1).expect("priors");
    for reading in readings {
        designer.update(&[0.5], &[reading], None).expect("a measurement");
    }
    designer
}

/// Readings without noise: that they are equal does not tell that there is none.
#[test]
fn equal_readings_leave_a_noise_that_the_prior_allows() {
    let priors = measured(core::iter::empty());
    let least = priors.particles(2).iter().copied().fold(f64::INFINITY, f64::min);
    for count in [5, 40, 400] {
        let designer = measured(core::iter::repeat_n(0.3, count));
        assert!(designer.particles(2).iter().all(|sigma| *sigma >= least));
        assert!(
            designer.std().iter().all(|std| *std > 0.0),
            "{:?}",
            designer.std()
        );
        assert!(designer.entropy().is_finite());
        let said = warnings(&designer)
            .iter()
            .filter(|it| it.contains("as small as its prior allows"))
            .count();
        assert_eq!(said, usize::from(count >= 40), "{:?}", warnings(&designer));
    }
}

/// Noise of 0.05, as it would be drawn by a generator of another kind than the designer's.
fn noise(number: usize) -> f64 {
    let place = |step: f64| (number as f64 * step).fract();
    let sum: f64 = [0.618, 0.414, 0.732, 0.236, 0.449, 0.646].map(place).iter().sum();
    0.05 * (sum - 3.0) * 2_f64.sqrt()
}

/// An instrument that gave the same reading for a while (a closed shutter, a coarse range) and then others: these count,
/// whether they come in a row or between equal ones.
#[test]
fn readings_that_differ_count_after_equal_ones() {
    for equal in [10, 40] {
        for every in [1, 3] {
            let others = (0..90).map(|number| match number % every {
                0 => 0.3 + noise(number),
                _ => 0.3,
            });
            let designer = measured(core::iter::repeat_n(0.3, equal).chain(others));
            let (mean, std) = (designer.mean(), designer.std());
            // The root of the mean square of all readings.
            let square = (0..90)
                .step_by(every)
                .map(|number| noise(number) * noise(number))
                .sum::<f64>();
            let expected = (square / (equal + 90) as f64).sqrt();
            assert!(
                (mean[2] / expected - 1.0).abs() < 0.35,
                "{equal} {every}: {mean:?} {std:?}, {expected}"
            );
            assert!((0.5 * mean[0] + mean[1] - 0.3).abs() < 0.02, "{mean:?}");
            let anew = warnings(&designer)
                .iter()
                .filter(|it| it.contains("computed anew"))
                .count();
            assert!((1..=2).contains(&anew), "{:?}", warnings(&designer));
        }
    }
}

/// What was doubted is in the posterior file: the restored designer goes on to the last bit.
#[test]
fn doubts_outlive_a_restart() {
    let text = LINE.replace("50000", "4000");
    let readings = [0.3; 40].into_iter().chain([0.35, 40.0, 0.28]);
    let mut one = measured(readings);
    let mut other = Designer::from_posterior(experiment(&text), &one.posterior()).expect("a posterior");
    for reading in [0.33, 0.26, 0.31, 0.3] {
        for designer in [&mut one, &mut other] {
            designer.update(&[0.5], &[reading], None).expect("a measurement");
        }
    }
    assert_eq!(one.posterior(), other.posterior());
    assert!(
        warnings(&other)
            .iter()
            .any(|it| it.contains("computed anew from the priors and 43 measurements")),
        "{:?}",
        warnings(&other)
    );
    for wrong in [
        "\"doubt\": 1e3",
        "\"doubt\": 12",
        "\"excluded\": 3",
        "\"excluded\": [47]",
        "\"excluded\": [-1]",
    ] {
        let text = one
            .posterior()
            .replacen("\"history\"", &format!("{wrong}, \"history\""), 1);
        let error = Designer::from_posterior(experiment(&LINE.replace("50000", "4000")), &text);
        assert!(error.is_err(), "{wrong}");
    }
}
