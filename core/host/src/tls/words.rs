//! Errors of TLS in words.

use std::error::Error as _;
use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// The error, in words of which the peer's certificate and the peer's alerts are the subjects.
pub(super) fn in_words(error: io::Error) -> io::Error {
    let kind = error.kind();
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let words = match cause {
        Some(cause) => of(cause),
        None if kind == io::ErrorKind::UnexpectedEof => {
            "the peer has ended the connection without the end that TLS prescribes".to_owned()
        }
        None => return error,
    };
    io::Error::new(kind, words)
}

/// Whether a certificate was refused because it is that of an authority.
pub(super) fn is_of_authority(error: &CertificateError) -> bool {
    let CertificateError::Other(other) = error else {
        return false;
    };
    let cause = other.0.downcast_ref::<webpki::Error>();
    matches!(cause, Some(webpki::Error::CaUsedAsEndEntity))
}

fn of(error: &Error) -> String {
    match error {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => "the peer does not speak TLS".to_owned(),
        Error::NoCertificatesPresented => "the peer has shown no certificate".to_owned(),
        Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => "the peer's certificate is of an unknown authority".to_owned(),
            // The name of an authority that was made anew.
            CertificateError::BadSignature => {
                "the peer's certificate is of an unknown authority with the name of a known one".to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                format!("the peer's certificate has expired ({error})")
            }
            // What `openssl req -x509` makes, if it is not in the file of authorities.
            error if is_of_authority(error) => {
                "the peer's certificate is of an unknown authority: itself".to_owned()
            }
            CertificateError::Other(other) => match other.source() {
                Some(source) => format!("the peer's certificate is not accepted: {source}"),
                None => format!("the peer's certificate is not accepted: {other}"),
            },
            error => format!("the peer's certificate is not accepted: {error}"),
        },
        Error::AlertReceived(alert) => match alert {
            AlertDescription::CertificateRequired => "the peer asks for a certificate".to_owned(),
            AlertDescription::UnknownCA => {
                "the peer does not know the authority of the certificate".to_owned()
            }
            AlertDescription::CertificateExpired => {
                "the peer says that the certificate has expired".to_owned()
            }
            AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnsupportedCertificate => {
                format!("the peer does not accept the certificate ({alert:?})")
            }
            alert => format!("the peer has refused the handshake ({alert:?})"),
        },
        error => error.to_string(),
    }
}
