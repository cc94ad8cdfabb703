//! Device side of a dialect, for emulators.

use alloc::vec::Vec;

use labwire_session::framing::lines::Progress;
use labwire_session::framing::until::Until;

use super::{
    ACKNOWLEDGED, Answer, Dialect, ENQUIRY, Framing, MODBUS_HEAD, REFUSED, Telnet, modbus_frame, opcode,
};
use crate::device::modbus;
use crate::device::telnet::OFFERS;

impl Dialect {
    /// Length of the first message in `bytes`, with its framing; `None` if more bytes are needed. `progress` as in
    /// [`Until::find`].
    pub(in crate::device) fn find_message(&self, bytes: &[u8], progress: &mut Progress) -> Option<usize> {
        let until = match &self.framing {
            Framing::Text(end, _) => Until::delimiter(&end[..]),
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
        until.find(bytes, progress)
    }

    /// Message without its framing.
    #[must_use]
    pub fn command<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        match &self.framing {
            Framing::Text(end, _) if end.is_empty() => message,
            Framing::Opcodes => message,
            Framing::Text(end, _) => message.strip_suffix(&end[..]).unwrap_or(message).trim_ascii(),
            Framing::Mnemonics => message.trim_ascii(),
            Framing::Modbus => message.get(modbus::HEAD..).unwrap_or_default(),
        }
    }

    /// Answer to `message` with the value `value`.
    #[must_use]
    pub fn value(&self, message: &[u8], value: &[u8]) -> Vec<u8> {
        match &self.framing {
            Framing::Text(_, Answer::Lines { end, .. }) => [&self.echo(message), value, &end[..]].concat(),
            Framing::Text(_, Answer::Prompt(prompt, _)) => {
                [&self.echo(message), value, b"\r\n", &prompt[..]].concat()
            }
            Framing::Text(..) => [&self.echo(message), value].concat(),
            Framing::Opcodes => value.to_vec(),
            Framing::Mnemonics => [value, b"\r\n"].concat(),
            Framing::Modbus => {
                let head = message.get(..MODBUS_HEAD.len()).unwrap_or(&MODBUS_HEAD);
                let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
                [head, &length.to_be_bytes(), value].concat()
            }
        }
    }

    /// Answer to `message` that means "done", if there is one.
    #[must_use]
    pub fn done(&self, message: &[u8]) -> Vec<u8> {
        match &self.framing {
            Framing::Text(_, Answer::Prompt(prompt, _)) => [&self.echo(message), &prompt[..]].concat(),
            Framing::Text(..) if self.manners.acknowledges => self.value(message, b"OK"),
            Framing::Text(..) => self.echo(message),
            Framing::Mnemonics => [ACKNOWLEDGED, b'\r', b'\n'].into(),
            Framing::Modbus | Framing::Opcodes => Vec::new(),
        }
    }

    /// Answer to `message` that means refusal, if there is one.
    #[must_use]
    pub fn refusal(&self, message: &[u8]) -> Vec<u8> {
        match &self.framing {
            Framing::Text(_, Answer::Prompt(_, refusal)) if !refusal.is_empty() => {
                [&self.echo(message), &refusal[..]].concat()
            }
            Framing::Mnemonics => [REFUSED, b'\r', b'\n'].into(),
            _ => self.done(message),
        }
    }

    /// Greeting for a new client, before its login.
    #[must_use]
    pub fn greeting(&self) -> Vec<u8> {
        let offers = match self.manners.telnet {
            Telnet::Offered => OFFERS,
            Telnet::Never | Telnet::IfOffered => b"",
        };
        match &self.framing {
            Framing::Text(_, Answer::Prompt(prompt, _)) if self.manners.login.is_empty() => {
                [offers, &prompt[..]].concat()
            }
            _ => offers.to_vec(),
        }
    }

    /// Whether the device begins with telnet options.
    pub(in crate::device) fn offers_telnet(&self) -> bool {
        self.manners.telnet == Telnet::Offered
    }

    /// Message as the device returns it before its answer, if it does.
    fn echo(&self, message: &[u8]) -> Vec<u8> {
        match &self.framing {
            Framing::Text(end, answer) if self.manners.echoes => {
                [self.command(message), answer.line_end(end)].concat()
            }
            _ => Vec::new(),
        }
    }
}
