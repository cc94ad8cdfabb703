//! Dialects as text: a name, then options.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::str::FromStr;
use core::time::Duration;

use labwire_session::framing::until::LengthPrefix;

use super::{Answer, Dialect, Framing, Telnet};
use crate::device::escape::{EscapeError, unescape};

/// Options of a dialect of lines, with their meaning. A comma in a text is written `\x2c`.
pub const OPTIONS: &[(&str, &str)] = &[
    (
        "end=END",
        "end of messages and lines: lf, cr, crlf, lfcr, none, or a text",
    ),
    ("sends=END", "end of messages alone"),
    ("lines=NUMBER", "number of lines of an answer"),
    ("blocks=no", "no IEEE 488.2 blocks in answers"),
    (
        "prompt=TEXT",
        "answers end with this prompt at the start of a line",
    ),
    (
        "refusal=TEXT",
        "answers that begin so mean refusal; after a prompt, such a prompt",
    ),
    ("silence=SECONDS", "answers end with this silence"),
    ("length=BYTES", "answers have this length"),
    (
        "prefix=OFFSET/WIDTH[/le][/+-BYTES]",
        "answers begin with their length: where it is, whether its low byte comes first, and what it does not count",
    ),
    ("echo", "the device returns each message before it answers"),
    ("acknowledges", "commands are answered too"),
    (
        "greeting=TEXT",
        "the device greets, with anything up to this text",
    ),
    (
        "login=PROMPT=>REPLY",
        "the device asks with this prompt; repeat for several",
    ),
    ("telnet", "an emulated device begins with telnet options"),
    ("telnet=no", "telnet options are not looked for"),
    (
        "event=TEXT",
        "lines that begin so are no answers; repeat for several",
    ),
    (
        "settle=SECONDS",
        "time for which a new connection drops what the device sends",
    ),
    ("pace=SECONDS", "least time from an answer to the next message"),
];

/// Longest answer that is counted in lines or bytes.
const MOST: usize = 1 << 24;
/// Longest time, in seconds.
const LONGEST: f64 = 3600.0;

impl FromStr for Dialect {
    type Err = OptionError;

    /// Reads the name of a ready-made dialect and [options](OPTIONS), separated by commas.
    fn from_str(text: &str) -> Result<Self, OptionError> {
        let mut parts = text.split(',');
        let name = parts.next().unwrap_or_default();
        let mut dialect = Self::by_name(name)
            .ok_or_else(|| OptionError::Name(name.to_string()))?
            .clone();
        for option in parts {
            let (key, value) = match option.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (option, None),
            };
            let is_timing = matches!(key, "settle" | "pace");
            if !is_timing && !matches!(dialect.framing, Framing::Text(..)) {
                return Err(OptionError::Fixed(dialect.name, key.to_string()));
            }
            dialect.set(key, value).map_err(|fault| match fault {
                Fault::Unknown => OptionError::Unknown(key.to_string()),
                Fault::Expected(expected) => OptionError::Value {
                    option: option.to_string(),
                    expected,
                },
                Fault::Escape(error) => OptionError::Escape(error),
            })?;
        }
        Ok(dialect)
    }
}

enum Fault {
    Unknown,
    Expected(&'static str),
    Escape(EscapeError),
}

impl From<EscapeError> for Fault {
    fn from(error: EscapeError) -> Self {
        Self::Escape(error)
    }
}

impl Dialect {
    fn set(&mut self, key: &str, value: Option<&str>) -> Result<(), Fault> {
        let manners = &mut self.manners;
        match key {
            "echo" => manners.echoes = flag(value)?,
            "acknowledges" => manners.acknowledges = flag(value)?,
            "telnet" => {
                manners.telnet = if flag(value)? {
                    Telnet::Offered
                } else {
                    Telnet::Never
                }
            }
            "greeting" => manners.login.push((text(value)?, None)),
            "login" => {
                let parts = value.and_then(|value| value.split_once("=>"));
                let (prompt, reply) = parts.ok_or(Fault::Expected("PROMPT=>REPLY"))?;
                manners.login.push((text(Some(prompt))?, Some(unescape(reply)?)));
            }
            "event" => manners.events.push(text(value)?),
            "settle" => manners.settle_time = seconds(value)?,
            "pace" => manners.pace = seconds(value)?,
            _ => return self.set_framing(key, value),
        }
        Ok(())
    }

