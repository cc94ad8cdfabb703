//! Texts that are not UTF-8, or begin with a byte order mark, as some editors and programs write them.

/// Reason why `bytes` are not the UTF-8 text expected, as far as their beginning shows: a byte order mark, or UTF-16.
#[must_use]
pub fn foreign_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        // Or a part of one, where reading stops at the first byte: no JSON text begins with a character of this group.
        [0xef] | [0xef, 0xbb] | [0xef, 0xbb, 0xbf, ..] => {
            Some("the text begins with a byte order mark (EF BB BF), expected UTF-8 without one")
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0] | [0, 1..=255, ..] | [1..=255, 0, ..] => {
            Some("the text looks like UTF-16, expected UTF-8")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_encodings_are_known_by_their_beginning() {
        let mark = foreign_encoding(b"\xef\xbb\xbf{}").unwrap();
        assert!(mark.contains("byte order mark"));
        for utf16 in [&b"\xff\xfe{\0"[..], b"\xfe\xff\0{", b"{\0}\0", b"\0{\0}"] {
            assert!(foreign_encoding(utf16).unwrap().contains("UTF-16"), "{utf16:?}");
        }
        assert!(foreign_encoding(b"\0").unwrap().contains("UTF-16"));
        for fine in [&b"{}"[..], b"", b"{", b"\0\0", "\u{ff58},y".as_bytes()] {
            assert_eq!(foreign_encoding(fine), None, "{fine:?}");
        }
    }
}
