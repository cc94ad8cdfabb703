//! The receive buffer over each of the framings.
#![cfg(feature = "framings")]

use std::fmt::Debug;

use labwire_session::CloseReason;
use labwire_session::framing::decimal_length::{DecimalLength, LengthError};
use labwire_session::framing::json_value::Values;
use labwire_session::framing::length32::{self, Length32};
use labwire_session::framing::until::{LengthPrefix, Search, Until};
use labwire_session::framing::{FrameError, FrameReader, Framing};
use proptest::prelude::*;

const LIMIT: usize = 1 << 20;

fn json() -> Values {
    let mut values = Values::default();
    values.skips_space = true;
    values
}

fn block() -> Search {
    Search::new(Until::LengthPrefix(LengthPrefix {
        offset: 1,
        width: 2,
        little_endian: false,
        uncounted: 0,
    }))
}

fn prompt() -> Search {
    Search::new(Until::Prompt(vec![b"> ".to_vec(), b"?".to_vec()]))
}

/// The messages that `reader` finds in `bytes`.
fn read<F: Framing>(reader: &mut FrameReader<F>, bytes: &[u8]) -> Vec<Vec<u8>> {
    reader.push(bytes);
    let next = || reader.poll_message(<[u8]>::to_vec).expect("a stream of frames");
    std::iter::from_fn(next).collect()
}

/// However the stream of `frames` (each with the message in it) is cut, the messages come whole, in order, with their
/// last byte and no earlier.
fn comes_whole<F: Framing + Debug>(framing: impl Fn() -> F, frames: &[(&[u8], &[u8])]) {
    let stream: Vec<u8> = frames.iter().flat_map(|&(frame, _)| frame.to_vec()).collect();
    let ends = frames.iter().scan(0, |end, (frame, _)| {
        *end += frame.len();
        Some(*end)
    });
    let ends: Vec<usize> = ends.collect();
    let messages: Vec<&[u8]> = frames.iter().map(|&(_, message)| message).collect();
    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            let mut reader = FrameReader::new(framing(), LIMIT);
            let mut found = Vec::new();
            for (from, to) in [(0, first), (first, second), (second, stream.len())] {
                found.extend(read(&mut reader, &stream[from..to]));
                let whole = ends.iter().filter(|&&end| end <= to).count();
                assert_eq!(found.len(), whole, "{reader:?} after {to}");
                assert_eq!(reader.is_inside(), !reader.is_empty(), "{reader:?}");
            }
            assert_eq!(found, messages);
            assert!(reader.is_empty(), "{reader:?}");
        }
    }
    let mut reader = FrameReader::new(framing(), LIMIT);
    let bytewise = stream.chunks(1).flat_map(|byte| read(&mut reader, byte));
    assert_eq!(bytewise.collect::<Vec<_>>(), messages);
}

#[test]
fn every_cut_gives_the_same_messages() {
    let values: &[(&[u8], &[u8])] = &[
        (b" {\"a\":[1,\"}\"]}", b"{\"a\":[1,\"}\"]}"),
        (b"[]", b"[]"),
        (b"\r\n\"\xc2\xb5\"", b"\"\xc2\xb5\""),
        (b"\tnull", b"null"),
    ];
    comes_whole(json, values);
    comes_whole(
        Values::default,
        &[(b" {} ".trim_ascii_end(), b" {}"), (b"\n[1]", b"\n[1]")],
    );
    let decimal: &[(&[u8], &[u8])] = &[
        (b"0000000002ab", b"ab"),
        (b"         0", b""),
        (b"0000000003\n\n\n", b"\n\n\n"),
    ];
    comes_whole(|| DecimalLength, decimal);
    let binary: &[(&[u8], &[u8])] = &[
        (b"\0\0\0\x03abc", b"abc"),
        (b"\0\0\0\0", b""),
        (b"\0\0\0\x01\0", b"\0"),
    ];
    comes_whole(|| Length32, binary);
    let lines = || Search::new(Until::delimiter("\r\n"));
    comes_whole(
        lines,
        &[
            (b"a\rb\r\n", b"a\rb\r\n"),
            (b"\r\n", b"\r\n"),
            (b"\n\r\r\n", b"\n\r\r\n"),
        ],
    );
    comes_whole(block, &[(b"x\0\x02ab", b"x\0\x02ab"), (b"y\0\0", b"y\0\0")]);
    comes_whole(
        prompt,
        &[(b"1 > 2\n> ", b"1 > 2\n> "), (b"?", b"?"), (b"\r\n?", b"\r\n?")],
    );
}

/// Fails at the byte that makes a message too long, or that announces it, and not before.
fn fails_at<F: Framing>(framing: impl Fn() -> F, limit: usize, stream: &[u8], at: usize) {
    for piece in [1, 3, stream.len()] {
        let mut reader = FrameReader::new(framing(), limit);
        let mut arrived = 0;
        let failed = stream.chunks(piece).any(|bytes| {
            arrived += bytes.len();
            reader.push(bytes);
            reader.poll_message(|_| ()).is_err()
        });
        assert!(failed, "at {at} of {stream:?}");
        assert!(
            (at..at + piece).contains(&arrived),
            "{arrived} instead of {at} in {piece}"
        );
        let error = reader.poll_message(|_| ());
        assert_eq!(error, Err(FrameError::TooLong(limit)));
        reader.push(b"{}");
        assert_eq!(reader.poll_message(|_| ()), error, "an error stays");
    }
}

