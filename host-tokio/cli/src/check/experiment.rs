//! An experiment file in words.

use std::path::Path;
use std::process::ExitCode;

use labwire_core::design::{Experiment, Knob, Noise, Parameter, Prior, Until};
use serde_json::{Value, json};

use super::facts::Facts;
use crate::config::Config;
use crate::experiment::outside;
use crate::failure::{Failure, Outcome};

/// Whether the text has the keys of an experiment file. What is no JSON at all may be either.
pub(super) fn is_experiment(text: &str) -> bool {
    let file: Value = serde_json::from_str(text).unwrap_or_default();
    let has = |key: &str| file.get(key).is_some();
    (has("settings") || has("model")) && !has("variables") && !has("ocp")
}

/// Files that the experiment names are read; a program that is its model is not started.
pub(super) fn explain(path: &Path, text: &str, config: &Config) -> Outcome {
    let limits = &config.obe.design_limits;
    let file = &*path.display().to_string();
    let experiment = match outside(path) {
        Some(outside) => Experiment::from_operator(text, &[], limits, &outside),
        None => Experiment::from_json(text, &[], limits),
    };
    let experiment = experiment.map_err(|error| Failure::problem(file, &error))?;
    let line = format!("{file}: experiment `{}`", experiment.name);
    let mut facts = Facts::new(file, "Experiment", line);
    facts.mention("name", json!(experiment.name));
    for Knob { name, values } in experiment.grid.knobs() {
        let (first, last) = (values.first().copied(), values.last().copied());
        let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
        let count = values.len();
        let words = format!("{name}: {count} values, {first} to {last}");
        let object = json!({"name": name, "values": count, "first": first, "last": last});
        facts.add("setting", words, "knobs", object);
    }
    let combinations = experiment.grid.len();
    let words = format!("{combinations} combinations");
    facts.set("settings", words, "settings", json!(combinations));
    for Parameter { name, prior } in &experiment.parameters {
        let prior = describe(prior);
        let words = format!("{name}: {prior}");
        facts.add(
            "parameter",
            words,
            "parameters",
            json!({"name": name, "prior": prior}),
        );
    }
    let channels = experiment.channels();
    facts.set("channels", channels, "channels", json!(channels));
    if let Some(targets) = &experiment.targets {
        let words = targets.names.join(", ");
        facts.set("targets", words, "targets", json!(targets.names));
    }
    let rules = rules(&experiment.until);
    if !rules.is_empty() {
        facts.set("until", rules.join(", or "), "until", json!(rules));
    }
    let noise = noise(&experiment.noise);
    facts.set("noise", &noise, "noise", json!(noise));
    if let Some(cost) = &experiment.cost {
        let of = if cost.needs_previous {
            "setting and of the one before"
        } else {
            "setting"
        };
        let words = format!("a function of the {of}");
        facts.set("cost", &words, "cost", json!(words));
    }
    let particles = experiment.options.particles;
    let memory = experiment.memory_bytes();
    let words = format!("{particles}, {} MB", memory / 1_000_000);
    facts.set("particles", words, "particles", json!(particles));
    facts.mention("memory_bytes", json!(memory));
    facts.print();
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
        Prior::Bounded { prior, low, high } => {
            let ends = [("from", low), ("to", high)];
            let ends = ends.iter().filter(|(_, end)| end.is_finite());
            let ends: Vec<String> = ends.map(|(word, end)| format!("{word} {end}")).collect();
            format!("{}, cut off: {}", describe(prior), ends.join(" "))
        }
        Prior::Base(_) => String::from("depends on other parameters"),
        _ => String::from("a distribution"),
    }
}

/// Rules that end the experiment, in words.
fn rules(until: &Until) -> Vec<String> {
    let stds: Vec<String> = until
        .std
        .iter()
        .map(|(name, std)| format!("{name} known to {std}"))
        .collect();
    let stds = (!stds.is_empty()).then(|| stds.join(" and "));
    let cost = until.cost.map(|cost| format!("cost {cost}"));
    let count = until.measurements.map(|count| format!("{count} measurements"));
    [stds, cost, count].into_iter().flatten().collect()
}

fn noise(noise: &Noise) -> String {
    match noise {
        Noise::Reported => "reported with each measurement".to_owned(),
        Noise::Known(sigma) => match sigma.split_first() {
            Some((first, rest)) if rest.len() > 1 && rest.iter().all(|other| other == first) => {
                format!("known: {first:?} in each channel")
            }
            _ => format!("known: {sigma:?}"),
        },
        Noise::OfSetting(_) => "a function of the setting".to_owned(),
        Noise::Poisson => "that of counts: the model is their mean".to_owned(),
        Noise::Binomial(_) => "that of hits among trials: the model is their probability".to_owned(),
        _ => "unknown: learned with the parameters".to_owned(),
    }
}
