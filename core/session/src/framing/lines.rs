//! Text lines, in which an answer may hold blocks of any bytes (IEEE 488.2).

use alloc::vec::Vec;

/// Framing of an answer that consists of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Lines {
    /// End of a line, which belongs to it. Empty means that any bytes are a line.
    pub end: Vec<u8>,
    /// Number of lines of an answer.
    pub count: usize,
    /// Whether a line may begin with blocks: `#`, a digit, as many digits with a length, and as many bytes, among which
    /// may be those that end a line; or `#0` and bytes up to the last end of a line.
    pub blocks: bool,
}

/// Progress of a search, kept from call to call with more and more bytes of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Number of bytes in which no end was found.
    pub(super) searched: usize,
    /// Start of the current line, and number of lines before it.
    line: usize,
    lines: usize,
}

/// Longest name of a value before a block, in bytes.
const HEADER: usize = 32;

/// Bytes of a line up to the end of its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blocks {
    /// There are none, or all end here.
    End(usize),
    /// More bytes are needed to tell.
    Incomplete,
    /// One without a length.
    Indefinite,
}

impl Lines {
    /// Creates a framing by a single line.
    pub fn one(end: impl Into<Vec<u8>>) -> Self {
        Self {
            end: end.into(),
            count: 1,
            blocks: false,
        }
    }

    /// Length of the answer at the start of `bytes`, if it is complete.
    pub(super) fn find(&self, bytes: &[u8], progress: &mut Progress) -> Option<usize> {
        if self.end.is_empty() {
            return (!bytes.is_empty()).then_some(bytes.len());
        }
        while let Some(line) = bytes.get(progress.line..) {
            let Blocks::End(blocks) = self.blocks(line) else {
                return None;
            };
            let overlap = self.end.len() - 1;
            let searched = progress.searched.saturating_sub(progress.line + overlap);
            let from = blocks.max(searched);
            let at = line
                .get(from..)
                .and_then(|rest| memchr::memmem::find(rest, &self.end));
            let Some(at) = at else {
                progress.searched = bytes.len();
                return None;
            };
            progress.line += from + at + self.end.len();
            progress.searched = progress.line;
            progress.lines += 1;
            if progress.lines >= self.count {
                return Some(progress.line);
            }
        }
        None
    }

    /// Whether `bytes`, in which no end was found, are complete if nothing follows: a device may send nothing after a
    /// block, and a block without a length ends like a line.
    pub(super) fn may_end(&self, bytes: &[u8], progress: &Progress) -> bool {
        let line = bytes.get(progress.line..).unwrap_or_default();
        let is_last = progress.lines + 1 >= self.count;
        is_last
            && match self.blocks(line) {
                Blocks::End(end) => end > 0 && end == line.len(),
                Blocks::Indefinite => line.ends_with(&self.end),
                Blocks::Incomplete => false,
            }
    }

    /// Complete answer without the end of its last line. Unless the line is one with blocks, also without what remains
    /// of another kind of line end: CR and NUL around it.
    pub(super) fn payload<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        let start = residue(message);
        let blocks = self.blocks(&message[start..]);
        if blocks == Blocks::End(message.len() - start) && start < message.len() {
            return &message[start..];
        }
        let text = message.strip_suffix(&self.end[..]).unwrap_or(message);
        if blocks != Blocks::End(0) {
            return text.get(start..).unwrap_or_default();
        }
        let end = text.iter().rev().take_while(|&&byte| is_residue(byte)).count();
        text.get(start..text.len() - end).unwrap_or_default()
    }

    fn blocks(&self, line: &[u8]) -> Blocks {
        if self.blocks { blocks(line) } else { Blocks::End(0) }
    }
}

fn is_residue(byte: u8) -> bool {
    matches!(byte, b'\r' | 0)
}

fn residue(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| is_residue(byte)).count()
}

