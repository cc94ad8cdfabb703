//! Warm starts of kept-open connections.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use labwire_solve::Start;

use crate::ConnectionId;

/// States of kept-open connections, by connection and problem. Beyond a limit those of the connection that has been open
/// for longest are forgotten first.
#[derive(Debug)]
pub(super) struct OwnStarts {
    /// Most memory, in bytes.
    limit: usize,
    bytes: usize,
    starts: BTreeMap<(ConnectionId, usize), Start>,
}

impl OwnStarts {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            bytes: 0,
            starts: BTreeMap::new(),
        }
    }

    pub(super) fn start(&self, from: ConnectionId, problem: usize) -> Option<&Start> {
        self.starts.get(&(from, problem))
    }

    /// Keeps the state of a connection in place of its last one, if the limit allows.
    pub(super) fn keep(&mut self, from: ConnectionId, problem: usize, start: Start) {
        self.forget_key((from, problem));
        self.bytes += bytes(&start);
        self.starts.insert((from, problem), start);
        while self.bytes > self.limit
            && let Some(key) = self.starts.keys().next().copied()
        {
            self.forget_key(key);
        }
    }

    /// Forgets the states of a connection that has ended.
    pub(super) fn forget_connection(&mut self, from: ConnectionId) {
        let keys = self.starts.range((from, 0)..=(from, usize::MAX));
        let keys: Vec<_> = keys.map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.forget_key(key));
    }

    /// Forgets the states of a problem that has been replaced.
    pub(super) fn forget_problem(&mut self, problem: usize) {
        let keys: Vec<_> = self
            .starts
            .keys()
            .filter(|key| key.1 == problem)
            .copied()
            .collect();
        keys.into_iter().for_each(|key| self.forget_key(key));
    }

    fn forget_key(&mut self, key: (ConnectionId, usize)) {
        if let Some(start) = self.starts.remove(&key) {
            self.bytes -= bytes(&start);
        }
    }
}

fn bytes(start: &Start) -> usize {
    let optional = [
        &start.multipliers,
        &start.penalties,
        &start.states,
        &start.costates,
        &start.fallback,
    ];
    let numbers: usize = optional.into_iter().flatten().map(Vec::len).sum();
    (start.u.len() + numbers) * size_of::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn the_oldest_connections_lose_theirs_first() {
        let mut starts = OwnStarts::new(100 * size_of::<f64>());
        for id in 1..=3 {
            starts.keep(ConnectionId(id), 0, Start::cold(vec![id as f64; 40]));
        }
        let has = |starts: &OwnStarts, id| starts.start(ConnectionId(id), 0).is_some();
        assert!(!has(&starts, 1) && has(&starts, 2) && has(&starts, 3));
        starts.keep(ConnectionId(3), 0, Start::cold(vec![0.0; 60]));
        assert!(has(&starts, 2) && has(&starts, 3));
        starts.forget_connection(ConnectionId(2));
        starts.forget_problem(0);
        assert_eq!((starts.bytes, starts.starts.len()), (0, 0));
        starts.keep(ConnectionId(4), 0, Start::cold(vec![0.0; 101]));
        assert!(!has(&starts, 4));
    }
}
