//! Configuration that is read again while the servers run.

use labwire_tokio::Peers;
use toml::Value;

use super::tls::Tls;
use crate::config::{Layers, SECRET};
use crate::failure::Failure;
use crate::log::Filter;

/// Configuration of a start, and how to read it again if it has a file.
pub(crate) struct Source {
    pub(crate) layers: Layers,
    pub(crate) again: Option<Again>,
}

/// Reads the configuration again.
pub(crate) type Again = Box<dyn Fn() -> Result<Layers, Failure> + Send>;

/// Settings that change when the configuration is read again.
pub(crate) struct Reload {
    pub(super) source: Source,
    pub(super) peers: Vec<Peers>,
    pub(super) tls: Tls,
    pub(super) filter: Filter,
}

/// Keys that take effect at once. Others do at the next start.
const LIVE: [&str; 5] = [
    "limits.peers",
    "log.level",
    "tls.certificate",
    "tls.key",
    "tls.client-ca",
];

impl Reload {
    /// Whether there is a file to read again.
    pub(crate) fn is_possible(&self) -> bool {
        self.source.again.is_some()
    }

    /// Reads the configuration, and the certificates, again. If anything in them is wrong, nothing changes.
    pub(crate) fn run(&mut self) {
        let Some(again) = &self.source.again else { return };
        match again().and_then(|layers| self.apply(layers)) {
            Ok(()) => tracing::info!("configuration read again"),
            Err(error) => tracing::error!("configuration not changed: {}", error.in_one_line()),
        }
    }

    fn apply(&mut self, layers: Layers) -> Result<(), Failure> {
        let config = layers.finish()?;
        let filter = Filter::parse(&config.log)?;
        match self.tls.reload(&config.tls)? {
            true => tracing::info!(certificate = config.tls.certificate, "certificates read again"),
            false if !config.tls.certificate.is_empty() => {
                tracing::warn!("TLS is spoken from the next start on");
            }
            false => {}
        }
        self.filter.replace(filter);
        for peers in &self.peers {
            peers.set(config.host.peers.clone());
        }
        for (key, old, new) in self.source.layers.differences(&layers) {
            let is_secret = SECRET.contains(&key.as_str());
            let shown = |value: &Value| match is_secret {
                true => "(not shown)".to_owned(),
                false => value.to_string(),
            };
            let (old, new) = (shown(old), shown(new));
            match LIVE.contains(&key.as_str()) {
                true => tracing::info!(key, old, new, "setting changed"),
                false => tracing::warn!(key, old, new, "setting changed, takes effect at the next start"),
            }
        }
        // What takes effect later is reported again until then.
        self.source.layers.adopt(&layers, &LIVE);
        Ok(())
    }
}
