//! Sockets and timers for `labwire-host`, from `futures-io` and `async-io`, for async-std, smol, and other runtimes
//! built on these two.

use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead, AsyncWrite};
use labwire_host::{Runtime, Timer, Transport, has_input};
use socket2::SockRef;

/// [`Transport`] over a TCP stream with the traits of `futures-io`.
#[derive(Debug)]
pub struct FuturesStream<S>(S);

impl<S> FuturesStream<S>
where
    for<'a> SockRef<'a>: From<&'a S>,
{
    /// Wraps a stream and disables Nagle's algorithm.
    pub fn new(stream: S) -> Self {
        // Fails if the peer has already gone, which the connection will find out.
        let _ = SockRef::from(&stream).set_tcp_nodelay(true);
        Self(stream)
    }

    /// Socket of the stream, for its options.
    pub fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.0)
    }
}

impl<R, S> Transport<R> for FuturesStream<S>
where
    R: Runtime,
    S: AsyncRead + AsyncWrite + Unpin + Send,
    for<'a> SockRef<'a>: From<&'a S>,
{
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_finish(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // `poll_close` of some streams only flushes.
        Poll::Ready(self.socket().shutdown(Shutdown::Write))
    }

    fn abort(&mut self) {
        // A socket that is already closed needs no reset.
        let _ = self.socket().set_linger(Some(Duration::ZERO));
    }

    fn has_input(&self) -> bool {
        has_input(self.socket())
    }
}

/// Timer that wakes its task.
#[derive(Debug)]
pub struct FuturesTimer(async_io::Timer);

impl Default for FuturesTimer {
    fn default() -> Self {
        Self(async_io::Timer::never())
    }
}

impl Timer for FuturesTimer {
    fn set(&mut self, due: Instant) {
        self.0.set_at(due);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context).map(|_| ())
    }
}
