//! Optimizer over OpEn's protocol.

use std::path::Path;

use labwire_core::problem::{DEFAULT_PROBLEM, Problem};
use labwire_core::service::optimizer::OptimizerService;
use labwire_tokio::Host;

use super::server::{Running, Server};
use crate::common::read_file;
use crate::config::{Config, Open};
use crate::failure::{self, Failure};

pub(crate) fn server(config: &Config) -> Server {
    let config = config.clone();
    Server {
        name: "open",
        group: "open",
        key: "address",
        address: config.open.files.address.clone(),
        try_it: |address| {
            let (host, port) = (address.ip(), address.port());
            format!("echo '{{\"Run\": {{\"parameter\": [1, 10]}}}}' | nc {host} {port}")
        },
        start: Box::new(move |listener, around| {
            let on_loopback = listener
                .local_addr()
                .is_ok_and(|address| address.ip().is_loopback());
            let service = service(&config, on_loopback)?;
            let host = Host::start_sharing("open", service, config.host.clone(), &around.memory);
            Ok(Running::new(listener, around, host))
        }),
    }
}

fn service(config: &Config, on_loopback: bool) -> Result<OptimizerService, Failure> {
    let (first, others) = problems(&config.open)?;
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
    let read = |file: &str, text: &str| {
        Problem::from_json(text, limits).map_err(|error| Failure::problem(file, &error))
    };
    let mut problems = Vec::new();
    for file in &config.files.problem {
        problems.push(read(file, &read_file(Path::new(file))?)?);
    }
    if problems.is_empty() {
        return Ok((read("the embedded problem", DEFAULT_PROBLEM)?, problems));
    }
    Ok((problems.remove(0), problems))
}
