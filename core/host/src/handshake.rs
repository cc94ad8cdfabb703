//! First bytes of peers that speak TLS where nobody does, or the reverse, and what they are told.

/// Answer to a client that speaks no TLS on a port that speaks nothing else.
pub(crate) const ONLY_TLS: &str = "this port speaks TLS only\n";

/// Answer to a client that speaks TLS on a port that does not. Clients report that it is not TLS.
pub(crate) const NOT_TLS: &[u8] = b"this port does not speak TLS\n";

/// Whether a server refuses to speak without TLS: by an alert (RFC 8446, 6), or as servers here do.
pub(crate) fn is_refusal(bytes: &[u8]) -> bool {
    let is_alert = matches!(bytes, [0x15, 3, _, 0, 2, 1 | 2, _]);
    is_alert || bytes.ends_with(ONLY_TLS.as_bytes())
}

/// Whether `bytes` begin a TLS handshake (RFC 8446, 5.1 and 4): no message of another protocol here does.
pub(crate) fn is_client_hello(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x16, 3]) && bytes.get(5).is_none_or(|message| *message == 1)
}
