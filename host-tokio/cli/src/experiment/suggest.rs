//! `labwire experiment FILE suggest`: the next settings, for instruments that take a list of them.

use std::path::PathBuf;
use std::process::ExitCode;

use labwire_core::design::Experiment;
use serde_json::json;

use super::{by_hand, check_model, data, knobs, print_warnings, refused};
use crate::console::answer;
use crate::failure::Outcome;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Number of settings.
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 1)]
    count: usize,
    /// Begin with the posterior in this file, if it exists.
    #[arg(long, value_name = "FILE.json")]
    posterior: Option<PathBuf>,
    /// Learn from the measurements in this file before.
    #[arg(long, value_name = "FILE.csv")]
    data: Option<PathBuf>,
}

pub(crate) fn run(experiment: &Experiment, seed: u64, options: &Arguments) -> Outcome {
    let mut designer = by_hand::start(experiment, seed, options.posterior.as_deref())?;
    let measurements = options.data.as_ref().map(|path| data::read(path, experiment));
    for it in measurements.transpose()?.unwrap_or_default() {
        designer
            .update(&it.setting, &it.values, it.sigma.as_deref())
            .map_err(|error| refused(&error))?;
    }
    let settings = designer.suggest_batch(options.count);
    check_model(&designer)?;
    answer(
        || csv(experiment, &settings),
        || {
            let settings = settings.iter().map(|setting| knobs(experiment, setting));
            json!({"settings": settings.collect::<Vec<_>>()})
        },
    );
    print_warnings(&designer);
    Ok(ExitCode::SUCCESS)
}

/// Settings as a table.
fn csv(experiment: &Experiment, settings: &[Vec<f64>]) -> String {
    let names = experiment.grid.knobs().iter().map(|knob| knob.name.clone());
    let numbers = |setting: &Vec<f64>| setting.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let header = names.collect::<Vec<_>>().join(",");
    std::iter::once(header)
        .chain(settings.iter().map(numbers))
        .collect::<Vec<_>>()
        .join("\n")
}
