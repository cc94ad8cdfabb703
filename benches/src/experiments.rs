//! Experiments to be timed: the Lorentzian peak of OptBayesExpt's demos.

use labwire_core::design::{Closure, DesignLimits, Experiment};

/// The parameters to be found: place, depth and offset.
pub const TRUTH: [f64; 3] = [3.1, -1200.0, 50200.0];

const TEXT: &str = include_str!("../../core/experiments/lorentzian.json");

/// The example, with other numbers of particles and settings.
pub fn lorentzian(particles: usize, settings: usize) -> Experiment {
    let text = TEXT
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

/// The same peak seen in several channels at once.
pub fn channels(particles: usize, channels: usize) -> Experiment {
    let model = "\"b + a/(((x - x0)/d)^2 + 1)\"";
    let text = TEXT
        .replace("\"particles\": 50000", &format!("\"particles\": {particles}"))
        .replace(model, &format!("[{}]", vec![model; channels].join(", ")));
    read(&text)
}

fn read(text: &str) -> Experiment {
    let experiment = Experiment::from_json(text, &[], &DesignLimits::default());
    experiment.unwrap_or_else(|error| panic!("{error}"))
}
