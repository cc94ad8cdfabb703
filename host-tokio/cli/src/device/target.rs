//! Options that select a device and its dialect.

use std::time::Duration;

use labwire_core::device::{self, Dialect, DialectError, Request, unescape};
use labwire_core::session::Misuse;
use labwire_tokio::RemoteError;
use labwire_tokio::device::{DeviceConnection, DeviceError, DeviceSettings, TcpDialer};
use serde_json::json;

use crate::common::{number, positive_seconds, seconds};
use crate::config::ConfigArgument;
use crate::console::{answer, is_json, note, say};
use crate::failure::{self, Failure};
use crate::tls::TlsArguments;

/// Least time for which a device that sends text may greet a new client.
const GREETING_TIME: Duration = Duration::from_millis(100);

/// Time for which the first answer to each command must stay alone.
const ALONE: Duration = Duration::from_millis(200);

/// Largest number of bytes that are shown of unsolicited input.
const SHOWN: usize = 200;

#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// Address of the device; without a port, the usual one of the preset.
    #[arg(long, global = true, value_name = "HOST[:PORT]", default_value = "127.0.0.1")]
    pub(super) address: String,
    /// Dialect of the device, with options such as scpi,end=crlf,echo; `labwire device presets` lists them.
    #[arg(long, global = true, value_name = "NAME[,OPTION...]", default_value = "scpi", value_parser = preset)]
    pub(super) preset: Dialect,
    /// Time limit for an answer, in seconds. Default: device.request-timeout of the configuration, 10.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = number)]
    timeout: Option<f64>,
    /// Shortest time between two connection attempts, in seconds. Default: device.minimum-interval, 0.1.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = number)]
    minimum_interval: Option<f64>,
    /// Longest answer, in bytes. Default: device.answer-bytes, 1 MiB.
    #[arg(long, global = true, value_name = "NUMBER")]
    answer_bytes: Option<usize>,
    /// Time for which the first answer to each command must stay alone, in seconds. If more comes, it may belong to a
    /// longer answer: the command fails. Default: 0.2.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = number)]
    alone: Option<f64>,
    /// Commands and answers are hexadecimal.
    #[arg(long, global = true)]
    hex: bool,
    #[command(flatten)]
    config: ConfigArgument,
    #[command(flatten)]
    tls: TlsArguments,
}

impl Target {
    pub(super) fn open(&self) -> Result<DeviceConnection, Failure> {
        let config = self.config.read()?;
        let mut settings = config.device;
        if let Some(timeout) = self.timeout {
            settings.request_timeout = positive_seconds("--timeout", timeout)?;
        }
        if let Some(interval) = self.minimum_interval {
            settings.minimum_interval = seconds("--minimum-interval", interval)?;
        }
        if let Some(bytes) = self.answer_bytes {
            settings.answer_bytes = bytes;
        }
        if self.preset.is_text() {
            settings.settle_time = settings.settle_time.max(GREETING_TIME);
        }
        let settings = self.preset.adapt(settings);
        let options = DeviceSettings::default()
            .with_settings(settings)
            .with_keepalive(config.keepalive);
        let address = with_port(&self.address, &self.preset);
        let dialer = TcpDialer::new(address.clone(), options.keepalive);
        #[cfg(feature = "tls")]
        let dialer = dialer.with_tls(self.tls.connector()?);
        let device = DeviceConnection::over(dialer, address, options);
        let unasked = device.unasked();
        tokio::spawn(async move {
            while let Ok(bytes) = unasked.recv().await {
                let shown = bytes[..bytes.len().min(SHOWN)].escape_ascii();
                match bytes.len().saturating_sub(SHOWN) {
                    0 => note!("the device sent unasked: {shown}"),
                    more => note!("the device sent unasked: {shown} and {more} bytes more"),
                }
            }
        });
        Ok(device)
    }

