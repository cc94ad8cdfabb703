//! Requests and their answers, in upstream's words.

use alloc::format;
use alloc::string::String;

use labwire_python_json::{self, Object, Value, dumps_unicode, parse};
use labwire_session::encoding::foreign_encoding;

/// Request to INSPECT. Upstream checks only that the parameters are present, so they may be any values.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a service has to answer every request")]
pub enum Request {
    /// Import an image into a measurement series.
    Image {
        /// Path of the image file.
        file: Value,
        /// Measurement series, created if it does not exist.
        name: Value,
        /// Focal length of the camera in mm, for a new series. Upstream's client sends text: `"50.0"`.
        focal_length: Value,
    },
    /// Import elements.
    Elements {
        /// Path of the elements file.
        file: Value,
        /// `"clipboard"` or `"new_stage"`.
        import_mode: Value,
    },
}

/// Destination of imported elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the wire has two names")]
pub enum ImportMode {
    /// Into the clipboard.
    Clipboard,
    /// Into a new stage.
    NewStage,
}

impl ImportMode {
    /// Name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clipboard => "clipboard",
            Self::NewStage => "new_stage",
        }
    }
}

/// Outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the wire has three outcomes")]
pub enum Outcome {
    /// The import succeeded.
    Imported,
    /// The file is not a readable regular file.
    Unreadable,
    /// The file was readable, but it could not be imported.
    Failed,
}

/// Input that a client refuses to send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInput {
    /// A file or a series has an empty name.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// The focal length is not a positive number.
    #[error("the focal length is {0} mm; it must be positive and finite")]
    FocalLength(String),
}

impl Request {
    /// Request to import an image into the series `name`; the focal length is in mm.
    ///
    /// # Errors
    /// If the input is invalid.
    pub fn image(file: &str, name: &str, focal_length: f64) -> Result<Self, InvalidInput> {
        let mut printed = String::new();
        labwire_python_json::write_float(&mut printed, focal_length);
        if !(focal_length > 0.0 && focal_length.is_finite()) {
            return Err(InvalidInput::FocalLength(printed));
        }
        Ok(Self::Image {
            file: not_empty("the file", file)?,
            name: not_empty("the measurement series", name)?,
            focal_length: printed.into(),
        })
    }

    /// Request to import elements.
    ///
    /// # Errors
    /// If the file name is empty.
    pub fn elements(file: &str, import_mode: ImportMode) -> Result<Self, InvalidInput> {
        Ok(Self::Elements {
            file: not_empty("the file", file)?,
            import_mode: import_mode.as_str().into(),
        })
    }

    /// Text of the request: JSON, escaped only where JSON requires it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let (name, parameters) = match self {
            Self::Image {
                file,
                name,
                focal_length,
            } => (
                "image",
                Object::from_iter([
                    ("file", file.clone()),
                    ("name", name.clone()),
                    ("focal_length", focal_length.clone()),
                ]),
            ),
            Self::Elements { file, import_mode } => (
                "elements",
                Object::from_iter([("file", file.clone()), ("import_mode", import_mode.clone())]),
            ),
        };
        dumps_unicode(&Object::from_iter([(name, parameters)]).into())
    }

    /// Path of the file to import.
    #[must_use]
    pub fn file(&self) -> &Value {
        match self {
            Self::Image { file, .. } | Self::Elements { file, .. } => file,
        }
    }

    /// Answer, without the CR LF that ends it over TCP.
    #[must_use]
    pub fn answer(&self, outcome: Outcome) -> String {
        let file = labwire_python_json::str(self.file());
        match (outcome, self) {
            (Outcome::Imported, _) => "O.k.".into(),
            (Outcome::Unreadable, Self::Image { .. }) => {
                format!("Error: Image file {file} could not be read.")
            }
            (Outcome::Unreadable, Self::Elements { .. }) => {
                format!("Error: Elements file {file} could not be read.")
            }
            (Outcome::Failed, Self::Image { .. }) => {
                format!("Error: Image could not be imported from file {file}.")
            }
            (Outcome::Failed, Self::Elements { import_mode, .. }) => {
                let mode = labwire_python_json::str(import_mode);
                format!("Error: Elements could not be imported from file {file} with import mode {mode}.")
            }
        }
    }
}

fn not_empty(what: &'static str, text: &str) -> Result<Value, InvalidInput> {
    if text.is_empty() {
        return Err(InvalidInput::Empty(what));
    }
    Ok(text.into())
}

/// Answer to a message that is not JSON.
const MALFORMED: &str = "Error: Malformed JSON message";

/// Upstream's `decodeMessage` up to where it accesses files. A request may begin with UTF-8's byte order mark, with which
/// upstream answers that it is malformed.
///
/// # Errors
/// The answer to a message that is not a request, to the letter where upstream gives one. Text in UTF-16, at which upstream
/// ends, is named.
pub fn decode_message(text: &[u8], limits: &labwire_python_json::Limits) -> Result<Request, String> {
    match text.strip_prefix(b"\xef\xbb\xbf") {
        Some(marked) => decode(marked, limits).map_err(|_| format!("{MALFORMED}.")),
        None => decode(text, limits),
    }
}

fn decode(text: &[u8], limits: &labwire_python_json::Limits) -> Result<Request, String> {
    let message = parse(text, limits).map_err(|_| match foreign_encoding(text) {
        Some(why) => format!("{MALFORMED}: {why}."),
        None => format!("{MALFORMED}."),
    })?;
    let section = |name| message.as_object().and_then(|message| message.get(name));
    if let Some(image) = section("image") {
        let [file, name, focal_length] = parameters("image", image, ["file", "name", "focal_length"])?;
        return Ok(Request::Image {
            file,
            name,
            focal_length,
        });
    }
    if let Some(elements) = section("elements") {
        let [file, import_mode] = parameters("elements", elements, ["file", "import_mode"])?;
        return Ok(Request::Elements { file, import_mode });
    }
    Err(format!(
        "Error: Unknown request:\n{}",
        labwire_python_json::str(&message)
    ))
}

/// Parameters of a request, checked in order by Python's `in`, as upstream does: a text or a list may lack one, too.
/// Where upstream fails on a value that is not an object, the answer is of the same family.
fn parameters<const N: usize>(
    request: &str,
    section: &Value,
    names: [&str; N],
) -> Result<[Value; N], String> {
    for name in names {
        if section.contains(name) == Some(false) {
            return Err(format!(
                "Error: Missing parameter '{name}' in '{request}' request."
            ));
        }
    }
    let object = section
        .as_object()
        .ok_or_else(|| format!("Error: The '{request}' request is not an object."))?;
    Ok(names.map(|name| object.get(name).cloned().unwrap_or(Value::Null)))
}
