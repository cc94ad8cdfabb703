//! Port for browsers.

use std::sync::Arc;

use labwire_core::device::Dialect;
use labwire_core::simulate::{Behaviour, Emulator};
use labwire_tokio::web::{Gate, Page, Target, Web, WebSettings};
use labwire_tokio::{Host, Memory};

use super::server::{Running, Server};
use crate::config::Config;
use crate::page;

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
            let mut options = WebSettings::new(match config.web.page.as_str() {
                "" => own_page(),
                folder => Page::Folder(folder.into()),
            });
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

/// The page that the program carries.
fn own_page() -> Page {
    if page::FILES.is_empty() {
        tracing::info!("this program was built without the page; the web port tells how to build it");
    }
    Page::Embedded(page::FILES)
}

/// Emulated power supply.
fn emulated(config: &Config, memory: &Memory) -> Option<Arc<dyn Gate>> {
    let dialect = Dialect::by_name("scpi")?;
    let device = Emulator::new(dialect, Behaviour::of(dialect), Vec::new(), 0);
    let service = device.into_service(config.session.clone());
    let limits = config.host.clone();
    Some(Arc::new(Host::start_sharing("device", service, limits, memory)))
}
