//! DataTables of numbers in files beside a text, for texts whose author may name files.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// DataTable of numbers.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct DataTable {
    /// Names of the columns; empty if the file has none.
    pub names: Vec<String>,
    /// Rows, of equal length.
    pub rows: Vec<Vec<f64>>,
}

impl DataTable {
    /// Creates a table; `names` may be empty.
    #[must_use]
    pub fn new(names: Vec<String>, rows: Vec<Vec<f64>>) -> Self {
        Self { names, rows }
    }
}

/// Reader of the tables that a text names: the host's, which looks beside the text, or none. A text from a socket or a page
/// has none: it must not read the files of the machine that solves it.
#[derive(Clone, Copy, Default)]
pub struct DataTables<'t>(Option<&'t Read<'t>>);

type Read<'t> = dyn Fn(&str) -> Result<DataTable, String> + 't;

impl<'t> DataTables<'t> {
    /// DataTables that `read` reads, by the name that the text has for the file; its error is shown at that place.
    #[must_use]
    pub fn new(read: &'t Read<'t>) -> Self {
        Self(Some(read))
    }

    /// Reads a table.
    ///
    /// # Errors
    /// The reason why it cannot be read, or that this text may not name files.
    pub fn read(&self, file: &str) -> Result<DataTable, String> {
        match self.0 {
            Some(read) => read(file),
            None => Err(String::from(
                "a file is read only for a problem that is named on the command line or in the configuration: write the numbers here",
            )),
        }
    }
}

impl fmt::Debug for DataTables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DataTables").field(&self.0.is_some()).finish()
    }
}
