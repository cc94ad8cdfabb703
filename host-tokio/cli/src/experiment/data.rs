//! Measurements as CSV: a column per knob with its name, `y` and `s`, or `y0`, `y1`, ... and `s0`, `s1`, ... for
//! several channels. The standard deviations are optional.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use csv::StringRecord;
use labwire_core::design::{Experiment, Measurement, averages};

use crate::common::number;
use crate::failure::{self, Failure, did_you_mean};
use crate::files::is_standard;

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
    let unreadable = |error: csv::Error| {
        let code = match error.is_io_error() {
            true => failure::NO_INPUT,
            false => failure::DATA,
        };
        Failure::new(code, format!("{}: {error}", path.display()))
    };
    let source: Box<dyn Read> = match is_standard(path) {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path).map_err(|error| unreadable(error.into()))?),
    };
    let mut source = BufReader::new(source);
    let delimiter = delimiter(source.fill_buf().map_err(|error| unreadable(error.into()))?);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .delimiter(delimiter)
        .from_reader(source);
    let header = reader.headers().map_err(unreadable)?.clone();
    let table = Table { path, header };
    let knobs = experiment.grid.knobs().iter().map(|knob| knob.name.clone());
    let knobs = table.required(&knobs.collect::<Vec<_>>())?;
    let values = table.required(&columns('y', experiment.channels()))?;
    let sigmas = table.sigmas(experiment.channels())?;
    let mut measurements = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(unreadable)?;
        let numbers = |places: &[usize]| table.numbers(row, &record, places);
        measurements.push(Measurement {
            setting: numbers(&knobs)?,
            values: numbers(&values)?,
            sigma: (!sigmas.is_empty()).then(|| numbers(&sigmas)).transpose()?,
        });
    }
    Ok(measurements)
}

/// Separator of the columns, by the header line: a semicolon or a tab where there is no comma.
fn delimiter(start: &[u8]) -> u8 {
    let mut lines = start.split(|byte| *byte == b'\n');
    let header = lines
        .find(|line| !line.is_empty() && line[0] != b'#')
        .unwrap_or_default();
    let mut delimiters = [b',', b';', b'\t'].into_iter();
    delimiters.find(|it| header.contains(it)).unwrap_or(b',')
}

/// A file of measurements and its columns.
struct Table<'p> {
    path: &'p Path,
    header: StringRecord,
}

impl Table<'_> {
    fn find(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// Indices of columns by name.
    fn required(&self, names: &[String]) -> Result<Vec<usize>, Failure> {
        let places = names.iter().map(|name| {
            self.find(name).ok_or_else(|| {
                let message = format!("{}: there is no column `{name}`", self.path.display());
                Failure::new(failure::DATA, message).hint(did_you_mean(name, self.header.iter()))
            })
        });
        places.collect()
    }

    /// Indices of the columns of standard deviations: one for all channels, one for each, or none.
    fn sigmas(&self, channels: usize) -> Result<Vec<usize>, Failure> {
        let each = columns('s', channels);
        match self.find("s") {
            Some(all) => Ok(vec![all]),
            None if each.iter().all(|name| self.find(name).is_some()) => self.required(&each),
            None => Ok(Vec::new()),
        }
    }

    fn numbers(&self, row: usize, record: &StringRecord, places: &[usize]) -> Result<Vec<f64>, Failure> {
        let cells = places.iter().map(|place| {
            let cell = record.get(*place).unwrap_or_default();
            number(cell).map_err(|error| {
                let column = self.header.get(*place).unwrap_or_default();
                let message = format!(
                    "{}: row {}, column `{column}`: {error}",
                    self.path.display(),
                    row + 1
                );
                Failure::new(failure::DATA, message)
            })
        });
        cells.collect()
    }
}

/// The text of a file of measurements.
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
