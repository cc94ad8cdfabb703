//! `labwire device watch`: polls the same queries repeatedly.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use labwire_core::device::Request;
use labwire_host::datable;
use labwire_tokio::RemoteError;
use labwire_tokio::device::{DeviceConnection, DeviceError, DeviceStatus};
use serde_json::json;
use tokio::time::{Interval, MissedTickBehavior};

use super::sparkline::Sparkline;
use super::target::Target;
use crate::common::{number, seconds};
use crate::console::{is_json, note, one_line, say};
use crate::failure::{self, Failure, Outcome};
use crate::files::Table;
use crate::platform::Signals;
use crate::standard::is_standard;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Queries, without line endings; escapes such as \x05 are understood.
    #[arg(required = true)]
    queries: Vec<String>,
    /// Polling interval, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = number)]
    every: f64,
    /// Number of polls. By default, until a signal.
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// Append to a table with the time, the answers and the device's health; `-` is standard output, which is also the
    /// default when it is not a terminal and --json is not given.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Replace the table.
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(target: &Target, arguments: Arguments) -> Outcome {
    let query = |command: &[u8]| target.preset.query(command);
    let requests = arguments
        .queries
        .iter()
        .map(|text| target.request(text, query).map(Request::idempotent))
        .collect::<Result<Vec<_>, _>>()?;
    let every = seconds("--every", arguments.every)?;
    let mut table = table(&arguments)?;
    let is_on_stdout = is_json() || table.is_some() && arguments.csv.as_deref().is_none_or(is_standard);
    let mut lines = Lines::new(&arguments.queries, is_on_stdout);
    let mut signals = Signals::new().map_err(|error| Failure::new(failure::SYSTEM, error.to_string()))?;
    let device = target.open()?;
    let mut polls = tokio::time::interval(every.max(Duration::from_millis(1)));
    polls.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let alone = target.alone()?;
    let first = requests.iter().map(|request| request.clone().alone_for(alone));
    let first: Vec<Request> = first.collect();
    let (mut polled, mut failed) = (0, 0);
    while arguments.count.is_none_or(|count| polled < count) {
        let (time, answers) = tokio::select! {
            _ = signals.next() => break,
            polled = poll(&mut polls, &device, if polled == 0 { &first } else { &requests }) => polled,
        };
        let status = device
            .status()
            .await
            .map_err(|error| target.failed("status", &error))?;
        let texts = answers.iter().zip(&arguments.queries).map(|(answer, query)| {
            let failed = |error| target.failed(query, error).in_one_line();
            answer.as_ref().map(|bytes| target.text(bytes)).map_err(failed)
        });
        let texts: Vec<Result<String, String>> = texts.collect();
        polled += 1;
        failed += u64::from(texts.iter().any(Result::is_err));
        lines.show(&texts, &status);
        if let Some(table) = &mut table {
            table.append(&row(time, &texts, &status)?)?;
        }
        if is_json() {
            say!("{}", object(time, &arguments.queries, &texts, &status));
        }
    }
    lines.clear();
    let reconnects = match device.status().await {
        Ok(status) => reconnects(&status),
        Err(_) => 0,
    };
    note!("{polled} polls, {failed} of them with failures, {reconnects} reconnects");
    match failed {
        0 => Ok(ExitCode::SUCCESS),
        _ => Ok(failure::UNAVAILABLE.into()),
    }
}

/// Polls all queries when they are due. Returns also the time.
async fn poll(
    polls: &mut Interval,
    device: &DeviceConnection,
    requests: &[Request],
) -> (SystemTime, Vec<Result<Vec<u8>, RemoteError<DeviceError>>>) {
    polls.tick().await;
    let time = SystemTime::now();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(device.perform(request.clone()).await);
    }
    (time, answers)
}

fn reconnects(status: &DeviceStatus) -> u64 {
    status.statistics.connections.saturating_sub(1)
}

