//! Admission of connections: counts and limits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use event_listener::Event;
use labwire_core::limits::HostLimits;
use labwire_core::session::PeerList;

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
    /// The peer is not in the list `peers`.
    #[error("not in the list peers")]
    Peer,
    /// The host is shutting down.
    #[error("shutting down")]
    ShuttingDown,
}

/// List `peers` of a running host, which can be replaced. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Peers(Arc<RwLock<PeerList>>);

impl Peers {
    /// Replaces the list, for the connections to come.
    pub fn set(&self, peers: PeerList) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = peers;
    }

    /// Checks whether the list lets `peer` connect.
    ///
    /// # Errors
    /// If it does not.
    pub fn check(&self, peer: IpAddr) -> Result<(), Refused> {
        match self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .includes(peer)
        {
            true => Ok(()),
            false => Err(Refused::Peer),
        }
    }
}

impl From<PeerList> for Peers {
    fn from(peers: PeerList) -> Self {
        Self(Arc::new(RwLock::new(peers)))
    }
}

/// Counter of connections. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct Admission(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    open: Mutex<Open>,
    admitted: AtomicU64,
    refused: AtomicU64,
    is_empty: Event,
}

/// Open connections.
#[derive(Debug, Default)]
struct Open {
    count: usize,
    by_peer: HashMap<IpAddr, usize>,
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
        let mut open = self.0.lock();
        if let Err(refused) = open.check(peer, limits) {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return Err(refused);
        }
        open.count += 1;
        *open.by_peer.entry(peer).or_default() += 1;
        self.0.admitted.fetch_add(1, Ordering::Relaxed);
        let counts = self.0.clone();
        Ok(Permit { peer, counts })
    }

    /// Checks whether one more connection from `peer` would be admitted now.
    ///
    /// # Errors
    /// If it would not.
    pub fn check(&self, peer: IpAddr, limits: &HostLimits) -> Result<(), Refused> {
        self.0.lock().check(peer, limits)
    }

    /// Number of open connections.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().count
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

impl Open {
    fn check(&self, peer: IpAddr, limits: &HostLimits) -> Result<(), Refused> {
        if self.count >= limits.connections {
            return Err(Refused::Connections);
        }
        if self.by_peer.get(&peer).copied().unwrap_or(0) >= limits.connections_per_peer {
            return Err(Refused::ConnectionsPerPeer);
        }
        Ok(())
    }

    fn remove(&mut self, peer: IpAddr) {
        self.count -= 1;
        if let Entry::Occupied(mut count) = self.by_peer.entry(peer) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.counts.lock();
        open.remove(self.peer);
        if open.count == 0 {
            self.counts.is_empty.notify(usize::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn places_are_counted_for_each_peer_and_in_all() {
        let limits = HostLimits::default()
            .with_connections(3)
            .with_connections_per_peer(2);
        let peer = |last| IpAddr::from(Ipv4Addr::new(10, 0, 0, last));
        let admission = Admission::default();
        let first = admission.admit(peer(1), &limits).unwrap();
        let _second = admission.admit(peer(1), &limits).unwrap();
        assert_eq!(
            admission.check(peer(1), &limits),
            Err(Refused::ConnectionsPerPeer)
        );
        let third = admission.admit(peer(2), &limits).unwrap();
        assert_eq!(
            admission.admit(peer(3), &limits).unwrap_err(),
            Refused::Connections
        );
        assert_eq!((admission.count(), admission.totals()), (3, (3, 1)));
        drop((first, third));
        assert_eq!(admission.count(), 1);
        assert!(admission.check(peer(1), &limits).is_ok());
    }
}
