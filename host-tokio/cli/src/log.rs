//! Output of `tracing`: standard error, for people or as JSON lines.

use std::io::stderr;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};
use crate::console::Stream;
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
    let builder = tracing_subscriber::fmt()
        .log_internal_errors(false)
        .with_writer(stderr);
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
        LogFormat::Human => start!(builder.with_ansi(Stream::Error.is_coloured())),
        LogFormat::Json => start!(builder.json().flatten_event(true)),
    }
}