/// Table of the answers; none on a terminal, unless it is asked for.
fn table(arguments: &Arguments) -> Result<Option<Table>, Failure> {
    let path = match &arguments.csv {
        Some(path) => path,
        None if is_json() || io::stdout().is_terminal() => return Ok(None),
        None => Path::new("-"),
    };
    let queries = arguments.queries.iter().map(String::as_str);
    let header = std::iter::once("time")
        .chain(queries)
        .chain(["degraded", "reconnects"]);
    let mut table = Table::open(path, arguments.force)?;
    table.begin(&record(header)?)?;
    Ok(Some(table))
}

/// Row of a table; the field of a missing answer is empty.
fn row(time: SystemTime, texts: &[Result<String, String>], status: &DeviceStatus) -> Result<String, Failure> {
    let time = humantime::format_rfc3339_millis(datable(time)).to_string();
    let degraded = status.degraded.as_ref().map(ToString::to_string);
    let values = texts.iter().map(|text| text.clone().unwrap_or_default());
    let health = [degraded.unwrap_or_default(), reconnects(status).to_string()];
    record(std::iter::once(time).chain(values).chain(health))
}

/// The row for programs.
fn object(
    time: SystemTime,
    queries: &[String],
    texts: &[Result<String, String>],
    status: &DeviceStatus,
) -> serde_json::Value {
    let answers = queries.iter().zip(texts).map(|(query, text)| match text {
        Ok(answer) => json!({"command": query, "answer": answer}),
        Err(why) => json!({"command": query, "answer": null, "error": why}),
    });
    json!({
        "time": humantime::format_rfc3339_millis(datable(time)).to_string(),
        "answers": answers.collect::<Vec<_>>(),
        "degraded": status.degraded.as_ref().map(ToString::to_string),
        "reconnects": reconnects(status),
    })
}

/// Fields as a line of CSV.
fn record<T: AsRef<[u8]>>(fields: impl IntoIterator<Item = T>) -> Result<String, Failure> {
    let unwritable = |error: String| Failure::new(failure::DATA, error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(fields)
        .map_err(|error| unwritable(error.to_string()))?;
    let line = writer
        .into_inner()
        .map_err(|error| unwritable(error.to_string()))?;
    String::from_utf8(line).map_err(|error| unwritable(error.to_string()))
}

/// Live line per query on a terminal. Elsewhere only failures are said, once until they change.
struct Lines {
    lines: Vec<Line>,
}

struct Line {
    query: String,
    sparkline: Sparkline,
    bar: ProgressBar,
    /// Failure of the last poll.
    failure: Option<String>,
}

impl Lines {
    fn new(queries: &[String], is_piped: bool) -> Self {
        let bars = MultiProgress::new();
        let width = queries.iter().map(String::len).max().unwrap_or_default();
        let line = |query: &String| {
            let bar = if is_piped {
                ProgressBar::hidden()
            } else {
                ProgressBar::no_length()
            };
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            Line {
                query: format!("{query:width$}"),
                sparkline: Sparkline::default(),
                bar: bars.add(bar),
                failure: None,
            }
        };
        Self {
            lines: queries.iter().map(line).collect(),
        }
    }

    fn show(&mut self, texts: &[Result<String, String>], status: &DeviceStatus) {
        let health = match &status.degraded {
            None => "ok".to_owned(),
            Some(cause) => format!("DEGRADED: {cause}"),
        };
        let reconnects = reconnects(status);
        for (line, text) in self.lines.iter_mut().zip(texts) {
            line.sparkline.push(text.as_deref().ok());
            let Line {
                query,
                sparkline,
                bar,
                ..
            } = &line;
            let value = one_line(text.as_deref().unwrap_or("-"));
            let state = one_line(text.as_deref().err().unwrap_or(&health));
            bar.set_message(format!(
                "{query}  {value:16}  {sparkline:24}  {state}  reconnects {reconnects}"
            ));
            bar.tick();
            let failure = text.as_ref().err();
            if let Some(failure) = failure
                && bar.is_hidden()
                && line.failure.as_ref() != Some(failure)
            {
                note!("warning: {failure}");
            }
            line.failure = failure.cloned();
        }
    }

    /// Keeps the last lines on the screen.
    fn clear(&self) {
        for line in &self.lines {
            line.bar.abandon();
        }
    }
}
