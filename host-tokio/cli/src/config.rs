//! Configuration: flags over environment over file over defaults.

mod layers;
mod pymodaq;

use std::time::Duration;

use labwire_core::design::DesignLimits;
use labwire_core::limits::{HostLimits, SessionLimits};
use labwire_core::problem::TextLimits;
use labwire_core::service::Permission;
use labwire_core::service::designer::ObePermissions;
use labwire_core::service::optimizer::OptimizerSettings;
use labwire_core::{obe, python_json, zeiss};
use labwire_tokio::WebAccess;
use serde::{Deserialize, Deserializer};

pub(crate) use layers::Layers;
pub(crate) use pymodaq::Pymodaq;

/// Complete default configuration, commented.
pub(crate) const DEFAULT_TEXT: &str = include_str!("default.toml");

/// All configurable settings. `default.toml` documents the keys.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) log: Log,
    pub(crate) limits: Limits,
    pub(crate) open: Open,
    pub(crate) obe: Obe,
    pub(crate) zeiss: Zeiss,
    pub(crate) pymodaq: Pymodaq,
    pub(crate) web: Web,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Human,
    Json,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Limits {
    connections: usize,
    connections_per_peer: usize,
    workers: usize,
    jobs: usize,
    #[serde(deserialize_with = "seconds")]
    grace_time: Duration,
    message_bytes: usize,
    #[serde(deserialize_with = "seconds")]
    request_timeout: Duration,
    #[serde(deserialize_with = "seconds")]
    idle_timeout: Duration,
    #[serde(deserialize_with = "seconds")]
    write_timeout: Duration,
    #[serde(deserialize_with = "seconds")]
    linger_time: Duration,
    linger_bytes: usize,
    output_bytes: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Open {
    pub(crate) address: String,
    pub(crate) problem: Vec<String>,
    kill: Who,
    load: Who,
    queue: usize,
    #[serde(deserialize_with = "seconds")]
    solve_time: Duration,
    problems: usize,
    text_bytes: usize,
    variables: usize,
    expression_depth: usize,
    graph_nodes: usize,
    expansion_steps: usize,
    stage_memory: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Obe {
    pub(crate) address: String,
    pub(crate) experiment: String,
    pub(crate) seed: u64,
    pub(crate) dir: String,
    done: Who,
    experiments: Who,
    posteriors: Who,
    settings: usize,
    particle_numbers: usize,
    draw_numbers: usize,
    message_bytes: usize,
    requests_in_flight: usize,
    json_depth: usize,
    json_values: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Zeiss {
    pub(crate) address: String,
    pub(crate) websocket: String,
    pub(crate) dir: String,
    pub(crate) script: String,
    pub(crate) file_bytes: u64,
    json_depth: usize,
    json_values: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Web {
    pub(crate) address: String,
    pub(crate) page: String,
    pub(crate) token: String,
    pub(crate) devices: Vec<String>,
    pub(crate) frame_bytes: usize,
    hosts: Vec<String>,
    origins: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Who {
    Nobody,
    Local,
    Everybody,
}

impl Limits {
    /// Limits of a host.
    pub(crate) fn host(&self) -> HostLimits {
        let mut limits = HostLimits::default();
        limits.connections = self.connections;
        limits.connections_per_peer = self.connections_per_peer;
        limits.workers = self.workers;
        limits.jobs = self.jobs;
        limits.grace_time = self.grace_time;
        limits
    }

    /// Limits of a connection.
    pub(crate) fn session(&self) -> SessionLimits {
        let mut limits = SessionLimits::default();
        limits.message_bytes = self.message_bytes;
        limits.request_timeout = self.request_timeout;
        limits.idle_timeout = self.idle_timeout;
        limits.write_timeout = self.write_timeout;
        limits.linger_time = self.linger_time;
        limits.linger_bytes = self.linger_bytes;
        limits.output_bytes = self.output_bytes;
        limits
    }
}

impl Open {
    /// Limits of a problem file.
    pub(crate) fn problem_limits(&self) -> TextLimits {
        let mut limits = TextLimits::default();
        limits.text_bytes = self.text_bytes;
        limits.variables = self.variables;
        limits.expression_depth = self.expression_depth;
        limits.graph_nodes = self.graph_nodes;
        limits.expansion_steps = self.expansion_steps;
        limits.stage_memory = self.stage_memory;
        limits
    }

    /// Configuration of the service, depending on whether it listens on a loopback address.
    pub(crate) fn service(&self, session: SessionLimits, on_loopback: bool) -> OptimizerSettings {
        let mut config = OptimizerSettings::default();
        config.session = session;
        config.problem = self.problem_limits();
        config.queue = self.queue;
        config.solve_time = self.solve_time;
        config.problems = self.problems;
        config.kill = self.kill.permission(on_loopback);
        config.load = self.load.permission(on_loopback);
        config
    }
}

impl Obe {
    /// Limits of a connection.
    pub(crate) fn limits(&self, session: SessionLimits) -> obe::Limits {
        let mut limits = obe::Limits::default();
        limits.session = session;
        limits.session.message_bytes = self.message_bytes;
        // A host queues no more replies per connection.
        limits.requests_in_flight = self.requests_in_flight.clamp(1, 64);
        limits.json = json_limits(self.json_depth, self.json_values);
        limits
    }

    /// Permissions, depending on whether the server listens on a loopback address.
    pub(crate) fn permissions(&self, on_loopback: bool) -> ObePermissions {
        let mut permissions = ObePermissions::default();
        permissions.done = self.done.permission(on_loopback);
        permissions.experiments = self.experiments.permission(on_loopback);
        permissions.posteriors = self.posteriors.permission(on_loopback);
        permissions
    }

    /// Limits of an experiment, whose expressions have the limits of problems.
    pub(crate) fn design_limits(&self, text: TextLimits) -> DesignLimits {
        let mut limits = DesignLimits::default();
        limits.text = text;
        limits.settings = self.settings;
        limits.particle_numbers = self.particle_numbers;
        limits.draw_numbers = self.draw_numbers;
        limits
    }
}

impl Zeiss {
    /// Limits of a connection.
    pub(crate) fn limits(&self, session: SessionLimits) -> zeiss::Limits {
        let mut limits = zeiss::Limits::default();
        limits.session = session;
        limits.json = json_limits(self.json_depth, self.json_values);
        limits
    }
}

impl Web {
    /// Browser requests that are accepted.
    pub(crate) fn access(&self) -> WebAccess {
        WebAccess {
            hosts: self.hosts.clone(),
            origins: self.origins.clone(),
        }
    }
}

fn json_limits(depth: usize, values: usize) -> python_json::Limits {
    python_json::Limits { depth, values }
}

impl Who {
    fn permission(self, on_loopback: bool) -> Permission {
        match self {
            Self::Local if on_loopback => Permission::Local,
            Self::Everybody => Permission::Everybody,
            Self::Nobody | Self::Local => Permission::Nobody,
        }
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| serde::de::Error::custom(format!("{seconds} is not a number of seconds")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_are_the_defaults() {
        let config = Layers::new().finish().unwrap();
        assert_eq!(config.limits.host(), HostLimits::default());
        assert_eq!(config.limits.session(), SessionLimits::default());
        let service = config.open.service(config.limits.session(), true);
        assert_eq!(
            format!("{service:?}"),
            format!("{:?}", OptimizerSettings::default())
        );
        assert_eq!(config.obe.limits(config.limits.session()), obe::Limits::default());
        assert_eq!(config.obe.permissions(true), ObePermissions::default());
        let limits = config.obe.design_limits(config.open.problem_limits());
        assert_eq!(limits, DesignLimits::default());
        assert_eq!(
            config.zeiss.limits(config.limits.session()),
            zeiss::Limits::default()
        );
        assert_eq!(
            (config.log.format, config.log.level.as_str()),
            (LogFormat::Human, "info")
        );
    }

    #[test]
    fn kill_is_refused_off_the_loopback_unless_allowed_there() {
        let permission = |kill: &str, on_loopback| {
            let mut layers = Layers::new();
            layers
                .add_text("test", &format!("open.kill = \"{kill}\""))
                .unwrap();
            let config = layers.finish().unwrap();
            config.open.service(SessionLimits::default(), on_loopback).kill
        };
        assert_eq!(permission("local", true), Permission::Local);
        assert_eq!(permission("local", false), Permission::Nobody);
        assert_eq!(permission("everybody", false), Permission::Everybody);
        assert_eq!(permission("nobody", true), Permission::Nobody);
    }
}
