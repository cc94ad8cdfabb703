//! Framings of lab devices, in which the receiver decides where a message ends.

use alloc::vec::Vec;

use super::lines::{Lines, Progress};
use super::{FrameError, Framing};

/// Condition that ends a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Until {
    /// Any bytes that arrive, at least one. They may be a part of the peer's message.
    Any,
    /// These bytes, which belong to the message. Empty means [`Until::Any`].
    Delimiter(Vec<u8>),
    /// This number of bytes.
    Length(usize),
    /// The number of bytes given in the message's head.
    LengthPrefix(LengthPrefix),
    /// One of these prompts at the start of a line (of the message, or after CR or LF), which belongs to the message.
    /// An empty prompt never matches.
    Prompt(Vec<Vec<u8>>),
    /// Lines, which may hold blocks.
    Lines(Lines),
    /// Silence after at least one byte; see [`may_end`](Until::may_end).
    Silence,
}

/// Length in the head of a message, which counts the bytes that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct LengthPrefix {
    /// Number of bytes before the length.
    pub offset: usize,
    /// Number of bytes of the length, 1 to 8.
    pub width: u8,
    /// Whether its least significant byte comes first.
    pub little_endian: bool,
    /// Number of further bytes that the length does not count; negative if it counts a part of the head.
    pub uncounted: i32,
}

/// Framing by an [`Until`]; the bytes that end a message belong to it.
#[derive(Clone, Debug)]
pub struct Search {
    until: Until,
    progress: Progress,
}

impl Search {
    /// Creates a search that begins with a message.
    #[must_use]
    pub fn new(until: Until) -> Self {
        Self {
            until,
            progress: Progress::default(),
        }
    }

    /// Search for the same end, at the beginning of a message.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self::new(self.until.clone())
    }

    /// Whether `bytes`, in which no end was found, are a message if nothing follows for a while.
    #[must_use]
    pub fn may_end(&self, bytes: &[u8]) -> bool {
        self.until.may_end(bytes, &self.progress)
    }
}

impl Framing for Search {
    fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        let found = self.until.find(bytes, &mut self.progress);
        if found.is_some() {
            self.progress = Progress::default();
        }
        Ok(found)
    }
}

impl Until {
    /// Condition satisfied by `bytes`, which belong to the message.
    pub fn delimiter(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Delimiter(bytes.into())
    }

    /// Length of the message at the start of `bytes`, as soon as it is known; it may exceed the bytes received.
    ///
    /// `progress` must be the default for a new message and be kept between calls with more and more of its bytes, so
    /// that no byte is examined twice.
    pub fn find(&self, bytes: &[u8], progress: &mut Progress) -> Option<usize> {
        let searched = &mut progress.searched;
        match self {
            Self::Delimiter(delimiter) if !delimiter.is_empty() => {
                let from = searched.saturating_sub(delimiter.len() - 1).min(bytes.len());
                let at = memchr::memmem::find(&bytes[from..], delimiter);
                if at.is_none() {
                    *searched = bytes.len();
                }
                at.map(|at| from + at + delimiter.len())
            }
            Self::Any | Self::Delimiter(_) => (!bytes.is_empty()).then_some(bytes.len()),
            Self::Length(length) => Some(*length),
            Self::LengthPrefix(prefix) => prefix.find(bytes),
            Self::Prompt(prompts) => find_prompt(prompts, bytes, searched),
            Self::Lines(lines) => lines.find(bytes, progress),
            Self::Silence => None,
        }
    }

    /// Whether `bytes`, in which no end was found, are a message if nothing follows for a while. How long is for the
    /// caller to say.
    #[must_use]
    pub fn may_end(&self, bytes: &[u8], progress: &Progress) -> bool {
        match self {
            Self::Lines(lines) => lines.may_end(bytes, progress),
            Self::Silence => !bytes.is_empty(),
            _ => false,
        }
    }

    /// Complete message without its delimiter, or without its prompt and the line ending before that.
    #[must_use]
    pub fn payload<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Delimiter(delimiter) => message.strip_suffix(&delimiter[..]).unwrap_or(message),
            Self::Prompt(prompts) => {
                let answer = prompts
                    .iter()
                    .find_map(|prompt| message.strip_suffix(&prompt[..]))
                    .unwrap_or(message);
                let line_end = answer.iter().rev().take_while(|&&byte| is_line_end(byte)).count();
                &answer[..answer.len() - line_end]
            }
            Self::Lines(lines) => lines.payload(message),
            Self::Any | Self::Length(_) | Self::LengthPrefix(_) | Self::Silence => message,
        }
    }
}

