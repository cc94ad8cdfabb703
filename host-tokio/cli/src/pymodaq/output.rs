//! Output of grabbed data.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use labwire_core::pymodaq::{Answer, DataToExport, DataWithAxes, ModuleAnswer};
use serde_json::json;

use super::channel::{Channel, Coordinates};
use super::refusal::{NOBODY, refuse};
use super::{export, plot};
use crate::console::{Stream, answer, note, one_line};
use crate::failure::{self, Failure};
use crate::files::{Table, save, spare_data};
use crate::standard::is_standard;

/// Number of past values of a scalar that are plotted.
const HISTORY: usize = 1000;

/// Destination of data. By default, one line of text each.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Destination {
    /// Append to a table, one line per point.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Write NumPy files with the data as received; several arrays get several names.
    #[arg(long, value_name = "FILE")]
    pub(crate) npy: Option<PathBuf>,
    /// Plot in the terminal, or to a .svg or .png file; several arrays get several names.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(crate) plot: Option<PathBuf>,
    /// Replace the table, and NumPy files that are there already.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Output that takes one grab after another.
pub(crate) struct Output {
    csv: Option<Table>,
    npy: Option<PathBuf>,
    plot: Option<PathBuf>,
    force: bool,
    /// Whether there is more than one grab.
    is_series: bool,
    /// Last header in the table.
    header: String,
    /// Scalars grabbed so far, one channel per curve.
    history: Vec<Channel>,
}

impl Output {
    pub(crate) fn new(to: &Destination, is_series: bool) -> Result<Self, Failure> {
        let csv = to.csv.as_ref().map(|path| Table::open(path, to.force));
        let csv = csv.transpose()?;
        let header = csv.as_ref().map(|table| table.last_line(export::is_csv_header));
        Ok(Self {
            header: header.transpose()?.flatten().unwrap_or_default(),
            csv,
            force: to.force,
            npy: to.npy.clone(),
            plot: to.plot.clone(),
            is_series,
            history: Vec::new(),
        })
    }

    /// Takes grab number `number` of a server's modules. Returns the number of modules that failed, after printing the failures.
    pub(crate) fn take(
        &mut self,
        server: &str,
        answers: &[ModuleAnswer],
        number: usize,
    ) -> Result<usize, Failure> {
        let mut failed = 0;
        let is_only = answers.len() == 1;
        if answers.is_empty() {
            refuse(server, None, NOBODY);
            failed += 1;
        }
        for ModuleAnswer { module, result } in answers {
            match result {
                Ok(Answer::Data(data)) => self.take_data(&one_line(module), data, number, is_only)?,
                Ok(_) => {}
                Err(error) => {
                    refuse(server, Some(module), error);
                    failed += 1;
                }
            }
        }
        Ok(failed)
    }

    fn take_data(
        &mut self,
        module: &str,
        export: &DataToExport,
        number: usize,
        is_only: bool,
    ) -> Result<(), Failure> {
        if let Some(table) = &mut self.csv {
            for data in &export.data {
                let header = export::csv_header(data);
                let rows = export::csv(module, data);
                if header == self.header {
                    table.append(&rows)?;
                } else {
                    table.append(&(header.clone() + &rows))?;
                    self.header = header;
                }
            }
        }
        if let Some(to) = &self.npy {
            let number = self.is_series.then_some(number);
            for (path, bytes) in export::npy_files(to, module, number, export, is_only) {
                if is_standard(to) && !is_standard(&path) {
                    let why = "--npy -: standard output takes one array of one grab";
                    return Err(Failure::new(failure::USAGE, why).hint("name one module, or a file"));
                }
                spare_data(Some(&path), self.force)?;
                save(&path, bytes)?;
            }
        }
        if self.plot.is_some() {
            let is_only = is_only && export.arrays().count() == 1;
            for data in &export.data {
                self.draw(module, data, is_only)?;
            }
        } else if self.csv.is_none() && self.npy.is_none() {
            for data in &export.data {
                answer(|| format!("{module}: {}", summary(data)), || object(module, data));
            }
        }
        Ok(())
    }

