//! Answers observed from a real OpEn 0.11 server, byte for byte. The cases that need a problem are in
//! `optimizer_golden.rs`.

use labwire_core::limits::SessionLimits;
use labwire_core::open::{Permissions, Reply, Server, Style, parse_reply, write_reply};
use labwire_core::session::Session;
use labwire_core::time::Instant;
use labwire_tests::golden;

const NOW: Instant = Instant::ZERO;

/// Bytes received by a peer that sends `input`, cut in two at `cut`, and half-closes.
fn answer(input: &[u8], cut: usize) -> Vec<u8> {
    let permissions = Permissions {
        kill: true,
        load: false,
    };
    let mut server = Server::new(NOW, SessionLimits::default(), permissions);
    for piece in [&input[..cut], &input[cut..]] {
        server.handle_input(NOW, piece);
    }
    server.handle_eof(NOW);
    server.transmit().to_vec()
}

fn invalid(why: &str) -> String {
    format!("{{\n  \"type\": \"Error\",\n  \"code\": 1000,\n  \"message\": \"invalid request: {why}\"\n}}")
}

#[test]
fn what_needs_no_problem_is_answered_with_the_same_bytes() {
    let named = [
        ("invalid utf8", &b"\xff"[..]),
        ("missing parameter", b"{\"Run\":{}}"),
        ("nan", b"{\"Run\":{\"parameter\":[nan,1]}}"),
        ("NaN", b"{\"Run\":{\"parameter\":[NaN,1]}}"),
        ("1e999", b"{\"Run\":{\"parameter\":[1e999,1]}}"),
    ];
    // A deliberate deviation: anything after the first value is ignored.
    let deviations = [("b'{\"Ping\":1}{\"Ping\":2}'", "{\n\t\"Pong\" : 1\n}\n")];
    let mut checked = 0;
    for case in golden::open() {
        let by_name = named
            .iter()
            .find(|(name, _)| *name == case.name)
            .map(|(_, input)| input.to_vec());
        // In the capture, Kill was sent to a server that had crashed before.
        let Some(input) = by_name
            .or(case.input)
            .filter(|input| !input.starts_with(b"{\"Kill\""))
        else {
            continue;
        };
        let deviation = deviations.iter().find(|(name, _)| *name == case.name);
        let expected = deviation.map_or(case.output, |(_, output)| output.as_bytes().to_vec());
        for cut in 0..=input.len() {
            let answer = answer(&input, cut);
            assert_eq!(
                String::from_utf8_lossy(&answer),
                String::from_utf8_lossy(&expected),
                "{} cut at {cut}",
                case.name
            );
        }
        checked += 1;
    }
    assert_eq!(checked, 18);
}

#[test]
fn texts_that_the_protocol_page_adds() {
    for (input, why) in [
        (
            &b"{\"Ping\""[..],
            "EOF while parsing an object at line 1 column 7",
        ),
        (
            b"{\"Run\":{\"parameter\":[1,2]",
            "EOF while parsing an object at line 1 column 25",
        ),
        (
            b"\"\xc3",
            "request body is not valid UTF-8 (incomplete utf-8 byte sequence from index 1)",
        ),
        (b"12", "expected value at line 1 column 1"),
    ] {
        assert_eq!(String::from_utf8(answer(input, 1)).unwrap(), invalid(why));
    }
}

#[test]
fn results_are_laid_out_as_there() {
    let mut checked = 0;
    for case in golden::open() {
        let text = String::from_utf8(case.output.clone()).unwrap();
        if !text.contains("exit_status") {
            continue;
        }
        let Reply::Run(mut run) = parse_reply(&case.output).unwrap() else {
            panic!("{}", case.name);
        };
        run.max_constraint_violation = 0.0;
        run.kkt_residual = 0.0;
        let mut output = Vec::new();
        write_reply(&mut output, Style::Pretty, &Reply::Run(run));
        let upstream = text.trim_end_matches("\n}");
        assert!(
            String::from_utf8(output)
                .unwrap()
                .starts_with(&format!("{upstream},\n  \"max_constraint_violation\": 0.0,")),
            "{}",
            case.name
        );
        checked += 1;
    }
    assert_eq!(checked, 10);
}
