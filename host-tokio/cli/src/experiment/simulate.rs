//! `labwire experiment FILE simulate`: the model simulates the instrument.

use std::path::PathBuf;
use std::process::ExitCode;

use labwire_core::design::{Designer, Experiment, Measurement, Noise, Points, Simulator, rounded};
use labwire_host::measurements::{averages_to_csv, to_csv};
use serde_json::{Map, Value, json};

use super::plot::{self, Live};
use super::trace::Trace;
use super::{check_model, designer, named_number, posterior, print_warnings, refused};
use crate::common::number;
use crate::console::{Stream, is_json};
use crate::failure::{self, Failure, Outcome, did_you_mean};
use crate::files::{save, spare_data};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// True value of a parameter. Those not given are drawn from their priors.
    #[arg(long, value_name = "NAME=NUMBER", value_parser = named_number)]
    truth: Vec<(String, f64)>,
    /// Standard deviation of the noise, if the file leaves it to the measurement.
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    noise: Option<f64>,
    /// Number of measurements.
    #[arg(short, long, value_name = "NUMBER", default_value_t = 200)]
    measurements: usize,
    /// Number of designed measurements that are chosen together.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// Parameter to plot; by default the first one.
    #[arg(long, value_name = "NAME")]
    show: Option<String>,
    /// Draw the narrowing of the posterior to this file.
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Write the designed measurements to this file.
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Write the means of the designed measurements by setting to this file, with standard errors (s) and counts (n).
    #[arg(long, value_name = "FILE.csv")]
    averages: Option<PathBuf>,
    /// Replace files of measurements and averages that have data already.
    #[arg(long)]
    force: bool,
}

/// Strategy for choosing settings.
#[derive(Clone, Copy)]
enum Strategy {
    Designed,
    Random,
    Scan,
}

const STRATEGIES: [(Strategy, &str); 3] = [
    (Strategy::Designed, "designed"),
    (Strategy::Random, "random"),
    (Strategy::Scan, "scan"),
];

