//! Measurements as CSV: a column per knob with its name, `y` and `s`, or `y0`, `y1`, ... and `s0`, `s1`, ... for
//! several channels. The standard deviations are optional, and other columns are passed over.

use csv::StringRecord;
use labwire_core::design::{Experiment, Measurement, averages};
use labwire_core::limits::beginning;

/// Number of columns that an error names, and the length of each, in bytes.
const NAMED_COLUMNS: usize = 30;
const NAMED_BYTES: usize = 40;

/// Fault of a table of measurements.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The rows are not those of one table.
    #[error(transparent)]
    Malformed(#[from] csv::Error),
    /// A column is missing.
    #[error("there is no column `{column}`")]
    MissingColumn {
        /// Name of the column.
        column: String,
        /// The first columns that there are.
        columns: Vec<String>,
    },
    /// Several columns have the name of one that is needed.
    #[error("there are several columns `{0}`")]
    AmbiguousColumn(String),
    /// A cell is not a number.
    #[error("row {row}, column `{column}`: {fault}")]
    Cell {
        /// Number of the row, from 1, without the header.
        row: usize,
        /// Name of the column.
        column: String,
        /// Description of the fault.
        fault: String,
    },
}

/// Reads a table. Its columns are separated by commas, or by semicolons or tabs if there are no commas in the header;
/// lines that begin with `#` are comments.
///
/// # Errors
/// If a column is missing, or a cell is not a number.
pub fn from_csv(text: &str, experiment: &Experiment) -> Result<Vec<Measurement>, TableError> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .delimiter(delimiter(text))
        .from_reader(text.as_bytes());
    let table = Table {
        header: reader.headers()?.clone(),
    };
    let knobs = experiment.grid.knobs().iter().map(|knob| knob.name.clone());
    let knobs = table.required(&knobs.collect::<Vec<_>>())?;
    let values = table.required(&columns('y', experiment.channels()))?;
    let sigmas = table.sigmas(experiment.channels())?;
    let mut measurements = Vec::new();
    for (row, record) in reader.records().enumerate() {
        let record = record?;
        let numbers = |places: &[usize]| table.numbers(row, &record, places);
        measurements.push(Measurement {
            setting: numbers(&knobs)?,
            values: numbers(&values)?,
            sigma: (!sigmas.is_empty()).then(|| numbers(&sigmas)).transpose()?,
        });
    }
    Ok(measurements)
}

/// Table of measurements.
#[must_use]
pub fn to_csv(experiment: &Experiment, measurements: &[Measurement]) -> String {
    let num_sigmas = measurements
        .iter()
        .filter_map(|it| it.sigma.as_ref())
        .map(Vec::len)
        .max();
    let mut header = knobs_and_values(experiment);
    match num_sigmas {
        // One for all channels.
        Some(1) => header.push("s".into()),
        sigmas => header.extend(columns('s', sigmas.unwrap_or_default())),
    }
    let rows = measurements.iter().map(|it| {
        let numbers = it.setting.iter().chain(&it.values);
        numbers
            .chain(it.sigma.iter().flatten())
            .map(f64::to_string)
            .collect()
    });
    lines(header, rows)
}

/// Table of means by setting: `s` is the standard error of a mean, `n` the number of measurements.
#[must_use]
pub fn averages_to_csv(experiment: &Experiment, measurements: &[Measurement]) -> String {
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

/// Number as typed or as in a table; blanks around it are allowed.
///
/// # Errors
/// If it is not one; a decimal comma is named.
pub fn parse_number(text: &str) -> Result<f64, String> {
    let number = text.trim();
    number.parse().map_err(|_| match number {
        "" => "a number is missing".to_owned(),
        _ if has_decimal_comma(number) => {
            let with_point = number.replacen(',', ".", 1);
            format!("{number:?} is not a number: write a decimal point, {with_point:?}")
        }
        _ => format!("{:?} is not a number", beginning(number, NAMED_BYTES)),
    })
}

/// Whether a word is a number with a decimal comma, or two whole numbers that look the same.
#[must_use]
pub fn has_decimal_comma(word: &str) -> bool {
    let is_whole = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    word.split_once(',').is_some_and(|(whole, rest)| {
        let fraction = rest.split(['e', 'E']).next().unwrap_or_default();
        is_whole(whole.trim_start_matches(['-', '+'])) && is_whole(fraction)
    })
}

/// Names of the columns of values, or of standard deviations.
fn columns(letter: char, channels: usize) -> Vec<String> {
    match channels {
        1 => vec![letter.to_string()],
        _ => (0..channels)
            .map(|channel| format!("{letter}{channel}"))
            .collect(),
    }
}

/// Separator of the columns of a table, by the header line: a semicolon or a tab where there is no comma.
#[must_use]
pub fn delimiter(text: &str) -> u8 {
    let mut lines = text.lines();
    let header = lines
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .unwrap_or_default();
    let mut delimiters = [b',', b';', b'\t'].into_iter();
    delimiters
        .find(|it| header.contains(char::from(*it)))
        .unwrap_or(b',')
}

/// Columns of a table.
struct Table {
    header: StringRecord,
}

impl Table {
    fn has(&self, name: &str) -> bool {
        self.header.iter().any(|column| column == name)
    }

    /// Indices of columns by name.
    fn required(&self, names: &[String]) -> Result<Vec<usize>, TableError> {
        names.iter().map(|name| self.find(name)).collect()
    }

    fn find(&self, name: &str) -> Result<usize, TableError> {
        let mut places = (0..self.header.len()).filter(|place| self.header.get(*place) == Some(name));
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => Err(TableError::AmbiguousColumn(name.into())),
            (None, _) => {
                let columns = self.header.iter().take(NAMED_COLUMNS);
                Err(TableError::MissingColumn {
                    column: name.into(),
                    columns: columns.map(|it| beginning(it, NAMED_BYTES).into()).collect(),
                })
            }
        }
    }

    /// Indices of the columns of standard deviations: one for all channels, one for each, or none.
    fn sigmas(&self, channels: usize) -> Result<Vec<usize>, TableError> {
        let each = columns('s', channels);
        match self.has("s") {
            true => Ok(vec![self.find("s")?]),
            false if each.iter().any(|name| self.has(name)) => self.required(&each),
            false => Ok(Vec::new()),
        }
    }

    fn numbers(&self, row: usize, record: &StringRecord, places: &[usize]) -> Result<Vec<f64>, TableError> {
        let cells = places.iter().map(|place| {
            parse_number(record.get(*place).unwrap_or_default()).map_err(|fault| TableError::Cell {
                row: row + 1,
                column: self.header.get(*place).unwrap_or_default().into(),
                fault,
            })
        });
        cells.collect()
    }
}

fn knobs_and_values(experiment: &Experiment) -> Vec<String> {
    let knobs = experiment.grid.knobs().iter().map(|knob| knob.name.clone());
    knobs.chain(columns('y', experiment.channels())).collect()
}

fn lines(header: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows = [header].into_iter().chain(rows);
    rows.map(|row| row.join(",") + "\n").collect()
}
