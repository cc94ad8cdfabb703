//! Measurements as CSV: a column per knob with its name, `y` and `s`, or `y0`, `y1`, ... and `s0`, `s1`, ... for
//! several channels. The standard deviations are optional.

use std::path::Path;

use labwire_core::design::{Experiment, Measurement, averages};

use crate::failure::{self, Failure, did_you_mean};

/// Names of the columns of values, or of standard deviations.
fn columns(letter: char, channels: usize) -> Vec<String> {
    match channels {
        1 => vec![letter.to_string()],
        _ => (0..channels)
            .map(|channel| format!("{letter}{channel}"))
            .collect(),
    }
}

/// Reads the measurements of a file.
pub(crate) fn read(path: &Path, experiment: &Experiment) -> Result<Vec<Measurement>, Failure> {
    let unreadable = |error: &csv::Error| {
        let code = if error.is_io_error() {
            failure::NO_INPUT
        } else {
            failure::DATA
        };
        Failure::new(code, format!("{}: {error}", path.display()))
    };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_path(path)
        .map_err(|error| unreadable(&error))?;
    let header = reader.headers().map_err(|error| unreadable(&error))?.clone();
    let find = |name: &str| header.iter().position(|column| column == name);
    let required = |names: Vec<String>| -> Result<Vec<usize>, Failure> {
        let places = names.iter().map(|name| {
            find(name).ok_or_else(|| {
                let message = format!("{}: there is no column `{name}`", path.display());
                Failure::new(failure::DATA, message).hint(did_you_mean(name, header.iter()))
            })
        });
        places.collect()
    };
    let channels = experiment.channels();
    let knobs = required(
        experiment
            .grid
            .knobs()
            .iter()
            .map(|knob| knob.name.clone())
            .collect(),
    )?;
    let values = required(columns('y', channels))?;
    let sigmas = match (find("s"), columns('s', channels)) {
        (Some(all), _) => vec![all],
        (None, each) if each.iter().all(|name| find(name).is_some()) => required(each)?,
        (None, _) => Vec::new(),
    };
    let mut measurements = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|error| unreadable(&error))?;
        let numbers = |places: &[usize]| -> Result<Vec<f64>, Failure> {
            let cells = places.iter().map(|place| {
                let cell = record.get(*place).unwrap_or_default();
                cell.parse().map_err(|_| {
                    let column = header.get(*place).unwrap_or_default();
                    let message = format!(
                        "{}: row {}, column `{column}`: {cell:?} is not a number",
                        path.display(),
                        row + 1
                    );
                    Failure::new(failure::DATA, message)
                })
            });
            cells.collect()
        };
        measurements.push(Measurement {
            setting: numbers(&knobs)?,
            values: numbers(&values)?,
            sigma: (!sigmas.is_empty()).then(|| numbers(&sigmas)).transpose()?,
        });
    }
    Ok(measurements)
}

/// CSV of measurements.
pub(crate) fn write(experiment: &Experiment, measurements: &[Measurement]) -> String {
    let num_sigmas = measurements
        .iter()
        .filter_map(|it| it.sigma.as_ref())
        .map(Vec::len)
        .max();
    let mut header = knobs_and_values(experiment);
    header.extend(columns('s', num_sigmas.unwrap_or_default()));
    let rows = measurements.iter().map(|it| {
        let numbers = it.setting.iter().chain(&it.values);
        numbers
            .chain(it.sigma.iter().flatten())
            .map(f64::to_string)
            .collect()
    });
    lines(header, rows)
}

/// CSV of means by setting: `s` is the standard error of a mean, `n` the number of measurements.
pub(crate) fn write_averages(experiment: &Experiment, measurements: &[Measurement]) -> String {
    let mut header = knobs_and_values(experiment);
    header.extend(columns('s', experiment.channels()));
    header.push("n".into());
    let averages = averages(measurements);
    let rows = averages.iter().map(|it| {
        let numbers = it.setting.iter().chain(&it.mean).chain(&it.standard_error);
        let count = it.count.to_string();
        numbers.map(f64::to_string).chain([count]).collect()
    });
    lines(header, rows)
}

fn knobs_and_values(experiment: &Experiment) -> Vec<String> {
    let knobs = experiment.grid.knobs().iter().map(|knob| knob.name.clone());
    knobs.chain(columns('y', experiment.channels())).collect()
}

fn lines(header: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows = [header].into_iter().chain(rows);
    rows.map(|row| row.join(",") + "\n").collect()
}
