//! Receive buffer of all protocols with framed messages.

use alloc::vec::Vec;

use super::{FrameError, Framing};

/// Capacity that an empty buffer keeps.
const KEPT: usize = 4 << 10;

/// Reader that collects bytes in pieces of any size, and returns whole messages.
///
/// However the bytes are cut, every byte is searched once and moved once on average. The buffer holds the bytes that were
/// not returned yet: a session that stops taking input while the reader [is full](FrameReader::is_full) bounds it to the
/// limit `message-bytes`, the envelope of a message and one input.
#[derive(Debug)]
pub struct FrameReader<F> {
    framing: F,
    /// Longest message, without its envelope.
    limit: usize,
    buffer: Vec<u8>,
    /// Start of the current frame; everything before it has been returned.
    start: usize,
    /// Number of bytes of the current frame that the framing has searched for its end.
    searched: usize,
    /// Length of the current frame, once it is known.
    length: Option<usize>,
    /// Error after which the bytes cannot be divided any further.
    error: Option<FrameError>,
}

impl<F: Framing> FrameReader<F> {
    /// Creates a reader of messages of at most `limit` bytes, not counting envelopes.
    pub fn new(framing: F, limit: usize) -> Self {
        Self {
            framing,
            limit,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            length: None,
            error: None,
        }
    }

    /// Appends received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        // No more bytes are moved than were returned, so that moving costs no more than receiving.
        if self.start > self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        // Steps of four leave fewer holes in the heap than steps of two, where many messages grow beside each other.
        let needed = self.buffer.len() + bytes.len();
        if needed > self.buffer.capacity() {
            let longest = self.limit.saturating_add(KEPT);
            let aim = self.buffer.capacity().saturating_mul(4).min(longest).max(needed);
            self.buffer.reserve_exact(aim - self.buffer.len());
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Parses the next message, if it is complete.
    ///
    /// # Errors
    /// If the bytes are not a frame, or its message is too long. The reader then always returns this error.
    pub fn poll_message<T>(&mut self, parse: impl FnOnce(&[u8]) -> T) -> Result<Option<T>, FrameError> {
        let Some(length) = self.find()? else {
            return Ok(None);
        };
        let (head, tail) = self.framing.envelope();
        let message = self.start + head..(self.start + length).saturating_sub(tail);
        let parsed = parse(self.buffer.get(message).unwrap_or_default());
        self.consume(length);
        Ok(Some(parsed))
    }

    /// Length of the next message, if it is complete.
    ///
    /// # Errors
    /// As [`poll_message`](FrameReader::poll_message).
    pub fn next_length(&mut self) -> Result<Option<usize>, FrameError> {
        let (head, tail) = self.framing.envelope();
        let length = self.find()?;
        Ok(length.map(|length| length.saturating_sub(head + tail)))
    }

    /// Number of bytes that the buffer takes while there are any in it.
    pub fn held(&self) -> usize {
        match self.buffer.is_empty() {
            true => 0,
            false => self.buffer.capacity(),
        }
    }

    /// Bytes not returned yet.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Discards the bytes not returned yet.
    pub fn clear(&mut self) {
        self.consume(self.rest().len());
    }

    /// Whether all bytes have been returned.
    pub fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// Whether more bytes are waiting than the longest message has.
    pub fn is_full(&self) -> bool {
        self.rest().len() > self.limit
    }

    /// Whether the current frame has begun and is incomplete.
    pub fn is_inside(&self) -> bool {
        self.searched > 0 || self.length.is_some()
    }

    /// Drops bytes at the start of those not returned yet, between messages.
    pub fn discard(&mut self, count: usize) {
        self.consume(count.min(self.rest().len()));
    }

    /// The framing.
    pub fn framing(&self) -> &F {
        &self.framing
    }

    /// The framing.
    pub fn framing_mut(&mut self) -> &mut F {
        &mut self.framing
    }

    /// Changes the framing of the bytes not returned yet, and of all further ones.
    pub fn restart(&mut self, framing: F) {
        self.framing = framing;
        (self.searched, self.length, self.error) = (0, None, None);
    }

    /// Length of the current frame, once it is complete.
    fn find(&mut self) -> Result<Option<usize>, FrameError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.length.is_none() {
            self.length = self.search().inspect_err(|&error| self.error = Some(error))?;
        }
        Ok(self.length.filter(|&length| length <= self.rest().len()))
    }

    fn search(&mut self) -> Result<Option<usize>, FrameError> {
        if self.searched == 0 {
            let gap = self.framing.gap(self.rest());
            self.skip(gap);
        }
        let (head, tail) = self.framing.envelope();
        let frame = &self.buffer[self.start..];
        if self.searched == frame.len() && self.searched > 0 {
            return Ok(None);
        }
        // One byte more than allowed distinguishes a message that ends there from a longer one.
        let most = self.limit.saturating_add(head + tail).saturating_add(1);
        let seen = frame.len().min(most);
        let too_long = Err(FrameError::TooLong(self.limit));
        match self.framing.find(&frame[..seen]) {
            Ok(Some(length)) if length.saturating_sub(head + tail) > self.limit => too_long,
            Ok(None) if seen.saturating_sub(head) > self.limit => too_long,
            Err(FrameError::Malformed(at) | FrameError::InvalidUtf8(at)) if at >= self.limit => too_long,
            Ok(None) => {
                self.searched = seen;
                Ok(None)
            }
            found => found,
        }
    }

    /// Removes a frame that was returned.
    fn consume(&mut self, length: usize) {
        self.skip(length);
        (self.searched, self.length) = (0, None);
    }

    fn skip(&mut self, count: usize) {
        self.start += count;
        if self.start == self.buffer.len() {
            self.start = 0;
            self.buffer.clear();
            // An idle connection does not keep the buffer of a long message.
            if self.buffer.capacity() > KEPT {
                self.buffer = Vec::new();
            }
        }
    }
}

#[cfg(feature = "framings")]
#[cfg(test)]
mod tests {
    use super::super::until::{Search, Until};
    use super::*;

    #[test]
    fn moving_costs_no_more_than_arriving_and_memory_follows_what_waits() {
        let mut reader = FrameReader::new(Search::new(Until::delimiter("\n")), 1000);
        let (mut arrived, mut moved) = (0, 0);
        for _ in 0..10_000 {
            while !reader.is_full() {
                let before = reader.start;
                reader.push(b"0123456\n");
                arrived += 8;
                if reader.start < before {
                    moved += reader.rest().len();
                }
                assert!(reader.buffer.len() <= 2 * 1008);
            }
            assert_eq!(reader.poll_message(<[u8]>::len), Ok(Some(8)));
        }
        assert!(0 < moved && moved <= arrived, "{moved} of {arrived}");
        while reader.poll_message(<[u8]>::len) == Ok(Some(8)) {}
        reader.push(&[0; KEPT + 1]);
        reader.clear();
        assert!(reader.is_empty() && reader.buffer.capacity() == 0);
    }
}
