//! The designer against figures of OptBayesExpt 1.2 that involve no randomness, and in cases where OptBayesExpt
//! fails.

use labwire_core::design::{
    Average, Closure, DesignError, DesignLimits, Designer, Experiment, Measurement, Noise, averages, linspace,
};

/// Designer of an experiment file.
fn designer(text: &str) -> Designer {
    let experiment = Experiment::from_json(text, &[], &DesignLimits::default());
    Designer::new(experiment.unwrap_or_else(|error| panic!("{error}")), 1).expect("priors")
}

fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= tolerance * expected.abs(),
            "{found} {expected}"
        );
    }
}

/// F1: the four particles of the captured server.
fn four_particles() -> Designer {
    designer(
        r#"{
            "settings": {"x": [0, 1, 2]},
            "parameters": {"a": {"samples": [0, 1, 2, 3]}, "b": {"samples": [1, 3, 2, 4]}},
            "model": "a + b*x",
            "options": {"particles": 4}
        }"#,
    )
}

#[test]
fn four_particles_take_in_a_measurement() {
    let mut designer = four_particles();
    assert_eq!(designer.particles(0), [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(designer.weights(), [0.25; 4]);
    assert_eq!(designer.mean(), [1.5, 2.5]);
    assert_eq!(designer.std(), [1.118033988749895; 2]);
    let covariance = [1.6666666666666665, 1.3333333333333333];
    assert_near(&designer.covariance()[0], &covariance, 1e-15);
    assert_eq!(designer.optimal_setting(), [2.0]);
    assert_eq!(designer.good_setting(Some(400.0)), [2.0]);
    designer
        .update(&[1.0], &[5.0], Some(&[1.0]))
        .expect("a measurement");
    let weights = [
        0.0002487244401877818,
        0.44970433737134974,
        0.44970433737134974,
        0.10034260081711278,
    ];
    assert_near(&designer.weights(), &weights, 1e-14);
}

/// F2: a Lorentzian with eight particles.
fn eight_particles(options: &str) -> Designer {
    let samples = |low, high| format!("{{\"samples\": {:?}}}", linspace(low, high, 8));
    designer(&format!(
        r#"{{
            "settings": {{"x": {{"linspace": [1.5, 4.5, 200]}}}},
            "parameters": {{"x0": {}, "a": {}, "b": {}}},
            "constants": {{"d": 0.1}},
            "model": "b + a/(((x - x0)/d)^2 + 1)",
            "options": {{"particles": 8, {options}}}
        }}"#,
        samples(2.1, 3.9),
        samples(-2000.0, -600.0),
        samples(49000.0, 51000.0),
    ))
}

#[test]
fn eight_particles_take_in_two_measurements() {
    let mut designer = eight_particles("\"auto_resample\": false");
    designer
        .update(&[3.0], &[49800.0], Some(&[500.0]))
        .expect("a measurement");
    let first = [
        0.0641334374240523,
        0.13430652602587076,
        0.20099324012120057,
        0.1603519120436312,
        0.24377497728264416,
        0.1316861749308452,
        0.050238199523828984,
        0.014515532647926824,
    ];
    assert_near(&designer.weights(), &first, 1e-12);
    designer
        .update(&[2.5], &[49300.0], Some(&[500.0]))
        .expect("a measurement");
    let second = [
        0.10480639135454463,
        0.14917157878720358,
        0.32586203075978365,
        0.24214200571843428,
        0.15043789425925652,
        0.025269162761072574,
        0.002204911489115786,
        0.00010602487058893758,
    ];
    assert_near(&designer.weights(), &second, 1e-12);
    let mean = [2.683557606342843, -1546.1218617333438, 49648.397340380936];
    assert_near(&designer.mean(), &mean, 1e-13);
    let std = [0.3257778826117229, 253.3827975868974, 361.9754251238249];
    assert_near(&designer.std(), &std, 1e-12);
    assert_near(&[designer.effective_sample_size()], &[4.518133860244539], 1e-13);
    let covariance = [0.13629813915968858, 106.00966379086891, 151.44237684409862];
    assert_near(&designer.covariance()[0], &covariance, 1e-11);
}

