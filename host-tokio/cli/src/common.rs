//! Helpers shared by several commands: reading files, resolving addresses, reading the clock, running futures.

use std::future::Future;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::lookup_host;

use crate::failure::{self, Failure, Outcome};

/// Text of a file; `-` is standard input.
pub(crate) fn read_file(path: &Path) -> Result<String, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|error| {
        Failure::new(
            failure::NO_INPUT,
            format!("cannot read {}: {error}", path.display()),
        )
    })
}

/// Address of host:port.
pub(crate) async fn resolve(address: &str) -> Result<SocketAddr, Failure> {
    let unknown = |why: String| {
        Failure::new(failure::USAGE, format!("{address}: {why}"))
            .hint("expected host:port, such as 127.0.0.1:4598")
    };
    let mut addresses = lookup_host(address)
        .await
        .map_err(|error| unknown(error.to_string()))?;
    addresses.next().ok_or_else(|| unknown("no such host".to_owned()))
}

/// Number of seconds given with a flag.
pub(crate) fn seconds(flag: &str, seconds: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Failure::new(failure::USAGE, format!("{flag} is not a number of seconds")))
}

/// Seconds since 1970 (UTC).
pub(crate) fn unix_time() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is treated as 1970.
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// Runs a future that uses the network.
pub(crate) fn block_on(future: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(failure::SYSTEM, format!("cannot start threads: {error}")))?;
    let outcome = runtime.block_on(future);
    runtime.shutdown_background();
    outcome
}
