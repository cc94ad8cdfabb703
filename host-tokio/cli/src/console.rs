//! Standard output and standard error. Everything that the program says goes through here: text of peers and of files
//! cannot steer the terminal, and an output that takes nothing ends the program with a status and not with a panic.

use std::borrow::Cow;
use std::fmt::{Arguments, Write as _};
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};
use serde_json::Value;

use crate::failure::{self, Failure};
use crate::standard::is_standard;

/// Prints a line on standard output.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::console::Stream::Output.line(format_args!($($text)*))
    };
}

/// Prints text on standard output; it brings its own line ends.
macro_rules! say_text {
    ($($text:tt)*) => {
        $crate::console::Stream::Output.text(format_args!($($text)*))
    };
}

/// Prints a line on standard error.
macro_rules! note {
    ($($text:tt)*) => {
        $crate::console::Stream::Error.line(format_args!($($text)*))
    };
}

pub(crate) use {note, say, say_text};

/// Whether standard output is for programs.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Makes the program answer in JSON, or in words.
pub(crate) fn answer_in_json(is_json: bool) {
    IS_JSON.store(is_json, Ordering::Relaxed);
}

/// Whether the program was asked to answer in JSON.
pub(crate) fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Prints an answer as a line of JSON, if that was asked for, and otherwise as a line in words.
pub(crate) fn answer(words: impl FnOnce() -> String, object: impl FnOnce() -> Value) {
    match is_json() {
        true => say!("{}", object()),
        false => say!("{}", words()),
    }
}

/// The same for words that bring their own line ends.
pub(crate) fn answer_text(words: impl FnOnce() -> String, object: impl FnOnce() -> Value) {
    match is_json() {
        true => say!("{}", object()),
        false => say_text!("{}", words()),
    }
}

/// Prints a failure: in words on standard error, or where JSON was asked for, as an object on standard output.
pub(crate) fn refuse(failure: &Failure) {
    match is_json() {
        // Nobody reads either.
        _ if failure.code == failure::NOBODY_READS => {}
        true => say!("{}", failure.to_json()),
        false => note!("{failure}"),
    }
}

/// Destination of text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    Output,
    Error,
}

impl Stream {
    /// Destination of text beside files, one of which may be standard output.
    pub(crate) fn beside(files: &[&Option<PathBuf>]) -> Self {
        let mut files = files.iter().copied().flatten();
        match files.any(|file| is_standard(file)) {
            true => Self::Error,
            false => Self::Output,
        }
    }

    pub(crate) fn line(self, text: Arguments<'_>) {
        self.text(format_args!("{text}\n"));
    }

    pub(crate) fn text(self, text: Arguments<'_>) {
        let text = printable(&text.to_string());
        match self {
            Self::Error if self.is_coloured() => self.raw(&with_coloured_labels(&text)),
            _ => self.raw(&text),
        }
    }

    /// Prints a picture, whose control sequences are meant.
    pub(crate) fn raw(self, text: &str) {
        match self {
            Self::Output => {
                if let Err(error) = write_output(text.as_bytes()) {
                    end(&error);
                }
            }
            // There is nowhere left to say it.
            Self::Error => drop(io::stderr().write_all(text.as_bytes())),
        }
    }

    /// Whether colours may be used: on a terminal that has them, unless NO_COLOR (<https://no-color.org>), CLICOLOR or
    /// CLICOLOR_FORCE (<https://bixense.com/clicolors/>) say otherwise.
    pub(crate) fn is_coloured(self) -> bool {
        let choice = match self {
            Self::Output => AutoStream::choice(&io::stdout()),
            Self::Error => AutoStream::choice(&io::stderr()),
        };
        choice != ColorChoice::Never
    }
}

/// Writes bytes to standard output.
pub(crate) fn write_output(bytes: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(bytes)?;
    output.flush()
}

/// Ends the program, whose standard output has failed.
pub(crate) fn end(error: &io::Error) -> ! {
    if error.kind() == ErrorKind::BrokenPipe {
        process::exit(failure::NOBODY_READS.into());
    }
    let failure = Failure::writing("-".as_ref(), error);
    note!("{failure}");
    process::exit(failure.code.into());
}

/// Text whose lines that begin with `error:`, `hint:` or `warning:` show it.
fn with_coloured_labels(text: &str) -> String {
    let labels = [("error:", "1;31"), ("hint:", "1;36"), ("warning:", "1;33")];
    let line = |line| {
        let label = labels
            .iter()
            .find_map(|(label, colour)| Some((label, colour, str::strip_prefix(line, label)?)));
        match label {
            Some((label, colour, rest)) => Cow::from(format!("\x1b[{colour}m{label}\x1b[0m{rest}")),
            None => Cow::from(line),
        }
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Text without the control characters that could steer a terminal, and without those that reorder what is shown. They
/// become escapes as in JSON, so that JSON stays what it was.
fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => safe.push(character),
            _ if steers(character) => escape(&mut safe, character),
            _ => safe.push(character),
        }
    }
    safe
}

/// The same for text that must stay in its line or cell, such as names.
pub(crate) fn one_line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match steers(character) {
            true => escape(&mut safe, character),
            false => safe.push(character),
        }
    }
    safe
}

/// Whether a character is more than a sign: a control character, or one that changes the direction of the text.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

fn escape(text: &mut String, character: char) {
    // Writing to a string cannot fail. All of these are below 65,536.
    let _ = write!(text, "\\u{:04x}", u32::from(character));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_coloured_and_nothing_else() {
        assert_eq!(
            with_coloured_labels("error: a: error: b\nhint: c\nd\n"),
            "\x1b[1;31merror:\x1b[0m a: error: b\n\x1b[1;36mhint:\x1b[0m c\nd\n"
        );
    }

    #[test]
    fn nothing_steers_the_terminal() {
        let hostile = "\x1b]0;title\x07 \u{9b}2J\r\x08\u{202e}\x7f";
        let shown = "\\u001b]0;title\\u0007 \\u009b2J\\u000d\\u0008\\u202e\\u007f";
        assert_eq!(printable(hostile), shown);
        assert_eq!(one_line(hostile), shown);
        assert_eq!(printable("a\tb\n"), "a\tb\n");
        assert_eq!(one_line("a\tb\n"), "a\\u0009b\\u000a");
        assert_eq!(printable("12 µm, 温度, e\u{301}"), "12 µm, 温度, e\u{301}");
    }
}
