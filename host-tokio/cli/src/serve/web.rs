//! Port for browsers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use labwire_core::device::Dialect;
use labwire_core::simulate::{Behaviour, Emulator};
use labwire_tokio::web::{Gate, Target, Web, WebSettings};
use labwire_tokio::{Host, Memory};

use super::server::{Running, Server};
use crate::config::Config;

/// Folder of the page in the source tree in which this program was built.
const BUILT_PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../host-wasm/dist");

pub(crate) fn server(config: &Config) -> Server {
    let config = config.clone();
    Server {
        name: "web",
        group: "web",
        key: "address",
        address: config.web.address.clone(),
        try_it: Box::new(|address, tls| match tls {
            Some(_) => format!("https://{address}/"),
            None => format!("http://{address}/"),
        }),
        start: Box::new(move |listener, around| {
            let page = match config.web.page.as_str() {
                "" => Path::new(BUILT_PAGE)
                    .canonicalize()
                    .unwrap_or_else(|_| BUILT_PAGE.into()),
                page => PathBuf::from(page),
            };
            let mut options = WebSettings::new(page);
            options.access = config.access.clone();
            options.token = (!config.web.token.is_empty()).then(|| config.web.token.clone());
            options.frame_bytes = config.web.frame_bytes;
            options.connection_time = config.web.connection_time;
            options.session = config.session.clone();
            options.limits = config.host.clone();
            options.security = around.tls.of("web");
            let mut web = Web::new(options, around.readiness.clone());
            for server in &around.gates {
                web.watch(server.clone());
                // The other one is a WebSocket already.
                if server.name() != "zeiss-ws" {
                    web.connect(server.name(), Target::Server(server.clone()));
                }
            }
            let devices = match config.web.devices.as_slice() {
                [] => emulated(&config, &around.memory).map(|device| {
                    web.watch(device.clone());
                    Target::Server(device)
                }),
                devices => Some(Target::Addresses(devices.into())),
            };
            if let Some(devices) = devices {
                web.connect("device", devices);
            }
            let shutdown = around.web_shutdown.clone();
            Ok(Running {
                peers: web.peers().clone(),
                serving: Box::pin(web.serve(listener, shutdown)),
                gate: None,
            })
        }),
    }
}

/// Emulated power supply.
fn emulated(config: &Config, memory: &Memory) -> Option<Arc<dyn Gate>> {
    let dialect = Dialect::by_name("scpi")?;
    let device = Emulator::new(dialect, Behaviour::of(dialect), Vec::new(), 0);
    let service = device.into_service(config.session.clone());
    let limits = config.host.clone();
    Some(Arc::new(Host::start_sharing("device", service, limits, memory)))
}
