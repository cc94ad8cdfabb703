//! Bytes observed from the App's two scripts.

use labwire_core::python_json::Value;
use labwire_core::session::{Asker, CloseReason, Event, Responder, Session, TransmitState};
use labwire_core::time::Instant;
use labwire_core::zeiss::{Client, ImportMode, InvalidInput, Limits, Outcome, Request, Server, Transport};
use labwire_tests::golden::{corpus, python_bytes};

const NOW: Instant = Instant::ZERO;

/// Bytes received by a TCP peer that sends `input` in two pieces and half-closes.
fn answer(input: &[u8], cut: usize, outcome: Outcome) -> Vec<u8> {
    let mut server = Server::new(NOW, Transport::Tcp, Limits::default());
    for piece in [&input[..cut], &input[cut..]] {
        if !piece.is_empty() && server.wants_input() {
            server.handle_input(NOW, piece);
        }
    }
    server.handle_eof(NOW);
    let mut event = server.poll_event();
    if let Some(Event::Application(request)) = event {
        server.reply(NOW, request.answer(outcome));
        event = server.poll_event();
    }
    let answer = server.transmit().to_vec();
    assert_eq!(event, Some(Event::Closed(CloseReason::Finished)));
    server.transmitted(NOW, answer.len());
    assert_eq!(server.transmit_state(), TransmitState::CloseAfterLinger);
    assert!(server.is_drained());
    answer
}

/// The input may be cut anywhere, with Ctrl-D or without, and followed by anything.
fn assert_answer(input: &str, outcome: Outcome, expected: &str) {
    for end in [&b""[..], b"\x04", b"\x04{\"garbage\x04"] {
        let input = [input.as_bytes(), end].concat();
        for cut in 0..=input.len() {
            let answer = answer(&input, cut, outcome);
            assert_eq!(
                String::from_utf8_lossy(&answer),
                format!("{expected}\r\n"),
                "{input:?} cut at {cut}"
            );
        }
    }
}

const MALFORMED: &str = "Error: Malformed JSON message.";

