//! Errors in a text, with their position.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

/// Error in a problem or experiment file.
///
/// Its display shows the position:
/// ```text
/// line 4, column 22: `cost`: unknown name `uu`
///   4 |   "cost": "u[0]^2 + uu[1]^2"
///     |                     ^
/// help: did you mean `u`?
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextError {
    /// Path of the key, from the outermost on, such as `f1.expressions[1]`; empty for the file as a whole.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Description of the error.
    pub message: String,
    /// Advice, if any.
    pub help: Option<String>,
    /// The line (of a long one the part around the position) and the column in it, from 0.
    pub excerpt: (String, usize),
}

impl core::error::Error for TextError {}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        let (line, caret) = &self.excerpt;
        let number = self.line.to_string();
        let margin = number.len();
        writeln!(f, "{}", self.message)?;
        writeln!(f, "  {number} | {line}")?;
        write!(f, "  {:margin$} | {:caret$}^", "", "")?;
        if let Some(help) = &self.help {
            write!(f, "\nhelp: {help}")?;
        }
        Ok(())
    }
}

/// Number of characters of a long line shown on each side of the position.
const EXCERPT: usize = 50;

impl TextError {
    /// Creates an error at the byte `at` of `text`.
    #[must_use]
    pub fn new(text: &str, at: usize, path: &str, fault: Fault) -> Self {
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let line_end = text[at..].find('\n').map_or(text.len(), |len| at + len);
        let before = text[line_start..at].chars().count();
        let shown_from = before.saturating_sub(EXCERPT);
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let line = text[line_start..line_end]
            .trim_end_matches('\r')
            .chars()
            .map(plain);
        Self {
            path: String::from(path),
            line: text[..at].matches('\n').count() + 1,
            column: before + 1,
            message: fault.message,
            help: fault.help,
            excerpt: (
                line.skip(shown_from).take(2 * EXCERPT).collect(),
                before - shown_from,
            ),
        }
    }
}

/// Fault in an expression, with its position in it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fault {
    /// Byte of the expression at which the fault starts.
    pub at: usize,
    /// Description of the fault.
    pub message: String,
    /// Advice, if any.
    pub help: Option<String>,
    /// Index of the expression, if it is not the one being read.
    pub text: Option<usize>,
}

impl Fault {
    /// Creates a fault at byte `at`, without advice.
    #[must_use]
    pub fn new(at: usize, message: String) -> Self {
        Self {
            at,
            message,
            help: None,
            text: None,
        }
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, help: String) -> Self {
        self.help = Some(help);
        self
    }

    /// Adds the name that was probably meant as advice.
    #[must_use]
    pub fn suggest(mut self, name: Option<&str>) -> Self {
        self.help = name.map(|name| format!("did you mean `{name}`?"));
        self
    }

    /// Assigns the fault to the expression of that index, unless it already belongs to one.
    #[must_use]
    pub fn in_text(mut self, text: usize) -> Self {
        self.text = self.text.or(Some(text));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_place() {
        let text = "{\n  \"cost\": \"ü + 1\"\n}";
        let at = text.find('+').unwrap();
        let error = TextError::new(
            text,
            at,
            "cost",
            Fault::new(0, "wrong".into()).help("right".into()),
        );
        let expected = "line 2, column 14: `cost`: wrong\n  2 |   \"cost\": \"ü + 1\"\n    |              ^\nhelp: right";
        assert_eq!(error.to_string(), expected);
    }
}
