//! Requests as a script for INSPECT's own Python.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use labwire_core::python_json::{Value, repr};
use labwire_core::zeiss::{Outcome, Request};

use super::ImportLimits;
use super::source::Source;
use crate::durable::DurableFolder;
use crate::warn_sampled;

const HEAD: &str = "\
# Written by labwire: what clients asked for. To be run inside ZEISS INSPECT.
import gom
";

/// Python script that carries out requests inside INSPECT. Each request that names a readable file appends
/// its commands; a crash leaves either none or all of them.
#[derive(Clone, Debug)]
pub struct Script {
    folder: DurableFolder,
    name: PathBuf,
    limits: ImportLimits,
}

impl Script {
    /// Opens a script for appending, or creates one.
    ///
    /// # Errors
    /// If its folder is not writable.
    pub fn open(path: &Path, limits: ImportLimits) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        Ok(Self {
            folder: DurableFolder::open(parent.unwrap_or(Path::new(".")))?,
            name: name.into(),
            limits,
        })
    }

    /// Appends a request. Blocks. The reason for a failure is logged.
    pub fn import(&self, request: &Request) -> Outcome {
        if Source::open(request.file(), &self.limits.root).is_none() {
            return Outcome::Unreadable;
        }
        let Some(commands) = commands(request) else {
            warn_sampled!(?request, "cannot be a command of INSPECT");
            return Outcome::Failed;
        };
        match self.append(&commands) {
            Ok(()) => Outcome::Imported,
            Err(error) => {
                warn_sampled!(%error, "cannot write the script");
                Outcome::Failed
            }
        }
    }

    fn append(&self, commands: &str) -> io::Result<()> {
        let locked = self.folder.lock()?;
        let mut text = match fs::read_to_string(self.folder.path(&self.name)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => HEAD.to_owned(),
            Err(error) => return Err(error),
        };
        text.push('\n');
        text.push_str(commands);
        self.folder.replace(&locked, &self.name, text.as_bytes())
    }
}

/// Commands of upstream's `decodeMessage`. Parameters must be texts or finite numbers: only these are Python
/// literals that INSPECT accepts.
fn commands(request: &Request) -> Option<String> {
    let literal = |value: &Value| match value {
        Value::Text(text) => text.as_str().map(|_| repr(value)),
        Value::Int(_) => Some(repr(value)),
        Value::Float(number) => number.is_finite().then(|| repr(value)),
        _ => None,
    };
    Some(match request {
        Request::Image {
            file,
            name,
            focal_length,
        } => {
            let (file, name, focal_length) = (literal(file)?, literal(name)?, literal(focal_length)?);
            format!(
                "\
try:
    gom.app.project.measurement_series[{name}]
except gom.RequestError:
    gom.script.sys.create_measurement_series_for_other_images(camera_focal_length={focal_length}, name={name})
gom.script.sys.import_other_images(
    image_files=[gom.File({file})], measurement_series=gom.app.project.measurement_series[{name}])
"
            )
        }
        Request::Elements { file, import_mode } => {
            let (file, import_mode) = (literal(file)?, literal(import_mode)?);
            format!(
                "gom.script.sys.import_gom_inspection_exchange(files=[{file}], import_mode={import_mode})\n"
            )
        }
    })
}