#[test]
fn choked_likelihoods_count_half() {
    let mut designer = eight_particles("\"auto_resample\": false, \"choke\": 0.5");
    designer
        .update(&[3.0], &[49800.0], Some(&[500.0]))
        .expect("a measurement");
    assert_near(&designer.weights()[..1], &[0.09485829528801538], 1e-13);
}

/// F5: one measurement of a number known to be around 0.
#[test]
fn a_number_measured_once_is_normally_distributed() {
    let particles = linspace(-5.0, 5.0, 5000);
    let mut designer = designer(&format!(
        r#"{{
            "settings": {{"nothing": [0]}},
            "parameters": {{"mean": {{"samples": {particles:?}}}}},
            "model": "mean",
            "noise": 1,
            "options": {{"particles": 5000, "auto_resample": false}}
        }}"#,
    ));
    designer.update(&[0.0], &[1.0], None).expect("a measurement");
    let bell: Vec<f64> = particles
        .iter()
        .map(|x| (-0.5 * (x - 1.0) * (x - 1.0)).exp())
        .collect();
    let total: f64 = bell.iter().sum();
    for (weight, bell) in designer.weights().iter().zip(&bell) {
        assert!((weight - bell / total).abs() < 1e-15);
    }
}

/// F6: `test_trace_sort` of tests/test_utils.py.
#[test]
fn measurements_are_averaged_by_setting() {
    let x = [1.0, 2.0, 3.0, 4.0, 2.0, 3.0, 4.0, 5.0, 3.0, 4.0, 5.0, 6.0];
    let y = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0];
    let measurements: Vec<Measurement> = x
        .iter()
        .zip(y)
        .map(|(x, y)| Measurement {
            setting: vec![*x],
            values: vec![y],
            sigma: None,
        })
        .collect();
    let averages = averages(&measurements);
    let (a, b) = (0.5 / 2_f64.sqrt(), 2_f64.sqrt() / 3.0);
    let column = |of: fn(&Average) -> f64| averages.iter().map(of).collect::<Vec<f64>>();
    assert_eq!(column(|it| it.setting[0]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(column(|it| it.mean[0]), [1.0, 1.5, 2.0, 2.0, 2.5, 3.0]);
    assert_near(&column(|it| it.standard_error[0]), &[0.0, a, b, b, a, 0.0], 1e-15);
    assert_eq!(column(|it| it.count as f64), [1.0, 2.0, 3.0, 3.0, 2.0, 1.0]);
}

/// A refused measurement leaves the posterior unchanged.
#[test]
fn what_is_refused_changes_nothing() {
    let mut designer = four_particles();
    let before = designer.posterior();
    for (setting, values, sigma) in [
        (&[1.0][..], &[f64::NAN][..], Some(&[1.0][..])),
        (&[1.0], &[f64::INFINITY], Some(&[1.0])),
        (&[1.0], &[5.0], Some(&[0.0])),
        (&[1.0], &[5.0], Some(&[-1.0])),
        (&[1.0], &[5.0], Some(&[f64::NAN])),
        (&[1.0], &[5.0], Some(&[1.0, 1.0])),
        (&[1.0], &[5.0], Some(&[])),
        (&[1.0], &[5.0], None),
        (&[1.0], &[], Some(&[1.0])),
        (&[1.0], &[5.0, 5.0], Some(&[1.0])),
        (&[], &[5.0], Some(&[1.0])),
        (&[1.0, 1.0], &[5.0], Some(&[1.0])),
        (&[f64::NAN], &[5.0], Some(&[1.0])),
        (&[1e308], &[-1e308], Some(&[1e-300])),
    ] {
        let refused = designer.update(setting, values, sigma);
        assert!(refused.is_err(), "{setting:?} {values:?} {sigma:?}");
    }
    assert_eq!(designer.undo(), Err(DesignError::NothingToUndo));
    assert!(designer.interval(1.0).is_err() && designer.interval(f64::NAN).is_err());
    assert_eq!(designer.posterior(), before);
    assert_eq!(designer.warnings().count(), 0);
}

/// OptBayesExpt ends with weights that are all 0, and then fails.
#[test]
fn data_that_hardly_any_particle_explains_kill_none() {
    let mut designer = designer(
        r#"{
            "settings": {"x": [0, 1, 2]},
            "parameters": {"a": {"uniform": [0, 1]}, "b": {"uniform": [0, 1]}},
            "model": "a + b*x",
            "options": {"particles": 2000}
        }"#,
    );
    for y in [1e6, 1.5, -1e12, 1.5] {
        designer
            .update(&[1.0], &[y], Some(&[1e-3]))
            .expect("a measurement");
        assert!(designer.effective_sample_size() > 100.0);
        assert!(designer.std().iter().all(|std| *std > 0.0));
        assert_eq!(designer.suggest().len(), 1);
    }
    let warnings: Vec<&str> = designer.warnings().collect();
    for number in [1, 3] {
        let expected = format!("measurement {number}: [");
        let warned = warnings.iter().any(|warning| {
            warning.starts_with(&expected) && warning.ends_with("the nearest prediction and does not count")
        });
        assert!(warned, "{warnings:?}");
    }
}

