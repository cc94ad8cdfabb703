//! Targets, batches and rules that end an experiment.

use labwire_core::design::{DesignLimits, Designer, Experiment};

fn read(rest: &str) -> Result<Experiment, String> {
    let text = format!(
        r#"{{"settings": {{"x": {{"linspace": [-1, 1, 21]}}}},
            "parameters": {{"a": {{"normal": [0, 1]}}, "b": {{"normal": [0, 1]}}}}, "noise": 0.5, {rest}}}"#
    );
    Experiment::from_json(&text, &[], &DesignLimits::default()).map_err(|error| error.to_string())
}

fn designer(rest: &str) -> Designer {
    Designer::new(read(rest).unwrap_or_else(|error| panic!("{error}")), 1).expect("an experiment")
}

const LINE: &str = r#""model": "a + b*x", "options": {"particles": 20000, "draws": 4000}"#;

/// Without a target, the ends tell most; with the value at 0 as the target, they tell nothing of it that 0 does not, as
/// the ratio of variances is known.
#[test]
fn what_a_measurement_tells_of_a_target_counts() {
    assert_eq!(designer(LINE).suggest()[0].abs(), 1.0);
    let mut target = designer(&format!(r#"{LINE}, "targets": {{"middle": "a"}}"#));
    for (i, utility) in target.utility().iter().enumerate() {
        let x = -1.0 + 0.1 * i as f64;
        // The variance of `a` given the value at x is 1 - 1/(1 + x^2 + 1/4).
        let expected = 1.0 / (1.0 - 1.0 / (1.25 + x * x)) - 1.0;
        assert!(
            (utility / expected - 1.0).abs() < 0.15,
            "{x}: {utility} {expected}"
        );
    }
    let [(name, mean, std)] = target.targets()[..] else {
        panic!("one target");
    };
    assert_eq!(name, "middle");
    assert!((mean - target.mean()[0]).abs() < 1e-12 && (std - target.std()[0]).abs() < 1e-12);
}

/// Of two channels that see the target and a nuisance, both together tell what neither does.
#[test]
fn channels_count_together_for_a_target() {
    let model = r#""model": ["a + 10*b", "10*b"], "options": {"particles": 20000, "draws": 4000}"#;
    let mut designer = designer(&format!(r#"{model}, "targets": {{"aim": "a"}}"#));
    // The inverse of the posterior's covariance is [[1 + 4, 40], [40, 1 + 400 + 400]].
    let expected = (5.0 * 801.0 - 1600.0) / 801.0 - 1.0;
    let utility = designer.utility()[0];
    assert!((utility / expected - 1.0).abs() < 0.1, "{utility} {expected}");
}

/// The second setting of a batch is chosen given the first: at the other end of a line, not beside it.
#[test]
fn batches_do_not_ask_twice() {
    let mut designer = designer(LINE);
    let batch = designer.suggest_batch(4);
    let sum: f64 = batch.iter().map(|x| x[0]).sum();
    assert!(
        sum.abs() < 1e-12 && batch.iter().all(|x| x[0].abs() == 1.0),
        "{batch:?}"
    );
    // The first one is the suggestion.
    let mut other = self::designer(LINE);
    assert_eq!(other.suggest(), batch[0]);
    // The variance that is left is that of the batch's measurements: the utility of a third is known.
    let mut scan = other.preview_scan();
    for _ in 0..2 {
        while !other.continue_scan(&mut scan, usize::MAX) {}
        other.choose(&mut scan);
    }
    while !other.continue_scan(&mut scan, usize::MAX) {}
    // Precision 1 + 2/(1/4) of both parameters: the variance of a + b x is (1 + x^2)/9.
    for (i, utility) in scan.utilities().iter().enumerate() {
        let x = -1.0 + 0.1 * i as f64;
        let expected = (1.0 + x * x) / 9.0 / 0.25;
        assert!(
            (utility / expected - 1.0).abs() < 0.1,
            "{x}: {utility} {expected}"
        );
    }
}

/// The cost of moving counts from the setting chosen before.
#[test]
fn batches_heed_the_cost_of_moving() {
    let mut designer = designer(&format!(r#"{LINE}, "cost": "1 + 100*abs(x - previous_x)""#));
    let batch = designer.suggest_batch(3);
    assert!(batch.iter().all(|x| x == &batch[0]), "{batch:?}");
}

#[test]
fn rules_end_an_experiment() {
    let until = |rules: &str| {
        designer(&format!(
            r#"{LINE}, "targets": {{"total": "a + b"}}, "until": {rules}"#
        ))
    };
    let mut counted = until(r#"{"measurements": 2}"#);
    let mut costly = until(r#"{"cost": 2.5}"#);
    let mut known = until(r#"{"std": {"a": 0.4, "total": 0.5}}"#);
    let mut open = until("{}");
    for i in 0..40 {
        let x = if i % 2 == 0 { 1.0 } else { -1.0 };
        assert_eq!(counted.ended().is_some(), i >= 2);
        assert_eq!(costly.ended().is_some(), i >= 3);
        let is_known = known.std()[0] <= 0.4 && known.targets()[0].2 <= 0.5;
        assert_eq!(known.ended().is_some(), is_known);
        assert!(open.ended().is_none());
        for designer in [&mut counted, &mut costly, &mut known, &mut open] {
            designer.update(&[x], &[0.1], None).expect("a measurement");
        }
    }
    assert_eq!(
        counted.ended().expect("an end"),
        "the number of measurements is 40, of 2"
    );
    assert_eq!(costly.ended().expect("an end"), "the cost is 40, of 2.5");
    assert_eq!(
        known.ended().expect("an end"),
        "a is known to 0.4, total is known to 0.5"
    );
    counted.undo().expect("a measurement");
    assert_eq!(counted.spent(), 39.0);
    let restored =
        Designer::from_posterior(costly.experiment().clone(), &costly.posterior()).expect("a posterior");
    assert_eq!(restored.spent(), 40.0);
}

#[test]
fn goals_that_cannot_be_are_refused() {
    for (rest, message) in [
        (r#""targets": {}"#, "expected at least one target"),
        (r#""targets": {"t": "a*x"}"#, "it cannot depend on settings"),
        (
            r#""targets": {"t": "[a, b]"}"#,
            "a target must be a number, found a vector of 2",
        ),
        (r#""targets": {"a": "b"}"#, "`a` is already defined"),
        (
            r#""until": {"std": {"c": 1}}"#,
            "there is no parameter or target `c`",
        ),
        (
            r#""until": {"std": {"a": 0}}"#,
            "expected a positive number, found 0",
        ),
        (r#""until": {"costs": 1}"#, "did you mean `cost`?"),
    ] {
        let error = read(&format!("{LINE}, {rest}"))
            .err()
            .unwrap_or_else(|| panic!("accepted: {rest}"));
        assert!(error.contains(message), "{rest}: {error}");
    }
}
