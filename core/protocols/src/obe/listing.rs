//! Lists of numbers and of measurements as long texts.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use labwire_python_json::write_float;
use labwire_session::{Place, Text};

/// Rows of numbers, of equal length.
pub trait Rows: fmt::Debug + Send + Sync {
    /// Number of rows.
    fn count(&self) -> usize;

    /// Length of each row.
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

/// List of numbers, or list of rows of numbers.
#[derive(Clone, Debug)]
pub struct Listing {
    rows: Arc<dyn Rows>,
    /// A single row that is not in a list of rows.
    is_flat: bool,
}

/// Number of numbers that are written at a time.
const BLOCK: usize = 1024;

impl Listing {
    /// List of rows.
    #[must_use]
    pub fn table(rows: impl Rows + 'static) -> Self {
        let rows = Arc::new(rows);
        Self { rows, is_flat: false }
    }

    /// List of numbers.
    #[must_use]
    pub fn numbers(numbers: Vec<f64>) -> Self {
        let rows = Arc::new(numbers);
        Self { rows, is_flat: true }
    }
}

impl Text for Listing {
    fn write(&self, place: &mut Place, text: &mut String) -> bool {
        let (rows, length) = (self.rows.count(), self.rows.length());
        let Place { part: row, offset } = *place;
        if row == 0 && offset == 0 && !self.is_flat {
            text.push('[');
        }
        if row < rows {
            if offset == 0 {
                text.push_str(if row == 0 { "[" } else { ", [" });
            }
            let mut block = [0.0; BLOCK];
            let block = &mut block[..BLOCK.min(length - offset)];
            self.rows.read(row, offset, block);
            write_numbers(text, block, offset > 0);
            place.offset += block.len();
            if place.offset < length {
                return true;
            }
            text.push(']');
            (place.part, place.offset) = (row + 1, 0);
        }
        let has_more = place.part < rows;
        if !has_more && !self.is_flat {
            text.push(']');
        }
        has_more
    }
}

fn write_numbers(text: &mut String, numbers: &[f64], is_continued: bool) {
    for (index, number) in numbers.iter().enumerate() {
        if index > 0 || is_continued {
            text.push_str(", ");
        }
        write_float(text, *number);
    }
}

/// Measurements as a list of objects: `{"x": [...], "y": [...], "s": [...]}`, `s` null if none was reported.
#[derive(Clone, Debug, Default)]
pub struct Records {
    numbers: Vec<f64>,
    /// End of each list of numbers, three per measurement.
    ends: Vec<usize>,
}

impl Records {
    /// Adds a measurement.
    pub fn push(&mut self, x: &[f64], y: &[f64], s: Option<&[f64]>) {
        for list in [x, y, s.unwrap_or_default()] {
            self.numbers.extend_from_slice(list);
            self.ends.push(self.numbers.len());
        }
    }
}

impl Text for Records {
    fn write(&self, place: &mut Place, text: &mut String) -> bool {
        let lists = self.ends.get(place.part * 3..).unwrap_or_default();
        let mut start = match place.part {
            0 => 0,
            part => self.ends[part * 3 - 1],
        };
        text.push_str(if place.part == 0 { "[" } else { ", " });
        for (name, end) in ["{\"x\": ", ", \"y\": ", ", \"s\": "].into_iter().zip(lists) {
            text.push_str(name);
            match &self.numbers[start..*end] {
                [] if name.contains('s') => text.push_str("null"),
                numbers => {
                    text.push('[');
                    write_numbers(text, numbers, false);
                    text.push(']');
                }
            }
            start = *end;
        }
        if !lists.is_empty() {
            text.push('}');
            place.part += 1;
        }
        let has_more = place.part * 3 < self.ends.len();
        if !has_more {
            text.push(']');
        }
        has_more
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use labwire_python_json::{Object, Value, dumps};
    use labwire_session::LongText;

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
            let text = LongText::new(Listing::table(table));
            assert_eq!(text.text(), dumps(&Value::List(values)), "{rows} of {length}");
            let numbers = row(&Table(1, length), 0);
            let text = LongText::new(Listing::numbers(numbers.clone()));
            assert_eq!(text.text(), dumps(&numbers.into()), "{length} numbers");
        }
    }

    #[test]
    fn records_are_objects() {
        let measurements = [
            (alloc::vec![0.5, 1e300], alloc::vec![1.0], None),
            (alloc::vec![0.25], alloc::vec![-1.0, 2.0], Some(alloc::vec![0.1])),
        ];
        for count in 0..=2 {
            let (mut records, mut values) = (Records::default(), Vec::new());
            for (x, y, s) in &measurements[..count] {
                records.push(x, y, s.as_deref());
                let mut value = Object::new();
                value.insert("x", x.clone());
                value.insert("y", y.clone());
                value.insert("s", s.clone().map_or(Value::Null, Value::from));
                values.push(Value::from(value));
            }
            assert_eq!(LongText::new(records).text(), dumps(&Value::List(values)));
        }
    }
}