impl LengthPrefix {
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        let head = self.offset.saturating_add(usize::from(self.width.min(8)));
        let digits = bytes.get(self.offset..head)?;
        let digit = |value: u64, &byte: &u8| (value << 8) | u64::from(byte);
        let length = if self.little_endian {
            digits.iter().rev().fold(0, digit)
        } else {
            digits.iter().fold(0, digit)
        };
        let length = length.saturating_add_signed(i64::from(self.uncounted));
        Some(head.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)))
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// `searched` is the first possible start of a line that has not been examined.
fn find_prompt(prompts: &[Vec<u8>], bytes: &[u8], searched: &mut usize) -> Option<usize> {
    let prompts = prompts.iter().filter(|prompt| !prompt.is_empty());
    while let Some(rest) = bytes.get(*searched..) {
        if *searched == 0 || is_line_end(bytes[*searched - 1]) {
            if let Some(prompt) = prompts.clone().find(|prompt| rest.starts_with(prompt)) {
                return Some(*searched + prompt.len());
            }
            if prompts.clone().any(|prompt| prompt.starts_with(rest)) {
                return None;
            }
        }
        let Some(line_end) = memchr::memchr2(b'\r', b'\n', rest) else {
            *searched = bytes.len();
            return None;
        };
        *searched += line_end + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn prompts(texts: &[&str]) -> Until {
        Until::Prompt(texts.iter().map(|text| text.as_bytes().to_vec()).collect())
    }

    fn modbus() -> Until {
        Until::LengthPrefix(LengthPrefix {
            offset: 4,
            width: 2,
            little_endian: false,
            uncounted: 0,
        })
    }

    /// Byte by byte, keeping `searched`: length of the first message once it is complete.
    fn complete_at(until: &Until, stream: &[u8]) -> Option<usize> {
        let mut progress = Progress::default();
        (0..=stream.len()).find_map(|count| {
            until
                .find(&stream[..count], &mut progress)
                .filter(|&end| end <= count)
        })
    }

    #[test]
    fn ends_where_the_dialect_says() {
        for (until, stream, length) in [
            (Until::delimiter("\n"), &b"+1.0\nrest"[..], Some(5)),
            (Until::delimiter("\r\n"), b"a\rb\n\r\r\nrest", Some(7)),
            (Until::delimiter("\r\n"), b"\r", None),
            (Until::delimiter(""), b"x", Some(1)),
            (Until::Any, b"", None),
            (Until::Any, b"xy", Some(1)),
            (Until::Length(3), b"\n\n\nrest", Some(3)),
            (Until::Length(3), b"\n\n", None),
            (Until::Length(0), b"", Some(0)),
            (modbus(), b"\x09\x99\0\0\0\x03\x01\x83\x02rest", Some(9)),
            (modbus(), b"\x09\x99\0\0\0", None),
            (prompts(&[":", "?"]), b" 12:30\r\n:rest", Some(9)),
            (prompts(&[":", "?"]), b"?rest", Some(1)),
            (prompts(&["> "]), b"1 > 2\n> rest", Some(8)),
            (prompts(&["> "]), b">x\n>", None),
            (prompts(&["> "]), b">> \n> ", Some(6)),
            (prompts(&["", "> "]), b"x\n> ", Some(4)),
        ] {
            assert_eq!(complete_at(&until, stream), length, "{until:?} {stream:?}");
        }
    }

    #[test]
    fn lengths_are_known_early_and_never_overflow() {
        let mut prefix = LengthPrefix {
            offset: 1,
            width: 8,
            little_endian: true,
            uncounted: 0,
        };
        let find = |prefix, bytes| Until::LengthPrefix(prefix).find(bytes, &mut Progress::default());
        assert_eq!(find(prefix, &[255; 9]), Some(usize::MAX));
        assert_eq!(find(prefix, &[7, 2, 1, 0, 0, 0, 0, 0, 0]), Some(9 + 0x102));
        prefix.uncounted = -0x103;
        assert_eq!(find(prefix, &[7, 2, 1, 0, 0, 0, 0, 0, 0]), Some(9));
        prefix.offset = usize::MAX;
        assert_eq!(find(prefix, &[255; 9]), None);
        assert_eq!(
            Until::Length(1 << 40).find(b"", &mut Progress::default()),
            Some(1 << 40)
        );
    }

    #[test]
    fn payloads_lose_what_ends_them() {
        assert_eq!(Until::delimiter("\r\n").payload(b"+1.0\r\n"), b"+1.0");
        assert_eq!(prompts(&["> "]).payload(b"12\r\n> "), b"12");
        assert_eq!(prompts(&[":", "?"]).payload(b"?"), b"");
        assert_eq!(Until::Any.payload(b"12\n"), b"12\n");
    }

    #[test]
    fn silence_ends_what_has_begun() {
        let search = Search::new(Until::Silence);
        assert!(!search.may_end(b"") && search.may_end(b"1"));
        assert!(!Search::new(Until::delimiter("\n")).may_end(b"1"));
    }

    proptest::proptest! {
        /// With and without kept state, in chunks and at once: the same end.
        #[test]
        fn memory_changes_nothing(
            stream in proptest::collection::vec(proptest::sample::select(b"\r\n>: a".to_vec()), 0..20),
            delimiter in proptest::collection::vec(proptest::sample::select(b"\r\n>".to_vec()), 1..4),
        ) {
            for until in [Until::Delimiter(delimiter.clone()), Until::Prompt(vec![b":".to_vec(), delimiter])] {
                let at_once = (0..=stream.len()).find_map(|count| until.find(&stream[..count], &mut Progress::default()));
                proptest::prop_assert_eq!(complete_at(&until, &stream), at_once);
            }
        }
    }
}
