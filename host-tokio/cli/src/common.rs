//! Helpers shared by several commands: reading files, resolving addresses, reading the clock, running futures.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use labwire_host::text_of;
use tokio::net::lookup_host;

use crate::failure::{self, Failure, Outcome};
use crate::platform::outlive_full_files;
use crate::standard::is_standard;

pub(crate) use labwire_host::measurements::{has_decimal_comma, parse_number as number};

/// Hint where a list has another length than expected.
pub(crate) const COMMAS: &str = "commas separate numbers; the decimal sign is a point";

/// Longest text that is read, in bytes: a device such as /dev/zero has no end.
const TEXT_BYTES: u64 = 1 << 28;

/// Text of a file; `-` is standard input.
pub(crate) fn read_file(path: &Path) -> Result<String, Failure> {
    let text = match is_standard(path) {
        true => read_text(io::stdin().lock()),
        false => File::open(path).and_then(read_text),
    };
    text.map_err(|error| {
        Failure::new(
            failure::NO_INPUT,
            format!("cannot read {}: {error}", path.display()),
        )
    })
}

fn read_text(source: impl Read) -> io::Result<String> {
    let mut text = Vec::new();
    let read = source.take(TEXT_BYTES + 1).read_to_end(&mut text)?;
    if read as u64 > TEXT_BYTES {
        return Err(io::Error::other(format!("longer than {TEXT_BYTES} bytes")));
    }
    text_of(text)
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

/// Address by which this machine reaches what listens on `address`: that of no interface stands for all of them.
pub(crate) fn from_here(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Number of seconds given with a flag.
pub(crate) fn seconds(flag: &str, seconds: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Failure::new(failure::USAGE, format!("{flag} is not a number of seconds")))
}

/// Number of seconds given with a flag, which is not zero.
pub(crate) fn positive_seconds(flag: &str, number: f64) -> Result<Duration, Failure> {
    match number > 0.0 {
        true => seconds(flag, number),
        false => Err(Failure::new(
            failure::USAGE,
            format!("{flag} is not a positive number of seconds"),
        )),
    }
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
    outlive_full_files(&runtime);
    let outcome = runtime.block_on(future);
    runtime.shutdown_background();
    outcome
}