#[test]
fn long_messages_are_refused_as_soon_as_they_are_known_to_be() {
    fails_at(json, 4, b"[1,2]", 5);
    fails_at(json, 4, b"[1,2x", 5);
    fails_at(|| DecimalLength, 4, b"0000000005abcde", 10);
    fails_at(|| Length32, 4, b"\0\0\0\x05abcde", 4);
    fails_at(|| Search::new(Until::delimiter("\n")), 4, b"abcd\n", 5);
    fails_at(block, 4, b"x\0\x02ab", 3);
    fails_at(prompt, 4, b"12:30> ", 5);
    fails_at(|| Search::new(Until::Length(5)), 4, b"abcde", 1);
    let longest = b"[1,2]";
    assert_eq!(read(&mut FrameReader::new(json(), 5), longest), [longest]);
    let longest = b"0000000005abcde";
    assert_eq!(read(&mut FrameReader::new(DecimalLength, 5), longest), [b"abcde"]);
}

#[test]
fn what_is_no_frame_is_told_by_its_place() {
    let mut reader = FrameReader::new(json(), LIMIT);
    reader.push(b" {} [1,");
    assert_eq!(reader.poll_message(<[u8]>::len), Ok(Some(2)));
    assert_eq!(reader.poll_message(<[u8]>::len), Ok(None));
    reader.push(b"}");
    assert_eq!(reader.poll_message(<[u8]>::len), Err(FrameError::Malformed(3)));
    assert_eq!(reader.rest(), b"[1,}");
    let mut reader = FrameReader::new(Values::default(), LIMIT);
    reader.push(b" \"\xff");
    assert_eq!(reader.poll_message(<[u8]>::len), Err(FrameError::InvalidUtf8(2)));
    let mut reader = FrameReader::new(DecimalLength, LIMIT);
    reader.push(b"0123x56789");
    let error = reader.poll_message(<[u8]>::len).unwrap_err();
    assert_eq!(error, FrameError::Length(LengthError::Malformed));
    let reason = "the first 10 bytes of a message must be its length in decimal digits";
    assert_eq!(
        CloseReason::from(error),
        CloseReason::PeerMisbehaved(reason.into())
    );
    let reason = CloseReason::from(FrameError::TooLong(7));
    assert_eq!(reason.to_string(), "limit message-bytes of 7 exceeded");
    assert_eq!(FrameError::TooLong(7).to_string(), reason.to_string());
}

/// Lines, which counts the bytes it looks at.
#[derive(Debug, Default)]
struct CountedLines {
    searched: usize,
    examined: usize,
}

impl Framing for CountedLines {
    fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        while let Some(&byte) = bytes.get(self.searched) {
            self.searched += 1;
            self.examined += 1;
            if byte == b'\n' {
                return Ok(Some(std::mem::take(&mut self.searched)));
            }
        }
        Ok(None)
    }
}

/// Messages behind a length, which counts how often it is asked for it.
#[derive(Debug, Default)]
struct CountedLengths(usize);

impl Framing for CountedLengths {
    fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        self.0 += 1;
        Length32.find(bytes)
    }
}

#[test]
fn every_byte_is_examined_once_however_the_stream_is_cut() {
    let stream = [&[b'x'; 20_000][..], b"\n"].concat().repeat(5);
    for piece in [1, 2, 1000, 20_001, 50_000, stream.len()] {
        let mut reader = FrameReader::new(CountedLines::default(), LIMIT);
        let found: usize = stream
            .chunks(piece)
            .map(|bytes| read(&mut reader, bytes).len())
            .sum();
        assert_eq!(found, 5);
        assert_eq!(
            reader.framing_mut().examined,
            stream.len(),
            "in pieces of {piece}"
        );
    }
}

#[test]
fn a_length_is_read_once() {
    let mut stream = Vec::new();
    length32::put(&mut stream, &[0; 20_000]).unwrap();
    let mut reader = FrameReader::new(CountedLengths::default(), LIMIT);
    let found: usize = stream.chunks(1).map(|byte| read(&mut reader, byte).len()).sum();
    // After each byte of the head, and for the frame that would come next.
    assert_eq!((found, reader.framing_mut().0), (1, 4 + 1));
}

#[test]
fn the_buffer_is_bounded_by_a_session_that_waits() {
    let (limit, piece) = (1000, 63);
    let mut reader = FrameReader::new(json(), limit);
    let mut waiting = 0;
    for round in 0..10_000 {
        while !reader.is_full() {
            reader.push(&b"{} ".repeat(21));
            waiting += 21;
        }
        assert!(reader.rest().len() <= limit + piece);
        // One answer, one more message.
        match reader.poll_message(<[u8]>::to_vec) {
            Ok(Some(_)) => waiting -= 1,
            other => panic!("{other:?} in round {round}"),
        }
    }
    assert!(waiting > 0);
}

proptest! {
    /// Frames of any bodies, cut anywhere, come back.
    #[test]
    fn bodies_come_back(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..8),
        pieces in proptest::collection::vec(1usize..40, 1..20),
    ) {
        let mut stream = Vec::new();
        for body in &bodies {
            length32::put(&mut stream, body).unwrap();
        }
        let mut reader = FrameReader::new(Length32, 50);
        let mut found = Vec::new();
        let mut rest = &stream[..];
        for piece in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (bytes, after) = rest.split_at(rest.len().min(*piece));
            found.extend(read(&mut reader, bytes));
            rest = after;
        }
        prop_assert_eq!(found, bodies);
    }
}
