//! Peers by their addresses.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Peers that may connect: addresses, such as `192.168.1.7`, and networks, such as `192.168.1.0/24` or `fd00::/8`. An empty
/// list means everybody. Peers on this machine are always included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct PeerList(Vec<IpNet>);

/// Text that is neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address such as 192.168.1.7, or a network such as 192.168.1.0/24")]
pub struct NotANetwork(String);

impl PeerList {
    /// Whether the list includes a peer.
    #[must_use]
    pub fn includes(&self, peer: IpAddr) -> bool {
        // An IPv4 peer of a socket for both looks like ::ffff:192.168.1.7.
        let peer = peer.to_canonical();
        self.0.is_empty() || peer.is_loopback() || self.0.iter().any(|network| network.contains(&peer))
    }
}

impl TryFrom<Vec<String>> for PeerList {
    type Error = NotANetwork;

    fn try_from(texts: Vec<String>) -> Result<Self, NotANetwork> {
        let network = |text: String| {
            let (address, network) = (text.trim().parse::<IpAddr>(), text.trim().parse::<IpNet>());
            address
                .map(IpNet::from)
                .or(network)
                .map_err(|_| NotANetwork(text))
        };
        texts.into_iter().map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl From<PeerList> for Vec<String> {
    fn from(peers: PeerList) -> Self {
        peers.0.iter().map(ToString::to_string).collect()
    }
}

impl fmt::Display for PeerList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("everybody");
        }
        for (index, network) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(formatter, "{comma}{network}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_addresses_and_networks() {
        let list = |text: &str| serde_json::from_str::<PeerList>(text);
        let peers = list(r#"["192.168.1.7", " 10.0.0.0/8", "fd00::/8"]"#).unwrap();
        for (peer, is_included) in [
            ("192.168.1.7", true),
            ("192.168.1.8", false),
            ("10.200.0.1", true),
            ("::ffff:10.200.0.1", true),
            ("fd12::1", true),
            ("fe80::1", false),
            ("127.0.0.1", true),
            ("::1", true),
        ] {
            let address = peer.parse().unwrap();
            assert_eq!(peers.includes(address), is_included, "{peer}");
            assert!(PeerList::default().includes(address));
        }
        assert_eq!(peers.to_string(), "192.168.1.7/32, 10.0.0.0/8, fd00::/8");
        assert_eq!(list(&serde_json::to_string(&peers).unwrap()).unwrap(), peers);
        for wrong in ["lab", "10.0.0.0/33", "10.0.0", ""] {
            let error = list(&serde_json::to_string(&[wrong]).unwrap()).unwrap_err();
            assert!(error.to_string().contains("is not an address such as"), "{error}");
        }
    }
}
