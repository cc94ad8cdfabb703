//! TLS of clients.

use labwire_tokio::Remote;

use crate::common::resolve;
use crate::failure::Failure;

#[cfg(feature = "tls")]
pub(crate) use with::TlsArguments;
#[cfg(not(feature = "tls"))]
pub(crate) use without::TlsArguments;

impl TlsArguments {
    /// Server at `address`, `host:port`, as it is to be called.
    pub(crate) async fn remote(&self, address: &str) -> Result<Remote, Failure> {
        let remote = Remote::new(address, resolve(address).await?);
        #[cfg(feature = "tls")]
        let remote = remote.with_tls(self.connector()?);
        Ok(remote)
    }
}

#[cfg(feature = "tls")]
mod with {
    use std::path::PathBuf;

    use labwire_tokio::{Authorities, Identity, TlsConnector, TlsError};

    use crate::failure::{self, Failure};

    /// Options of a client's TLS.
    #[derive(Clone, Debug, Default, clap::Args)]
    pub(crate) struct TlsArguments {
        /// Speak TLS. The server's certificate must be of an authority that this machine trusts.
        #[arg(long, global = true, help_heading = "TLS")]
        tls: bool,
        /// Speak TLS, with a server whose certificate, or that of its authority, is in this PEM file.
        #[arg(long, global = true, value_name = "FILE", help_heading = "TLS")]
        ca: Option<PathBuf>,
        /// PEM file of the certificate to show to servers that ask for one.
        #[arg(
            long,
            global = true,
            value_name = "FILE",
            requires = "key",
            help_heading = "TLS"
        )]
        cert: Option<PathBuf>,
        /// PEM file of its private key.
        #[arg(
            long,
            global = true,
            value_name = "FILE",
            requires = "cert",
            help_heading = "TLS"
        )]
        key: Option<PathBuf>,
        /// Name in the server's certificate, if it is not the host of the address.
        #[arg(long, global = true, value_name = "NAME", help_heading = "TLS")]
        server_name: Option<String>,
    }

    impl TlsArguments {
        /// Whether any option is given.
        pub(crate) fn is_given(&self) -> bool {
            self.tls || self.ca.is_some() || self.cert.is_some() || self.server_name.is_some()
        }

        /// TLS, if it is asked for.
        pub(crate) fn connector(&self) -> Result<Option<TlsConnector>, Failure> {
            let wrong = |error: TlsError| Failure::new(failure::NO_INPUT, error.to_string());
            if !self.tls && self.ca.is_none() {
                return match self.cert.is_some() || self.server_name.is_some() {
                    true => Err(Failure::new(
                        failure::USAGE,
                        "--cert, --key and --server-name are options of --tls",
                    )),
                    false => Ok(None),
                };
            }
            let authorities = match &self.ca {
                Some(file) => Authorities::from_file(file),
                None => Authorities::of_system(),
            };
            let identity = match (&self.cert, &self.key) {
                (Some(cert), Some(key)) => Some(Identity::from_files(cert, key).map_err(wrong)?),
                _ => None,
            };
            let connector = TlsConnector::new(&authorities.map_err(wrong)?, identity.as_ref());
            let connector = connector.map_err(wrong)?;
            match &self.server_name {
                Some(name) => connector.with_server_name(name).map(Some).map_err(wrong),
                None => Ok(Some(connector)),
            }
        }
    }
}

#[cfg(not(feature = "tls"))]
mod without {
    /// This program is built without TLS: there are no options.
    #[derive(Clone, Debug, Default, clap::Args)]
    pub(crate) struct TlsArguments {}

    impl TlsArguments {
        /// Whether any option is given.
        pub(crate) fn is_given(&self) -> bool {
            false
        }
    }
}
