//! An experiment file in words.

use std::process::ExitCode;

use labwire_core::design::{Experiment, Knob, Noise, Parameter, Prior};
use serde_json::Value;

use crate::config::Config;
use crate::console::say;
use crate::failure::{Failure, Outcome};

/// Whether the text has the keys of an experiment file. What is no JSON at all may be either.
pub(super) fn is_experiment(text: &str) -> bool {
    let file: Value = serde_json::from_str(text).unwrap_or_default();
    let has = |key: &str| file.get(key).is_some();
    (has("settings") || has("model")) && !has("variables") && !has("ocp")
}

pub(super) fn explain(file: &str, text: &str, config: &Config) -> Outcome {
    let limits = &config.obe.design_limits;
    let experiment =
        Experiment::from_json(text, &[], limits).map_err(|error| Failure::problem(file, &error))?;
    say!("{file}: experiment `{}`", experiment.name);
    for Knob { name, values } in experiment.grid.knobs() {
        let (first, last) = (values.first().copied(), values.last().copied());
        let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
        say!(
            "  setting      {name}: {} values, {first} to {last}",
            values.len()
        );
    }
    say!("  settings     {} combinations", experiment.grid.len());
    for Parameter { name, prior } in &experiment.parameters {
        say!("  parameter    {name}: {}", describe(prior));
    }
    say!("  channels     {}", experiment.channels());
    say!("  noise        {}", noise(&experiment.noise));
    if let Some(cost) = &experiment.cost {
        let of = if cost.needs_previous {
            "setting and of the one before"
        } else {
            "setting"
        };
        say!("  cost         a function of the {of}");
    }
    let particles = experiment.options.particles;
    say!(
        "  particles    {particles}, {} MB",
        experiment.memory_bytes() / 1_000_000
    );
    Ok(ExitCode::SUCCESS)
}

fn describe(prior: &Prior) -> String {
    match prior {
        Prior::Uniform { low, high } => format!("uniform from {low} to {high}"),
        Prior::Normal { mean, std } => format!("normal, {mean} +- {std}"),
        Prior::LogNormal { mean, std } => format!("log-normal, its logarithm {mean} +- {std}"),
        Prior::Exponential { mean } => format!("exponential, mean {mean}"),
        Prior::Gamma { shape, scale } => format!("gamma, mean {}", shape * scale),
        Prior::Discrete { values, .. } => format!("one of {} values", values.len()),
        Prior::Samples(samples) => format!("{} samples", samples.len()),
        _ => String::from("a distribution"),
    }
}

fn noise(noise: &Noise) -> String {
    match noise {
        Noise::Reported => "reported with each measurement".to_owned(),
        Noise::Known(sigma) => format!("known: {sigma:?}"),
        Noise::OfSetting(_) => "a function of the setting".to_owned(),
        _ => "unknown: learned with the parameters".to_owned(),
    }
}