/// Finds the end of the blocks at the start of a line, after the name of the value if the device sends one.
fn blocks(line: &[u8]) -> Blocks {
    let start = residue(line);
    let Some(sign) = memchr::memchr(b'#', &line[start..line.len().min(start + HEADER)]) else {
        return Blocks::End(0);
    };
    let header = &line[start..start + sign];
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b":*_?".contains(byte);
    let name = header.strip_suffix(b" ").unwrap_or(header);
    if !name.iter().all(is_name) || (name.len() == header.len() && !name.is_empty()) {
        return Blocks::End(0);
    }
    let mut at = start + sign;
    loop {
        let Some(&count) = line.get(at + 1) else {
            return Blocks::Incomplete;
        };
        let digits = match count {
            b'0' => return Blocks::Indefinite,
            b'1'..=b'9' => usize::from(count - b'0'),
            _ => return Blocks::End(0),
        };
        let found = line.get(at + 2..).unwrap_or_default();
        let found = &found[..digits.min(found.len())];
        if !found.iter().all(u8::is_ascii_digit) {
            return Blocks::End(0);
        }
        if found.len() < digits {
            return Blocks::Incomplete;
        }
        let length = found
            .iter()
            .fold(0usize, |length, digit| 10 * length + usize::from(digit - b'0'));
        let end = at + 2 + digits + length;
        if end > line.len() {
            return Blocks::Incomplete;
        }
        // Several blocks are separated like other values.
        match line.get(end..) {
            Some([b',' | b';', b'#', ..]) => at = end + 1,
            _ => return Blocks::End(end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn lines(count: usize) -> Lines {
        Lines {
            count,
            blocks: true,
            ..Lines::one("\n")
        }
    }

    /// Byte by byte, keeping the progress.
    fn complete_at(lines: &Lines, stream: &[u8]) -> Option<usize> {
        let mut progress = Progress::default();
        (0..=stream.len()).find_map(|count| lines.find(&stream[..count], &mut progress))
    }

    #[test]
    fn blocks_are_whole() {
        for (stream, length) in [
            (&b"5.000\nrest"[..], Some(6)),
            (b"#215\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nrest", Some(20)),
            (b"#13\n\n\n,#12\n\n\nrest", Some(13)),
            (b"CURV #12\n\n\nrest", Some(11)),
            (b"\r#12\n\n\nrest", Some(7)),
            (b"#215\n\n\n\n", None),
            (b"#12\n\n", None),
            (b"#0\n\n", None),
            (b"#A\nrest", Some(3)),
            (b"#1 x\nrest", Some(5)),
            (b"model#12\nrest", Some(9)),
            (b"", None),
        ] {
            assert_eq!(
                complete_at(&lines(1), stream),
                length,
                "{}",
                stream.escape_ascii()
            );
        }
        assert_eq!(complete_at(&lines(3), b"a\n\n#11\n\nb"), Some(8));
    }

    #[test]
    fn what_may_be_complete() {
        let may_end = |stream: &[u8]| {
            let (lines, mut progress) = (lines(1), Progress::default());
            assert_eq!(lines.find(stream, &mut progress), None);
            lines.may_end(stream, &progress)
        };
        assert!(may_end(b"#12\n\n"));
        assert!(may_end(b"#0\n\x01\n"));
        for incomplete in [&b""[..], b"5.0", b"#", b"#1", b"#12\n", b"#0\x01"] {
            assert!(!may_end(incomplete), "{}", incomplete.escape_ascii());
        }
    }

    #[test]
    fn payloads_lose_what_ends_them() {
        for (message, payload) in [
            (&b"5.000\n"[..], &b"5.000"[..]),
            (b"5.000\r\n", b"5.000"),
            (b"\r5.000\n", b"5.000"),
            (b"5.000\0\n", b"5.000"),
            (b"#11\r\n", b"#11\r"),
            (b"#11\n", b"#11\n"),
            (b"\n", b""),
            (b"\r\r\n", b""),
        ] {
            assert_eq!(lines(1).payload(message), payload, "{}", message.escape_ascii());
        }
    }

    proptest::proptest! {
        #[test]
        fn memory_changes_nothing(
            stream in proptest::collection::vec(proptest::sample::select(b"\r\n#012 ,a".to_vec()), 0..24),
            count in 1usize..4,
            is_long in proptest::bool::ANY,
        ) {
            let mut lines = lines(count);
            if is_long {
                lines.end = vec![b'\r', b'\n'];
            }
            let at_once = (0..=stream.len())
                .find_map(|count| lines.find(&stream[..count], &mut Progress::default()));
            proptest::prop_assert_eq!(complete_at(&lines, &stream), at_once);
            if let Some(end) = at_once {
                lines.payload(&stream[..end]);
            }
        }
    }
}
