//! Standard output and standard error. Everything that the program says goes through here: text of peers and of files
//! cannot steer the terminal, and an output that takes nothing ends the program with a status and not with a panic.

use std::fmt::{Arguments, Write as _};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::process;

use crate::failure::{self, Failure};
use crate::files::is_standard;

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
        self.raw(&printable(&text.to_string()));
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

    /// Whether colours may be used: on a terminal, unless <https://no-color.org> asks for none.
    pub(crate) fn is_coloured(self) -> bool {
        let is_terminal = match self {
            Self::Output => io::stdout().is_terminal(),
            Self::Error => io::stderr().is_terminal(),
        };
        is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
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
