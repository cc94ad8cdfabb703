//! Texts of files, as editors and spreadsheets write them.

use std::io;

use labwire_core::encoding::foreign_encoding;

/// Text of a file in UTF-8. A byte order mark, which editors on Windows write, is no part of it.
///
/// # Errors
/// If the text has another encoding, which is named if its beginning shows it.
pub fn text_of(mut bytes: Vec<u8>) -> io::Result<String> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    if let Some(why) = foreign_encoding(&bytes) {
        return Err(io::Error::other(why));
    }
    String::from_utf8(bytes).map_err(|error| io::Error::other(format!("not a text in UTF-8: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_passed_over_and_other_encodings_named() {
        assert_eq!(text_of(b"\xef\xbb\xbf{}".to_vec()).unwrap(), "{}");
        assert_eq!(text_of("µ".into()).unwrap(), "µ");
        let why = |bytes: &[u8]| text_of(bytes.to_vec()).unwrap_err().to_string();
        assert!(why(b"\xff\xfe{\0}\0").contains("UTF-16"));
        assert!(why(b"{\xb5}").contains("not a text in UTF-8"));
        // One is enough.
        assert!(why(b"\xef\xbb\xbf\xef\xbb\xbf{}").contains("byte order mark"));
    }
}
