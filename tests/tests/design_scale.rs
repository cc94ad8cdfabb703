//! Equal bits in every build, and bounded memory for any number of settings and particles.

use allocation_counter::measure;
use labwire_core::design::{DEFAULT_EXPERIMENT, DesignLimits, Designer, Experiment, Simulator};

fn experiment(text: &str) -> Experiment {
    Experiment::from_json(text, &[], &DesignLimits::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Hash of every bit of the posterior.
fn fingerprint(designer: &Designer) -> u64 {
    designer
        .posterior()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
}

/// With designs, resampling, tempering, normal and gamma deviates, sine, exponential and power. The figures come from
/// a release build; these tests are a debug build, and `host-wasm/tests/design.rs` has the same figures in a browser.
#[test]
fn a_seed_gives_the_same_bits_in_every_build() {
    for (text, truth, expected) in [
        (DEFAULT_EXPERIMENT, vec![2.6, 0.02, 0.04], DIP),
        (
            include_str!("../../core/design/experiments/rabi.json"),
            vec![3.0, 0.5, 1.5, 0.8],
            RABI,
        ),
    ] {
        let mut experiment = experiment(text);
        experiment.options.particles = 1000;
        let mut instrument = Simulator::new(experiment.clone(), Some(truth), None, 5).expect("a truth");
        let mut designer = Designer::new(experiment, 5).expect("priors");
        for _ in 0..60 {
            let setting = designer.suggest();
            let values = instrument.measure(&setting);
            designer.update(&setting, &values, None).expect("a measurement");
        }
        assert!(designer.resamplings() > 2);
        assert_eq!(fingerprint(&designer), expected, "{}", designer.experiment().name);
    }
}

const DIP: u64 = 0x8416_bd37_197f_39bf;
const RABI: u64 = 0x356b_2df7_f50e_5e5e;

/// A million combinations of three knobs take one number each, and a block of working memory.
#[test]
fn a_million_settings_take_little_memory() {
    let mut designer = Designer::new(
        experiment(
            r#"{
                "settings": {
                    "speed": {"linspace": [1, 10, 100]},
                    "depth": {"linspace": [0.1, 1, 100]},
                    "feed": {"linspace": [0, 1, 100]}
                },
                "parameters": {"a": {"uniform": [0, 1]}, "b": {"uniform": [0, 1]}},
                "model": "a*speed*depth + b*feed",
                "options": {"particles": 100, "draws": 2, "utility": "max_min"}
            }"#,
        ),
        1,
    )
    .expect("priors");
    let mut setting = Vec::new();
    let counted = measure(|| setting = designer.suggest());
    assert!(counted.bytes_max < 10_000_000, "{}", counted.bytes_max);
    // Largest possible difference of any parameter.
    assert_eq!(setting[..2], [10.0, 1.0]);
    designer
        .update(&setting, &[5.3], Some(&[0.1]))
        .expect("a measurement");
}

/// The bound is 200 bytes per particle of three parameters; a million particles are tested on a fifth of them.
#[test]
fn particles_take_less_than_200_bytes_each() {
    const PARTICLES: usize = 200_000;
    let mut experiment = experiment(DEFAULT_EXPERIMENT);
    experiment.options.particles = PARTICLES;
    // Resampling after every measurement.
    experiment.options.resample_threshold = 1.0;
    let counted = measure(|| {
        let mut designer = Designer::new(experiment, 1).expect("priors");
        for f in [2.5, 2.6] {
            designer.update(&[f], &[0.97], None).expect("a measurement");
        }
        assert!(designer.resamplings() >= 2);
    });
    let each = counted.bytes_max as usize / PARTICLES;
    assert!(each < 200, "{each}");
}

/// After the first measurements, an update without resampling allocates only for the measurement itself; every tenth
/// also looks whether the posterior leans against the end of a prior.
#[test]
fn an_update_allocates_next_to_nothing() {
    let mut experiment = experiment(DEFAULT_EXPERIMENT);
    experiment.options.particles = 5000;
    experiment.options.auto_resample = false;
    let mut designer = Designer::new(experiment, 1).expect("priors");
    let mut update = |f| designer.update(&[f], &[0.99], None).expect("a measurement");
    for i in 0..10 {
        update(1.5 + 0.01 * f64::from(i));
    }
    let counted = measure(|| update(2.0));
    assert!(
        counted.count_total < 10 && counted.bytes_max < 1000,
        "{counted:?}"
    );
}
