//! Certificates and keys in PEM files.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::provider;

/// Reason why TLS cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

/// Longest file, in bytes.
const FILE_BYTES: u64 = 4 << 20;

/// Certificate chain with its private key, of a server or a client.
#[derive(Clone, Debug)]
pub struct Identity(pub(super) Arc<CertifiedKey>);

/// Authorities whose certificates are accepted.
#[derive(Clone, Debug)]
pub struct Authorities {
    pub(super) roots: Arc<RootCertStore>,
    /// Certificates of a file, which are accepted themselves, too.
    pub(super) own: Arc<Vec<CertificateDer<'static>>>,
}

impl Identity {
    /// Reads two PEM files: a certificate, followed by those that lead to an authority, and its private key (PKCS#8,
    /// PKCS#1 or SEC1, not encrypted). Both may be the same file.
    ///
    /// # Errors
    /// With the name of the file: it cannot be read or understood, or the key belongs to another certificate.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = certificates(certificate)?;
        let text = read(key)?;
        let parsed = PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
            PemError::NoItemsFound if text.windows(17).any(|word| word == b"ENCRYPTED PRIVATE") => {
                TlsError::of(
                    key,
                    "the private key is encrypted; `openssl pkey` writes it without its password",
                )
            }
            PemError::NoItemsFound => TlsError::of(key, "expected a private key in PEM format, found none"),
            error => TlsError::of(key, error),
        })?;
        match CertifiedKey::from_der(chain, parsed, &provider()) {
            Ok(pair) => Ok(Self(Arc::new(pair))),
            Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError::of(
                key,
                format!("not the key of the certificate in {}", certificate.display()),
            )),
            Err(error) => Err(TlsError::of(certificate, error)),
        }
    }
}

impl Authorities {
    /// Reads the certificates of a PEM file. A certificate in it may also be the peer's own.
    ///
    /// # Errors
    /// With the name of the file, if it cannot be read or understood.
    pub fn from_file(path: &Path) -> Result<Self, TlsError> {
        let own = certificates(path)?;
        let mut roots = RootCertStore::empty();
        for certificate in &own {
            roots
                .add(certificate.clone())
                .map_err(|error| TlsError::of(path, error))?;
        }
        Ok(Self {
            roots: Arc::new(roots),
            own: Arc::new(own),
        })
    }

    /// Authorities that this machine trusts.
    ///
    /// # Errors
    /// If there are none.
    pub fn of_system() -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let why = found.errors.first().map(ToString::to_string);
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            return Err(TlsError(format!(
                "this machine has no certificates of authorities{why}"
            )));
        }
        Ok(Self {
            roots: Arc::new(roots),
            own: Arc::default(),
        })
    }
}

impl TlsError {
    pub(super) fn new(why: impl std::fmt::Display) -> Self {
        Self(why.to_string())
    }

    fn of(path: &Path, why: impl std::fmt::Display) -> Self {
        Self(format!("{}: {why}", path.display()))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(TlsError::of(
            path,
            "expected a certificate in PEM format, found none",
        )),
        Ok(found) => Ok(found),
        Err(error) => Err(TlsError::of(path, error)),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut text = Vec::new();
    let file = File::open(path).and_then(|file| file.take(FILE_BYTES + 1).read_to_end(&mut text));
    file.map_err(|error| TlsError::of(path, error))?;
    match text.len() as u64 > FILE_BYTES {
        true => Err(TlsError::of(path, format!("longer than {FILE_BYTES} bytes"))),
        false => Ok(text),
    }
}
