//! Lists of numbers that are shared, counted, and written as they are read.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use labwire_python_json::write_float;
use labwire_session::Source;

/// Rows of numbers, of equal length.
pub trait Rows: fmt::Debug + Send + Sync {
    /// Number of rows.
    fn count(&self) -> usize;

    /// Number of numbers in each row.
    fn length(&self) -> usize;

    /// Copies the numbers of `row` from number `start` on.
    fn read(&self, row: usize, start: usize, numbers: &mut [f64]);
}

/// A single row.
impl Rows for Vec<f64> {
    fn count(&self) -> usize {
        1
    }

    fn length(&self) -> usize {
        self.len()
    }

    fn read(&self, _row: usize, start: usize, numbers: &mut [f64]) {
        numbers.copy_from_slice(&self[start..start + numbers.len()]);
    }
}

/// List of numbers, or list of rows of numbers, whose text is produced as the peer takes it. Clones share the numbers.
#[derive(Clone, Debug)]
pub struct Listing {
    rows: Arc<dyn Rows>,
    /// A single row that is not in a list of rows.
    is_flat: bool,
    bytes: usize,
}

/// Counting pass over the text of a [`Listing`].
#[derive(Debug)]
pub struct Counting {
    listing: Listing,
    writer: Writer,
    text: String,
}

/// Number of numbers that are written at a time.
const BLOCK: usize = 1024;

impl Listing {
    /// Counts the text of a list of rows.
    #[must_use]
    pub fn table(rows: Arc<dyn Rows>) -> Self {
        Self::count(Counting::table(rows))
    }

    /// Counts the text of a list of numbers.
    #[must_use]
    pub fn numbers(numbers: Vec<f64>) -> Self {
        Self::count(Counting::numbers(numbers))
    }

    /// Length of the text, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The whole text.
    pub(super) fn text(&self) -> String {
        let (mut text, mut writer) = (String::with_capacity(self.bytes), Writer::default());
        while writer.write(self, &mut text) {}
        text
    }

    /// The text, in pieces.
    pub(super) fn source(self) -> Text {
        Text {
            remaining: self.bytes,
            listing: self,
            writer: Writer::default(),
        }
    }

    fn count(mut counting: Counting) -> Self {
        loop {
            if let Some(listing) = counting.step(usize::MAX) {
                return listing;
            }
        }
    }
}

/// Listings of the same numbers are equal.
impl PartialEq for Listing {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.text() == other.text()
    }
}

impl Counting {
    /// Begins to count the text of a list of rows.
    #[must_use]
    pub fn table(rows: Arc<dyn Rows>) -> Self {
        Self::new(rows, false)
    }

    /// Begins to count the text of a list of numbers.
    #[must_use]
    pub fn numbers(numbers: Vec<f64>) -> Self {
        Self::new(Arc::new(numbers), true)
    }

    fn new(rows: Arc<dyn Rows>, is_flat: bool) -> Self {
        Self {
            listing: Listing {
                rows,
                is_flat,
                bytes: 0,
            },
            writer: Writer::default(),
            text: String::new(),
        }
    }

    /// Counts about `numbers` more numbers. The list once all are counted.
    pub fn step(&mut self, numbers: usize) -> Option<Listing> {
        for _ in 0..numbers.div_ceil(BLOCK) {
            self.text.clear();
            let has_more = self.writer.write(&self.listing, &mut self.text);
            self.listing.bytes += self.text.len();
            if !has_more {
                return Some(self.listing.clone());
            }
        }
        None
    }
}

/// Progress through a text.
#[derive(Debug, Default)]
struct Writer {
    row: usize,
    column: usize,
}

impl Writer {
    /// Appends the text of the next numbers of a row. Returns whether there are more.
    fn write(&mut self, listing: &Listing, text: &mut String) -> bool {
        let (rows, length) = (listing.rows.count(), listing.rows.length());
        if self.row == 0 && self.column == 0 && !listing.is_flat {
            text.push('[');
        }
        if self.row < rows {
            if self.column == 0 {
                text.push_str(if self.row == 0 { "[" } else { ", [" });
            }
            let mut block = [0.0; BLOCK];
            let block = &mut block[..BLOCK.min(length - self.column)];
            listing.rows.read(self.row, self.column, block);
            for (index, number) in block.iter().enumerate() {
                if self.column + index > 0 {
                    text.push_str(", ");
                }
                write_float(text, *number);
            }
            self.column += block.len();
            if self.column < length {
                return true;
            }
            text.push(']');
            (self.row, self.column) = (self.row + 1, 0);
        }
        let has_more = self.row < rows;
        if !has_more && !listing.is_flat {
            text.push(']');
        }
        has_more
    }
}

/// Text of a [`Listing`], in pieces.
#[derive(Debug)]
pub(super) struct Text {
    listing: Listing,
    writer: Writer,
    remaining: usize,
}

impl Source for Text {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn produce(&mut self, piece: &mut Vec<u8>) {
        if self.remaining == 0 {
            return;
        }
        let mut text = String::new();
        self.writer.write(&self.listing, &mut text);
        self.remaining = self.remaining.saturating_sub(text.len());
        piece.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use labwire_python_json::{Value, dumps};

    #[derive(Debug)]
    struct Table(usize, usize);

    impl Rows for Table {
        fn count(&self) -> usize {
            self.0
        }

        fn length(&self) -> usize {
            self.1
        }

        fn read(&self, row: usize, start: usize, numbers: &mut [f64]) {
            for (index, number) in numbers.iter_mut().enumerate() {
                *number = row as f64 - 0.1 * (start + index) as f64;
            }
        }
    }

    fn row(table: &Table, row: usize) -> Vec<f64> {
        let mut numbers = alloc::vec![0.0; table.1];
        table.read(row, 0, &mut numbers);
        numbers
    }

    /// Text by pieces, which must be what was counted.
    fn pieces(listing: Listing) -> Vec<u8> {
        let (bytes, mut source, mut text) = (listing.bytes(), listing.source(), Vec::new());
        while source.remaining() > 0 {
            assert_eq!(source.remaining() + text.len(), bytes);
            source.produce(&mut text);
        }
        assert_eq!(text.len(), bytes);
        text
    }

    #[test]
    fn the_text_is_that_of_the_values() {
        for (rows, length) in [
            (0, 0),
            (1, 0),
            (2, 0),
            (1, 1),
            (3, 2),
            (2, BLOCK),
            (3, 2 * BLOCK + 7),
        ] {
            let table = Table(rows, length);
            let values: Vec<Value> = (0..rows).map(|index| row(&table, index).into()).collect();
            let text = pieces(Listing::table(Arc::new(table)));
            assert_eq!(text, dumps(&Value::List(values)).as_bytes(), "{rows} of {length}");
            let numbers = row(&Table(1, length), 0);
            let text = pieces(Listing::numbers(numbers.clone()));
            assert_eq!(text, dumps(&numbers.into()).as_bytes(), "{length} numbers");
        }
    }

    #[test]
    fn counting_may_be_cut_anywhere() {
        let whole = Listing::table(Arc::new(Table(3, 5 * BLOCK)));
        let mut counting = Counting::table(Arc::new(Table(3, 5 * BLOCK)));
        let mut steps = 1;
        let counted = loop {
            match counting.step(BLOCK + 1) {
                Some(listing) => break listing,
                None => steps += 1,
            }
        };
        assert_eq!((counted.bytes(), steps), (whole.bytes(), 8));
        assert_eq!(counted, whole);
    }
}
