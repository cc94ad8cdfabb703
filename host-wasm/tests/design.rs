//! Designed experiments have the same bits in a browser as natively: the figures are those of
//! `tests/tests/design_scale.rs`. Runs in a browser: stage `wasm_tests` of .ci/run.
#![cfg(target_arch = "wasm32")]
#![expect(clippy::unwrap_used, reason = "clippy takes only #[test] for tests")]

use labwire_core::design::{DEFAULT_EXPERIMENT, DesignLimits, Designer, Experiment, Simulator};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const RABI: &str = include_str!("../../core/design/experiments/rabi.json");

/// Every bit of the posterior after 60 designed measurements goes into it.
fn fingerprint(text: &str, truth: &[f64]) -> u64 {
    let mut experiment = Experiment::from_json(text, &[], &DesignLimits::default()).unwrap();
    experiment.options.particles = 1000;
    let mut instrument = Simulator::new(experiment.clone(), Some(truth.to_vec()), None, 5).unwrap();
    let mut designer = Designer::new(experiment, 5).unwrap();
    for _ in 0..60 {
        let setting = designer.suggest();
        let values = instrument.measure(&setting);
        designer.update(&setting, &values, None).unwrap();
    }
    designer
        .posterior()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
}

#[wasm_bindgen_test]
fn a_seed_gives_the_bits_that_it_gives_natively() {
    assert_eq!(
        fingerprint(DEFAULT_EXPERIMENT, &[2.6, 0.02, 0.04]),
        0x8416_bd37_197f_39bf
    );
    assert_eq!(fingerprint(RABI, &[3.0, 0.5, 1.5, 0.8]), 0x356b_2df7_f50e_5e5e);
}
