//! Output of `tracing`: standard error, for people or as JSON lines. What peers send may be in it: an event is one line, and
//! control characters are escaped.

use std::fmt::{self, Debug};
use std::io::{self, Write, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

use crate::config::{Log, LogFormat};
use crate::console::{Stream, one_line};
use crate::failure::{self, Failure};

/// Filter of the log, which can be replaced.
pub(crate) struct Filter(Box<dyn Fn(EnvFilter) + Send>);

impl Filter {
    /// Filter that the configuration asks for, or RUST_LOG.
    ///
    /// # Errors
    /// If it cannot be understood.
    pub(crate) fn parse(config: &Log) -> Result<EnvFilter, Failure> {
        let filter = match std::env::var("RUST_LOG") {
            Ok(filter) => EnvFilter::try_new(filter),
            Err(_) => EnvFilter::try_new(&config.level),
        };
        filter.map_err(|error| {
            Failure::new(failure::CONFIG, format!("log level: {error}"))
                .hint("for example `info`, or `warn,labwire_tokio=trace`")
        })
    }

    /// Uses another filter from now on.
    pub(crate) fn replace(&self, filter: EnvFilter) {
        (self.0)(filter);
    }
}

/// Starts logging; `RUST_LOG` overrides the configured level.
///
/// # Errors
/// If the level cannot be understood.
pub(crate) fn start(config: &Log) -> Result<Filter, Failure> {
    let filter = Filter::parse(config)?;
    // Errors of the log would be said on standard error, where they would panic.
    let builder = tracing_subscriber::fmt().log_internal_errors(false);
    // The types of the two differ in all that follows.
    macro_rules! start {
        ($builder:expr) => {{
            let builder = $builder.with_env_filter(filter).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.init();
            // A log that has ended needs no filter.
            Ok(Filter(Box::new(move |filter| drop(handle.reload(filter)))))
        }};
    }
    match config.format {
        // The escapes of the colours are the formatter's.
        LogFormat::Human => start!(
            builder
                .with_writer(stderr)
                .with_ansi(Stream::Error.is_coloured())
                .fmt_fields(debug_fn(write_field).delimited(" "))
        ),
        LogFormat::Json => start!(builder.json().flatten_event(true).with_writer(|| Lines(stderr()))),
    }
}

fn write_field(writer: &mut Writer<'_>, field: &tracing::field::Field, value: &dyn Debug) -> fmt::Result {
    let value = one_line(&format!("{value:?}"));
    match field.name() {
        "message" => writer.write_str(&value),
        name => write!(writer, "{name}={value}"),
    }
}

/// Writer that is given whole lines of JSON, and escapes what serde leaves.
struct Lines<W>(W);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let mut safe = one_line(text.trim_end_matches('\n'));
        safe.push('\n');
        // At once, so that lines of several threads do not mix.
        self.0.write_all(safe.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
