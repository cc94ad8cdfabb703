//! Boundaries of messages in the bytes of a WebSocket.

/// End of an HTTP head.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
/// Longest header of a frame.
const HEADER: usize = 14;

/// Reader of frame headers (RFC 6455, 5.2) that tells whether a message is incomplete. What is wrong with the bytes is
/// left to the WebSocket itself.
#[derive(Debug)]
pub(super) struct Watch {
    /// Number of bytes seen of the end of the handshake; all of them if it is over.
    head: usize,
    header: [u8; HEADER],
    /// Number of bytes of the current frame's header.
    header_len: usize,
    /// Number of bytes of the current frame's payload that are missing.
    missing: u64,
    /// Whether the current frame is a control frame, which may come inside a message.
    is_control: bool,
    is_final: bool,
    /// Whether frames of the current message are missing.
    is_fragmented: bool,
    held: usize,
}

impl Watch {
    /// Begins with the handshake, or with the first frame.
    pub(super) fn new(has_handshake: bool) -> Self {
        Self {
            head: if has_handshake { 0 } else { END_OF_HEAD.len() },
            header: [0; HEADER],
            header_len: 0,
            missing: 0,
            is_control: false,
            is_final: false,
            is_fragmented: false,
            held: 0,
        }
    }

    /// Takes the next bytes. Returns whether a message has ended in them.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> bool {
        while self.head < END_OF_HEAD.len() {
            let Some((byte, rest)) = bytes.split_first() else {
                return false;
            };
            bytes = rest;
            self.head = match *byte == END_OF_HEAD[self.head] {
                true => self.head + 1,
                false => usize::from(*byte == END_OF_HEAD[0]),
            };
        }
        let mut has_ended = false;
        while !bytes.is_empty() {
            if self.missing == 0 {
                self.header[self.header_len] = bytes[0];
                self.header_len += 1;
                self.held += 1;
                bytes = &bytes[1..];
                if let Some(length) = self.payload() {
                    self.begin(length);
                    has_ended |= self.end_if_complete();
                }
            } else {
                let count = bytes
                    .len()
                    .min(usize::try_from(self.missing).unwrap_or(usize::MAX));
                self.missing -= count as u64;
                self.held += count;
                bytes = &bytes[count..];
                has_ended |= self.end_if_complete();
            }
        }
        has_ended
    }

    /// Whether a message has begun and is incomplete.
    pub(super) fn is_inside(&self) -> bool {
        self.header_len > 0 || self.is_fragmented
    }

    /// Number of bytes of the incomplete message.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Length of the payload, once the header is complete.
    fn payload(&self) -> Option<u64> {
        let [_, second, ..] = self.header;
        let extended = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if self.header_len < 2 + extended + mask {
            return None;
        }
        let digits = &self.header[2..2 + extended];
        Some(match extended {
            0 => u64::from(second & 0x7f),
            _ => digits
                .iter()
                .fold(0, |length, digit| length << 8 | u64::from(*digit)),
        })
    }

    fn begin(&mut self, length: u64) {
        let first = self.header[0];
        self.missing = length;
        self.is_control = first & 0x08 != 0;
        self.is_final = first & 0x80 != 0;
    }

    /// Ends the frame if nothing of it is missing. Returns whether a message has ended with it.
    fn end_if_complete(&mut self) -> bool {
        if self.missing > 0 {
            return false;
        }
        self.header_len = 0;
        if !self.is_control {
            self.is_fragmented = !self.is_final;
        }
        if !self.is_fragmented {
            self.held = 0;
        }
        !self.is_control && self.is_final
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frame with this first byte.
    fn frame(first: u8, masked: bool, length: usize) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut bytes = vec![first];
        match length {
            0..126 => bytes.push(mask | length as u8),
            126..65536 => {
                bytes.push(mask | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(vec![0xab; if masked { 4 } else { 0 } + length]);
        bytes
    }

    #[test]
    fn every_cut_of_every_frame_is_inside_and_its_end_is_not() {
        for masked in [false, true] {
            for length in [0, 1, 125, 126, 300, 65535, 65536, 70_000] {
                let bytes = frame(0x82, masked, length);
                let mut watch = Watch::new(false);
                for (index, byte) in bytes.iter().enumerate() {
                    assert!(watch.is_inside() == (index > 0) && watch.held() == index);
                    let is_last = index + 1 == bytes.len();
                    assert_eq!(watch.feed(&[*byte]), is_last, "{index} of {length}");
                }
                assert!(!watch.is_inside() && watch.held() == 0);
                assert!(watch.feed(&bytes) && !watch.is_inside());
            }
        }
    }

    #[test]
    fn a_control_frame_does_not_end_a_message() {
        let mut watch = Watch::new(true);
        assert!(!watch.feed(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\r\n\r\n"));
        assert!(!watch.is_inside());
        let ping = frame(0x89, true, 5);
        assert!(!watch.feed(&ping) && !watch.is_inside() && watch.held() == 0);
        assert!(!watch.feed(&frame(0x01, true, 10)) && watch.is_inside());
        assert!(!watch.feed(&ping) && watch.is_inside() && watch.held() > 20);
        assert!(!watch.feed(&frame(0x00, true, 10)));
        assert!(watch.feed(&frame(0x80, true, 0)) && !watch.is_inside() && watch.held() == 0);
    }
}
