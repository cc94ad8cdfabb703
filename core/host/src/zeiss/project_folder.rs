//! Folder in place of INSPECT's project.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use labwire_core::python_json::{self, Value};
use labwire_core::zeiss::{ImportMode, Outcome, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::ImportLimits;
use super::source::Source;
use crate::durable::{DurableFolder, Locked, refuse_link};
use crate::platform::is_device;
use crate::text::text_of;
use crate::warn_sampled;

const PROJECT: &str = "project.json";
const SERIES: &str = "measurement_series";
const ELEMENTS: &str = "elements";
const VERSION: u32 = 1;
/// Longest folder or file name created here, in bytes. File systems take 255, which leaves room for a
/// number.
const NAME_BYTES: usize = 200;
/// Characters that names keep unescaped.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b' ');

/// A project as a folder:
///
/// ```text
/// project.json                    what was imported, in order: names, focal lengths, import modes
/// measurement_series/<name>/...   images
/// elements/...                    element files
/// ```
///
/// An import that was answered `O.k.` is complete on the disk. One that is killed on the way leaves
/// `project.json` unchanged; at most a copied file remains that it does not list, until the folder is opened
/// again. Several services and processes may share one folder. Symbolic links in it are not followed, and files
/// are readable by nobody who could not read their sources.
#[derive(Clone, Debug)]
pub struct ProjectFolder {
    folder: DurableFolder,
    limits: ImportLimits,
}

/// Error of a project folder or an import.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// `project.json` is malformed.
    #[error("{PROJECT}: {0}")]
    Malformed(#[from] serde_json::Error),
    /// `project.json` was written by a newer labwire.
    #[error("{PROJECT} has version {0}; this labwire knows version {VERSION}")]
    Version(u32),
    /// `project.json` names a file or a folder that would not be in the project.
    #[error("{PROJECT}: {0} is not the name of a file or a folder in the project")]
    FileName(String),
    /// There is no space for another file.
    #[error("the files of the project would exceed the limit project-bytes of {0} bytes")]
    Full(u64),
    /// The name of the measurement series is empty or not text.
    #[error("{0} is not a name for a measurement series")]
    SeriesName(String),
    /// A new series has no positive focal length.
    #[error("{0} is not a focal length in mm, expected a positive, finite number")]
    FocalLength(String),
    /// The import mode does not exist in INSPECT.
    #[error("{0} is not an import mode; expected 'clipboard' or 'new_stage'")]
    ImportMode(String),
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Project {
    version: u32,
    measurement_series: Vec<Series>,
    elements: Vec<Elements>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Series {
    name: String,
    focal_length_mm: f64,
    folder: String,
    images: Vec<Image>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Image {
    file: String,
    source: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Elements {
    file: String,
    source: String,
    import_mode: String,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl ProjectFolder {
    /// Opens or creates a project, and removes the remains of killed imports.
    ///
    /// # Errors
    /// If the folder is not writable, or its `project.json` is malformed.
    pub fn open(root: &Path, limits: ImportLimits) -> Result<Self, ProjectError> {
        let project = Self {
            folder: DurableFolder::open(root)?,
            limits,
        };
        let locked = project.folder.lock()?;
        let known = project.read()?;
        project
            .folder
            .forget_unfinished(&locked, |path| known.files().any(|file| file == path))?;
        Ok(project)
    }

    /// Carries out a request. Blocks. The reason for a failure is logged.
    pub fn import(&self, request: &Request) -> Outcome {
        let Some(source) = Source::open(request.file(), &self.limits.root) else {
            return Outcome::Unreadable;
        };
        let path = source.path.clone();
        let imported = match request {
            Request::Image {
                name, focal_length, ..
            } => self.import_image(source, name, focal_length),
            Request::Elements { import_mode, .. } => self.import_elements(source, import_mode),
        };
        match imported {
            Ok(file) => {
                tracing::debug!(source = path, file = %file.display(), "imported");
                Outcome::Imported
            }
            Err(error) => {
                warn_sampled!(source = path, %error, "cannot import");
                Outcome::Failed
            }
        }
    }

    fn import_image(
        &self,
        mut source: Source,
        name: &Value,
        focal_length: &Value,
    ) -> Result<PathBuf, ProjectError> {
        let file = self.folder.receive(&mut source.file, self.limits.file_bytes)?;
        let locked = self.folder.lock()?;
        let mut project = self.read()?;
        self.check_space(&project, &file)?;
        let series = project.series(name, focal_length)?;
        let folder = Path::new(SERIES).join(&series.folder);
        let path = self.keep(&locked, file, &folder, source.name(), series.images.len())?;
        series.images.push(Image {
            file: file_name(&path),
            source: source.path,
        });
        self.folder
            .replace(&locked, Path::new(PROJECT), &project.to_json()?)?;
        Ok(path)
    }

    fn import_elements(&self, mut source: Source, import_mode: &Value) -> Result<PathBuf, ProjectError> {
        let modes = [ImportMode::Clipboard, ImportMode::NewStage].map(ImportMode::as_str);
        let mode = modes.into_iter().find(|mode| import_mode.as_str() == Some(mode));
        let mode = mode.ok_or_else(|| ProjectError::ImportMode(python_json::repr(import_mode)))?;
        let file = self.folder.receive(&mut source.file, self.limits.file_bytes)?;
        let locked = self.folder.lock()?;
        let mut project = self.read()?;
        self.check_space(&project, &file)?;
        let (folder, count) = (Path::new(ELEMENTS), project.elements.len());
        let path = self.keep(&locked, file, folder, source.name(), count)?;
        project.elements.push(Elements {
            file: file_name(&path),
            source: source.path,
            import_mode: mode.to_owned(),
        });
        self.folder
            .replace(&locked, Path::new(PROJECT), &project.to_json()?)?;
        Ok(path)
    }

    /// Moves a copied file into `folder` under its own name, or with a number if that is taken; `count`
    /// files are there already.
    fn keep(
        &self,
        locked: &Locked,
        mut file: NamedTempFile,
        folder: &Path,
        name: &str,
        count: usize,
    ) -> io::Result<PathBuf> {
        self.folder.create_folder(folder)?;
        let name = component(name);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
        let dot = if extension.is_empty() { "" } else { "." };
        let mut path = folder.join(&name);
        let mut number = count;
        loop {
            match self.folder.keep(locked, file, &path) {
                Ok(()) => break,
                Err((error, back)) if error.kind() == io::ErrorKind::AlreadyExists => file = back,
                Err((error, _)) => return Err(error),
            }
            number += 1;
            path = folder.join(format!("{stem}-{number}{dot}{extension}"));
        }
        self.folder.sync(folder)?;
        Ok(path)
    }

    /// Checks that the project may grow by a file.
    fn check_space(&self, project: &Project, file: &NamedTempFile) -> Result<(), ProjectError> {
        let bytes = |path: PathBuf| fs::symlink_metadata(self.folder.path(path)).map_or(0, |file| file.len());
        let taken: u64 = project.files().map(bytes).sum();
        let limit = self.limits.project_bytes;
        match taken.saturating_add(file.as_file().metadata()?.len()) > limit {
            true => Err(ProjectError::Full(limit)),
            false => Ok(()),
        }
    }

    fn read(&self) -> Result<Project, ProjectError> {
        let path = self.folder.path(PROJECT);
        refuse_link(&path)?;
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Project::new()),
            Err(error) => return Err(error.into()),
        };
        let text =
            text_of(bytes).map_err(|error| io::Error::new(error.kind(), format!("{PROJECT}: {error}")))?;
        let Version { version } = serde_json::from_str(&text)?;
        if version != VERSION {
            return Err(ProjectError::Version(version));
        }
        let project: Project = serde_json::from_str(&text)?;
        project.check_names()?;
        Ok(project)
    }
}

impl Project {
    fn new() -> Self {
        Self {
            version: VERSION,
            measurement_series: Vec::new(),
            elements: Vec::new(),
        }
    }

    /// Paths of all imported files, below the project's folder.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let series = self.measurement_series.iter().flat_map(|series| {
            let folder = Path::new(SERIES).join(&series.folder);
            series.images.iter().map(move |image| folder.join(&image.file))
        });
        let elements = self.elements.iter();
        series.chain(elements.map(|elements| Path::new(ELEMENTS).join(&elements.file)))
    }

    /// Checks that no name leads out of the project: the folder may come from somebody else.
    fn check_names(&self) -> Result<(), ProjectError> {
        let of_series = self.measurement_series.iter().flat_map(|series| {
            let images = series.images.iter().map(|image| &image.file);
            images.chain([&series.folder])
        });
        let mut names = of_series.chain(self.elements.iter().map(|elements| &elements.file));
        let is_inside = |name: &&String| {
            !matches!(name.as_str(), "" | "." | "..") && !name.contains(['/', '\\', ':', '\0'])
        };
        match names.find(|name| !is_inside(name)) {
            Some(name) => Err(ProjectError::FileName(format!("{name:?}"))),
            None => Ok(()),
        }
    }

    fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// Series of that name; the focal length is used only for a new one.
    fn series(&mut self, name: &Value, focal_length: &Value) -> Result<&mut Series, ProjectError> {
        let name = name
            .as_str()
            .filter(|name| !name.is_empty())
            .ok_or_else(|| ProjectError::SeriesName(python_json::repr(name)))?;
        let known = self
            .measurement_series
            .iter()
            .position(|series| series.name == name);
        let index = match known {
            Some(index) => index,
            None => {
                let series = Series {
                    name: name.to_owned(),
                    focal_length_mm: millimetres(focal_length)?,
                    folder: self.free_folder(name),
                    images: Vec::new(),
                };
                self.measurement_series.push(series);
                self.measurement_series.len() - 1
            }
        };
        Ok(&mut self.measurement_series[index])
    }

    /// Folder name that no other series has, also on case-insensitive file systems.
    fn free_folder(&self, name: &str) -> String {
        let name = component(name);
        let is_free = |folder: &str| {
            let mut folders = self.measurement_series.iter().map(|series| &series.folder);
            !folders.any(|taken| taken.to_lowercase() == folder.to_lowercase())
        };
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        names.find(|folder| is_free(folder)).unwrap_or(name)
    }
}

/// Focal length from a number or a numeric text (upstream's client sends text).
fn millimetres(focal_length: &Value) -> Result<f64, ProjectError> {
    let number = match focal_length.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => focal_length.as_f64(),
    };
    number
        .filter(|number: &f64| *number > 0.0 && number.is_finite())
        .ok_or_else(|| ProjectError::FocalLength(python_json::repr(focal_length)))
}

