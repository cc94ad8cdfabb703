//! Limits of hosts.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{InvalidLimit, at_least_one};
use crate::PeerList;

/// Limits of a host that serves many connections with one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct HostLimits {
    /// `peers`: who may connect. Others are closed at once. Default: everybody.
    pub peers: PeerList,
    /// `connections`: number of open connections. One more is closed at once. Default 1024.
    pub connections: usize,
    /// `connections-per-peer`: number of open connections from one address. One more is closed at once. Default 256.
    pub connections_per_peer: usize,
    /// `workers`: number of threads for jobs; more jobs than threads take turns. Default 2.
    pub workers: usize,
    /// `jobs`: number of jobs in progress, which take turns. Further jobs wait in the service's queue, which has its
    /// own limit. Default 64.
    pub jobs: usize,
    /// `memory`: number of bytes that all connections of the process may hold together: output that was asked for and not
    /// taken, and unfinished input. What does not fit waits: while half of it is held, connections that hold more than
    /// 64 KiB are not read, and requests with long replies not begun. One connection at a time goes on regardless, for whose
    /// message the other half is kept. Default 128 MB.
    pub memory: usize,
    /// `grace-time`: time that running jobs and open connections have to finish after the host was told to end. Those
    /// that have not finished are cut, and counted in the log. Default 10 s.
    #[serde(with = "crate::seconds")]
    pub grace_time: Duration,
}

impl HostLimits {
    crate::setters! {
        with_peers peers: PeerList,
        with_connections connections: usize,
        with_connections_per_peer connections_per_peer: usize,
        with_workers workers: usize,
        with_jobs jobs: usize,
        with_memory memory: usize,
        with_grace_time grace_time: Duration,
    }

    /// Checks every limit.
    ///
    /// # Errors
    /// The first with which nobody would be served.
    pub fn validate(&self) -> Result<(), InvalidLimit> {
        at_least_one("connections", self.connections)?;
        at_least_one("connections-per-peer", self.connections_per_peer)?;
        at_least_one("workers", self.workers)?;
        at_least_one("jobs", self.jobs)?;
        at_least_one("memory", self.memory)
    }
}

impl Default for HostLimits {
    fn default() -> Self {
        Self {
            peers: PeerList::default(),
            connections: 1024,
            connections_per_peer: 256,
            workers: 2,
            jobs: 64,
            memory: 128_000_000,
            grace_time: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_serve_nobody_are_refused() {
        assert_eq!(HostLimits::default().validate(), Ok(()));
        assert!(HostLimits::default().with_jobs(0_usize).validate().is_err());
    }
}