/// All answers observed from upstream (protocols/zeiss.md, B.2).
#[test]
fn what_upstream_answered_is_answered_with_the_same_bytes() {
    let image = r#"{"image": {"file": "C:/temp/exämple.jpg", "name": "Default", "focal_length": "50.0"}}"#;
    let elements = r#"{"elements": {"file": "/none.gxml", "import_mode": "clipboard"}}"#;
    for (input, outcome, expected) in [
        (image, Outcome::Imported, "O.k."),
        (elements, Outcome::Imported, "O.k."),
        (
            image,
            Outcome::Unreadable,
            "Error: Image file C:/temp/exämple.jpg could not be read.",
        ),
        (
            elements,
            Outcome::Unreadable,
            "Error: Elements file /none.gxml could not be read.",
        ),
        (
            image,
            Outcome::Failed,
            "Error: Image could not be imported from file C:/temp/exämple.jpg.",
        ),
        (
            elements,
            Outcome::Failed,
            "Error: Elements could not be imported from file /none.gxml with import mode clipboard.",
        ),
        (
            r#"{"image": {"file": 1, "name": 2, "focal_length": 3}}"#,
            Outcome::Unreadable,
            "Error: Image file 1 could not be read.",
        ),
        (
            r#"{"elements": {"file": "a", "import_mode": null}}"#,
            Outcome::Failed,
            "Error: Elements could not be imported from file a with import mode None.",
        ),
    ] {
        assert_answer(input, outcome, expected);
    }
    for (input, expected) in [
        ("", MALFORMED),
        ("\u{feff}{}", MALFORMED),
        (
            "{\"image\": {\"file\": \"C:\\temp\\x.jpg\", \"name\": \"a\"b\", \"focal_length\": \"50.0\"}}",
            MALFORMED,
        ),
        (
            r#"{"image": {}}"#,
            "Error: Missing parameter 'file' in 'image' request.",
        ),
        (
            r#"{"image": {"file": 1}}"#,
            "Error: Missing parameter 'name' in 'image' request.",
        ),
        (
            r#"{"image": {"file": 1, "name": 1}, "elements": 1}"#,
            "Error: Missing parameter 'focal_length' in 'image' request.",
        ),
        (
            r#"{"elements": {"import_mode": 1}}"#,
            "Error: Missing parameter 'file' in 'elements' request.",
        ),
        (
            r#"{"elements": {"file": 1}}"#,
            "Error: Missing parameter 'import_mode' in 'elements' request.",
        ),
        (
            r#"{"image": "file"}"#,
            "Error: Missing parameter 'name' in 'image' request.",
        ),
        (
            r#"{"foo": 1, "b": [true, null, 1.0, "x"]}"#,
            "Error: Unknown request:\n{'foo': 1, 'b': [True, None, 1.0, 'x']}",
        ),
        (r#"["foo"]"#, "Error: Unknown request:\n['foo']"),
        (r#"{"foo": NaN}"#, "Error: Unknown request:\n{'foo': nan}"),
        ("\"foo\"", "Error: Unknown request:\nfoo"),
    ] {
        assert_answer(input, Outcome::Imported, expected);
    }
}

/// Input that crashes upstream gets an answer of the same family.
#[test]
fn what_upstream_died_of_is_answered() {
    for (input, expected) in [
        ("5", "Error: Unknown request:\n5"),
        ("null", "Error: Unknown request:\nNone"),
        ("\"image\"", "Error: Unknown request:\nimage"),
        ("[\"image\"]", "Error: Unknown request:\n['image']"),
        (
            r#"{"image": null}"#,
            "Error: The 'image' request is not an object.",
        ),
        (
            r#"{"image": "file name focal_length"}"#,
            "Error: The 'image' request is not an object.",
        ),
        (
            r#"{"elements": ["file", "import_mode"]}"#,
            "Error: The 'elements' request is not an object.",
        ),
        ("\u{1a}", MALFORMED),
        ("\"\\ud800\"", "Error: Unknown request:\n\\ud800"),
    ] {
        assert_answer(input, Outcome::Imported, expected);
    }
    let invalid_utf8 = b"{\"image\": \"\xff\"}\x04";
    assert_eq!(
        answer(invalid_utf8, 3, Outcome::Imported),
        b"Error: Malformed JSON message.\r\n"
    );
    // Upstream is stricter with a byte order mark, and ends at UTF-16.
    let marked = b"\xef\xbb\xbf{\"image\": {\"file\": \"a\", \"name\": \"b\", \"focal_length\": 1}}\x04";
    assert_eq!(answer(marked, 2, Outcome::Imported), b"O.k.\r\n");
    for wide in [&b"\xff\xfe{\0}\0\x04"[..], b"{\0}\0\x04", b"\xfe\xff\0{\0}\x04"] {
        assert_eq!(
            answer(wide, 2, Outcome::Imported),
            b"Error: Malformed JSON message: the text looks like UTF-16, expected UTF-8.\r\n"
        );
    }
    let nested = "[".repeat(100_000);
    assert_eq!(
        answer(nested.as_bytes(), 1000, Outcome::Imported),
        b"Error: Malformed JSON message.\r\n"
    );
}

#[test]
fn a_hundred_kilobytes_are_echoed() {
    let text = "n".repeat(100_000);
    let request = format!("{{\"foo\": \"{text}\"}}\x04");
    let echo = answer(request.as_bytes(), 1024, Outcome::Imported);
    assert_eq!(
        echo,
        format!("Error: Unknown request:\n{{'foo': '{text}'}}\r\n").into_bytes()
    );
    assert_eq!(echo.len(), 100_037);
}

fn wires() -> Vec<Vec<u8>> {
    let text = corpus("zeiss/client_capture.txt");
    let literals = text.lines().filter_map(|line| {
        let literal = line.trim().trim_start_matches("wire: ");
        python_bytes(literal.trim_end_matches(" ['FIN']"))
    });
    literals.collect()
}

#[test]
fn the_client_sends_the_same_bytes() {
    let image = Request::image("C:/temp/exämple.jpg", "Default", 50.0).unwrap();
    let elements = Request::elements("C:/temp/Points.gxml", ImportMode::NewStage).unwrap();
    let wires = wires();
    assert_eq!(wires.len(), 4);
    for (request, wire) in [image, elements].iter().zip(&wires) {
        let mut client = Client::new(Transport::Tcp, Limits::default());
        client.request(NOW, &request.to_text()).unwrap();
        assert!(client.request(NOW, &request.to_text()).is_err());
        assert_eq!(client.transmit(), wire);
        client.transmitted(NOW, wire.len());
        // FIN follows, and only the answer comes until the other FIN.
        assert_eq!(client.transmit_state(), TransmitState::FinishAfterDrain);
        for piece in [&b"Error: Unknown request:"[..], b"\n{'foo': 1}\r", b"\n"] {
            client.handle_input(NOW, piece);
            assert_eq!(client.poll_event(), None);
        }
        client.handle_eof(NOW);
        let answer = "Error: Unknown request:\n{'foo': 1}".to_owned();
        assert_eq!(client.poll_event(), Some(Event::Application(answer)));
        assert_eq!(client.poll_event(), Some(Event::Closed(CloseReason::Finished)));
        assert!(client.is_drained());
    }
    // Text that the real client sends unescaped is malformed; labwire's client escapes it.
    for wire in &wires[2..] {
        assert_eq!(
            answer(wire, 10, Outcome::Imported),
            b"Error: Malformed JSON message.\r\n"
        );
    }
    let escaped = Request::image("C:\\temp\\x.jpg", "a\"b", 50.0).unwrap().to_text();
    assert_eq!(
        escaped,
        r#"{"image": {"file": "C:\\temp\\x.jpg", "name": "a\"b", "focal_length": "50.0"}}"#
    );
}

#[test]
fn the_client_checks_its_input() {
    for focal_length in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            Request::image("a", "b", focal_length),
            Err(InvalidInput::FocalLength(_))
        ));
    }
    assert_eq!(
        Request::image("a", "", 50.0),
        Err(InvalidInput::Empty("the measurement series"))
    );
    assert_eq!(
        Request::elements("", ImportMode::Clipboard),
        Err(InvalidInput::Empty("the file"))
    );
    let Ok(Request::Image { focal_length, .. }) = Request::image("a", "b", 12.5) else {
        panic!("the input is right");
    };
    assert_eq!(focal_length, Value::from("12.5"));
}