/// A setting off the grid is accepted with a warning.
#[test]
fn a_setting_off_the_grid_is_noted() {
    let mut designer = four_particles();
    designer
        .update(&[0.5], &[2.0], Some(&[1.0]))
        .expect("a measurement");
    assert_eq!(
        designer.warnings().collect::<Vec<_>>(),
        ["measurement 1: [0.5] is not on the grid of settings"]
    );
}

#[test]
fn taking_back_is_as_if_it_had_not_been() {
    let mut designer = eight_particles("\"auto_resample\": true");
    let mut states = vec![designer.posterior()];
    for (x, y) in [(3.0, 49800.0), (2.5, 49300.0), (2.7, 49100.0), (2.8, 49900.0)] {
        designer
            .update(&[x], &[y], Some(&[300.0]))
            .expect("a measurement");
        states.push(designer.posterior());
    }
    while let Some(state) = states.pop() {
        assert_eq!(designer.posterior(), state);
        assert_eq!(designer.undo().is_ok(), !states.is_empty());
    }
}

/// Whatever else was asked in between: the next suggestion depends on the measurements, and on the suggestions since.
#[test]
fn a_designer_that_replays_measurements_suggests_the_same() {
    for selection in ["optimal", "good", "random"] {
        let options = format!("\"auto_resample\": true, \"selection\": \"{selection}\"");
        let mut asked = eight_particles(&options);
        for (count, y) in [49800.0, 49300.0, 49100.0, 49900.0].into_iter().enumerate() {
            asked.utility();
            let mut x = asked.suggest();
            for _ in 0..count {
                x = asked.suggest();
            }
            asked.update(&x, &[y], Some(&[300.0])).expect("a measurement");
        }
        let mut replaying = eight_particles(&options);
        for measurement in asked.history() {
            replaying.learn(measurement.clone()).expect("learnt before");
        }
        assert_eq!(replaying.posterior(), asked.posterior());
        asked.utility();
        let next: Vec<_> = (0..20).map(|_| asked.suggest()).collect();
        assert_eq!((0..20).map(|_| replaying.suggest()).collect::<Vec<_>>(), next);
        // A measurement that was undone is suggested again.
        replaying
            .update(&next[0], &[49500.0], Some(&[300.0]))
            .expect("a measurement");
        replaying.suggest();
        replaying.undo().expect("a measurement");
        assert_eq!(replaying.suggest(), next[0]);
    }
}

