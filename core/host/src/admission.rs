//! Admission of connections: counts and limits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_listener::Event;
use labwire_core::limits::HostLimits;

/// Reason why a connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The limit `connections` is reached.
    #[error("limit connections reached")]
    Connections,
    /// The limit `connections-per-peer` is reached.
    #[error("limit connections-per-peer reached")]
    ConnectionsPerPeer,
    /// The host is shutting down.
    #[error("shutting down")]
    ShuttingDown,
}

/// Counter of connections. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct Admission(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    by_peer: Mutex<HashMap<IpAddr, usize>>,
    admitted: AtomicU64,
    refused: AtomicU64,
    is_empty: Event,
}

/// Place of one admitted connection, given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    peer: IpAddr,
    counts: Arc<Counts>,
}

impl Admission {
    /// Counts one more connection from `peer`.
    ///
    /// # Errors
    /// If that would exceed the limits.
    pub fn admit(&self, peer: IpAddr, limits: &HostLimits) -> Result<Permit, Refused> {
        let mut by_peer = self.0.lock();
        if let Err(refused) = check(&by_peer, peer, limits) {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return Err(refused);
        }
        *by_peer.entry(peer).or_default() += 1;
        self.0.admitted.fetch_add(1, Ordering::Relaxed);
        let counts = self.0.clone();
        Ok(Permit { peer, counts })
    }

    /// Checks whether one more connection from `peer` would be admitted now.
    ///
    /// # Errors
    /// If it would not.
    pub fn check(&self, peer: IpAddr, limits: &HostLimits) -> Result<(), Refused> {
        check(&self.0.lock(), peer, limits)
    }

    /// Number of open connections.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().values().sum()
    }

    /// Numbers of connections admitted and refused since the start.
    #[must_use]
    pub fn totals(&self) -> (u64, u64) {
        let total = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (total(&self.0.admitted), total(&self.0.refused))
    }

    /// Returns once no connection is open.
    pub async fn empty(&self) {
        while self.count() > 0 {
            let emptied = self.0.is_empty.listen();
            if self.count() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

fn check(by_peer: &HashMap<IpAddr, usize>, peer: IpAddr, limits: &HostLimits) -> Result<(), Refused> {
    if by_peer.values().sum::<usize>() >= limits.connections {
        return Err(Refused::Connections);
    }
    if by_peer.get(&peer).copied().unwrap_or(0) >= limits.connections_per_peer {
        return Err(Refused::ConnectionsPerPeer);
    }
    Ok(())
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_peer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut by_peer = self.counts.lock();
        if let Some(count) = by_peer.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                by_peer.remove(&self.peer);
            }
        }
        if by_peer.is_empty() {
            self.counts.is_empty.notify(usize::MAX);
        }
    }
}