    /// Refuses what only commands that talk to a device have a use for.
    pub(super) fn refuse_talk(&self, command: &str) -> Result<(), Failure> {
        let given = [
            ("--timeout", self.timeout.is_some()),
            ("--minimum-interval", self.minimum_interval.is_some()),
            ("--answer-bytes", self.answer_bytes.is_some()),
            ("--alone", self.alone.is_some()),
            ("--hex", self.hex),
            ("--tls, --ca, --cert, --key or --server-name", self.tls.is_given()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => Err(Failure::new(
                failure::USAGE,
                format!("`labwire device {command}` does not call a device: it has no {option}"),
            )),
            None => Ok(()),
        }
    }

    /// Time for which the first answer to each command must stay alone.
    pub(super) fn alone(&self) -> Result<Duration, Failure> {
        self.alone.map_or(Ok(ALONE), |alone| seconds("--alone", alone))
    }

    /// Request of a command from the command line, translated by `say`.
    pub(super) fn request(
        &self,
        command: &str,
        say: impl Fn(&[u8]) -> Result<Request, DialectError>,
    ) -> Result<Request, Failure> {
        let wrong = |why: String| Failure::new(failure::USAGE, format!("'{command}': {why}"));
        let bytes = if self.hex {
            from_hex(command).ok_or_else(|| wrong("not hexadecimal".to_owned()))?
        } else {
            unescape(command).map_err(|error| wrong(error.to_string()))?
        };
        say(&bytes).map_err(|error| wrong(error.to_string()))
    }

    /// Text of an answer, with escapes where it is not text, or hexadecimal.
    pub(super) fn text(&self, answer: &[u8]) -> String {
        let payload = self.preset.payload(answer);
        if self.hex {
            return payload.iter().map(|byte| format!("{byte:02x}")).collect();
        }
        match std::str::from_utf8(payload) {
            Ok(text) if !text.contains(char::is_control) => text.to_owned(),
            _ => payload.escape_ascii().to_string(),
        }
    }

    /// Prints the reply to a command, if it has one.
    pub(super) fn print(&self, command: &str, reply: &[u8]) {
        match reply.is_empty() {
            // Nothing to say in words.
            true if !is_json() => {}
            true => say!("{}", json!({"command": command, "answer": null})),
            false => answer(
                || self.text(reply),
                || json!({"command": command, "answer": self.text(reply)}),
            ),
        }
    }

    /// Failure of `command`.
    pub(super) fn failed(&self, command: &str, error: &RemoteError<DeviceError>) -> Failure {
        let RemoteError { remote, error, .. } = error;
        let code = match error {
            DeviceError::Failed(
                device::Failure::Refused(_)
                | device::Failure::Unexpected(_)
                | device::Failure::Exception(_)
                | device::Failure::TooMuch { .. }
                | device::Failure::AnswerTooLong(_),
            ) => failure::PROTOCOL,
            DeviceError::Refused(Misuse::QueueFull) => failure::SYSTEM,
            _ => failure::UNAVAILABLE,
        };
        let failure = Failure::new(code, format!("{remote}: {command}: {error}"));
        let name = self.preset.name;
        match error {
            DeviceError::Failed(device::Failure::NotConnected(_)) => {
                failure.hint("`labwire device emulate` emulates a device").hint_about(&error.to_string())
            }
            DeviceError::Failed(device::Failure::TimedOut { sent: true }) => failure.hint(format!(
                "does the device talk like --preset {name}, and does it answer this command?"
            )),
            DeviceError::Failed(device::Failure::TooMuch { answer, .. })
                if answer.trim_ascii() == command.as_bytes() =>
            {
                failure.hint(format!("the device returns what it is sent: --preset {name},echo"))
            }
            DeviceError::Failed(device::Failure::TooMuch { .. }) => failure.hint(format!(
                "an answer of several lines: --preset {name},lines=2; a greeting: {name},settle=1; lines that nobody asked \
                 for: {name},event=START; commands that are answered too: {name},acknowledges"
            )),
            DeviceError::Failed(device::Failure::AnswerTooLong(_)) => {
                failure.hint("--answer-bytes, or device.answer-bytes in the configuration, allows more")
            }
            _ => failure,
        }
    }
}

/// Parser of dialects.
pub(super) fn preset(text: &str) -> Result<Dialect, String> {
    text.parse()
        .map_err(|error: device::OptionError| error.to_string())
}

/// Adds the dialect's port to `address` if it has none. An IPv6 address is in brackets.
pub(super) fn with_port(address: &str, dialect: &Dialect) -> String {
    let after_host = address.rfind(']').unwrap_or(0);
    if address[after_host..].contains(':') {
        address.to_owned()
    } else {
        format!("{address}:{}", dialect.port)
    }
}

/// Parses pairs of hexadecimal digits, with or without white space between them.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|digit| digit.to_digit(16))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| (high * 16 + low) as u8).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_those_of_the_dialect_unless_given() {
        let dialect = Dialect::by_name("scpi").unwrap();
        for (address, full) in [
            ("psu", "psu:5025"),
            ("psu:1", "psu:1"),
            ("[::1]", "[::1]:5025"),
            ("[::1]:1", "[::1]:1"),
        ] {
            assert_eq!(with_port(address, dialect), full);
        }
    }

    #[test]
    fn hexadecimal_is_pairs_of_digits() {
        assert_eq!(from_hex("01 04 0aFf"), Some(vec![1, 4, 10, 255]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("0g"), None);
    }
}
