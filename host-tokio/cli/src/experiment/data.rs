//! Files of measurements.

use std::path::Path;

use labwire_core::design::{Experiment, Measurement};
use labwire_host::measurements::{TableError, from_csv};

use crate::common::read_file;
use crate::failure::{self, Failure, did_you_mean};

/// Reads the measurements of a file.
pub(crate) fn read(path: &Path, experiment: &Experiment) -> Result<Vec<Measurement>, Failure> {
    from_csv(&read_file(path)?, experiment).map_err(|error| {
        let failure = Failure::new(failure::DATA, format!("{}: {error}", path.display()));
        match &error {
            TableError::MissingColumn { column, columns } => {
                failure.hint(did_you_mean(column, columns.iter().map(String::as_str)))
            }
            _ => failure,
        }
    })
}
