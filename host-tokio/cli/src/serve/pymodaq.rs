//! PyMoDAQ's detectors and actuators.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use labwire_core::service::registry::Registry;
use labwire_core::session::Backoff;
use labwire_tokio::{Modules, dial, serve_over};
use tokio::task::JoinSet;

use super::server::{Running, Server};
use crate::common::unix_time;
use crate::config::Config;
use crate::failure::{self, Failure};

/// Delay between attempts to connect to a listening instrument.
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(10);

pub(crate) fn server(config: &Config) -> Server {
    let config = config.clone();
    Server {
        name: "pymodaq",
        group: "pymodaq",
        key: "address",
        address: config.pymodaq.files.address.clone(),
        try_it: Box::new(|address, tls| {
            let tls = tls.unwrap_or_default();
            format!("labwire pymodaq instrument --as grabber --connect {address}{tls}")
        }),
        start: Box::new(move |listener, around| {
            let on_loopback = listener
                .local_addr()
                .is_ok_and(|address| address.ip().is_loopback());
            let instruments = addresses(&config.pymodaq.files.connect)?;
            let mut registry = config.pymodaq.registry(on_loopback);
            registry.epoch = unix_time();
            let registry = Registry::new(registry);
            let modules = Modules::start_sharing("pymodaq", registry, config.host.clone(), &around.memory);
            let modules = Arc::new(modules);
            let gate = modules.clone();
            let shutdown = around.shutdown.clone();
            let layer = around.layer("pymodaq");
            let serving = async move {
                let mut dialling = JoinSet::new();
                for (address, seed) in instruments.into_iter().zip(0..) {
                    let modules = modules.clone();
                    let backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY, seed);
                    dialling.spawn(async move { dial(modules.host(), address, backoff).await });
                }
                serve_over(listener, modules.host(), &shutdown, layer).await
            };
            Ok(Running {
                serving: Box::pin(serving),
                peers: gate.host().peers().clone(),
                gate: Some(gate),
            })
        }),
    }
}

fn addresses(names: &[String]) -> Result<Vec<SocketAddr>, Failure> {
    let resolve = |name: &String| {
        let found = name.to_socket_addrs().map(|mut addresses| addresses.next());
        match found {
            Ok(Some(address)) => Ok(address),
            Ok(None) => Err(Failure::new(
                failure::CONFIG,
                format!("pymodaq.connect: {name} has no address"),
            )),
            Err(error) => Err(
                Failure::new(failure::CONFIG, format!("pymodaq.connect: {name}: {error}"))
                    .hint("expected host:port, such as 127.0.0.1:6342"),
            ),
        }
    };
    names.iter().map(resolve).collect()
}