    fn set_framing(&mut self, key: &str, value: Option<&str>) -> Result<(), Fault> {
        let Framing::Text(message_end, answer) = &mut self.framing else {
            return Err(Fault::Unknown);
        };
        match key {
            "end" => {
                let new = end(value)?;
                *answer = match core::mem::replace(answer, Answer::Any) {
                    _ if new.is_empty() => Answer::Silence,
                    Answer::Lines { count, blocks, .. } => Answer::Lines {
                        end: Cow::Owned(new.clone()),
                        count,
                        blocks,
                    },
                    Answer::Any | Answer::Silence => Answer::Lines {
                        end: Cow::Owned(new.clone()),
                        count: 1,
                        blocks: true,
                    },
                    other => other,
                };
                // A device that ends nothing still wants to know where a message ends.
                if !new.is_empty() {
                    *message_end = Cow::Owned(new);
                }
            }
            "sends" => *message_end = Cow::Owned(end(value)?),
            "lines" => {
                let new = number(value)?;
                match answer {
                    Answer::Lines { count, .. } => *count = new,
                    _ => return Err(Fault::Expected("a dialect whose answers end with a line")),
                }
            }
            "blocks" => match answer {
                Answer::Lines { blocks, .. } => *blocks = flag(value)?,
                _ => return Err(Fault::Expected("a dialect whose answers end with a line")),
            },
            "prompt" => *answer = Answer::Prompt(Cow::Owned(text(value)?), Cow::Borrowed(b"")),
            "refusal" => match answer {
                Answer::Prompt(_, refusal) => *refusal = Cow::Owned(text(value)?),
                _ => self.manners.refusal = text(value)?,
            },
            "silence" => {
                *answer = Answer::Silence;
                self.manners.quiet_time = Some(seconds(value)?);
            }
            "length" => *answer = Answer::Length(number(value)?),
            "prefix" => *answer = Answer::Prefix(prefix(value)?),
            _ => return Err(Fault::Unknown),
        }
        Ok(())
    }
}

fn flag(value: Option<&str>) -> Result<bool, Fault> {
    match value {
        None | Some("yes") => Ok(true),
        Some("no") => Ok(false),
        Some(_) => Err(Fault::Expected("yes or no")),
    }
}

fn text(value: Option<&str>) -> Result<Vec<u8>, Fault> {
    let bytes = unescape(value.unwrap_or_default())?;
    if bytes.is_empty() {
        return Err(Fault::Expected("a text"));
    }
    Ok(bytes)
}

fn end(value: Option<&str>) -> Result<Vec<u8>, Fault> {
    Ok(match value {
        Some("lf") => b"\n".to_vec(),
        Some("cr") => b"\r".to_vec(),
        Some("crlf") => b"\r\n".to_vec(),
        Some("lfcr") => b"\n\r".to_vec(),
        Some("none") => Vec::new(),
        Some(_) => text(value)?,
        None => return Err(Fault::Expected("lf, cr, crlf, lfcr, none, or a text")),
    })
}

fn number(value: Option<&str>) -> Result<usize, Fault> {
    let number = value.and_then(|value| value.parse().ok());
    number
        .filter(|number| (1..=MOST).contains(number))
        .ok_or(Fault::Expected("a number from 1 to 16777216"))
}

fn seconds(value: Option<&str>) -> Result<Duration, Fault> {
    let seconds = value.and_then(|value| value.parse::<f64>().ok());
    seconds
        .filter(|seconds| (0.0..=LONGEST).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or(Fault::Expected("seconds, from 0 to 3600"))
}

fn prefix(value: Option<&str>) -> Result<LengthPrefix, Fault> {
    let parse = || {
        let mut parts = value?.split('/');
        let offset = parts.next()?.parse().ok().filter(|&offset| offset <= MOST)?;
        let width = parts
            .next()?
            .parse()
            .ok()
            .filter(|width| (1..=8).contains(width))?;
        let mut prefix = LengthPrefix {
            offset,
            width,
            little_endian: false,
            uncounted: 0,
        };
        for part in parts {
            match part {
                "le" => prefix.little_endian = true,
                _ => prefix.uncounted = part.parse().ok()?,
            }
        }
        Some(prefix)
    };
    parse().ok_or(Fault::Expected(
        "OFFSET/WIDTH, such as 4/2, then /le or /-6 if need be",
    ))
}

/// Error in a dialect's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// There is no ready-made dialect of this name.
    #[error("unknown dialect '{0}'; expected one of {names}", names = names())]
    Name(String),
    /// There is no such option.
    #[error("unknown option '{0}'; expected one of {options}", options = options())]
    Unknown(String),
    /// The framing of this dialect cannot be changed.
    #[error("the dialect {0} has no option '{1}'; expected settle or pace")]
    Fixed(&'static str, String),
    /// The value of an option is wrong.
    #[error("'{option}': expected {expected}")]
    Value {
        /// The option.
        option: String,
        /// Description of a right value.
        expected: &'static str,
    },
    /// A text has an invalid escape.
    #[error(transparent)]
    Escape(#[from] EscapeError),
}

fn names() -> String {
    let names: Vec<&str> = Dialect::ALL.iter().map(|dialect| dialect.name).collect();
    names.join(", ")
}

fn options() -> String {
    let options: Vec<&str> = OPTIONS.iter().map(|(option, _)| *option).collect();
    options.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use labwire_session::framing::until::Until;
    use std::vec;

    fn dialect(text: &str) -> Dialect {
        text.parse().unwrap()
    }

    fn error(text: &str) -> String {
        text.parse::<Dialect>().unwrap_err().to_string()
    }

    #[test]
    fn options_change_what_is_sent_and_awaited() {
        let step = |text: &str| dialect(text).query(b"A?").unwrap().steps.remove(0);
        assert_eq!(step("scpi,end=crlf").message, b"A?\r\n");
        assert_eq!(step("scpi,sends=cr").message, b"A?\r");
        assert_eq!(step("scpi,end=\\x03").message, b"A?\x03");
        assert_eq!(step("raw,end=lfcr").message, b"A?\n\r");
        let silent = step("scpi,end=none");
        assert_eq!(
            (silent.message, silent.until),
            (b"A?\n".to_vec(), Some(Until::Silence))
        );
        assert_eq!(step("scpi,length=8").until, Some(Until::Length(8)));
        let prefix = LengthPrefix {
            offset: 4,
            width: 2,
            little_endian: true,
            uncounted: -6,
        };
        assert_eq!(
            step("raw,prefix=4/2/le/-6").until,
            Some(Until::LengthPrefix(prefix))
        );
        assert_eq!(step("scpi,echo").echo, Some(vec![b'\n']));
        assert_eq!(step("scpi,prompt=>,refusal=?").refusal, b"?");
        assert!(dialect("scpi").send(b"A").unwrap().steps[0].until.is_none());
        assert!(
            dialect("scpi,acknowledges").send(b"A").unwrap().steps[0]
                .until
                .is_some()
        );
        let settings =
            dialect("crlf,greeting=hello,login=user:=>me\\x2c,event=!,settle=0.5,pace=1").settings();
        assert_eq!(settings.login[1].prompt, b"user:");
        assert_eq!(settings.login[1].reply, b"me,\r\n");
        assert_eq!(settings.events, [b"!"]);
        assert_eq!(settings.settle_time, Duration::from_millis(500));
        assert_eq!(settings.pace, Duration::from_secs(1));
        assert!(settings.telnet && !dialect("scpi,telnet=no").settings().telnet);
    }

    #[test]
    fn errors_name_what_is_expected() {
        for (text, says) in [
            (
                "scpo",
                "unknown dialect 'scpo'; expected one of raw, scpi, keithley,",
            ),
            ("", "unknown dialect ''"),
            ("scpi,ekko", "unknown option 'ekko'; expected one of end=END,"),
            ("scpi,lines=0", "'lines=0': expected a number from 1"),
            ("scpi,settle=0,5", "unknown option '5'"),
            ("scpi,settle=NaN", "'settle=NaN': expected seconds"),
            ("scpi,end", "'end': expected lf, cr,"),
            ("scpi,end=\\q", "'\\q' is not an escape"),
            ("scpi,prefix=4/9", "'prefix=4/9': expected OFFSET/WIDTH"),
            ("scpi,login=user", "'login=user': expected PROMPT=>REPLY"),
            ("modbus,end=lf", "the dialect modbus has no option 'end'"),
            ("scpi,", "unknown option ''"),
        ] {
            assert!(error(text).starts_with(says), "{text}: {}", error(text));
        }
    }
}
