//! Dialects of lab devices: ready-made ones, and variations of them.

mod device_side;
mod options;

use alloc::borrow::{Cow, ToOwned};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use labwire_session::framing::lines::Lines;
use labwire_session::framing::until::{LengthPrefix, Until};

pub use self::options::{OPTIONS, OptionError};
use super::modbus;
use super::request::{Request, Step};
use super::settings::{Login, Settings};

/// Asks a gauge controller for the value selected by its last mnemonic.
const ENQUIRY: u8 = 0x05;
/// Positive acknowledgement of a gauge controller.
const ACKNOWLEDGED: u8 = 0x06;
/// Negative acknowledgement of a gauge controller.
const REFUSED: u8 = 0x15;
/// Bytes that the drivers of the Cryomech compressor send before the byte count.
const MODBUS_HEAD: [u8; 4] = [0x09, 0x99, 0, 0];
/// Lengths of a message and its answer in bytes, by opcode from 0x30.
const OPCODES: [(usize, usize); 7] = [(1, 8), (7, 1), (3, 1), (2, 5), (2, 2), (1, 14), (2, 8)];
/// Time for which a device that greets a client may do so.
const GREETING_TIME: Duration = Duration::from_millis(200);

/// Framing of messages and answers of a kind of device, and the manners of such devices.
///
/// As a text it is the name of a ready-made dialect, followed by [options](OPTIONS) that change it:
///
/// ```
/// use labwire_protocols::device::Dialect;
///
/// let dialect: Dialect = "scpi,end=crlf,echo,pace=0.05".parse()?;
/// assert_eq!(dialect.query(b"*IDN?")?.steps[0].message, b"*IDN?\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Name of the ready-made dialect, as given to the program `labwire`.
    pub name: &'static str,
    /// Description, with devices that use it.
    pub about: &'static str,
    /// Default port of such devices.
    pub port: u16,
    /// Query that such a device answers without changing anything.
    pub example: &'static [u8],
    framing: Framing,
    manners: Manners,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Framing {
    /// Messages have this end, answers have that.
    Text(Cow<'static, [u8]>, Answer),
    /// A mnemonic is acknowledged; then an enquiry returns its value.
    Mnemonics,
    /// Unit and function after a head with the byte count (Modbus/TCP).
    Modbus,
    /// The first byte determines the lengths of the message and its answer.
    Opcodes,
}

/// End of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// Any bytes are an answer.
    Any,
    /// This number of lines with this end. Blocks of bytes may contain it.
    Lines {
        end: Cow<'static, [u8]>,
        count: usize,
        blocks: bool,
    },
    /// A prompt follows every answer. The second kind of prompt means refusal.
    Prompt(Cow<'static, [u8]>, Cow<'static, [u8]>),
    /// Silence.
    Silence,
    /// This number of bytes.
    Length(usize),
    /// The length is in the answer.
    Prefix(LengthPrefix),
}

/// Habits of a device besides its framing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Manners {
    /// Whether the device returns each message before it answers.
    echoes: bool,
    /// Whether messages that set something are answered too.
    acknowledges: bool,
    /// Start of lines that mean refusal, if there are any.
    refusal: Vec<u8>,
    telnet: Telnet,
    /// Prompts and their answers, without line ends; `None` for a mere greeting.
    login: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    events: Vec<Vec<u8>>,
    settle_time: Duration,
    quiet_time: Option<Duration>,
    pace: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telnet {
    Never,
    /// If the device begins with it.
    IfOffered,
    /// The same; an emulated device begins with it.
    Offered,
}

const fn manners(telnet: Telnet, settle_time: Duration, pace: Duration) -> Manners {
    Manners {
        echoes: false,
        acknowledges: false,
        refusal: Vec::new(),
        telnet,
        login: Vec::new(),
        events: Vec::new(),
        settle_time,
        quiet_time: None,
        pace,
    }
}

const PLAIN: Manners = manners(Telnet::Never, Duration::ZERO, Duration::ZERO);
const TEXT: Manners = manners(Telnet::IfOffered, Duration::ZERO, Duration::ZERO);
const GREETING: Manners = manners(Telnet::IfOffered, GREETING_TIME, Duration::ZERO);
/// At most 20 messages a second.
const PACED: Manners = manners(Telnet::IfOffered, Duration::ZERO, Duration::from_millis(50));

/// Lines with this end, in both directions.
const fn lines(end: &'static str) -> Framing {
    Framing::Text(
        Cow::Borrowed(end.as_bytes()),
        Answer::Lines {
            end: Cow::Borrowed(end.as_bytes()),
            count: 1,
            blocks: true,
        },
    )
}

