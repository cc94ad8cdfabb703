//! Encoding and decoding of messages. The texts of errors and the white space of replies are OpEn's.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use labwire_session::encoding::foreign_encoding;
use labwire_session::limits::beginning;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_ignored::Path;

use super::messages::{ErrorReply, REQUESTS, Reply, Request, RunReply, code};

/// Layout of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style {
    /// OpEn's, over many lines: the reply of a connection that ends with it.
    Pretty,
    /// One line and LF: one of several replies.
    Line,
}

/// Number of unknown keys of a request that are remembered, and the length of each.
const UNKNOWN_KEYS: usize = 8;
const UNKNOWN_KEY_BYTES: usize = 40;

/// Parses one request.
///
/// # Errors
/// The reply to send: [`code::INVALID_REQUEST`] and the text that OpEn gives for the same bytes.
pub fn parse_request(text: &[u8]) -> Result<Request, ErrorReply> {
    let mut unknown = Vec::new();
    let mut remember = |path: Path<'_>| match path {
        Path::Map { key, .. } if unknown.len() < UNKNOWN_KEYS => {
            unknown.push(String::from(beginning(&key, UNKNOWN_KEY_BYTES)));
        }
        _ => {}
    };
    let mut json = serde_json::Deserializer::from_slice(text);
    let request = serde_ignored::deserialize(&mut json, &mut remember);
    let request = request.and_then(|request: Request| json.end().map(|()| request));
    let mut request = request.map_err(|error| match keys(text).as_deref() {
        // Of two requests in one object nothing is said: that is the text of OpEn.
        Some([first, second]) if ![first, second].into_iter().all(|key| REQUESTS.contains(&&**key)) => {
            invalid(&format!(
                "{error}; a request is an object with one key, and `{second}` stands beside `{first}`"
            ))
        }
        _ => invalid(&error.to_string()),
    })?;
    if let Request::Run(run) = &mut request {
        run.unknown_keys = unknown;
    }
    Ok(request)
}

/// Beginnings of the keys of an object, in order, as far as they are needed to tell one from several; `None` if the text
/// is not an object.
fn keys(text: &[u8]) -> Option<Vec<String>> {
    struct Keys;
    impl<'de> Visitor<'de> for Keys {
        type Value = Vec<String>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut keys = Vec::new();
            while let Some((key, IgnoredAny)) = map.next_entry::<Cow<'_, str>, _>()? {
                if keys.len() < 2 {
                    keys.push(beginning(&key, UNKNOWN_KEY_BYTES).to_owned());
                }
            }
            Ok(keys)
        }
    }
    serde_json::Deserializer::from_slice(text)
        .deserialize_map(Keys)
        .ok()
}

/// Parses one reply.
///
/// # Errors
/// The reason why `text` is not a reply.
pub fn parse_reply(text: &[u8]) -> Result<Reply, serde_json::Error> {
    let short: ShortReply = serde_json::from_slice(text)?;
    Ok(match short {
        ShortReply {
            pong: Some(number), ..
        } => Reply::Pong(number),
        ShortReply {
            loaded: Some(name), ..
        } => Reply::Loaded(name),
        ShortReply {
            code: Some(code),
            message,
            ..
        } => Reply::Error(ErrorReply::new(code, message)),
        _ => Reply::Run(serde_json::from_slice(text)?),
    })
}

/// Appends a request as one line and LF.
pub fn write_request(output: &mut Vec<u8>, request: &Request) {
    write_line(output, request);
}

/// Appends a reply. A result that JSON cannot express (NaN, infinity) becomes error 2000.
pub fn write_reply(output: &mut Vec<u8>, style: Style, reply: &Reply) {
    match reply {
        Reply::Pong(number) => match style {
            Style::Pretty => output.extend_from_slice(format!("{{\n\t\"Pong\" : {number}\n}}\n").as_bytes()),
            Style::Line => output.extend_from_slice(format!("{{\"Pong\":{number}}}\n").as_bytes()),
        },
        Reply::Run(run) => match run.non_finite_field() {
            None => write_value::<RunReply>(output, style, run),
            Some(field) => {
                let text = format!("problem solution failed: non-finite computation: {field} is non-finite");
                write_error(output, style, code::SOLVER_FAILED, &text);
            }
        },
        Reply::Long(text) => output.extend_from_slice(text.text().as_bytes()),
        Reply::Loaded(name) => write_value(output, style, &LoadedBody { name }),
        Reply::Error(error) => write_error(output, style, error.code, &error.message),
        Reply::Killed => {}
    }
}

/// Text of a result.
pub(super) fn outline(style: Style, run: &RunReply) -> String {
    let mut text = Vec::new();
    write_value(&mut text, style, run);
    String::from_utf8(text).unwrap_or_default()
}

/// Reply to bytes that are not a request.
pub(super) fn invalid(why: &str) -> ErrorReply {
    ErrorReply::new(code::INVALID_REQUEST, format!("invalid request: {why}"))
}

