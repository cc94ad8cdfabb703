//! Device connection on a pipe, for tests/peers/socs: one command per line, one line for its outcome.
//!
//! Arguments: address, time limit in seconds, and seconds of silence before a probe. Commands: `send TEXT`, `fill
//! BYTES` (sends that many zeros), `recv` (like Python's `recv`: whatever comes first), `status`.

use std::io::{BufRead, Write};
use std::time::Duration;

use labwire_core::device::{State, unescape};
use labwire_core::framing::until::Until;
use labwire_tokio::RemoteError;
use labwire_tokio::device::{DeviceConnection, DeviceError, DeviceSettings};

// Reading the pipe blocks a thread: the connection uses another one.
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, timeout, silence] = &arguments[..] else {
        return Err("usage: device_client ADDRESS TIMEOUT SILENCE".into());
    };
    let timeout = Duration::try_from_secs_f64(timeout.parse()?)?;
    let mut options = DeviceSettings::default();
    options.settings.request_timeout = timeout;
    options.settings.connect_timeout = timeout;
    options.keepalive.idle = Duration::try_from_secs_f64(silence.parse()?)?;
    options.keepalive.interval = Duration::from_secs(1);
    let device = DeviceConnection::open(address, options);
    // Like TCPInterface: created once the first attempt is over.
    while matches!(
        device.status().await?.state,
        State::Disconnected | State::Connecting
    ) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut lines = std::io::stdin().lock().lines();
    while let Some(line) = lines.next().transpose()? {
        let (command, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let result = match command {
            "send" => device.send(unescape(argument)?).await.map(|()| Vec::new()),
            "fill" => device.send(vec![0; argument.parse()?]).await.map(|()| Vec::new()),
            "recv" => device.recv(Until::Any).await,
            "status" => Ok(format!("{:?}", device.status().await?.state).into_bytes()),
            _ => return Err(format!("no command {command}").into()),
        };
        let mut out = std::io::stdout().lock();
        match result {
            Ok(answer) => writeln!(out, "ok {}", answer.escape_ascii())?,
            Err(RemoteError {
                error: DeviceError::Failed(failure),
                ..
            }) => writeln!(out, "failed {failure}")?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
