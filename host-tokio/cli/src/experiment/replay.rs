//! `labwire experiment FILE replay`: the posterior of a file of measurements.

use std::path::PathBuf;
use std::process::ExitCode;

use labwire_core::design::Experiment;
use labwire_host::measurements::averages_to_csv;
use serde_json::json;

use super::plot::{self, Live};
use super::trace::Trace;
use super::{data, designer, posterior, print_warnings, table};
use crate::console::{Stream, is_json};
use crate::failure::{self, Failure, Outcome};
use crate::files::{save, spare_data};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Measurements: a column per knob with its name, y, and s (its standard deviation; optional), or y0, y1, ... and
    /// s0, s1, ... for several channels. `-` is standard input.
    csv: PathBuf,
    /// Draw the narrowing of the posterior to this file.
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Write the posterior to this file, for `load`.
    #[arg(long, value_name = "FILE.json")]
    posterior: Option<PathBuf>,
    /// Write the means by setting to this file, with standard errors (s) and counts (n).
    #[arg(long, value_name = "FILE.csv")]
    averages: Option<PathBuf>,
    /// Replace a file of averages that has data already.
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(experiment: Experiment, seed: u64, options: &Arguments) -> Outcome {
    let measurements = data::read(&options.csv, &experiment)?;
    spare_data(options.averages.as_deref(), options.force)?;
    let to = Stream::beside(&[&options.svg, &options.posterior, &options.averages]);
    let mut designer = designer(&experiment, seed)?;
    let mut trace = Trace::new("replayed", 0, &designer);
    let label = &experiment.parameters[0].name;
    let mut live = Live::new();
    for (row, measurement) in measurements.iter().enumerate() {
        let sigma = measurement.sigma.as_deref();
        designer
            .update(&measurement.setting, &measurement.values, sigma)
            .map_err(|error| {
                Failure::new(
                    failure::DATA,
                    format!("{}: row {}: {error}", options.csv.display(), row + 1),
                )
            })?;
        trace.push(&designer);
        live.update(&trace, label, None);
    }
    live.finish(&trace, label, None);
    let count = measurements.len();
    if is_json() {
        let mut object = posterior(&designer);
        object["experiment"] = json!(experiment.name);
        to.line(format_args!("{object}"));
    } else {
        to.line(format_args!("{}, {count} measurements", experiment.name));
        to.text(format_args!("{}", table(&designer)));
    }
    print_warnings(&designer);
    if let Some(path) = &options.svg {
        let drawn = plot::svg(&[trace], label, None);
        let drawn = drawn.map_err(|error| Failure::new(failure::DATA, error.to_string()))?;
        save(path, drawn)?;
    }
    if let Some(path) = &options.posterior {
        save(path, designer.posterior())?;
    }
    if let Some(path) = &options.averages {
        let averages = averages_to_csv(designer.experiment(), &measurements);
        save(path, averages)?;
    }
    Ok(ExitCode::SUCCESS)
}
