//! Devices with habits, in simulated time: their answers are whole and belong to their question, or there is an error.
#![allow(clippy::unwrap_used, reason = "the helpers of these tests")]

use std::collections::VecDeque;
use std::time::Duration;

use labwire_core::device::{Connection, DeviceEvent, Dialect, Failure, Settings};
use labwire_core::session::{Action, Asker, Connector, Event, Session};
use labwire_core::time::Instant;

/// Bytes of a device, and milliseconds before they are sent.
type Said = Vec<(u64, &'static [u8])>;

/// Device that talks by a script.
struct Device {
    greeting: Said,
    answers: fn(&str) -> Said,
}

impl Device {
    fn new(answers: fn(&str) -> Said) -> Self {
        Self {
            greeting: Vec::new(),
            answers,
        }
    }
}

/// Results of the commands, what was sent unasked, and the time at the end.
struct Talk {
    results: Vec<Result<String, Failure>>,
    unasked: Vec<String>,
    end: Duration,
}

/// Asks the device, each command after the answer to the one before. The first answer to each stays alone for a while.
fn talk(dialect: &str, device: &Device, commands: &[&str]) -> Talk {
    let dialect: Dialect = dialect.parse().unwrap();
    let mut client = Connection::new(dialect.settings(), 1);
    let mut now = Instant::ZERO;
    let mut commands: VecDeque<_> = commands.iter().collect();
    let mut waiting: VecDeque<(Instant, &[u8])> = VecDeque::new();
    let mut line = Vec::new();
    let mut talk = Talk {
        results: Vec::new(),
        unasked: Vec::new(),
        end: Duration::ZERO,
    };
    let mut is_asking = false;
    loop {
        match client.poll_action() {
            Some(Action::Connect) => {
                waiting.clear();
                line.clear();
                let mut at = now;
                for &(delay, bytes) in &device.greeting {
                    at = at + Duration::from_millis(delay);
                    waiting.push_back((at, bytes));
                }
                client.handle_connected(now);
            }
            Some(Action::Close) => waiting.clear(),
            None => {}
        }
        while let Some(event) = client.poll_event() {
            match event {
                Event::Application(DeviceEvent::Finished { result, .. }) => {
                    let text = |answer: Vec<u8>| dialect.payload(&answer).escape_ascii().to_string();
                    talk.results.push(result.map(text));
                    is_asking = false;
                }
                Event::Application(DeviceEvent::Unasked(bytes)) => {
                    talk.unasked.push(bytes.escape_ascii().to_string());
                }
                _ => {}
            }
        }
        if !is_asking {
            let Some(command) = commands.pop_front() else {
                talk.end = now.duration_since(Instant::ZERO);
                return talk;
            };
            let request = dialect.request(command.as_bytes()).unwrap();
            let request = request.alone_for(Duration::from_millis(200));
            client.request(now, &request).unwrap();
            is_asking = true;
        }
        let sent = client.transmit().to_vec();
        if !sent.is_empty() {
            client.transmitted(now, sent.len());
            for byte in sent {
                if !matches!(byte, b'\r' | b'\n') {
                    line.push(byte);
                } else if !line.is_empty() {
                    let mut at = waiting.back().map_or(now, |&(at, _)| at.max(now));
                    for (delay, bytes) in (device.answers)(&String::from_utf8_lossy(&line)) {
                        at = at + Duration::from_millis(delay);
                        waiting.push_back((at, bytes));
                    }
                    line.clear();
                }
            }
            continue;
        }
        let timeout = client.poll_timeout().map(|(due, _)| due.max(now));
        match (waiting.front(), timeout) {
            (Some(&(at, bytes)), due) if due.is_none_or(|due| at <= due) => {
                now = at;
                waiting.pop_front();
                client.handle_input(now, bytes);
            }
            (_, Some(due)) => {
                now = due;
                client.handle_timeout(now);
            }
            (_, None) => panic!("nothing will ever happen"),
        }
    }
}

fn answers(dialect: &str, device: &Device, commands: &[&str]) -> Vec<String> {
    let results = talk(dialect, device, commands).results;
    results.into_iter().map(|result| result.unwrap()).collect()
}

fn too_much(result: &Result<String, Failure>) -> bool {
    matches!(result, Err(Failure::TooMuch { .. }))
}

/// A block that arrives in two pieces, with ends of lines in it.
#[test]
fn a_block_is_one_answer() {
    let device = Device::new(|line| match line {
        "CURV?" => vec![(1, b"#224AAAAAAAA\nBBB"), (100, b"BBBBB\nCCCCCC\n")],
        "RAW?" => vec![(1, b"#12\n\n")],
        "HARD?" => vec![(1, b"#0\n\xff"), (20, b"\xfe\n\x01"), (20, b"\n")],
        _ => vec![(1, b"5.000\n")],
    });
    let block = "#224AAAAAAAA\\nBBBBBBBB\\nCCCCCC";
    assert_eq!(answers("scpi", &device, &["CURV?", "VOLT?"]), [block, "5.000"]);
    // One without a length ends with a line and silence, and nothing need follow one with a length.
    assert_eq!(
        answers("scpi", &device, &["RAW?", "VOLT?"]),
        ["#12\\n\\n", "5.000"]
    );
    assert_eq!(
        answers("scpi", &device, &["HARD?", "VOLT?"]),
        ["#0\\n\\xff\\xfe\\n\\x01", "5.000"]
    );
    let cut = talk("scpi,blocks=no", &device, &["CURV?"]).results;
    assert!(too_much(&cut[0]), "{cut:?}");
}

#[test]
fn a_second_line_is_not_the_next_answer() {
    let device = Device::new(|line| match line {
        "*IDN?" => vec![(1, b"ACME\n"), (150, b"PS1\n")],
        _ => vec![(1, b"5.000\n")],
    });
    let results = talk("scpi", &device, &["*IDN?", "VOLT?"]).results;
    let error = results[0].as_ref().unwrap_err();
    assert_eq!(error.to_string(), "more than one answer: ACME\\n, then PS1\\n");
    assert_eq!(results[1], Ok("5.000".to_owned()));
    assert_eq!(answers("scpi,lines=2", &device, &["*IDN?"]), ["ACME\\nPS1"]);
}

#[test]
fn ends_of_lines_are_no_part_of_answers() {
    let lf_cr = Device::new(|_| vec![(1, b"5.000\n"), (20, b"\r")]);
    let cr_lf = Device::new(|_| vec![(1, b"5.000\r"), (20, b"\n")]);
    let cr = Device::new(|_| vec![(1, b"5.000\r")]);
    let none = Device::new(|_| vec![(1, b"5."), (50, b"000")]);
    let nul = Device::new(|_| vec![(1, b"5.000\0")]);
    for (dialect, device) in [
        ("scpi", &lf_cr),
        ("scpi,end=lfcr", &lf_cr),
        ("scpi", &cr_lf),
        ("crlf", &cr_lf),
        ("scpi,end=crlf", &cr_lf),
        ("cr", &cr),
        ("scpi,end=none", &none),
        ("scpi,silence=0.06", &none),
        ("scpi,end=\\0,sends=lf", &nul),
        ("scpi,length=5", &none),
    ] {
        assert_eq!(
            answers(dialect, device, &["VOLT?", "VOLT?"]),
            ["5.000", "5.000"],
            "{dialect}"
        );
    }
}

#[test]
fn greetings_and_logins_are_no_answers() {
    let mut device = Device::new(|line| match line {
        "me" => vec![(10, b"password: ")],
        "secret" => vec![(10, b"welcome\r\n")],
        _ => vec![(1, b"5.000\r\n")],
    });
    device.greeting = vec![(50, b"PS1 console\r\n")];
    let greeted = talk("scpi", &device, &["VOLT?", "VOLT?"]).results;
    assert!(too_much(&greeted[0]), "{greeted:?}");
    assert_eq!(answers("scpi,settle=0.1", &device, &["VOLT?"]), ["5.000"]);
    assert_eq!(
        answers("scpi,greeting=console\\r\\n", &device, &["VOLT?"]),
        ["5.000"]
    );
    let other = talk("scpi,greeting=PS2", &device, &["VOLT?"]);
    assert_eq!(
        other.results[0].as_ref().unwrap_err().to_string(),
        "not connected: the device did not greet as expected: it sent 'PS1 console\\r\\n'"
    );
    assert_eq!(other.end, Settings::default().connect_timeout);

    device.greeting = vec![(20, b"PS1\r\nlo"), (20, b"gin: ")];
    let login = "scpi,login=login: =>me,login=password: =>secret,settle=0.1";
    assert_eq!(answers(login, &device, &["VOLT?"]), ["5.000"]);
    device.greeting = vec![(0, b"\xff\xfd\x18\xff\xfb\x01"), (5, b"\xff\xfb\x03login: ")];
    let device = Device {
        answers: |line| match line {
            "\u{fffd}\u{fffd}\u{18}\u{fffd}\u{fffd}\u{1}\u{fffd}\u{fffd}\u{3}me" => vec![(10, b"password: ")],
            "secret" => vec![(10, b"welcome\r\n")],
            "VOLT?" => vec![(1, b"5.000\xff\xff\r\n")],
            _ => vec![(1, b"?\r\n")],
        },
        ..device
    };
    assert_eq!(answers(login, &device, &["VOLT?"]), ["5.000\\xff"]);
}

#[test]
fn echoes_are_told_from_answers() {
    let device = Device::new(|line| match line {
        "VOLT?" => vec![(1, b"VOLT?\r\n"), (5, b"5.000\r\n")],
        "VOLT 5" => vec![(1, b"VOLT 5\r\n")],
        _ => vec![(1, b"what?\r\n")],
    });
    let results = talk("scpi", &device, &["VOLT?"]).results;
    assert!(matches!(&results[0], Err(Failure::TooMuch { answer, .. }) if answer == b"VOLT?\r\n"));
    let told = answers("scpi,echo", &device, &["VOLT 5", "VOLT?", "VOLT?"]);
    assert_eq!(told, ["", "5.000", "5.000"]);
    let results = talk("scpi,echo", &device, &["CURR?"]).results;
    assert_eq!(results[0], Err(Failure::Unexpected(b"what?\r\n".to_vec())));
    let prompt = Device::new(|_| vec![(1, b"VOLT?\r\n5.000\r\n"), (5, b"> ")]);
    assert_eq!(answers("prompt,echo", &prompt, &["VOLT?"]), ["5.000"]);
}

#[test]
fn events_are_reported_and_are_no_answers() {
    let device = Device::new(|line| match line {
        "VOLT?" => vec![
            (1, b"!trip 3\n!tr"),
            (1, b"ip 4\n5.000\n"),
            (30, b"!tri"),
            (30, b"p 5\n"),
        ],
        _ => vec![(1, b"0.250\n")],
    });
    let results = talk("scpi", &device, &["VOLT?"]).results;
    assert!(too_much(&results[0]), "{results:?}");
    let talk = talk("scpi,event=!", &device, &["VOLT?", "CURR?"]);
    assert_eq!(talk.results, [Ok("5.000".to_owned()), Ok("0.250".to_owned())]);
    assert_eq!(talk.unasked, ["!trip 3", "!trip 4", "!trip 5"]);
}

#[test]
fn commands_and_questions_share_a_connection() {
    let quiet = Device::new(|line| match line {
        "VOLT?" => vec![(1, b"5.000\n")],
        _ => vec![],
    });
    assert_eq!(
        answers("scpi", &quiet, &["VOLT 5", "VOLT?", "OUTP ON"]),
        ["", "5.000", ""]
    );
    let acknowledging = Device::new(|line| match line {
        "VOLT?" => vec![(1, b"5.000\n")],
        _ => vec![(100, b"OK\n")],
    });
    let results = talk("scpi", &acknowledging, &["VOLT 5", "VOLT?"]).results;
    assert!(too_much(&results[1]), "{results:?}");
    let told = answers("scpi,acknowledges", &acknowledging, &["VOLT 5", "VOLT?"]);
    assert_eq!(told, ["OK", "5.000"]);
    let refusing = Device::new(|line| match line {
        "VOLT?" => vec![(1, b"5.000\n")],
        _ => vec![(1, b"ERR 5\n")],
    });
    let results = talk("scpi,refusal=ERR", &refusing, &["CURR?", "VOLT?"]).results;
    assert_eq!(results[0], Err(Failure::Refused(b"ERR 5\n".to_vec())));
    assert_eq!(results[1], Ok("5.000".to_owned()));
}

#[test]
fn pace_is_kept() {
    let device = Device::new(|_| vec![(1, b"5.000\n")]);
    let paced = talk("scpi,pace=0.5", &device, &["VOLT?", "VOLT?", "VOLT?"]);
    // Each is watched for 0.2 s, which comes before the pace.
    assert_eq!(paced.end, Duration::from_millis(2 * 701 + 201));
}

#[test]
fn exceptions_and_foreign_answers_of_modbus_are_errors() {
    let dialect = Dialect::by_name("modbus").unwrap();
    for (answer, failure) in [
        (
            &b"\x09\x99\0\0\0\x03\x01\x83\x02"[..],
            "Modbus exception 2: illegal data address",
        ),
        (
            b"\x09\x9a\0\0\0\x07\x01\x03\x04\0\x01\0\x02",
            "unexpected answer: \\t\\x9a\\x00\\x00\\x00\\x07\\x01\\x03\\x04\\x00\\x01\\x00\\x02",
        ),
        (
            b"\x09\x99\0\0\0\x05\x01\x03\x02\0\x01",
            "unexpected answer: \\t\\x99\\x00\\x00\\x00\\x05\\x01\\x03\\x02\\x00\\x01",
        ),
    ] {
        let mut client = Connection::new(dialect.settings(), 1);
        client.handle_timeout(Instant::ZERO);
        assert_eq!(client.poll_action(), Some(Action::Connect));
        client.handle_connected(Instant::ZERO);
        let request = dialect.query(b"\x01\x03\0\0\0\x02").unwrap();
        client.request(Instant::ZERO, &request).unwrap();
        let sent = client.transmit().len();
        client.transmitted(Instant::ZERO, sent);
        client.handle_input(Instant::ZERO, answer);
        let result = std::iter::from_fn(|| client.poll_event()).find_map(|event| match event {
            Event::Application(DeviceEvent::Finished { result, .. }) => Some(result),
            _ => None,
        });
        assert_eq!(result.unwrap().unwrap_err().to_string(), failure);
    }
}