/// Saved and loaded, bit for bit.
#[test]
fn a_posterior_that_was_read_goes_on_as_the_one_that_was_written() {
    let experiment = |particles: usize| {
        let text =
            include_str!("../../core/design/experiments/dip.json").replace("10000", &particles.to_string());
        Experiment::from_json(&text, &[], &DesignLimits::default()).expect("the example is right")
    };
    let mut first = Designer::new(experiment(500), 7).expect("priors");
    let advance = |designer: &mut Designer| {
        for _ in 0..10 {
            let x = designer.suggest();
            let y = 1.0 - 0.05 / ((x[0] - 2.3) * (x[0] - 2.3) * 1e3 + 1.0);
            designer.update(&x, &[y], Some(&[0.005])).expect("a measurement");
        }
        designer.posterior()
    };
    let saved = advance(&mut first);
    let mut second = Designer::from_posterior(experiment(500), &saved).expect("a posterior");
    assert_eq!(second.posterior(), saved);
    assert_eq!(advance(&mut second), advance(&mut first));
    for _ in 0..10 {
        second.undo().expect("measured since");
    }
    assert_eq!(second.undo(), Err(DesignError::NothingToUndo));

    // The largest count stays: what a designer writes, it reads.
    let largest = ((1_u64 << 53) - 1).to_string();
    let [suggestions, resamplings] = ["suggestions", "resamplings"].map(|name| {
        let count = saved.split(&format!("\"{name}\": ")).nth(1).expect("a count");
        format!("\"{name}\": {}", count.split(',').next().expect("a number"))
    });
    let full = saved
        .replace(&suggestions, &format!("\"suggestions\": {largest}"))
        .replace(&resamplings, &format!("\"resamplings\": {largest}"));
    let mut third = Designer::from_posterior(experiment(500), &full).expect("a posterior");
    third.suggest();
    let after = third.posterior();
    assert!(after.contains(&format!("\"suggestions\": {largest}, \"resamplings\": {largest}")));
    let after = advance(&mut third);
    assert!(after.contains(&format!("\"resamplings\": {largest}")));
    assert!(Designer::from_posterior(experiment(500), &after).is_ok());

    for broken in [
        "",
        "{}",
        "[1]",
        &saved.replace("\"f0\"", "\"f1\""),
        &saved[..saved.len() - 3],
    ] {
        assert!(Designer::from_posterior(experiment(500), broken).is_err());
    }
    // A changed digit gives another posterior, any other change none at all.
    let small = four_particles().posterior();
    for at in 0..small.len() {
        for byte in ["9", "-", "]", ",", "\""] {
            let mut text = small.clone();
            text.replace_range(at..=at, byte);
            if let Ok(mut designer) = Designer::from_posterior(four_particles().experiment().clone(), &text) {
                assert_eq!(designer.suggest().len(), 1);
            }
        }
    }
    assert!(Designer::new(four_particles().experiment().clone(), 1 << 53).is_err());
    let other = Experiment::from_json(
        include_str!("../../core/design/experiments/line.json"),
        &[],
        &DesignLimits::default(),
    );
    let error = Designer::from_posterior(other.expect("the example is right"), &saved).unwrap_err();
    assert!(
        error.to_string().contains(r#"["f0", "depth", "width"]"#),
        "{error}"
    );
}

/// Fields set by a program are checked when a designer is created.
#[test]
fn options_that_make_no_sense_are_refused() {
    type Change = fn(&mut Experiment);
    let changes: [(Change, &str); 7] = [
        (|it| it.options.particles = 0, "two particles"),
        (|it| it.options.draws = 0, "one draw"),
        (|it| it.options.choke = f64::NAN, "choke"),
        (|it| it.options.a_param = 1.5, "a_param"),
        (|it| it.options.pickiness = f64::NAN, "pickiness"),
        (|it| it.noise = Noise::Known(vec![1.0, 1.0]), "channels"),
        (
            |it| it.noise = Noise::OfSetting(Box::new(Closure::new(|[x]: [f64; 1], []: [f64; 0]| [x, x]))),
            "channels",
        ),
    ];
    for (change, message) in changes {
        let mut experiment = four_particles().experiment().clone();
        change(&mut experiment);
        let refused = Designer::new(experiment, 1).expect_err(message);
        assert!(refused.to_string().contains(message), "{refused}");
    }
}
