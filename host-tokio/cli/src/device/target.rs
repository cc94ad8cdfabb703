//! Options that select a device and its dialect.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use labwire_core::device::{self, Dialect, DialectError, Request, unescape};
use labwire_core::session::Misuse;
use labwire_tokio::device::{DeviceConnection, DeviceError, DeviceSettings};

use crate::common::seconds;
use crate::failure::{self, Failure};

#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// Address of the device; without a port, the usual one of the preset.
    #[arg(long, value_name = "HOST[:PORT]", default_value = "127.0.0.1")]
    pub(super) address: String,
    /// Dialect of the device.
    #[arg(long, value_name = "NAME", default_value = "scpi", value_parser = presets())]
    pub(super) preset: &'static Dialect,
    /// Time limit for an answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    timeout: f64,
    /// Shortest time between two connection attempts, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.1)]
    minimum_interval: f64,
    /// Commands and answers are hexadecimal.
    #[arg(long)]
    hex: bool,
}

impl Target {
    pub(super) fn open(&self) -> Result<DeviceConnection, Failure> {
        let mut options = DeviceSettings {
            settings: self.preset.settings(),
            ..DeviceSettings::default()
        };
        options.settings.request_timeout = seconds("--timeout", self.timeout)?;
        options.settings.minimum_interval = seconds("--minimum-interval", self.minimum_interval)?;
        Ok(DeviceConnection::open(
            with_port(&self.address, self.preset),
            options,
        ))
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

    pub(super) fn failed(&self, error: &DeviceError) -> Failure {
        let code = match error {
            DeviceError::Failed(device::Failure::Refused(_) | device::Failure::Unexpected(_)) => {
                failure::PROTOCOL
            }
            DeviceError::Refused(Misuse::QueueFull) => failure::SYSTEM,
            _ => failure::UNAVAILABLE,
        };
        let failure = Failure::new(code, format!("{}: {error}", self.address));
        match error {
            DeviceError::Failed(device::Failure::NotConnected(_)) => {
                failure.hint("`labwire device emulate` emulates a device")
            }
            DeviceError::Failed(device::Failure::TimedOut { sent: true }) => failure.hint(format!(
                "does the device talk like --preset {}, and does it answer this command?",
                self.preset.name
            )),
            _ => failure,
        }
    }
}

/// Parser of dialect names.
pub(super) fn presets() -> impl TypedValueParser<Value = &'static Dialect> {
    let names = Dialect::ALL
        .iter()
        .map(|dialect| PossibleValue::new(dialect.name).help(dialect.about));
    PossibleValuesParser::new(names).try_map(|name| Dialect::by_name(&name).ok_or("there is no such preset"))
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
