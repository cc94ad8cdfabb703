//! async-std, as the hosts see it.

use std::future::Future;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_io::Timer as IoTimer;
use async_std::net::{TcpListener, TcpStream, ToSocketAddrs};
use async_std::task;
use futures_io::{AsyncRead, AsyncWrite};
use labwire_host::{Runtime, Timer, Transport, has_input};
use socket2::SockRef;

/// The runtime of this crate.
#[derive(Debug)]
pub struct AsyncStd;

impl Runtime for AsyncStd {
    type Timer = AsyncStdTimer;
    type Stream = TcpStream;
    type Listener = TcpListener;

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        // A handle that is dropped lets its task run on.
        drop(task::spawn(task));
    }

    fn timer() -> AsyncStdTimer {
        AsyncStdTimer(IoTimer::never())
    }

    async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn look_up(address: &str) -> io::Result<Vec<SocketAddr>> {
        Ok(address.to_socket_addrs().await?.collect())
    }

    fn socket(stream: &TcpStream) -> SockRef<'_> {
        SockRef::from(stream)
    }

    async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, address) = listener.accept().await?;
        // Fails where the peer has gone already, which is for the connection to find out.
        let _ = stream.set_nodelay(true);
        Ok((stream, address))
    }
}

/// Wakes its task at a time.
#[derive(Debug)]
pub struct AsyncStdTimer(IoTimer);

impl Timer for AsyncStdTimer {
    fn set(&mut self, due: Instant) {
        self.0.set_at(due);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context).map(|_| ())
    }
}

impl Transport<AsyncStd> for TcpStream {
    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        AsyncRead::poll_read(Pin::new(self), context, buffer)
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(self), context, bytes)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(self), context)
    }

    fn poll_finish(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // `poll_close` only flushes.
        Poll::Ready(self.shutdown(Shutdown::Write))
    }

    fn abort(&mut self) {
        // A socket that is gone already needs no reset.
        let _ = SockRef::from(&*self).set_linger(Some(Duration::ZERO));
    }

    fn has_input(&self) -> bool {
        has_input(SockRef::from(self))
    }
}
