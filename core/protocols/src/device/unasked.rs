//! Unsolicited input from a device.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Largest number of reports that wait; further ones are dropped.
const WAITING: usize = 64;

/// Events of a device, recognised by the beginnings of their lines, and other bytes that answer no request.
#[derive(Debug)]
pub(super) struct Unasked {
    starts: Vec<Vec<u8>>,
    reports: VecDeque<Vec<u8>>,
}

impl Unasked {
    pub(super) fn new(starts: Vec<Vec<u8>>) -> Self {
        Self {
            starts,
            reports: VecDeque::new(),
        }
    }

    pub(super) fn poll(&mut self) -> Option<Vec<u8>> {
        self.reports.pop_front()
    }

    /// Reports bytes without the ends of lines around them, if there are any.
    pub(super) fn report(&mut self, bytes: &[u8]) {
        let bytes = bytes.trim_ascii();
        if !is_residue(bytes) && self.reports.len() < WAITING {
            self.reports.push_back(bytes.to_vec());
        }
    }

    /// Whether `bytes` begin with an event, or may do so with more of them.
    pub(super) fn is_event(&self, bytes: &[u8]) -> bool {
        let line = without_residue(bytes);
        !line.is_empty()
            && self
                .starts
                .iter()
                .any(|start| !start.is_empty() && (line.starts_with(start) || start.starts_with(line)))
    }

    /// Length of the event that `bytes` begin with, once it is complete.
    pub(super) fn event(&self, bytes: &[u8]) -> Option<usize> {
        if !self.is_event(bytes) {
            return None;
        }
        let line = without_residue(bytes);
        let end = memchr::memchr2(b'\r', b'\n', line)?;
        Some(bytes.len() - line.len() + end + 1)
    }
}

/// Whether `bytes` can only be the remainder of a line end.
pub(super) fn is_residue(bytes: &[u8]) -> bool {
    without_residue(bytes).is_empty()
}

fn without_residue(bytes: &[u8]) -> &[u8] {
    let is_residue = |byte: &&u8| matches!(byte, b'\r' | b'\n' | 0 | b' ');
    &bytes[bytes.iter().take_while(is_residue).count()..]
}
