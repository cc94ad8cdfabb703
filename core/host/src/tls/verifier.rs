//! Verification of servers' certificates.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::files::{Authorities, TlsError};
use super::words::is_of_authority;

/// Verifier that accepts certificates of authorities, and those in the authorities' file themselves: what
/// `openssl req -x509` makes is an authority's certificate, which WebPKI alone does not accept from a server.
#[derive(Debug)]
pub(super) struct Verifier {
    authorities: Arc<WebPkiServerVerifier>,
    own: Arc<Vec<CertificateDer<'static>>>,
}

impl Verifier {
    pub(super) fn new(authorities: &Authorities, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let roots = authorities.roots.clone();
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
        Ok(Self {
            authorities: verifier.map_err(TlsError::new)?,
            own: authorities.own.clone(),
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.authorities
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // Found after the times of the certificate have been checked, and before its name.
            Err(Error::InvalidCertificate(error))
                if is_of_issuer(&error) && self.own.iter().any(|own| own == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Whether the certificate was refused because of its issuer: it is unknown, or the certificate itself is an authority's.
fn is_of_issuer(error: &CertificateError) -> bool {
    matches!(error, CertificateError::UnknownIssuer) || is_of_authority(error)
}
