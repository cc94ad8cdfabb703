//! What carries bytes.

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpStream;

/// A byte stream in both directions whose sending side can be shut down on its own.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {
    /// Makes the coming drop end the connection at once (TCP: a reset), unsent bytes and all.
    fn abort(&mut self);
}

impl Transport for TcpStream {
    fn abort(&mut self) {
        // A socket that is gone already needs no reset.
        let _ = self.set_zero_linger();
    }
}

impl Transport for DuplexStream {
    fn abort(&mut self) {}
}