/// Turns any text into one path component that is safe on every file system: percent-encoded, never `.` or
/// `..` or hidden, without trailing dots or spaces, not a device of Windows, and not too long.
fn component(text: &str) -> String {
    let mut name = String::new();
    for character in text.chars() {
        let mut buffer = [0; 4];
        let piece = utf8_percent_encode(character.encode_utf8(&mut buffer), KEPT).to_string();
        if name.len() + piece.len() > NAME_BYTES {
            break;
        }
        name.push_str(&piece);
    }
    if let Some(rest) = name.strip_prefix('.') {
        name = format!("%2E{rest}");
    }
    if is_device(&name) {
        let rest = name.split_off(1);
        name = format!("%{:02X}{rest}", name.as_bytes()[0]);
    }
    let last = match name.pop() {
        Some('.') => "%2E".to_owned(),
        Some(' ') => "%20".to_owned(),
        Some(other) => other.to_string(),
        None => "unnamed".to_owned(),
    };
    name + &last
}

/// File name of a path made by [`component`], which is ASCII.
fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_one_safe_component() {
        for (text, name) in [
            ("Default", "Default"),
            ("Series 1_a-b.c", "Series 1_a-b.c"),
            ("..", "%2E%2E"),
            (".", "%2E"),
            (".hidden", "%2Ehidden"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("a\\b:c", "a%5Cb%3Ac"),
            ("end. ", "end.%20"),
            ("end.", "end%2E"),
            ("µ", "%C2%B5"),
            ("a\0b", "a%00b"),
            ("100%", "100%25"),
            ("con", "%63on"),
            ("NUL.txt", "%4EUL.txt"),
            ("Com7", "%43om7"),
            ("com10", "com10"),
            ("console", "console"),
        ] {
            assert_eq!(component(text), name);
        }
        assert!(component(&"ä".repeat(500)).len() <= NAME_BYTES + 2);
    }
}
