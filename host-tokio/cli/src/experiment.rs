//! `labwire experiment`: an experiment file, simulated, replayed, or carried out by hand.

mod by_hand;
mod data;
mod plot;
mod replay;
mod simulate;
mod suggest;
mod trace;

use std::hash::{BuildHasher, RandomState};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use labwire_core::design::{DesignError, Designer, EXPERIMENTS, Experiment, rounded};
use labwire_host::OperatorFolder;
use serde_json::{Map, Value, json};

use crate::common::{number, read_file};
use crate::config::ConfigArgument;
use crate::console::note;
use crate::failure::{self, Failure, Outcome};
use crate::standard::is_standard;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Experiment file, or the name of a built-in one: dip, coil, line, lorentzian, rabi.
    file: PathBuf,
    #[command(flatten)]
    config: ConfigArgument,
    /// Value for a name in the file's `newrun`.
    #[arg(long = "set", value_name = "NAME=NUMBER", value_parser = named_number)]
    arguments: Vec<(String, f64)>,
    /// Seed; equal seeds give equal runs. By default, each run is different.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Number of particles, in place of the file's.
    #[arg(long, value_name = "NUMBER")]
    particles: Option<usize>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simulate the instrument: designed measurements against random ones and a scan.
    Simulate(simulate::Arguments),
    /// Learn from the measurements in a CSV file.
    Replay(replay::Arguments),
    /// The next settings, as CSV, for instruments that take a list of them.
    Suggest(suggest::Arguments),
    /// Suggest a setting, ask for the value measured there, and repeat.
    ByHand(by_hand::Arguments),
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let experiment = read(&arguments)?;
    let seed = arguments
        .seed
        .unwrap_or_else(|| RandomState::new().hash_one(0) >> 11);
    match arguments.command {
        Command::Simulate(options) => simulate::run(experiment, seed, &options),
        Command::Replay(options) => replay::run(experiment, seed, &options),
        Command::Suggest(options) => suggest::run(&experiment, seed, &options),
        Command::ByHand(options) => by_hand::run(experiment, seed, &options),
    }
}

/// What an experiment file of the operator's may reach for; standard input is anybody's.
pub(crate) fn outside(file: &Path) -> Option<OperatorFolder> {
    (!is_standard(file)).then(|| OperatorFolder::of(file))
}

/// Text of an experiment file, or of a built-in experiment, if there is no such file.
pub(crate) fn text(file: &Path) -> Result<String, Failure> {
    let embedded = EXPERIMENTS.iter().find(|(name, _)| Path::new(name) == file);
    match embedded {
        Some((_, text)) if !file.exists() => Ok((*text).to_owned()),
        _ => read_file(file),
    }
}

fn read(arguments: &Arguments) -> Result<Experiment, Failure> {
    let file = arguments.file.display().to_string();
    let text = text(&arguments.file)?;
    let values: Vec<(&str, f64)> = arguments
        .arguments
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let limits = arguments.config.read()?.obe.design_limits;
    let experiment = match outside(&arguments.file) {
        Some(outside) => Experiment::from_operator(&text, &values, &limits, &outside),
        None => Experiment::from_json(&text, &values, &limits),
    };
    let mut experiment = experiment.map_err(|error| Failure::problem(&file, &error))?;
    if let Some(particles) = arguments.particles {
        let most = limits.particle_numbers / experiment.parameters.len();
        if !(2..=most).contains(&particles) {
            return Err(Failure::new(
                failure::USAGE,
                format!("--particles must be a number from 2 to {most}"),
            ));
        }
        experiment.options.particles = particles;
        limits
            .check_memory(&experiment)
            .map_err(|error| refused(&error))?;
    }
    Ok(experiment)
}

fn designer(experiment: &Experiment, seed: u64) -> Result<Designer, Failure> {
    Designer::new(experiment.clone(), seed).map_err(|error| refused(&error))
}

/// Fails where the model did.
fn check_model(designer: &Designer) -> Result<(), Failure> {
    match designer.experiment().model.fault() {
        None => Ok(()),
        Some(fault) => Err(refused(&DesignError::Model(fault))),
    }
}

fn refused(error: &DesignError) -> Failure {
    Failure::new(failure::DATA, error.to_string())
}

fn named_number(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=NUMBER")?;
    Ok((name.to_owned(), number(value)?))
}

/// Parameters and targets as lines of name, mean, standard deviation and the 95 % interval.
fn table(designer: &Designer) -> String {
    let parameters = designer.experiment().parameters.iter();
    let intervals = designer.interval(0.95).unwrap_or_default();
    let numbers = designer.mean().into_iter().zip(designer.std()).zip(intervals);
    let targets = designer.targets().into_iter().map(|(name, mean, std)| {
        let [mean, uncertainty] = [mean, std].map(|number| rounded(number, std));
        format!("{name:>10} = {mean} +- {uncertainty}\n")
    });
    parameters
        .zip(numbers)
        .map(|(parameter, ((mean, std), [low, high]))| {
            let [mean, low, high] = [mean, low, high].map(|number| rounded(number, std));
            format!(
                "{:>10} = {mean} +- {}   95 %: {low} to {high}\n",
                parameter.name,
                rounded(std, std)
            )
        })
        .chain(targets)
        .collect()
}

/// Parameters and targets for programs.
fn posterior(designer: &Designer) -> Value {
    let names = designer.experiment().parameters.iter();
    let intervals = designer.interval(0.95).unwrap_or_default();
    let numbers = designer.mean().into_iter().zip(designer.std()).zip(intervals);
    let parameters = names.zip(numbers).map(|(parameter, ((mean, std), interval))| {
        let object = json!({"mean": mean, "std": std, "interval": interval});
        (parameter.name.clone(), object)
    });
    let targets = designer.targets().into_iter();
    let targets = targets.map(|(name, mean, std)| (name.to_string(), json!({"mean": mean, "std": std})));
    let warnings: Vec<String> = designer.warnings().map(ToString::to_string).collect();
    json!({
        "measurements": designer.history().len(),
        "parameters": parameters.collect::<Map<_, _>>(),
        "targets": targets.collect::<Map<_, _>>(),
        "ended": designer.ended().map(|why| why.to_string()),
        "warnings": warnings,
    })
}

/// Setting as an object of its knobs.
fn knobs(experiment: &Experiment, setting: &[f64]) -> Value {
    let knobs = experiment.grid.knobs().iter().zip(setting);
    Value::Object(knobs.map(|(knob, x)| (knob.name.clone(), json!(x))).collect())
}

fn print_warnings(designer: &Designer) {
    for warning in designer.warnings() {
        note!("warning: {warning}");
    }
}

/// Setting with the names of the knobs: `f = 2.6, power = 10`.
fn setting(experiment: &Experiment, setting: &[f64]) -> String {
    let knobs = experiment.grid.knobs().iter().zip(setting);
    let named: Vec<String> = knobs.map(|(knob, x)| format!("{} = {x}", knob.name)).collect();
    named.join(", ")
}

/// Whether the output is a terminal.
fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}
