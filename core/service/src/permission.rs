//! Permissions of peers.

use serde::{Deserialize, Serialize};

use crate::Peer;

/// Set of peers that are permitted to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "nobody, some, all")]
pub enum Permission {
    /// Nobody.
    Nobody,
    /// Peers on this machine.
    Local,
    /// Everybody.
    Everybody,
}

impl Permission {
    /// Whether the permission includes `peer`.
    #[must_use]
    pub fn includes(self, peer: Peer) -> bool {
        match self {
            Self::Nobody => false,
            Self::Local => peer.is_local,
            Self::Everybody => true,
        }
    }
}