/// Lines with this end, answers with a prompt.
const fn prompted(end: &'static str, prompt: &'static str, refusal: &'static str) -> Framing {
    Framing::Text(
        Cow::Borrowed(end.as_bytes()),
        Answer::Prompt(
            Cow::Borrowed(prompt.as_bytes()),
            Cow::Borrowed(refusal.as_bytes()),
        ),
    )
}

impl Dialect {
    /// All ready-made dialects.
    pub const ALL: &'static [Self] = &[
        Self {
            name: "raw",
            about: "no framing: an answer is whatever comes first",
            port: 7,
            example: b"hello",
            framing: Framing::Text(Cow::Borrowed(b""), Answer::Any),
            manners: PLAIN,
        },
        Self {
            name: "scpi",
            about: "SCPI, lines that end with LF (power supplies: Kikusui PCR500MA, PMX)",
            port: 5025,
            example: b"*IDN?",
            framing: lines("\n"),
            manners: TEXT,
        },
        Self {
            name: "keithley",
            about: "SCPI or TSP, lines that end with LF (source meters: Keithley 2400, 2600)",
            port: 5025,
            example: b"*IDN?",
            framing: lines("\n"),
            manners: TEXT,
        },
        Self {
            name: "lakeshore",
            about: "lines that end with CR LF, 20 a second at most (Lake Shore 336, 350, 372)",
            port: 7777,
            example: b"*IDN?",
            framing: lines("\r\n"),
            manners: PACED,
        },
        Self {
            name: "crlf",
            about: "lines that end with CR LF",
            port: 7777,
            example: b"*IDN?",
            framing: lines("\r\n"),
            manners: TEXT,
        },
        Self {
            name: "cr",
            about: "lines that end with CR",
            port: 5025,
            example: b"*IDN?",
            framing: lines("\r"),
            manners: TEXT,
        },
        Self {
            name: "prompt",
            about: "lines that end with LF, answers with the prompt '> ' (lasers: Toptica DLC smart)",
            port: 1998,
            example: b"*IDN?",
            framing: prompted("\n", "> ", ""),
            manners: GREETING,
        },
        Self {
            name: "colon",
            about: "lines that end with CR, answers with the prompt ':' or '?' (motion controllers: Galil)",
            port: 23,
            example: b"*IDN?",
            framing: prompted("\r", ":", "?"),
            manners: GREETING,
        },
        Self {
            name: "mnemonic",
            about: "mnemonic, ACK, ENQ, value (vacuum gauges: Pfeiffer TPG 366)",
            port: 8000,
            example: b"PRX",
            framing: Framing::Mnemonics,
            manners: PLAIN,
        },
        Self {
            name: "modbus",
            about: "Modbus/TCP: unit and function behind a length",
            port: 502,
            example: &[1, 4, 0, 1, 0, 0x35],
            framing: Framing::Modbus,
            manners: PLAIN,
        },
        Self {
            name: "cryomech",
            about: "Modbus/TCP (compressors: Cryomech CPA)",
            port: 502,
            example: &[1, 4, 0, 1, 0, 0x35],
            framing: Framing::Modbus,
            manners: PLAIN,
        },
        Self {
            name: "opcode",
            about: "one-byte opcodes with answers of fixed length (relays: Devantech dS378)",
            port: 17123,
            example: &[0x30],
            framing: Framing::Opcodes,
            manners: PLAIN,
        },
    ];

    /// Ready-made dialect of this name.
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
        let alone = Duration::ZERO;
        Ok(match &self.framing {
            Framing::Text(end, answer) => {
                let mut step = Step::query(message, answer.until());
                step.echo = self.manners.echoes.then(|| answer.line_end(end).to_vec());
                match answer {
                    Answer::Any | Answer::Silence => step.refusal.clone_from(&self.manners.refusal),
                    Answer::Prompt(_, refusal) => {
                        step.refusal = refusal.to_vec();
                        step.alone = Some(alone);
                    }
                    _ => {
                        step.refusal.clone_from(&self.manners.refusal);
                        step.alone = Some(alone);
                    }
                }
                Request::steps([step])
            }
            Framing::Mnemonics => {
                let line = || Until::delimiter("\r\n");
                let mnemonic = Step::query(message, line())
                    .expect([ACKNOWLEDGED])
                    .refusal([REFUSED]);
                Request::steps([mnemonic, Step::query([ENQUIRY], line()).alone(alone)])
            }
            Framing::Modbus => {
                let mut step = Step::query(message, modbus_frame())
                    .expect(MODBUS_HEAD)
                    .alone(alone);
                step.is_modbus = true;
                Request::steps([step])
            }
            Framing::Opcodes => {
                let (_, answer) = opcode(command).ok_or(DialectError::Opcode)?;
                Request::steps([Step::query(message, Until::Length(answer)).alone(alone)])
            }
        })
    }

    /// Request that sends `command` to set something: without an answer, if the device does not answer such commands.
    ///
    /// # Errors
    /// If the dialect cannot express the command.
    pub fn send(&self, command: &[u8]) -> Result<Request, DialectError> {
        match &self.framing {
            Framing::Text(_, Answer::Prompt(..)) => self.query(command),
            Framing::Text(..) if !self.manners.acknowledges => {
                let mut request = self.query(command)?;
                for step in &mut request.steps {
                    (step.until, step.alone) = (None, None);
                }
                Ok(request)
            }
            _ => self.query(command),
        }
    }

    /// Request that sends `command`, and waits for an answer if there is a question mark in its first word, or if the
    /// device answers everything.
    ///
    /// # Errors
    /// If the dialect cannot express the command.
    pub fn request(&self, command: &[u8]) -> Result<Request, DialectError> {
        let word = command.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let has_framing = !matches!(self.framing, Framing::Text(_, Answer::Any));
        if word.contains(&b'?') || !has_framing {
            self.query(command)
        } else {
            self.send(command)
        }
    }

    /// Content of an answer, without its framing.
    #[must_use]
    pub fn payload<'a>(&self, answer: &'a [u8]) -> &'a [u8] {
        match &self.framing {
            Framing::Text(_, kind) => kind.until().payload(answer),
            Framing::Mnemonics => Until::delimiter("\r\n").payload(answer),
            Framing::Modbus => answer.get(modbus::HEAD..).unwrap_or(answer),
            Framing::Opcodes => answer,
        }
    }

    /// Settings for devices of this kind: the defaults, except for the needs of the dialect.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.adapt(Settings::default())
    }

    /// `settings` adapted to the needs of the dialect.
    #[must_use]
    pub fn adapt(&self, mut settings: Settings) -> Settings {
        let manners = &self.manners;
        settings.settle_time = settings.settle_time.max(manners.settle_time);
        settings.pace = settings.pace.max(manners.pace);
        settings.quiet_time = manners.quiet_time.unwrap_or(settings.quiet_time);
        settings.login = self.login();
        settings.events.clone_from(&manners.events);
        settings.telnet = manners.telnet != Telnet::Never;
        settings
    }

    /// Parts of the greeting and login.
    pub(super) fn login(&self) -> Vec<Login> {
        let end = match &self.framing {
            Framing::Text(end, _) => &end[..],
            _ => b"",
        };
        let part = |(prompt, reply): &(Vec<u8>, Option<Vec<u8>>)| Login {
            prompt: prompt.clone(),
            reply: reply
                .as_ref()
                .map_or_else(Vec::new, |reply| [reply, end].concat()),
        };
        self.manners.login.iter().map(part).collect()
    }

    /// Whether messages and answers are text.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self.framing, Framing::Text(..) | Framing::Mnemonics)
    }

    fn frame(&self, command: &[u8]) -> Result<Vec<u8>, DialectError> {
        let end = match &self.framing {
            Framing::Text(end, _) if end.is_empty() => return Ok(command.to_owned()),
            Framing::Text(end, _) => end,
            Framing::Mnemonics => &b"\r\n"[..],
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
        Ok([command, end].concat())
    }
}

