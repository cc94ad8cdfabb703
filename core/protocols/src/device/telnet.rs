//! Negotiation of telnet options, all of which are refused (RFC 854).

use alloc::vec::Vec;

const SE: u8 = 240;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
const IAC: u8 = 255;

/// Opening of a telnet server, for emulators: request of a terminal type and offer of an echo.
pub(super) const OFFERS: &[u8] = &[IAC, DO, 24, IAC, WILL, 1];

/// Number of bytes of refusals that may wait, beyond which offers are ignored.
const MOST_WAITING: usize = 4 << 10;

/// Filter of a connection's input: takes the negotiation out of it and refuses whatever is offered or requested.
#[derive(Debug, Default)]
pub(super) struct Telnet {
    state: State,
    /// Whether the connection speaks telnet; decided by its first two bytes.
    is_active: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    Command,
    /// After DO, DONT, WILL or WONT.
    Option(u8),
    Subnegotiation,
    /// After IAC in a subnegotiation.
    SubnegotiationCommand,
}

impl Telnet {
    /// Filter of a connection that is known to speak telnet.
    pub(super) fn spoken() -> Self {
        Self {
            is_active: Some(true),
            ..Self::default()
        }
    }

    /// Data in `input`; refusals are appended to `replies`. A connection that does not begin with an offer or a request does
    /// not speak telnet, so that any byte may be data.
    pub(super) fn filter(&mut self, input: &[u8], replies: &mut Vec<u8>) -> Vec<u8> {
        let mut data = Vec::with_capacity(input.len() + 1);
        for (index, &byte) in input.iter().enumerate() {
            if !self.speaks_telnet(byte) {
                if self.state == State::Command {
                    // It was data.
                    self.state = State::Data;
                    data.push(IAC);
                }
                data.extend_from_slice(&input[index..]);
                return data;
            }
            self.state = match (self.state, byte) {
                (State::Data, IAC) => State::Command,
                (State::Data, byte) => {
                    data.push(byte);
                    State::Data
                }
                (State::Command, IAC) => {
                    data.push(IAC);
                    State::Data
                }
                (State::Command, WILL | WONT | DO | DONT) => State::Option(byte),
                (State::Command, SB) => State::Subnegotiation,
                (State::Command, _) => State::Data,
                (State::Option(command), option) => {
                    match command {
                        _ if replies.len() > MOST_WAITING => {}
                        DO => replies.extend([IAC, WONT, option]),
                        WILL => replies.extend([IAC, DONT, option]),
                        _ => {}
                    }
                    State::Data
                }
                (State::Subnegotiation, IAC) => State::SubnegotiationCommand,
                (State::Subnegotiation, _) => State::Subnegotiation,
                (State::SubnegotiationCommand, SE) => State::Data,
                (State::SubnegotiationCommand, _) => State::Subnegotiation,
            };
        }
        data
    }

    /// Whether the connection speaks telnet, as far as this is known with the next byte.
    fn speaks_telnet(&mut self, byte: u8) -> bool {
        match (self.is_active, self.state) {
            (Some(is_active), _) => is_active,
            (None, State::Data) if byte == IAC => true,
            (None, state) => {
                let is_active = state == State::Command && matches!(byte, WILL | DO | SB);
                *self.is_active.insert(is_active)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(stream: &[u8], piece: usize) -> (Vec<u8>, Vec<u8>) {
        let (mut telnet, mut data, mut replies) = (Telnet::default(), Vec::new(), Vec::new());
        for piece in stream.chunks(piece) {
            data.extend(telnet.filter(piece, &mut replies));
        }
        (data, replies)
    }

    #[test]
    fn offers_are_refused_and_data_kept() {
        let stream =
            b"\xff\xfd\x18\xff\xfb\x03lo\xff\xffgin\xff\xfa\x18\x01\xff\xff\xff\xf0: \xff\xf1\xff\xfe\x01";
        for piece in 1..=stream.len() {
            let (data, replies) = filtered(stream, piece);
            assert_eq!(data, b"lo\xffgin: ");
            assert_eq!(replies, b"\xff\xfc\x18\xff\xfe\x03");
        }
        assert_eq!(filtered(OFFERS, 1).1, b"\xff\xfc\x18\xff\xfe\x01");
    }

    #[test]
    fn other_connections_are_left_alone() {
        let streams: [&[u8]; 4] = [
            b"#13\xff\xfd\x18\n",
            b"\xff\xffab\xff\xfd\x18",
            b"\xff\xfe1\x00\xff\xfb\x01",
            b"\xff\n",
        ];
        for stream in streams {
            for piece in 1..=stream.len() {
                assert_eq!(filtered(stream, piece), (stream.to_vec(), Vec::new()));
            }
        }
    }
}