    fn draw(&mut self, module: &str, data: &DataWithAxes, is_only: bool) -> Result<(), Failure> {
        let Some(path) = self.plot.clone() else {
            return Ok(());
        };
        for (index, mut channel) in Channel::all(data).into_iter().enumerate() {
            channel.label = format!("{module}: {}", channel.label);
            // A single scalar is printed as text in the terminal.
            if channel.shape.is_empty() && (self.is_series || path != Path::new("-")) {
                channel = self.remember(channel, data.timestamp);
            }
            if path == Path::new("-") {
                self.draw_in_terminal(&channel);
                continue;
            }
            let path = if is_only {
                path.clone()
            } else {
                export::channel_path(&path, module, data, index, None)
            };
            let drawn = plot::file(&channel, &path);
            let bytes = drawn.map_err(|error| Failure::new(failure::DATA, error.to_string()))?;
            save(&path, bytes)?;
        }
        Ok(())
    }

    fn draw_in_terminal(&self, channel: &Channel) {
        let (is_terminal, is_coloured) = (io::stdout().is_terminal(), Stream::Output.is_coloured());
        let variable = |name| std::env::var(name).ok()?.parse::<u16>().ok();
        let (width, height) = (variable("COLUMNS").unwrap_or(80), variable("LINES").unwrap_or(24));
        if self.is_series && is_terminal {
            // In place of the previous one.
            Stream::Output.raw("\x1b[H\x1b[2J");
        }
        match plot::terminal(channel, width, height.saturating_sub(4), is_coloured) {
            // Its labels are safe, see `Channel::all`.
            Ok(text) => Stream::Output.raw(&text),
            Err(error) => note!("{error}"),
        }
    }

    /// Turns a scalar into the curve of its latest values over time.
    fn remember(&mut self, channel: Channel, time: f64) -> Channel {
        let index = self
            .history
            .iter()
            .position(|known| known.label == channel.label)
            .unwrap_or_else(|| {
                let axes = vec![Coordinates {
                    label: "time (s)".into(),
                    values: Vec::new(),
                }];
                let label = channel.label.clone();
                self.history.push(Channel {
                    label,
                    shape: vec![0],
                    values: Vec::new(),
                    axes,
                });
                self.history.len() - 1
            });
        let curve = &mut self.history[index];
        curve.values.extend(channel.values);
        curve.axes[0].values.push(time);
        if curve.values.len() > HISTORY {
            curve.values.remove(0);
            curve.axes[0].values.remove(0);
        }
        curve.shape[0] = curve.values.len();
        let mut drawn = curve.clone();
        let start = drawn.axes[0].values[0];
        drawn.axes[0].values.iter_mut().for_each(|time| *time -= start);
        drawn
    }
}

/// Data for programs. What is no number is null.
fn object(module: &str, data: &DataWithAxes) -> serde_json::Value {
    let channels = Channel::all(data).into_iter().zip(&data.data).map(|(channel, array)| {
        json!({
            "label": channel.label, "dtype": array.dtype().to_string(), "shape": array.shape(), "values": channel.values,
        })
    });
    let channels: Vec<_> = channels.collect();
    json!({"module": module, "name": data.name, "timestamp": data.timestamp, "channels": channels})
}

/// Summary of data in one line.
fn summary(data: &DataWithAxes) -> String {
    let channel = |(channel, array): (Channel, &labwire_core::pymodaq::NdArray)| {
        if channel.shape.is_empty() {
            return format!("{} = {}", channel.label, channel.values[0]);
        }
        let range = channel
            .range()
            .map_or(String::new(), |(low, high)| format!(", {low} to {high}"));
        format!("{} {}{:?}{range}", channel.label, array.dtype(), array.shape())
    };
    Channel::all(data)
        .into_iter()
        .zip(&data.data)
        .map(channel)
        .collect::<Vec<_>>()
        .join("; ")
}
