//! Dialects of lab devices: those of the SOCS drivers, ready-made.

use alloc::borrow::ToOwned;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use labwire_session::framing::until::{LengthPrefix, Until};

use super::request::{Request, Step};
use super::settings::Settings;

/// Asks a gauge controller for the value selected by its last mnemonic.
const ENQUIRY: u8 = 0x05;
/// Positive acknowledgement of a gauge controller.
const ACKNOWLEDGED: u8 = 0x06;
/// Negative acknowledgement of a gauge controller.
const REFUSED: u8 = 0x15;
/// Bytes that the drivers of the Cryomech compressor send before the byte count.
const MODBUS_HEAD: [u8; 4] = [0x09, 0x99, 0, 0];
/// Length of `MODBUS_HEAD` and the byte count.
const MODBUS_HEAD_LENGTH: usize = 6;
/// Lengths of a message and its answer in bytes, by opcode from 0x30.
const OPCODES: [(usize, usize); 7] = [(1, 8), (7, 1), (3, 1), (2, 5), (2, 2), (1, 14), (2, 8)];

/// Framing of messages and answers of a kind of device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Name of the dialect, as given to the program `labwire`.
    pub name: &'static str,
    /// Description, with devices that use it.
    pub about: &'static str,
    /// Default port of such devices.
    pub port: u16,
    /// Query that such a device answers without changing anything.
    pub example: &'static [u8],
    framing: Framing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Framing {
    /// No framing: any bytes are a message, or an answer.
    Raw,
    /// Messages and answers are lines. Only queries have an answer.
    Lines(&'static str),
    /// Messages are lines; a prompt follows every answer. The second kind of prompt means refusal.
    Prompt(&'static str, &'static str, &'static str),
    /// A mnemonic is acknowledged; then an enquiry returns its value.
    Mnemonics,
    /// Unit and function after a head with the byte count (Modbus/TCP).
    Modbus,
    /// The first byte determines the lengths of the message and its answer.
    Opcodes,
}

impl Dialect {
    /// All dialects.
    pub const ALL: &'static [Self] = &[
        Self {
            name: "raw",
            about: "no framing: an answer is whatever comes first",
            port: 7,
            example: b"hello",
            framing: Framing::Raw,
        },
        Self {
            name: "scpi",
            about: "SCPI, lines that end with LF (power supplies: Kikusui PCR500MA, PMX)",
            port: 5025,
            example: b"*IDN?",
            framing: Framing::Lines("\n"),
        },
        Self {
            name: "crlf",
            about: "lines that end with CR LF (thermometer bridges: Lake Shore 372)",
            port: 7777,
            example: b"*IDN?",
            framing: Framing::Lines("\r\n"),
        },
        Self {
            name: "cr",
            about: "lines that end with CR",
            port: 5025,
            example: b"*IDN?",
            framing: Framing::Lines("\r"),
        },
        Self {
            name: "prompt",
            about: "lines that end with LF, answers with the prompt '> ' (lasers: Toptica DLC smart)",
            port: 1998,
            example: b"*IDN?",
            framing: Framing::Prompt("\n", "> ", ""),
        },
        Self {
            name: "colon",
            about: "lines that end with CR, answers with the prompt ':' or '?' (motion controllers: Galil)",
            port: 23,
            example: b"*IDN?",
            framing: Framing::Prompt("\r", ":", "?"),
        },
        Self {
            name: "mnemonic",
            about: "mnemonic, ACK, ENQ, value (vacuum gauges: Pfeiffer TPG 366)",
            port: 8000,
            example: b"PRX",
            framing: Framing::Mnemonics,
        },
        Self {
            name: "modbus",
            about: "unit and function behind a length (compressors: Cryomech CPA)",
            port: 502,
            example: &[1, 4, 0, 1, 0, 0x35],
            framing: Framing::Modbus,
        },
        Self {
            name: "opcode",
            about: "one-byte opcodes with answers of fixed length (relays: Devantech dS378)",
            port: 17123,
            example: &[0x30],
            framing: Framing::Opcodes,
        },
    ];

    /// Dialect of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|dialect| dialect.name == name)
    }

    /// Request that sends `command` (without framing) and waits for its answer.
    ///
    /// # Errors
    /// If the dialect cannot express the command.
    pub fn query(&self, command: &[u8]) -> Result<Request, DialectError> {
        let message = self.frame(command)?;
        Ok(match &self.framing {
            Framing::Raw => Request::query(message, Until::Any),
            Framing::Lines(end) => Request::query(message, Until::delimiter(*end)),
            Framing::Prompt(_, prompt, refusal) => Request::steps([Step {
                refusal: refusal.as_bytes().to_vec(),
                ..Step::query(
                    message,
                    Until::Prompt(vec![prompt.as_bytes().to_vec(), refusal.as_bytes().to_vec()]),
                )
            }]),
            Framing::Mnemonics => {
                let line = || Until::delimiter("\r\n");
                let mnemonic = Step {
                    expected: vec![ACKNOWLEDGED],
                    refusal: vec![REFUSED],
                    ..Step::query(message, line())
                };
                Request::steps([mnemonic, Step::query([ENQUIRY], line())])
            }
            Framing::Modbus => Request::steps([Step {
                expected: MODBUS_HEAD.to_vec(),
                ..Step::query(message, modbus_frame())
            }]),
            Framing::Opcodes => {
                let (_, answer) = opcode(command).ok_or(DialectError::Opcode)?;
                Request::query(message, Until::Length(answer))
            }
        })
    }

    /// Request that sends `command` to set something: without an answer, if the dialect does not answer such
    /// commands.
    ///
    /// # Errors
    /// If the dialect cannot express the command.
    pub fn send(&self, command: &[u8]) -> Result<Request, DialectError> {
        match self.framing {
            Framing::Raw | Framing::Lines(_) => Ok(Request::send(self.frame(command)?)),
            _ => self.query(command),
        }
    }

    /// Content of an answer, without its framing.
    #[must_use]
    pub fn payload<'a>(&self, answer: &'a [u8]) -> &'a [u8] {
        match &self.framing {
            Framing::Lines(end) => Until::delimiter(*end).payload(answer),
            Framing::Prompt(_, prompt, _) => Until::Prompt(vec![prompt.as_bytes().to_vec()]).payload(answer),
            Framing::Mnemonics => Until::delimiter("\r\n").payload(answer),
            Framing::Modbus => answer.get(MODBUS_HEAD_LENGTH..).unwrap_or(answer),
            Framing::Raw | Framing::Opcodes => answer,
        }
    }

    /// Settings for devices of this kind: those that greet a client have 0.2 s to do so.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        if let Framing::Prompt(..) = self.framing {
            settings.settle_time = Duration::from_millis(200);
        }
        settings
    }

    fn frame(&self, command: &[u8]) -> Result<Vec<u8>, DialectError> {
        let end = match &self.framing {
            Framing::Raw => return Ok(command.to_owned()),
            Framing::Lines(end) | Framing::Prompt(end, ..) => *end,
            Framing::Mnemonics => "\r\n",
            Framing::Modbus => {
                let length = u16::try_from(command.len()).map_err(|_| DialectError::Length)?;
                if length < 2 {
                    return Err(DialectError::Length);
                }
                return Ok([&MODBUS_HEAD[..], &length.to_be_bytes(), command].concat());
            }
            Framing::Opcodes => {
                let (length, _) = opcode(command).ok_or(DialectError::Opcode)?;
                if command.len() != length {
                    return Err(DialectError::Length);
                }
                return Ok(command.to_owned());
            }
        };
        if command.is_empty() || command.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return Err(DialectError::LineEnd);
        }
        Ok([command, end.as_bytes()].concat())
    }
}