impl Answer {
    fn until(&self) -> Until {
        match self {
            Self::Any => Until::Any,
            Self::Lines { end, count, blocks } => Until::Lines(Lines {
                end: end.to_vec(),
                count: *count,
                blocks: *blocks,
            }),
            Self::Prompt(prompt, refusal) => Until::Prompt(vec![prompt.to_vec(), refusal.to_vec()]),
            Self::Silence => Until::Silence,
            Self::Length(length) => Until::Length(*length),
            Self::Prefix(prefix) => Until::LengthPrefix(*prefix),
        }
    }

    /// End of a line that the device sends, if messages end with `end`.
    fn line_end<'a>(&'a self, end: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Lines { end, .. } => end,
            // After the prompt, most devices go on with CR LF.
            Self::Prompt(..) => b"\n",
            _ if end.is_empty() => b"\n",
            _ => end,
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
    #[error("the command has the wrong length for its kind")]
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
    use labwire_session::framing::lines::Progress;

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
                let prefixes = (0..message.len())
                    .map(|count| dialect.find_message(&message[..count], &mut Progress::default()));
                let is_raw = dialect.name == "raw";
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
                    let found = step.until.unwrap().find(&answer, &mut Progress::default());
                    assert!(found.is_some_and(|end| end <= answer.len()));
                    assert_eq!(dialect.payload(&answer), b"0,1.0E-3", "{}", dialect.name);
                }
            }
        }
    }
}
