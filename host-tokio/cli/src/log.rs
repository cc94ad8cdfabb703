//! Output of `tracing`: standard error, for people or as JSON lines.

use std::io::stderr;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};
use crate::console::Stream;
use crate::failure::{self, Failure};

/// Starts logging; RUST_LOG overrides the configured level.
pub(crate) fn start(config: &Log) -> Result<(), Failure> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) => EnvFilter::try_new(filter),
        Err(_) => EnvFilter::try_new(&config.level),
    };
    let filter = filter.map_err(|error| {
        Failure::new(failure::CONFIG, format!("log level: {error}"))
            .hint("for example `info`, or `warn,labwire_tokio=trace`")
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Said on standard error, where it would panic.
        .log_internal_errors(false)
        .with_writer(stderr);
    match config.format {
        LogFormat::Human => builder.with_ansi(Stream::Error.is_coloured()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
