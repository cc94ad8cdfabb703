//! Optimizer over OpEn's protocol.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use labwire_core::problem::{DEFAULT_PROBLEM, Problem};
use labwire_core::service::optimizer::OptimizerService;
use labwire_tokio::Host;

use super::server::{Running, Server};
use crate::common::read_file;
use crate::config::{Config, Open};
use crate::failure::{self, Failure};
use crate::problem;

pub(crate) fn server(config: &Config) -> Server {
    let config = config.clone();
    let request = Arc::new(OnceLock::new());
    let started = request.clone();
    Server {
        name: "open",
        group: "open",
        key: "address",
        address: config.open.files.address.clone(),
        try_it: Box::new(move |address, tls| try_it(address, tls, request.get().and_then(Option::as_deref))),
        start: Box::new(move |listener, around| {
            let on_loopback = listener
                .local_addr()
                .is_ok_and(|address| address.ip().is_loopback());
            let (first, others) = problems(&config.open)?;
            started.get_or_init(|| example(&first));
            let service = service(&config, first, others, on_loopback)?;
            let host = Host::start_sharing("open", service, config.host.clone(), &around.memory);
            Ok(Running::new(listener, around, host))
        }),
    }
}

/// Command that the server answers; `parameters` are those of a solve.
fn try_it(address: SocketAddr, tls: Option<&str>, parameters: Option<&str>) -> String {
    let (host, port) = (address.ip(), address.port());
    match (tls, parameters) {
        (Some(tls), None) => format!("labwire open --address {address}{tls} ping"),
        (Some(tls), Some("")) => format!("labwire open --address {address}{tls} run"),
        (Some(tls), Some(numbers)) => {
            format!("labwire open --address {address}{tls} run --parameter={numbers}")
        }
        (None, None) => format!("echo '{{\"Ping\": 1}}' | nc {host} {port}"),
        (None, Some(numbers)) => {
            let numbers = numbers.replace(',', ", ");
            format!("echo '{{\"Run\": {{\"parameter\": [{numbers}]}}}}' | nc {host} {port}")
        }
    }
}

/// Parameters of a request that the server answers: of the right number, and such that the problem has values. `None` if
/// no such are found.
fn example(problem: &Problem) -> Option<String> {
    let patterns = [
        [1.0, 10.0],
        [1.0, 1.0],
        [0.0, 0.0],
        [-1.0, -1.0],
        [0.1, 0.1],
        [10.0, 100.0],
        [1000.0, 1000.0],
    ];
    let parameters = patterns.map(|pattern| -> Vec<f64> {
        let numbers = pattern.iter().copied().cycle();
        numbers.take(problem.num_parameters()).collect()
    });
    let works = parameters
        .iter()
        .find(|parameters| has_values(problem, parameters));
    let numbers: Vec<String> = works?.iter().map(f64::to_string).collect();
    Some(numbers.join(","))
}

/// Whether cost and constraints are finite at the initial guess.
fn has_values(problem: &Problem, parameters: &[f64]) -> bool {
    let zeros = vec![0.0; problem.num_variables()];
    let mut g = vec![0.0; problem.num_f1() + problem.num_f2()];
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(parameters);
    let cost = evaluator.forward(problem.initial_guess().unwrap_or(&zeros), &mut g);
    cost.is_finite() && g.iter().all(|value| value.is_finite())
}

fn service(
    config: &Config,
    first: Problem,
    others: Vec<Problem>,
    on_loopback: bool,
) -> Result<OptimizerService, Failure> {
    let refused = |error| Failure::new(failure::DATA, format!("the problem cannot be solved: {error}"));
    let settings = config.open.service(on_loopback);
    let mut service = OptimizerService::new(first, settings).map_err(refused)?;
    for problem in others {
        service.add_problem(problem).map_err(refused)?;
    }
    Ok(service)
}

/// First problem, and the others.
fn problems(config: &Open) -> Result<(Problem, Vec<Problem>), Failure> {
    let limits = config.text_limits();
    let mut problems = Vec::new();
    for file in &config.files.problem {
        let file = Path::new(file);
        problems.push(problem::read(file, &read_file(file)?, limits)?);
    }
    if problems.is_empty() {
        let embedded = problem::read(Path::new("the embedded problem"), DEFAULT_PROBLEM, limits)?;
        return Ok((embedded, problems));
    }
    Ok((problems.remove(0), problems))
}

#[cfg(test)]
mod tests {
    use labwire_core::problem::TextLimits;

    use super::*;

    #[test]
    fn what_is_shown_to_try_works_for_the_problem() {
        let shown = |cost: &str, tls| {
            let text = format!(r#"{{"variables": {{"u": 1}}, "parameters": {{"a": 3}}, "cost": "{cost}"}}"#);
            let problem = Problem::from_json(&text, &TextLimits::default()).unwrap();
            try_it("127.0.0.1:1".parse().unwrap(), tls, example(&problem).as_deref())
        };
        let run =
            |numbers: &str| format!("echo '{{\"Run\": {{\"parameter\": [{numbers}]}}}}' | nc 127.0.0.1 1");
        assert_eq!(shown("(u[0] - a[2])^2", None), run("1, 10, 1"));
        assert_eq!(shown("u[0]^2 + sqrt(a[2] - 20)", None), run("1000, 1000, 1000"));
        let nowhere = "u[0]^2 + sqrt(-1 - a[0]^2)";
        assert_eq!(shown(nowhere, None), "echo '{\"Ping\": 1}' | nc 127.0.0.1 1");
        let tls = Some(" --ca FILE");
        assert_eq!(
            shown(nowhere, tls),
            "labwire open --address 127.0.0.1:1 --ca FILE ping"
        );
        let with = "labwire open --address 127.0.0.1:1 --ca FILE run --parameter=1,10,1";
        assert_eq!(shown("u[0]^2 + a[0]", tls), with);
    }
}
