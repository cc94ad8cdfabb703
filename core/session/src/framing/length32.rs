//! Runs of bytes after a 32-bit big-endian length.

use alloc::vec::Vec;

use super::{FrameError, Framing};

/// Number of bytes of the length.
const HEAD: usize = 4;

/// Largest allocation for a run of which nothing has arrived.
const FIRST_ALLOCATION: usize = 64 << 10;
/// Largest ratio of allocated to received bytes.
const GROWTH: usize = 8;

/// The run is longer than a 32-bit length can express.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes do not fit a 32-bit length")]
#[expect(clippy::exhaustive_structs, reason = "a number")]
pub struct TooLong(pub usize);

/// Framing of messages preceded by their length.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name")]
pub struct Length32;

impl Framing for Length32 {
    fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        Ok(length_at(bytes, 0).map(|length| length.saturating_add(HEAD)))
    }

    fn envelope(&self) -> (usize, usize) {
        (HEAD, 0)
    }
}

/// Appends `length` as 4 bytes, big-endian.
///
/// # Errors
/// If `length` exceeds 32 bits.
pub fn put_length(output: &mut Vec<u8>, length: usize) -> Result<(), TooLong> {
    let length = u32::try_from(length).map_err(|_| TooLong(length))?;
    output.extend_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Appends `bytes`, preceded by their length.
///
/// # Errors
/// If `bytes` is longer than 32 bits can express.
pub fn put(output: &mut Vec<u8>, bytes: &[u8]) -> Result<(), TooLong> {
    put_length(output, bytes.len())?;
    output.extend_from_slice(bytes);
    Ok(())
}

/// Number at `offset` of `bytes`, if all its 4 bytes are there.
#[must_use]
pub fn length_at(bytes: &[u8], offset: usize) -> Option<usize> {
    let bytes = bytes.get(offset..)?.first_chunk::<4>()?;
    // A length beyond the address space is treated as the largest one: no limit admits either.
    Some(usize::try_from(u32::from_be_bytes(*bytes)).unwrap_or(usize::MAX))
}

/// Run of known length that arrives piece by piece.
///
/// The allocation follows the bytes that have arrived (at most eight times as much, never more than the length), so
/// that a length without its bytes costs nothing; growing copies a seventh of the bytes a second time.
#[derive(Debug)]
pub struct Run {
    length: usize,
    bytes: Vec<u8>,
}

impl Run {
    /// Creates a run of `length` bytes. The caller has checked `length` against its limit.
    #[must_use]
    pub fn new(length: usize) -> Self {
        Self {
            length,
            bytes: Vec::with_capacity(length.min(FIRST_ALLOCATION)),
        }
    }

    /// Moves bytes from the front of `input`. Returns whether the run is complete.
    pub fn fill(&mut self, input: &mut &[u8]) -> bool {
        let count = input.len().min(self.length - self.bytes.len());
        let (taken, rest) = input.split_at(count);
        *input = rest;
        let arrived = self.bytes.len() + count;
        if arrived > self.bytes.capacity() {
            // Computed from the end, so that the last step, which copies most, begins at an eighth of the length.
            let mut capacity = self.length;
            while capacity / GROWTH >= arrived {
                capacity /= GROWTH;
            }
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(taken);
        arrived == self.length
    }

    /// Bytes received so far.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    #[test]
    fn lengths_are_big_endian() {
        let mut output = Vec::new();
        put(&mut output, b"Done").unwrap();
        assert_eq!(output, b"\0\0\0\x04Done");
        assert_eq!(length_at(&output, 0), Some(4));
        assert_eq!(length_at(&output, 5), None);
        assert_eq!(length_at(&output, 9), None);
    }

    #[test]
    fn a_run_takes_its_bytes_and_no_more() {
        let mut run = Run::new(5);
        let mut input = &b"abc"[..];
        assert!(!run.fill(&mut input));
        input = b"defgh";
        assert!(run.fill(&mut input));
        assert_eq!((input, run.into_bytes()), (&b"fgh"[..], b"abcde".to_vec()));
        assert!(Run::new(0).fill(&mut &b""[..]));
    }

    #[test]
    fn memory_follows_what_has_arrived() {
        let length = 1 << 30;
        let mut run = Run::new(length);
        assert!(run.bytes.capacity() <= FIRST_ALLOCATION);
        let piece = vec![1; 10_000];
        for _ in 0..100 {
            run.fill(&mut &piece[..]);
            assert!(run.bytes.capacity() <= FIRST_ALLOCATION.max(run.bytes.len() * GROWTH));
        }
    }

    #[test]
    fn growing_copies_little() {
        for length in [100_000, 1 << 20, (1 << 20) + 1, 9_000_000] {
            let mut run = Run::new(length);
            let piece = vec![1; 10_000];
            let mut copied = 0;
            loop {
                let (before, capacity) = (run.bytes.len(), run.bytes.capacity());
                let is_complete = run.fill(&mut &piece[..]);
                if run.bytes.capacity() != capacity {
                    copied += before;
                }
                if is_complete {
                    break;
                }
            }
            assert!(
                copied <= FIRST_ALLOCATION + length / (GROWTH - 1),
                "{copied} of {length}"
            );
        }
    }
}
