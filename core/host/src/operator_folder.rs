//! Files and programs beside an experiment file of the operator's.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use labwire_core::design::{Model, ModelProgram, Outside};

use crate::measurements::columns_from_csv;
use crate::program_model::ProgramModel;
use crate::text::text_of;

/// Longest file, in bytes.
const FILE_BYTES: u64 = 1 << 28;

/// Folder of an experiment file, from which the names in it are.
#[derive(Debug)]
pub struct OperatorFolder(PathBuf);

impl OperatorFolder {
    /// Folder of `experiment`, a file that the operator names.
    #[must_use]
    pub fn of(experiment: &Path) -> Self {
        Self(experiment.parent().map(Path::to_path_buf).unwrap_or_default())
    }
}

impl Outside for OperatorFolder {
    fn columns(&self, file: &str, names: &[String]) -> Result<Vec<Vec<f64>>, String> {
        let path = self.0.join(file);
        let text = read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        columns_from_csv(&text, names).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn program(&self, program: ModelProgram) -> Result<Box<dyn Model>, String> {
        Ok(Box::new(ProgramModel::new(program, &self.0)))
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let read = File::open(path)?.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
    match read as u64 > FILE_BYTES {
        true => Err(io::Error::other(format!("longer than {FILE_BYTES} bytes"))),
        false => text_of(bytes),
    }
}