/// Reply to bytes that end inside a value, inside a character, or with a byte that is not valid UTF-8.
pub(super) fn incomplete(text: &[u8]) -> ErrorReply {
    if let (Some(why), 2..) = (foreign_encoding(text), text.len()) {
        return invalid(why);
    }
    if let Err(error) = core::str::from_utf8(text) {
        return invalid(&format!("request body is not valid UTF-8 ({error})"));
    }
    // A number alone is complete, but not a request either.
    parse_request(text).err().unwrap_or_else(|| invalid("incomplete"))
}

/// Reply to bytes whose last one cannot continue a JSON value.
pub(super) fn malformed(text: &[u8]) -> ErrorReply {
    if let Some(why) = foreign_encoding(text) {
        return invalid(why);
    }
    match serde_json::from_slice::<Request>(text) {
        Err(error) if !error.is_eof() => invalid(&error.to_string()),
        // The scanner is stricter than the parser in one respect: nesting inside ignored fields.
        _ => invalid(&format!("recursion limit exceeded at byte {}", text.len())),
    }
}

fn write_error(output: &mut Vec<u8>, style: Style, code: u32, message: &str) {
    let kind = "Error";
    write_value(output, style, &ErrorBody { kind, code, message });
}

fn write_value<T: Serialize>(output: &mut Vec<u8>, style: Style, value: &T) {
    match style {
        Style::Line => write_line(output, value),
        Style::Pretty => append(output, serde_json::to_vec_pretty(value)),
    }
}

fn write_line<T: Serialize>(output: &mut Vec<u8>, value: &T) {
    append(output, serde_json::to_vec(value));
    output.push(b'\n');
}

fn append(output: &mut Vec<u8>, text: serde_json::Result<Vec<u8>>) {
    debug_assert!(
        text.is_ok(),
        "every key is text, and memory takes what is written"
    );
    output.extend_from_slice(&text.unwrap_or_default());
}

/// All replies but the result of a solve.
#[derive(Deserialize)]
struct ShortReply {
    #[serde(rename = "Pong")]
    pong: Option<i32>,
    #[serde(rename = "Loaded")]
    loaded: Option<String>,
    code: Option<u32>,
    #[serde(default)]
    message: String,
}

