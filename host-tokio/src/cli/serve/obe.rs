//! The experiment designer over OptBayesExpt's protocol; for the time being without an experiment.

use labwire_core::service::obe::{NoExperiment, service};
use labwire_tokio::Host;

use super::server::{Running, Server};
use crate::cli::config::Config;

pub(crate) fn server(config: &Config) -> Server {
    let config = config.clone();
    Server {
        name: "obe",
        group: "obe",
        key: "address",
        address: config.obe.address.clone(),
        try_it: |address| format!("labwire obe --address {address} ready"),
        start: Box::new(move |listener, around| {
            let on_loopback = listener
                .local_addr()
                .is_ok_and(|address| address.ip().is_loopback());
            let limits = config.obe.limits(config.limits.session());
            let service = service(limits, config.obe.done(on_loopback), NoExperiment::default());
            let host = Host::start("obe", service, config.limits.host());
            Ok(Running::new(listener, around, host))
        }),
    }
}
