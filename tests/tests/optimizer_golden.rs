//! Captured answers of an OpEn server that need a problem: the embedded one has the captured one's dimensions.
#![allow(clippy::unwrap_used, reason = "tests")]

use labwire_core::open::{Reply, RunReply, parse_reply};
use labwire_core::problem::{DEFAULT_PROBLEM, Problem, TextLimits};
use labwire_core::service::optimizer::{OptimizerService, OptimizerSettings};
use labwire_core::service::{Busy, ConnectionId, Endpoint, Peer};
use labwire_core::session::CloseReason;
use labwire_core::time::Instant;
use labwire_tests::golden;

const NOW: Instant = Instant::ZERO;
const ID: ConnectionId = ConnectionId(0);

struct Optimizer(Endpoint<OptimizerService>);

impl Optimizer {
    fn new() -> Self {
        let problem = Problem::from_json(DEFAULT_PROBLEM, &TextLimits::default()).unwrap();
        Self(Endpoint::new(
            OptimizerService::new(problem, OptimizerSettings::default()).unwrap(),
        ))
    }

    /// Bytes received by a peer that sends `request` on its own connection.
    fn ask(&mut self, request: &str) -> Vec<u8> {
        self.0.open(NOW, ID, Peer::LOCAL).unwrap();
        self.0.handle_input(NOW, ID, request.as_bytes());
        while self.0.step(NOW, 100) == Busy::Yes {}
        let reply = self.0.transmit(ID).to_vec();
        self.0.handle_disconnect(NOW, ID, CloseReason::Lost);
        reply
    }

    fn solve(&mut self, request: &str) -> Box<RunReply> {
        match parse_reply(&self.ask(request)) {
            Ok(Reply::Run(reply)) => reply,
            other => panic!("{request}: {other:?}"),
        }
    }
}

#[test]
fn refusals_are_the_same_bytes() {
    let mut optimizer = Optimizer::new();
    for (name, request) in [
        ("wrong np", r#"{"Run":{"parameter":[1]}}"#),
        (
            "wrong nu",
            r#"{"Run":{"parameter":[1,10],"initial_guess":[0,0]}}"#,
        ),
        (
            "wrong n1",
            r#"{"Run":{"parameter":[1,10],"initial_lagrange_multipliers":[0]}}"#,
        ),
        (
            "all wrong -> order",
            r#"{"Run":{"parameter":[1],"initial_guess":[0,0],"initial_lagrange_multipliers":[0]}}"#,
        ),
        ("missing parameter", r#"{"Run":{}}"#),
        ("nan", r#"{"Run":{"parameter":[nan,1]}}"#),
        ("NaN", r#"{"Run":{"parameter":[NaN,1]}}"#),
        ("1e999", r#"{"Run":{"parameter":[1e999,1]}}"#),
        ("overflow params", r#"{"Run":{"parameter":[1e308,1e308]}}"#),
    ] {
        let expected = golden::open()
            .into_iter()
            .find(|case| case.name == name)
            .unwrap()
            .output;
        let answer = optimizer.ask(request);
        assert_eq!(
            String::from_utf8_lossy(&answer),
            String::from_utf8_lossy(&expected),
            "{name}"
        );
    }
}

#[test]
fn what_was_accepted_is_accepted() {
    let zeros = "\"initial_guess\":[0,0,0,0,0]";
    for request in [
        r#"{"Run":{"parameter":[1.0,50.0]}}"#.to_owned(),
        r#"{"Run":{"parameter":[1,50]}}"#.to_owned(),
        format!(r#"{{"Run":{{"parameter":[1,50],{zeros}}}}}"#),
        format!(r#"{{"Run":{{"parameter":[1,50],{zeros},"initial_lagrange_multipliers":[0,0]}}}}"#),
        format!(
            r#"{{"Run":{{"parameter":[1,50],{zeros},"initial_lagrange_multipliers":[0,0],"initial_penalty":100}}}}"#
        ),
        concat!(
            r#"{"Run":{"parameter":[1,50],"initial_guess":null,"#,
            r#""initial_lagrange_multipliers":null,"initial_penalty":null}}"#
        )
        .to_owned(),
        r#"{"Run":{"parameter":[1,50],"unknown":{"a":[1]}}}"#.to_owned(),
    ] {
        let reply = Optimizer::new().solve(&request);
        assert_eq!(reply.status, "converged", "{request}");
        assert!((reply.cost - 4.157_001).abs() < 1e-4, "{request}: {}", reply.cost);
    }
}

/// Deliberate deviations: in OpEn, each of these spoils every later request, or ends the process.
#[test]
fn a_bad_request_leaves_the_next_one_unharmed() {
    for bad in [
        r#"{"Run":{"parameter":[1,50],"initial_guess":[1e200,1e200,1e200,1e200,1e200]}}"#,
        r#"{"Run":{"parameter":[1,50],"initial_lagrange_multipliers":[1e300,1e300]}}"#,
        r#"{"Run":{"parameter":[1e308,1e308]}}"#,
        r#"{"Run":{"parameter":[1],"initial_guess":[9,9,9,9,9]}}"#,
        r#"{"Run":{"parameter":[1,50],"initial_penalty":0}}"#,
        r#"{"Run":{"parameter":[1,50],"initial_penalty":-1}}"#,
    ] {
        let mut optimizer = Optimizer::new();
        assert!(parse_reply(&optimizer.ask(bad)).is_ok(), "{bad}");
        let reply = optimizer.solve(r#"{"Run":{"parameter":[1,50]}}"#);
        assert_eq!(reply.status, "converged", "after {bad}");
    }
}