/// Device side.
impl Dialect {
    /// Length of the first message in `bytes`, with its framing; `None` if more bytes are needed. `searched` as in
    /// [`Until::find`].
    pub(super) fn find_message(&self, bytes: &[u8], searched: &mut usize) -> Option<usize> {
        let until = match &self.framing {
            Framing::Raw => Until::Any,
            Framing::Lines(end) | Framing::Prompt(end, ..) => Until::delimiter(*end),
            // The LF of the previous message may still be there.
            Framing::Mnemonics => match bytes {
                [ENQUIRY, ..] => Until::Length(1),
                [b'\n', ENQUIRY, ..] => Until::Length(2),
                _ => Until::delimiter("\r"),
            },
            Framing::Modbus => modbus_frame(),
            // The first byte tells the length.
            Framing::Opcodes if bytes.is_empty() => return None,
            // A byte that is not an opcode is a message of its own.
            Framing::Opcodes => Until::Length(opcode(bytes).map_or(1, |(length, _)| length)),
        };
        until.find(bytes, searched)
    }

    /// Message without its framing.
    #[must_use]
    pub fn command<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        match &self.framing {
            Framing::Raw | Framing::Opcodes => message,
            Framing::Lines(_) | Framing::Prompt(..) | Framing::Mnemonics => message.trim_ascii(),
            Framing::Modbus => message.get(MODBUS_HEAD_LENGTH..).unwrap_or_default(),
        }
    }

    /// Answer to `message` with the value `value`.
    #[must_use]
    pub fn value(&self, message: &[u8], value: &[u8]) -> Vec<u8> {
        match &self.framing {
            Framing::Raw | Framing::Opcodes => value.to_vec(),
            Framing::Lines(end) => [value, end.as_bytes()].concat(),
            Framing::Prompt(_, prompt, _) => [value, b"\r\n", prompt.as_bytes()].concat(),
            Framing::Mnemonics => [value, b"\r\n"].concat(),
            Framing::Modbus => {
                let head = message.get(..MODBUS_HEAD.len()).unwrap_or(&MODBUS_HEAD);
                let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
                [head, &length.to_be_bytes(), value].concat()
            }
        }
    }

    /// Answer that means "done", if there is one.
    #[must_use]
    pub fn done(&self) -> &'static [u8] {
        match self.framing {
            Framing::Prompt(_, prompt, _) => prompt.as_bytes(),
            Framing::Mnemonics => &[ACKNOWLEDGED, b'\r', b'\n'],
            _ => b"",
        }
    }

    /// Answer that means refusal, if there is one.
    #[must_use]
    pub fn refusal(&self) -> &'static [u8] {
        match self.framing {
            Framing::Prompt(_, _, refusal) if !refusal.is_empty() => refusal.as_bytes(),
            Framing::Mnemonics => &[REFUSED, b'\r', b'\n'],
            _ => self.done(),
        }
    }

    /// Greeting for a new client.
    #[must_use]
    pub fn greeting(&self) -> &'static [u8] {
        match self.framing {
            Framing::Prompt(_, prompt, _) => prompt.as_bytes(),
            _ => b"",
        }
    }
}

