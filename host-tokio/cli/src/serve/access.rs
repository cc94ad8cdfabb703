//! Flags for who may connect, and how.

use toml::Value;

use crate::config::Layers;
use crate::failure::Failure;

/// Flags of every command that serves, named by the warning that other machines can connect.
#[derive(Debug, clap::Args)]
pub(crate) struct Access {
    /// Peers that may connect to servers that other machines can reach: addresses and networks (192.168.1.0/24), separated by
    /// commas. Default: everybody.
    #[arg(long, value_name = "NETWORKS", value_delimiter = ',')]
    peers: Vec<String>,
    /// Speak TLS, and nothing else, with this certificate: a PEM file, with those that lead to its authority.
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// PEM file of the certificate's private key.
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// Serve only clients with a certificate of an authority in this PEM file.
    #[arg(long, value_name = "FILE")]
    tls_client_ca: Option<String>,
}

impl Access {
    /// Applies the flags on top of the rest of the configuration.
    pub(crate) fn apply(&self, layers: &mut Layers) -> Result<(), Failure> {
        let texts = [
            ("--tls-cert", "certificate", &self.tls_cert),
            ("--tls-key", "key", &self.tls_key),
            ("--tls-client-ca", "client-ca", &self.tls_client_ca),
        ];
        for (flag, key, text) in texts {
            if let Some(text) = text {
                layers.set(flag, "tls", key, Value::String(text.clone()))?;
            }
        }
        if !self.peers.is_empty() {
            layers.set("--peers", "limits", "peers", self.peers.clone().into())?;
        }
        Ok(())
    }
}
