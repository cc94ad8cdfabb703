//! Experiments for benchmarks and for comparison with the figures of OptBayesExpt's demos.

use labwire_core::design::{Closure, DesignLimits, Experiment};

/// demos/find_peak: a Lorentzian peak.
pub const LORENTZIAN: &str = include_str!("../../core/design/experiments/lorentzian.json");
/// Position, depth and offset of the peak.
pub const TRUTH: [f64; 3] = [3.1, -1200.0, 50200.0];

/// demos/line_plus_noise: a straight line in unknown noise.
pub const LINE: &str = include_str!("../../core/design/experiments/line.json");

/// demos/lockin: a coil at a lock-in amplifier.
pub const COIL: &str = include_str!("../../core/design/experiments/coil.json");

/// demos/server: a resonance dip.
pub const DIP: &str = include_str!("../../core/design/experiments/dip.json");

/// demos/fit_vs_obe: a peak in noise as high as itself, on a coarse grid.
pub const SPEED_UP: &str = r#"{
  "settings": {"x": {"linspace": [1.5, 4.5, 30]}},
  "parameters": {"x0": {"uniform": [2, 4]}, "a": {"exponential": 1}, "b": {"uniform": [-1, 1]}},
  "constants": {"d": 0.15},
  "model": "b + a/(((x - x0)/d)^2 + 1)",
  "noise": 1,
  "options": {"particles": 100000, "scale": false, "selection": "good", "pickiness": 9}
}"#;

/// tests/test_zinference.py: mean and standard deviation of a normal distribution.
pub const MEAN_AND_SIGMA: &str = r#"{
  "settings": {"nothing": [0]},
  "parameters": {"mean": {"uniform": [-1, 5]}, "sigma": {"uniform": [0.2, 5]}},
  "model": "mean",
  "noise": "sigma",
  "options": {"particles": 5000, "selection": "random"}
}"#;

/// `LORENTZIAN` with other numbers of particles and settings.
pub fn lorentzian(particles: usize, settings: usize) -> Experiment {
    let text = LORENTZIAN
        .replace("\"particles\": 50000", &format!("\"particles\": {particles}"))
        .replace("4.5, 200", &format!("4.5, {settings}"));
    read(&text)
}

/// The same model, compiled.
pub fn closure(mut experiment: Experiment) -> Experiment {
    experiment.model = Box::new(Closure::new(|[x]: [f64; 1], [x0, a, b]: [f64; 3]| {
        let distance = (x - x0) / 0.1;
        [b + a / (distance * distance + 1.0)]
    }));
    experiment
}

/// The same peak in several channels at once.
pub fn channels(particles: usize, channels: usize) -> Experiment {
    let model = "\"b + a/(((x - x0)/d)^2 + 1)\"";
    let text = LORENTZIAN
        .replace("\"particles\": 50000", &format!("\"particles\": {particles}"))
        .replace(model, &format!("[{}]", vec![model; channels].join(", ")));
    read(&text)
}

/// Reads the experiment of a file.
///
/// # Panics
/// If the file is invalid.
pub fn read(text: &str) -> Experiment {
    let experiment = Experiment::from_json(text, &[], &DesignLimits::default());
    experiment.unwrap_or_else(|error| panic!("{error}"))
}
