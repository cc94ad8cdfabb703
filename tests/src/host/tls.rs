//! TLS between a server and a client.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use labwire_core::limits::{HostLimits, SessionLimits};
use labwire_core::open::RunRequest;
use labwire_host::{
    Authorities, ClientError, ClientSettings, Identity, OptimizerClient, PortSecurity, Remote, RemoteError,
    Runtime, Signal, TlsAcceptor, TlsConnector, serve_over,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::Host;
use crate::adder::{Adder, harmonic};

/// Defines a test for each function of the suite.
#[macro_export]
macro_rules! tls_suite {
    ($host:ty) => {
        mod tls {
            use super::*;

            #[test]
            fn connections_are_encrypted_and_both_sides_are_known() {
                $crate::host::tls::connections_are_encrypted_and_both_sides_are_known::<$host>();
            }
        }
    };
}

/// Authority that signs certificates into a folder.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(folder: &Path, file: &str, name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let file = folder.join(format!("{file}.pem"));
        let pem = params.self_signed(&key).expect("a certificate").pem();
        fs::write(&file, pem).expect("a file");
        Self {
            issuer: Issuer::new(params, key),
            file,
        }
    }

    fn identity(&self, folder: &Path, host: &str) -> Identity {
        let [certificate, secret] = ["certificate.pem", "key.pem"].map(|name| folder.join(name));
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        fs::write(&certificate, signed.pem()).expect("a file");
        fs::write(&secret, key.serialize_pem()).expect("a file");
        Identity::from_files(&certificate, &secret).expect("both fit")
    }

    fn authorities(&self) -> Authorities {
        Authorities::from_file(&self.file).expect("a certificate")
    }
}

/// Serves with `security` until the signal.
async fn start<R: Runtime>(security: PortSecurity) -> (SocketAddr, Signal) {
    let (listener, address) = R::bind(([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let (shutdown, limits) = (Signal::default(), SessionLimits::default());
    let end = shutdown.clone();
    R::spawn(async move {
        let host =
            labwire_host::Host::<_, R>::start("tls", Adder::new(limits.clone()), HostLimits::default());
        let wrap = |stream, peer| security.accept::<R, _>(stream, peer, &limits);
        serve_over(listener, &host, end.wait(), wrap).await;
    });
    (address, shutdown)
}

async fn sum<R: Runtime>(
    address: SocketAddr,
    tls: Option<TlsConnector>,
) -> Result<f64, RemoteError<ClientError>> {
    let remote = Remote::new(address.to_string(), address).with_tls(tls);
    let client = OptimizerClient::<R>::connect(remote, ClientSettings::default()).await?;
    client.run(RunRequest::new(vec![10.0])).await.map(|run| run.cost)
}

/// Who may not be trusted, or cannot show who it is, is told so, and no other is.
pub fn connections_are_encrypted_and_both_sides_are_known<H: Host>() {
    let runtime = H::start(Adder::new(SessionLimits::default()), HostLimits::default());
    let folder = TempDir::new().expect("a folder");
    let authority = |file, name| Authority::new(folder.path(), file, name);
    let [ours, strange] = ["ours", "strange"].map(|name| authority(name, name));
    let namesake = authority("namesake", "ours");
    let server = ours.identity(folder.path(), "127.0.0.1");
    let client = ours.identity(folder.path(), "client");
    let connector = |servers: &Authority, identity: Option<&Identity>| {
        Some(TlsConnector::new(&servers.authorities(), identity).expect("authorities"))
    };
    let acceptor = |clients: Option<&Authority>| {
        let clients = clients.map(Authority::authorities);
        TlsAcceptor::new(&server, clients.as_ref()).expect("authorities")
    };
    runtime.block_on(async {
        let encrypted = acceptor(None);
        let (address, shutdown) = start::<H::Runtime>(PortSecurity::Tls(encrypted.clone())).await;
        let works = || async {
            let outcome = sum::<H::Runtime>(address, connector(&ours, None)).await;
            assert_eq!(outcome.expect("a sum"), harmonic(10));
        };
        let fails = |tls, why: &'static str| async move {
            let error = sum::<H::Runtime>(address, tls)
                .await
                .expect_err("no sum")
                .to_string();
            assert!(error.contains(why), "{error}");
        };
        works().await;
        fails(connector(&strange, None), "unknown authority").await;
        fails(connector(&namesake, None), "unknown authority with the name of").await;
        fails(None, "speaks TLS only").await;
        works().await;
        // From now on, clients need certificates.
        encrypted.replace(&acceptor(Some(&ours)));
        fails(connector(&ours, None), "asks for a certificate").await;
        let known = sum::<H::Runtime>(address, connector(&ours, Some(&client))).await;
        assert_eq!(known.expect("a sum"), harmonic(10));
        shutdown.set();
        let (address, shutdown) = start::<H::Runtime>(PortSecurity::Plain).await;
        let error = sum::<H::Runtime>(address, connector(&ours, None))
            .await
            .expect_err("no sum");
        assert!(error.to_string().contains("does not speak TLS"), "{error}");
        shutdown.set();
    });
    runtime.shutdown();
}