#[derive(Serialize)]
struct LoadedBody<'a> {
    #[serde(rename = "Loaded")]
    name: &'a str,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    code: u32,
    message: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::{ExitStatus, RunRequest, RunSensitivities};
    use proptest::prelude::*;
    use std::boxed::Box;
    use std::string::String;

    fn written(request: &Request) -> String {
        let mut output = Vec::new();
        write_request(&mut output, request);
        String::from_utf8(output).unwrap()
    }

    fn reply(cost: f64) -> RunReply {
        RunReply {
            exit_status: ExitStatus::Converged,
            num_outer_iterations: 2,
            num_inner_iterations: 30,
            last_problem_norm_fpr: 1e-7,
            delta_y_norm_over_c: 0.0,
            f2_norm: 0.0,
            solve_time_ms: 0.25,
            penalty: 10.0,
            solution: [0.1, -0.2].into(),
            lagrange_multipliers: [3.0].into(),
            cost,
            max_constraint_violation: 0.0,
            kkt_residual: 1e-7,
            evaluations: 40,
            hessian_evaluations: 0,
            hessian_products: 0,
            f2_lagrange_multipliers: Vec::new(),
            status: "Converged".into(),
            infeasible_constraints: Vec::new(),
            integers: None,
            sensitivities: None,
            variables: [("x".into(), [0.1].into()), ("y".into(), [-0.2].into())].into(),
            units: [("x".into(), "kW".into())].into(),
            labels: [("y".into(), "heat pump".into())].into(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn our_fields_follow_those_of_open() {
        let mut output = Vec::new();
        write_reply(&mut output, Style::Line, &Reply::Run(Box::new(reply(1.5))));
        let expected = concat!(
            r#"{"exit_status":"Converged","num_outer_iterations":2,"num_inner_iterations":30,"#,
            r#""last_problem_norm_fpr":1e-7,"delta_y_norm_over_c":0.0,"f2_norm":0.0,"solve_time_ms":0.25,"#,
            r#""penalty":10.0,"solution":[0.1,-0.2],"lagrange_multipliers":[3.0],"cost":1.5,"#,
            r#""max_constraint_violation":0.0,"kkt_residual":1e-7,"evaluations":40,"f2_lagrange_multipliers":[],"#,
            r#""status":"Converged","variables":{"x":[0.1],"y":[-0.2]},"units":{"x":"kW"},"#,
            r#""labels":{"y":"heat pump"}}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(output).unwrap(), expected);
    }

    #[test]
    fn a_result_that_json_cannot_carry_is_an_error() {
        let mut in_a_vector = reply(0.0);
        in_a_vector
            .variables
            .insert("z".into(), [1.0, f64::NEG_INFINITY].into());
        let mut in_a_matrix = reply(0.0);
        in_a_matrix.sensitivities = Some(RunSensitivities {
            lagrange_multipliers: [[f64::NAN].into()].into(),
            ..RunSensitivities::default()
        });
        for (run, field) in [
            (reply(f64::NAN), "cost"),
            (in_a_vector, "variables"),
            (in_a_matrix, "sensitivities"),
        ] {
            let mut output = Vec::new();
            write_reply(&mut output, Style::Pretty, &Reply::Run(Box::new(run)));
            let Ok(Reply::Error(error)) = parse_reply(&output) else {
                panic!("{field} went out");
            };
            assert_eq!(error.code, code::SOLVER_FAILED);
            assert!(error.message.ends_with(&format!("{field} is non-finite")));
        }
    }

    #[test]
    fn an_uploaded_problem_keeps_its_text() {
        let text = r#"{"Load": { "b": 1.50, "a": 1e400 } }"#;
        let Ok(Request::Load(problem)) = parse_request(text.as_bytes()) else {
            panic!("not a Load");
        };
        assert_eq!(problem.get(), r#"{ "b": 1.50, "a": 1e400 }"#);
    }

    #[test]
    fn keys_without_a_meaning_are_remembered() {
        let text = br#"{"Run": {"parameter": [1], "tolerance": 1e-9, "nested": {"penalty": [1]}, "initial_penalty": 2}}"#;
        let Ok(Request::Run(run)) = parse_request(text) else {
            panic!("not a Run");
        };
        assert_eq!((run.initial_penalty, run.max_solve_time_ms), (Some(2.0), None));
        assert_eq!(run.unknown_keys, ["tolerance", "nested"]);
        let many: String = (0..100).map(|i| format!("\"{i:050}\":{i},")).collect();
        let text = format!("{{\"Run\":{{{many}\"parameter\":[]}}}}");
        let Ok(Request::Run(run)) = parse_request(text.as_bytes()) else {
            panic!("not a Run");
        };
        assert_eq!((run.unknown_keys.len(), run.unknown_keys[7].len()), (8, 40));
    }

    #[test]
    fn a_key_beside_the_request_is_named() {
        let reason = |text: &str| parse_request(text.as_bytes()).unwrap_err().message;
        for text in [
            r#"{"Run": {"parameter": [1]}, "extra": 1}"#,
            r#"{"Ping": 1, "extra": {"a": [1]}, "more": 2}"#,
            r#"{"extra": 1, "Run": {"parameter": [1]}}"#,
        ] {
            let reason = reason(text);
            assert!(
                reason.contains("an object with one key") && reason.contains("`extra`"),
                "{reason}"
            );
        }
        assert!(reason(r#"{"Foo": 1}"#).ends_with("at line 1 column 6"));
        assert!(reason(r#"{"Run": 1}"#).ends_with("at line 1 column 9"));
        let long = reason(&format!(r#"{{"Ping": 1, "{}": 1}}"#, "x".repeat(1000)));
        assert!(long.len() < 200, "{long}");
    }

    #[test]
    fn texts_in_other_encodings_are_refused_with_the_reason() {
        let reason = |text: &[u8]| malformed(text).message;
        assert!(reason(b"\xef").contains("byte order mark"));
        assert!(reason(b"{\0").contains("UTF-16"));
        assert!(reason(b"\0").contains("UTF-16"));
        assert!(incomplete(b"{\0").message.contains("UTF-16"));
    }

    #[test]
    fn error_replies_of_older_servers_are_read() {
        let text =
            b"{\n\t\"type\" : \"Error\", \n\t\"code\" : 1000, \n\t\"message\" : \"Invalid request\"\n}\n";
        let expected = ErrorReply::new(1000, "Invalid request");
        assert_eq!(parse_reply(text).unwrap(), Reply::Error(expected));
    }

    proptest! {
        #[test]
        fn requests_come_back(
            parameter in proptest::collection::vec(-1e300..1e300f64, 0..5),
            initial_guess in proptest::option::of(proptest::collection::vec(any::<f64>().prop_filter("finite", |x| x.is_finite()), 0..5)),
            initial_penalty in proptest::option::of(1e-300..1e300f64),
            max_solve_time_ms in proptest::option::of(1e-300..1e300f64),
            sensitivities in any::<Option<bool>>(),
            problem in proptest::option::of(".*"),
        ) {
            let run = RunRequest {
                parameter, initial_guess, initial_penalty, problem, max_solve_time_ms, sensitivities, ..RunRequest::default()
            };
            let text = written(&Request::Run(run.clone()));
            let Ok(Request::Run(back)) = parse_request(text.as_bytes()) else {
                panic!("{text}");
            };
            prop_assert_eq!(back, run);
        }

        #[test]
        fn replies_come_back(cost in any::<f64>(), style in prop_oneof![Just(Style::Pretty), Just(Style::Line)]) {
            let run = Reply::Run(Box::new(reply(cost)));
            let mut output = Vec::new();
            write_reply(&mut output, style, &run);
            let back = parse_reply(&output).unwrap();
            prop_assert_eq!(back == run, cost.is_finite());
        }

        #[test]
        fn arbitrary_bytes_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(parse_request(&bytes).is_err());
            prop_assert!(parse_reply(&bytes).is_err());
            prop_assert_eq!(malformed(&bytes).code, code::INVALID_REQUEST);
            prop_assert_eq!(incomplete(&bytes).code, code::INVALID_REQUEST);
        }
    }
}
