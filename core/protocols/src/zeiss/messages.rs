//! Requests and the answers to them, in upstream's words.

use alloc::format;
use alloc::string::String;

use labwire_python_json::{self, Object, Value, dumps_unicode, parse};

/// What is asked of INSPECT. Upstream checks that the parameters are there and nothing else, so they may be anything.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Import an image into a measurement series.
    Image {
        /// The image file's path.
        file: Value,
        /// The measurement series, made when it does not exist.
        name: Value,
        /// The camera's focal length in mm, for a new series. Upstream's client sends a text: `"50.0"`.
        focal_length: Value,
    },
    /// Import elements.
    Elements {
        /// The elements file's path.
        file: Value,
        /// `"clipboard"` or `"new_stage"`.
        import_mode: Value,
    },
}

/// Where imported elements go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportMode {
    /// Into the clipboard.
    Clipboard,
    /// Into a new stage.
    NewStage,
}

impl ImportMode {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clipboard => "clipboard",
            Self::NewStage => "new_stage",
        }
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Imported,
    /// The file is not a readable regular file.
    Unreadable,
    /// The file was readable, but it could not be imported.
    Failed,
}

/// Input that a client does not send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInput {
    /// An empty text where a file or a series must be named.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A focal length that no camera has.
    #[error("the focal length is {0} mm; it must be positive and finite")]
    FocalLength(String),
}

impl Request {
    /// A client's request to import an image into the series `name`; the focal length is in mm.
    ///
    /// # Errors
    /// When the input cannot be meant.
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

    /// A client's request to import elements.
    ///
    /// # Errors
    /// When the file's name is empty.
    pub fn elements(file: &str, import_mode: ImportMode) -> Result<Self, InvalidInput> {
        Ok(Self::Elements {
            file: not_empty("the file", file)?,
            import_mode: import_mode.as_str().into(),
        })
    }

    /// The request as it is sent: JSON, not escaped beyond what JSON asks for.
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

    /// The path of the file to import.
    pub fn file(&self) -> &Value {
        match self {
            Self::Image { file, .. } | Self::Elements { file, .. } => file,
        }
    }

    /// The answer, without the CR LF that ends it over TCP.
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

/// Upstream's `decodeMessage` up to where it touches files.
///
/// # Errors
/// The answer to a message that is no request, to the letter where upstream gives one.
pub fn decode_message(text: &[u8], limits: &labwire_python_json::Limits) -> Result<Request, String> {
    let message = parse(text, limits).map_err(|_| "Error: Malformed JSON message.")?;
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

/// The parameters of a request, checked in order by Python's `in`, as upstream does: a text or a list, too, may lack
/// one. Where upstream dies of what is no object, the answer is of the same family.
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
