//! Long texts, which count before they exist: their length by a counting pass, their bytes in pieces as they are read.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::Source;

/// Text that is written in pieces, the same each time.
pub trait Text: fmt::Debug + Send + Sync {
    /// Appends the text after `place`, up to a few thousand bytes, and moves `place` behind it. Returns whether there is
    /// more.
    fn write(&self, place: &mut Place, text: &mut String) -> bool;
}

/// Place in a [`Text`], in units of its own. It begins with zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Place {
    /// Part of the text.
    pub part: usize,
    /// Place in that part.
    pub offset: usize,
}

/// Text whose length is known. Clones share it.
#[derive(Clone, Debug)]
pub struct LongText {
    text: Arc<dyn Text>,
    bytes: usize,
}

/// Counting pass over a [`Text`].
#[derive(Debug)]
pub struct Counting {
    text: Arc<dyn Text>,
    place: Place,
    bytes: usize,
    piece: String,
}

/// Length from which a piece is sent.
const PIECE: usize = 16 << 10;

impl LongText {
    /// Counts a text.
    #[must_use]
    pub fn new(text: impl Text + 'static) -> Self {
        let mut counting = Counting::new(text);
        loop {
            if let Some(counted) = counting.step(usize::MAX) {
                return counted;
            }
        }
    }

    /// Length of the text, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        let (mut text, mut place) = (String::with_capacity(self.bytes), Place::default());
        while self.text.write(&mut place, &mut text) {}
        text
    }

    /// The text, in pieces.
    #[must_use]
    pub fn source(self) -> impl Source + 'static {
        Pieces {
            text: self.text,
            place: Place::default(),
            remaining: self.bytes,
        }
    }
}

/// Equal texts are equal.
impl PartialEq for LongText {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.text() == other.text()
    }
}

impl Counting {
    /// Begins to count a text.
    #[must_use]
    pub fn new(text: impl Text + 'static) -> Self {
        Self {
            text: Arc::new(text),
            place: Place::default(),
            bytes: 0,
            piece: String::new(),
        }
    }

    /// Counts about `bytes` more. The text, once all are counted.
    pub fn step(&mut self, bytes: usize) -> Option<LongText> {
        let end = self.bytes.saturating_add(bytes);
        while self.bytes < end {
            self.piece.clear();
            let has_more = self.text.write(&mut self.place, &mut self.piece);
            self.bytes += self.piece.len();
            if !has_more {
                let (text, bytes) = (self.text.clone(), self.bytes);
                return Some(LongText { text, bytes });
            }
        }
        None
    }
}

#[derive(Debug)]
struct Pieces {
    text: Arc<dyn Text>,
    place: Place,
    remaining: usize,
}

impl Source for Pieces {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn produce(&mut self, piece: &mut Vec<u8>) {
        if self.remaining == 0 {
            return;
        }
        let mut text = String::new();
        while self.text.write(&mut self.place, &mut text) && text.len() < PIECE {}
        self.remaining = self.remaining.saturating_sub(text.len());
        piece.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    /// Numbers from 0 on, one a line.
    #[derive(Debug)]
    struct Lines(usize);

    impl Text for Lines {
        fn write(&self, place: &mut Place, text: &mut String) -> bool {
            text.push_str(&format!("{}\n", place.part));
            place.part += 1;
            place.part < self.0
        }
    }

    #[test]
    fn counting_and_reading_may_be_cut_anywhere() {
        let whole: String = (0..10_000).map(|line| format!("{line}\n")).collect();
        let (mut counting, mut steps) = (Counting::new(Lines(10_000)), 1);
        let counted = loop {
            match counting.step(1000) {
                Some(counted) => break counted,
                None => steps += 1,
            }
        };
        assert_eq!(
            (counted.bytes(), steps),
            (whole.len(), whole.len().div_ceil(1000))
        );
        assert_eq!(counted.text(), whole);
        assert_eq!(counted, LongText::new(Lines(10_000)));
        let (mut source, mut read) = (counted.source(), Vec::new());
        while source.remaining() > 0 {
            assert_eq!(source.remaining() + read.len(), whole.len());
            let before = read.len();
            source.produce(&mut read);
            assert!((1..=PIECE + 10).contains(&(read.len() - before)));
        }
        assert_eq!(read, whole.as_bytes());
    }
}
