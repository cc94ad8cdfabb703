//! Answers from a list.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use labwire_protocols::device::{EscapeError, unescape};

use crate::devices::{Instrument, Response};

/// Commands and their answers. A command with several answers gets them in turn, then the last one
/// repeatedly; a command with an empty answer gets no reply; a command that is not in the list is refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Canned {
    answers: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
}

impl Canned {
    /// Parses a list with one `command => answer` per line, with escapes as in [`unescape`]; empty lines and
    /// lines that start with `#` are skipped.
    ///
    /// # Errors
    /// The number of the first invalid line, and the reason.
    pub fn parse(text: &str) -> Result<Self, CannedError> {
        let mut answers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = index + 1;
            let (command, answer) = line
                .split_once("=>")
                .ok_or(CannedError::NoArrow { line: number })?;
            let bytes = |text: &str| {
                unescape(text.trim()).map_err(|error| CannedError::Escape { line: number, error })
            };
            answers.entry(bytes(command)?).or_default().push(bytes(answer)?);
        }
        for list in answers.values_mut() {
            list.reverse();
        }
        Ok(Self { answers })
    }
}

impl Instrument for Canned {
    fn respond(&mut self, command: &[u8]) -> Response {
        let Some(list) = self.answers.get_mut(command) else {
            return Response::Refused;
        };
        let answer = if list.len() > 1 {
            list.pop()
        } else {
            list.first().cloned()
        };
        match answer {
            Some(answer) if !answer.is_empty() => Response::Value(answer),
            _ => Response::Done,
        }
    }

    fn commands(&self) -> Vec<&[u8]> {
        self.answers.keys().map(Vec::as_slice).collect()
    }
}

/// Error in a list of answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CannedError {
    /// A line has no arrow.
    #[error("line {line}: expected 'command => answer'")]
    NoArrow {
        /// Line number, from 1.
        line: usize,
    },
    /// A line contains an invalid escape.
    #[error("line {line}: {error}")]
    Escape {
        /// Line number, from 1.
        line: usize,
        /// Error of the escape.
        #[source]
        error: EscapeError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_turn() {
        let mut canned =
            Canned::parse("# a bridge\n\n*IDN? => LSCI,MODEL372\nT? => 1\nT? => 2\\x2e5\nSET =>\n").unwrap();
        for (command, response) in [
            ("*IDN?", Response::Value(b"LSCI,MODEL372".to_vec())),
            ("T?", Response::Value(b"1".to_vec())),
            ("T?", Response::Value(b"2.5".to_vec())),
            ("T?", Response::Value(b"2.5".to_vec())),
            ("SET", Response::Done),
            ("T", Response::Refused),
        ] {
            assert_eq!(canned.respond(command.as_bytes()), response, "{command}");
        }
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(Canned::parse("\nA = B"), Err(CannedError::NoArrow { line: 2 }));
        let error = Canned::parse("A => \\q").unwrap_err();
        assert!(matches!(error, CannedError::Escape { line: 1, .. }));
    }
}
