//! `labwire zeiss`: client of ZEISS INSPECT's IPC examples.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use labwire_core::zeiss::{ImportMode, InvalidInput, Limits, Request};
use labwire_host::MessageStream;
use labwire_tokio::{Tokio, ZeissClient};
use serde_json::json;

use crate::common::{block_on, number, positive_seconds};
use crate::console::answer;
use crate::failure::{self, Failure, Outcome};
use crate::tls::TlsArguments;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Server address; by default 127.0.0.1:7000, over WebSocket 127.0.0.1:40010.
    #[arg(long, global = true, value_name = "HOST:PORT")]
    address: Option<String>,
    /// Connect over WebSocket, not over TCP.
    #[arg(long, global = true)]
    websocket: bool,
    /// Time limit for the answer, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 120.0, value_parser = number)]
    timeout: f64,
    #[command(flatten)]
    tls: TlsArguments,
    #[command(subcommand)]
    command: Command,
}

/// Object to import. An existing file is sent with its full path, any other name as given: it may exist only on the
/// server's machine.
#[derive(Debug, Subcommand)]
enum Command {
    /// Import an image into a measurement series.
    Image {
        /// Image file.
        file: String,
        /// Measurement series; created if it does not exist.
        #[arg(long, default_value = "Default")]
        series: String,
        /// Focal length of the camera in mm, for a new series.
        #[arg(long, default_value_t = 50.0, value_parser = number, allow_negative_numbers = true)]
        focal_length: f64,
    },
    /// Import elements.
    Elements {
        /// File with the elements.
        file: String,
        /// Destination.
        #[arg(long, value_enum, default_value_t = Mode::Clipboard)]
        import_mode: Mode,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Mode {
    Clipboard,
    NewStage,
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let request = match &arguments.command {
        Command::Image {
            file,
            series,
            focal_length,
        } => Request::image(&full_path(file), series, *focal_length),
        Command::Elements { file, import_mode } => {
            let mode = match import_mode {
                Mode::Clipboard => ImportMode::Clipboard,
                Mode::NewStage => ImportMode::NewStage,
            };
            Request::elements(&full_path(file), mode)
        }
    };
    let request = request.map_err(|error: InvalidInput| Failure::new(failure::USAGE, error.to_string()))?;
    block_on(call(arguments, request))
}

async fn call(arguments: Arguments, request: Request) -> Outcome {
    let default = if arguments.websocket {
        "127.0.0.1:40010"
    } else {
        "127.0.0.1:7000"
    };
    let address = arguments.address.as_deref().unwrap_or(default);
    let mut limits = Limits::default();
    limits.session.request_timeout = positive_seconds("--timeout", arguments.timeout)?;
    let remote = arguments.tls.remote(address).await?;
    let client = if arguments.websocket {
        let stream = remote.connect::<Tokio>(CONNECT_TIMEOUT).await;
        let stream = stream.map_err(|error| Failure::unreachable(&remote.error(error)))?;
        let messages = MessageStream::<Tokio, _>::connect(stream, address, &limits.session);
        ZeissClient::over_websocket::<Tokio>(remote, messages, limits)
    } else {
        let client = ZeissClient::connect::<Tokio>(remote, CONNECT_TIMEOUT, limits).await;
        client.map_err(|error| Failure::unreachable(&error))?
    };
    let reply = client.ask(request.to_text()).await;
    client.finish().await;
    let reply = reply.map_err(|error| Failure::no_reply(&error))?;
    if reply.starts_with("Error") {
        return Err(Failure::new(failure::DATA, format!("{address}: {reply}")));
    }
    answer(
        || reply.clone(),
        || json!({"type": "Done", "address": address, "answer": reply}),
    );
    Ok(ExitCode::SUCCESS)
}

fn full_path(file: &str) -> String {
    let path = Path::new(file);
    let full = path.exists().then(|| std::path::absolute(path).ok()).flatten();
    full.and_then(|full| full.into_os_string().into_string().ok())
        .unwrap_or_else(|| file.to_owned())
}
