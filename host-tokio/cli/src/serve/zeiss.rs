//! Imports for clients of ZEISS INSPECT, over TCP and over WebSocket.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use labwire_core::service::Permission;
use labwire_core::service::importer::service;
use labwire_core::zeiss::{Outcome, Request, Transport};
use labwire_host::MessageStream;
use labwire_tokio::zeiss::{ProjectFolder, Script};
use labwire_tokio::{Host, serve_over};
use tokio::net::TcpListener;

use super::server::{Running, Server};
use super::state_folder;
use crate::config::{Config, Zeiss};
use crate::failure::{self, Failure};

pub(crate) fn tcp(config: &Config) -> Server {
    let config = config.clone();
    Server {
        name: "zeiss",
        group: "zeiss",
        key: "address",
        address: config.zeiss.files.address.clone(),
        try_it: Box::new(|address, tls| {
            let tls = tls.unwrap_or_default();
            format!("labwire zeiss --address {address}{tls} image photo.jpg")
        }),
        start: Box::new(move |listener, around| {
            let import = importer(&config.zeiss)?;
            let limits = config.zeiss.limits.clone();
            let imports = imports(&config.zeiss, &listener);
            let service = service(Transport::Tcp, limits, imports, import);
            let host = Host::start_sharing("zeiss", service, config.host.clone(), &around.memory);
            Ok(Running::new(listener, around, host))
        }),
    }
}

pub(crate) fn websocket(config: &Config) -> Server {
    let config = config.clone();
    Server {
        name: "zeiss-ws",
        group: "zeiss",
        key: "websocket",
        address: config.zeiss.files.websocket.clone(),
        try_it: Box::new(|address, tls| {
            let tls = tls.unwrap_or_default();
            format!("labwire zeiss --websocket --address {address}{tls} image photo.jpg")
        }),
        start: Box::new(move |listener, around| {
            let import = importer(&config.zeiss)?;
            let limits = config.zeiss.limits.clone();
            let access = config.access.clone();
            let session = limits.session.clone();
            let imports = imports(&config.zeiss, &listener);
            let service = service(Transport::WebSocket, limits, imports, import);
            let host = Host::start_sharing("zeiss-ws", service, config.host.clone(), &around.memory);
            let host = Arc::new(host);
            let gate = host.clone();
            let shutdown = around.shutdown.clone();
            let layer = around.layer("zeiss-ws");
            let serving = async move {
                let wrap =
                    |stream, peer| MessageStream::accept(layer(stream, peer), access.clone(), &session);
                serve_over(listener, &host, &shutdown, wrap).await
            };
            Ok(Running {
                serving: Box::pin(serving),
                peers: gate.peers().clone(),
                gate: Some(gate),
            })
        }),
    }
}

/// Permission to import through a listener. If it is for local peers and the listener is not, that is said.
fn imports(config: &Zeiss, listener: &TcpListener) -> Permission {
    let on_loopback = listener
        .local_addr()
        .is_ok_and(|address| address.ip().is_loopback());
    let imports = config.imports(on_loopback);
    if !on_loopback && imports == Permission::Nobody {
        tracing::warn!(
            "imports are refused on a port that other machines can reach; `zeiss.imports = \"everybody\"` permits them"
        );
    }
    imports
}

type Importer = Box<dyn FnMut(&Request) -> Outcome + Send>;

/// Importer: a script, or a project folder. If the default folder cannot be used, this is only a warning, and imports
/// fail.
fn importer(config: &Zeiss) -> Result<Importer, Failure> {
    let unusable = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::new(failure::CANNOT_CREATE, format!("{}: {error}", path.display()))
    };
    if !config.files.script.is_empty() {
        let path = PathBuf::from(&config.files.script);
        let script =
            Script::open(&path, config.import_limits.clone()).map_err(|error| unusable(&path, &error))?;
        return Ok(Box::new(move |request| script.import(request)));
    }
    let given = (!config.files.dir.is_empty()).then(|| PathBuf::from(&config.files.dir));
    let is_given = given.is_some();
    let Some(path) = given.or_else(|| state_folder("zeiss")) else {
        tracing::warn!("no folder for a ZEISS project, imports will fail; set one with --zeiss-dir");
        return Ok(Box::new(|_| Outcome::Failed));
    };
    match ProjectFolder::open(&path, config.import_limits.clone()) {
        Ok(folder) => Ok(Box::new(move |request| folder.import(request))),
        Err(error) if is_given => Err(unusable(&path, &error)),
        Err(error) => {
            let folder = path.display();
            tracing::warn!(%folder, %error, "no ZEISS project, imports will fail; set another folder with --zeiss-dir");
            Ok(Box::new(|_| Outcome::Failed))
        }
    }
}