/// Reason why a dialect cannot express a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialectError {
    /// The command is empty, or contains a terminator.
    #[error("a command is one line, without its end")]
    LineEnd,
    /// The length does not match the kind of command.
    #[error("a command of this kind has another length")]
    Length,
    /// The first byte is not an opcode.
    #[error("no command begins with this byte")]
    Opcode,
}

fn modbus_frame() -> Until {
    Until::LengthPrefix(LengthPrefix {
        offset: MODBUS_HEAD.len(),
        width: 2,
        little_endian: false,
        uncounted: 0,
    })
}

/// Lengths of the message at the start of `bytes`, and of its answer.
fn opcode(bytes: &[u8]) -> Option<(usize, usize)> {
    let index = bytes.first()?.checked_sub(0x30)?;
    OPCODES.get(usize::from(index)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(name: &str) -> &'static Dialect {
        Dialect::by_name(name).unwrap()
    }

    fn message(name: &str, command: &[u8]) -> Result<Vec<u8>, DialectError> {
        let request = dialect(name).query(command)?;
        Ok(request.steps[0].message.clone())
    }

    /// Bytes sent by the drivers of SOCS.
    #[test]
    fn messages_are_those_of_the_drivers() {
        assert_eq!(message("scpi", b"OUTP?").unwrap(), b"OUTP?\n");
        assert_eq!(message("crlf", b"KRDG? 1").unwrap(), b"KRDG? 1\r\n");
        assert_eq!(message("colon", b"MG _PRA").unwrap(), b"MG _PRA\r");
        assert_eq!(message("mnemonic", b"PRX").unwrap(), b"PRX\r\n");
        let query = b"\x09\x99\0\0\0\x06\x01\x04\x00\x01\x00\x35";
        assert_eq!(message("modbus", &query[6..]).unwrap(), query);
        assert_eq!(message("opcode", b"\x33\x01").unwrap(), b"\x33\x01");
    }

    #[test]
    fn commands_that_would_be_two_are_refused() {
        for name in ["scpi", "cr", "crlf", "prompt", "colon", "mnemonic"] {
            assert_eq!(message(name, b"A?\nB?"), Err(DialectError::LineEnd));
            assert_eq!(message(name, b""), Err(DialectError::LineEnd));
        }
        assert_eq!(message("opcode", b"\x30\x01"), Err(DialectError::Length));
        assert_eq!(message("opcode", b"\x37"), Err(DialectError::Opcode));
        assert_eq!(message("opcode", b""), Err(DialectError::Opcode));
        assert_eq!(message("modbus", &[0; 1 << 16]), Err(DialectError::Length));
    }

    /// Every strict prefix of a message is incomplete; messages framed by one side are read by the other.
    #[test]
    fn both_sides_agree() {
        for dialect in Dialect::ALL {
            for step in dialect.query(dialect.example).unwrap().steps {
                let message = step.message;
                let prefixes =
                    (0..message.len()).map(|count| dialect.find_message(&message[..count], &mut 0));
                let is_raw = dialect.framing == Framing::Raw;
                let crlf = message.ends_with(b"\r\n") && dialect.framing == Framing::Mnemonics;
                let ends = prefixes
                    .flatten()
                    .filter(|&end| end < message.len() && !is_raw)
                    .count();
                assert_eq!(ends, usize::from(crlf), "{}", dialect.name);
                if message != [ENQUIRY] {
                    assert_eq!(dialect.command(&message), dialect.example);
                }
                let answer = dialect.value(&message, b"0,1.0E-3");
                if step.refusal.is_empty() {
                    assert!(answer.starts_with(&step.expected));
                    let until = step.until.unwrap();
                    assert!(until.find(&answer, &mut 0).is_some_and(|end| end <= answer.len()));
                    assert_eq!(dialect.payload(&answer), b"0,1.0E-3", "{}", dialect.name);
                }
            }
        }
    }
}
