//! TLS of the ports.

use labwire_tokio::PortSecurity;

use crate::config;
use crate::failure::{self, Failure, did_you_mean};

/// TLS settings of the ports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    security: PortSecurity,
    servers: Vec<String>,
    /// Options for clients, as far as they are known.
    flags: String,
    asks_clients: bool,
}

impl Tls {
    /// Reads the files that the configuration names.
    pub(crate) fn new(config: &config::Tls, known: &[&'static str]) -> Result<Self, Failure> {
        for name in &config.servers {
            if !known.contains(&name.as_str()) {
                let why = format!("tls.servers: there is no server `{name}`");
                return Err(
                    Failure::new(failure::CONFIG, why).hint(did_you_mean(name, known.iter().copied()))
                );
            }
        }
        let client = match config.client_ca.is_empty() {
            true => "",
            false => " --cert FILE --key FILE",
        };
        Ok(Self {
            security: security(config)?,
            servers: config.servers.clone(),
            asks_clients: !config.client_ca.is_empty(),
            flags: format!(" --ca {}{client}", config.certificate),
        })
    }

    /// Security of the port of a server.
    pub(crate) fn of(&self, server: &str) -> PortSecurity {
        match self.servers.iter().any(|name| name == server) {
            true => self.security.clone(),
            false => PortSecurity::Plain,
        }
    }

    /// Options for the clients of a server, if it speaks TLS.
    pub(crate) fn flags(&self, server: &str) -> Option<&str> {
        self.of(server).is_encrypted().then_some(&*self.flags)
    }

    /// Whether clients must have certificates.
    pub(crate) fn asks_for_certificates(&self) -> bool {
        self.asks_clients
    }

    /// Reads the files again, for the connections to come. False if TLS is not spoken here, or is no longer wanted.
    pub(crate) fn reload(&self, config: &config::Tls) -> Result<bool, Failure> {
        match (&self.security, security(config)?) {
            #[cfg(feature = "tls")]
            (PortSecurity::Tls(current), PortSecurity::Tls(next)) => {
                current.replace(&next);
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

fn security(config: &config::Tls) -> Result<PortSecurity, Failure> {
    let given = [
        (&config.certificate, "tls.certificate"),
        (&config.key, "tls.key"),
        (&config.client_ca, "tls.client-ca"),
    ];
    let Some((_, key)) = given.iter().find(|(path, _)| !path.is_empty()) else {
        return Ok(PortSecurity::Plain);
    };
    for (path, missing) in &given[..2] {
        if path.is_empty() {
            let why = format!("{key} is given, {missing} is missing");
            return Err(Failure::new(failure::CONFIG, why));
        }
    }
    of_files(config)
}

#[cfg(feature = "tls")]
fn of_files(config: &config::Tls) -> Result<PortSecurity, Failure> {
    use std::path::Path;

    use labwire_tokio::{Authorities, Identity, TlsAcceptor};

    let acceptor = || {
        let identity = Identity::from_files(Path::new(&config.certificate), Path::new(&config.key))?;
        let clients = match config.client_ca.as_str() {
            "" => None,
            path => Some(Authorities::from_file(Path::new(path))?),
        };
        TlsAcceptor::new(&identity, clients.as_ref())
    };
    let wrong = |error: labwire_tokio::TlsError| Failure::new(failure::NO_INPUT, format!("TLS: {error}"));
    acceptor().map(PortSecurity::Tls).map_err(wrong)
}

#[cfg(not(feature = "tls"))]
fn of_files(_: &config::Tls) -> Result<PortSecurity, Failure> {
    Err(Failure::new(
        failure::CONFIG,
        "this program was built without TLS",
    ))
}