pub(crate) fn run(experiment: Experiment, seed: u64, options: &Arguments) -> Outcome {
    let truth = truth(&experiment, seed, options)?;
    let shown = shown(&experiment, options.show.as_deref())?;
    let label = experiment.parameters[shown].name.clone();
    let to = Stream::beside(&[&options.csv, &options.averages, &options.svg]);
    for data in [&options.csv, &options.averages] {
        spare_data(data.as_deref(), options.force)?;
    }
    if !is_json() {
        to.line(format_args!("{}, seed {seed}", experiment.name));
    }
    let (mut traces, mut designers) = (Vec::new(), Vec::new());
    for (strategy, name) in STRATEGIES {
        let mut designer = designer(&experiment, seed)?;
        let mut instrument = Simulator::new(experiment.clone(), Some(truth.clone()), options.noise, seed)
            .map_err(|error| refused(&error))?;
        let mut trace = Trace::new(name, shown, &designer);
        let (mut live, mut batch) = (Live::new(), Vec::new());
        let caption = format!("{label}, {name}");
        for i in 0..options.measurements {
            if designer.ended().is_some() {
                break;
            }
            if batch.is_empty() {
                batch = strategy.settings(&mut designer, i, options);
            }
            let setting = batch.remove(0);
            let values = instrument.measure(&setting);
            check_model(&designer)?;
            let sigma = matches!(experiment.noise, Noise::Reported).then(|| instrument.sigma(&setting));
            designer
                .update(&setting, &values, sigma.as_deref())
                .map_err(|error| refused(&error))?;
            trace.push(&designer);
            live.update(&trace, &caption, Some(truth[shown]));
        }
        if let Some(why) = designer.ended().filter(|_| !is_json()) {
            let count = designer.history().len();
            to.line(format_args!("{name}: ended after {count} measurements: {why}"));
        }
        live.finish(&trace, &caption, Some(truth[shown]));
        traces.push(trace);
        designers.push(designer);
    }
    if is_json() {
        to.line(format_args!("{}", object(&experiment, seed, &truth, &designers)));
    } else {
        let table = table(&experiment, &truth, &designers, options.measurements);
        to.text(format_args!("{table}"));
    }
    designers.iter().take(1).for_each(print_warnings);
    if let Some(path) = &options.svg {
        let drawn = plot::svg(&traces, &label, Some(truth[shown]));
        let drawn = drawn.map_err(|error| Failure::new(failure::DATA, error.to_string()))?;
        save(path, drawn)?;
    }
    let designed = designers.first().map_or(&[][..], Designer::history);
    save_tables(&experiment, designed, options)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the files of measurements and averages that were asked for.
fn save_tables(experiment: &Experiment, history: &[Measurement], options: &Arguments) -> Result<(), Failure> {
    if let Some(path) = &options.csv {
        save(path, to_csv(experiment, history))?;
    }
    if let Some(path) = &options.averages {
        save(path, averages_to_csv(experiment, history))?;
    }
    Ok(())
}

impl Strategy {
    /// Settings of measurement `i` and of those that are chosen with it: a scan covers the grid as many times as possible.
    fn settings(self, designer: &mut Designer, i: usize, options: &Arguments) -> Vec<Vec<f64>> {
        let (len, count) = (designer.experiment().grid.len(), options.measurements);
        vec![match self {
            Self::Designed if options.batch > 1 => return designer.suggest_batch(options.batch.into()),
            Self::Designed => designer.suggest(),
            Self::Random => designer.random_setting(),
            Self::Scan if count < len => designer
                .experiment()
                .grid
                .setting((2 * i + 1) * len / (2 * count)),
            Self::Scan => designer.experiment().grid.setting(i % len),
        }]
    }
}

fn truth(experiment: &Experiment, seed: u64, options: &Arguments) -> Result<Vec<f64>, Failure> {
    let drawn = Simulator::new(experiment.clone(), None, None, seed).map_err(|error| refused(&error))?;
    let mut truth = drawn.truth().to_vec();
    for (name, value) in &options.truth {
        truth[shown(experiment, Some(name))?] = *value;
    }
    Ok(truth)
}

/// Index of a parameter; without a name, of the first.
fn shown(experiment: &Experiment, name: Option<&str>) -> Result<usize, Failure> {
    let Some(name) = name else { return Ok(0) };
    let names = || {
        experiment
            .parameters
            .iter()
            .map(|parameter| parameter.name.as_str())
    };
    names().position(|known| known == name).ok_or_else(|| {
        Failure::new(failure::USAGE, format!("there is no parameter `{name}`"))
            .hint(did_you_mean(name, names()))
    })
}

/// The result for programs: truth, and the posterior of each strategy.
fn object(experiment: &Experiment, seed: u64, truth: &[f64], designers: &[Designer]) -> Value {
    let names = experiment
        .parameters
        .iter()
        .map(|parameter| parameter.name.clone());
    let names = names.chain(
        experiment
            .targets
            .iter()
            .flat_map(|targets| targets.names.clone()),
    );
    let truth = [truth, &targets_at(experiment, truth)].concat();
    let truth: Map<String, Value> = names.zip(truth.iter().map(|value| json!(value))).collect();
    let mut object = json!({"experiment": experiment.name, "seed": seed, "truth": truth});
    for ((_, name), designer) in STRATEGIES.iter().zip(designers) {
        object[name] = posterior(designer);
    }
    object
}

fn table(experiment: &Experiment, truth: &[f64], designers: &[Designer], measurements: usize) -> String {
    let names = STRATEGIES.iter().map(|(_, name)| format!(" {name:>26}"));
    let header = names.collect::<String>();
    let mut text = format!(
        "{:>10} {:>14}{header}   after {measurements} measurements\n",
        "", "truth"
    );
    let results: Vec<Vec<[f64; 2]>> = designers.iter().map(results).collect();
    let parameters = experiment.parameters.iter().map(|parameter| &parameter.name);
    let targets = experiment.targets.iter().flat_map(|targets| &targets.names);
    let truth = [truth, &targets_at(experiment, truth)].concat();
    for (i, name) in parameters.chain(targets).enumerate() {
        let stds = results.iter().map(|numbers| numbers[i][1]);
        let least = stds.fold(f64::INFINITY, f64::min);
        text += &format!("{name:>10} {:>14}", rounded(truth[i], least));
        for numbers in &results {
            let [mean, std] = numbers[i];
            let cell = format!("{} +- {}", rounded(mean, std), rounded(std, std));
            text += &format!(" {cell:>26}");
        }
        text.push('\n');
    }
    text
}

/// Mean and standard deviation of each parameter and target.
fn results(designer: &Designer) -> Vec<[f64; 2]> {
    let parameters = designer.mean().into_iter().zip(designer.std());
    let targets = designer.targets().into_iter().map(|(_, mean, std)| (mean, std));
    parameters.chain(targets).map(|(mean, std)| [mean, std]).collect()
}

/// Values of the targets at these parameters.
fn targets_at(experiment: &Experiment, parameters: &[f64]) -> Vec<f64> {
    let Some(targets) = &experiment.targets else {
        return Vec::new();
    };
    let mut values = vec![0.0; targets.names.len()];
    let mut model = targets.model.clone();
    model.evaluate(Points::one(&[]), Points::one(parameters), &mut values);
    values
}
