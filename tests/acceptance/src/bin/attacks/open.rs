//! Attacks on the optimizer.

use std::time::Instant;
use std::{env, fs, process};

use labwire_acceptance::Server;

use super::{CONNECTIONS, flood};

/// Files of problems with 10^5 and 10^4 variables, which are solved in a few steps, and with 200 parameters.
pub(crate) fn problems() -> Vec<String> {
    let separable = |name: &str, horizon: usize| {
        format!(
            r#"{{"name": "{name}", "ocp": {{"horizon": {horizon}, "step": 0.1, "states": ["x"], "parameters": ["p"],
               "inputs": ["a", "b", "c", "d", "k", "f", "g", "h", "i", "j"], "initial_state": [0],
               "dynamics": {{"next": ["0"]}},
               "stage_cost": "(a-p)^2+(b-p)^2+(c-p)^2+(d-p)^2+(k-p)^2+(f-p)^2+(g-p)^2+(h-p)^2+(i-p)^2+(j-p)^2",
               "terminal_cost": "0"}}}}"#
        )
    };
    let parametric = r#"{"name": "parametric", "variables": {"u": 200}, "parameters": {"p": 200},
        "cost": "sum(i in 0..200, (u[i]-p[i])^2 + u[i]^4)"}"#;
    [
        (
            "small",
            r#"{"name": "small", "variables": {"u": 1}, "parameters": {"p": 1}, "cost": "(u[0]-p[0])^2"}"#
                .to_owned(),
        ),
        ("large", separable("large", 10_000)),
        ("smaller", separable("smaller", 1000)),
        ("parametric", parametric.to_owned()),
    ]
    .into_iter()
    .flat_map(|(name, text)| {
        let path = env::temp_dir().join(format!("labwire-attacks-{}-{name}.json", process::id()));
        fs::write(&path, text).expect("a folder for temporary files");
        ["--problem".to_owned(), path.to_string_lossy().into_owned()]
    })
    .collect()
}

fn run(problem: &str) -> String {
    format!(r#"{{"KeepAlive":true}}{{"Run":{{"parameter":[1.2345678901234567],"problem":"{problem}"}}}}"#)
}

pub(crate) fn runs(server: &Server, end: Instant) {
    flood(server.address("open"), 1, run("large").as_bytes(), 10_000, end);
}

pub(crate) fn many_runs(server: &Server, end: Instant) {
    flood(
        server.address("open"),
        CONNECTIONS,
        run("large").as_bytes(),
        1000,
        end,
    );
}

pub(crate) fn many_smaller_runs(server: &Server, end: Instant) {
    flood(
        server.address("open"),
        CONNECTIONS,
        run("smaller").as_bytes(),
        1000,
        end,
    );
}

pub(crate) fn sensitivities(server: &Server, end: Instant) {
    let parameters = vec!["1.234567"; 200].join(",");
    let asked = format!(
        r#"{{"KeepAlive":true}}{{"Run":{{"parameter":[{parameters}],"problem":"parametric","sensitivities":true}}}}"#
    );
    flood(server.address("open"), 64, asked.as_bytes(), 1000, end);
}

pub(crate) fn loads(server: &Server, end: Instant) {
    let terms = vec!["sin(u[0])*p[0]"; 2000];
    let terms: Vec<String> = terms
        .chunks(50)
        .map(|chunk| format!("({})", chunk.join("+")))
        .collect();
    let problem = format!(
        r#"{{"KeepAlive":true}}{{"Load":{{"name": "loaded", "variables": {{"u": 1}}, "parameters": {{"p": 1}}, "cost": "{}"}}}}"#,
        terms.join("+")
    );
    flood(server.address("open"), 64, problem.as_bytes(), 1000 / 64, end);
}

pub(crate) fn messages(server: &Server, end: Instant) {
    let numbers = "0.123456789012345,".repeat(1_000_000 / 18);
    let asked = format!(r#"{{"KeepAlive":true}}{{"Run":{{"parameter":[{numbers}0]}}}}"#);
    flood(
        server.address("open"),
        CONNECTIONS,
        asked.as_bytes(),
        usize::MAX / asked.len(),
        end,
    );
}
