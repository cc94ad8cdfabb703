//! tokio as a runtime of the hosts.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use labwire_host::{Runtime, Timer, Transport, has_input};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::time::Sleep;

/// Byte functions of a [`Transport`], from tokio's traits.
macro_rules! bytes_of_tokio {
    () => {
        fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
            let mut buffer = ReadBuf::new(buffer);
            ready!(AsyncRead::poll_read(Pin::new(self), context, &mut buffer))?;
            Poll::Ready(Ok(buffer.filled().len()))
        }

        fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            AsyncWrite::poll_write(Pin::new(self), context, bytes)
        }

        fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            AsyncWrite::poll_flush(Pin::new(self), context)
        }

        fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            AsyncWrite::poll_shutdown(Pin::new(self), context)
        }
    };
}

/// Runtime of this crate.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a name")]
pub struct Tokio;

impl Runtime for Tokio {
    type Timer = TokioTimer;
    type Stream = TcpStream;
    type Listener = TcpListener;

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(task));
    }

    fn timer() -> TokioTimer {
        TokioTimer(Box::pin(tokio::time::sleep_until(Instant::now().into())))
    }

    async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    async fn look_up(address: &str) -> io::Result<Vec<SocketAddr>> {
        Ok(lookup_host(address).await?.collect())
    }

    fn socket(stream: &TcpStream) -> SockRef<'_> {
        SockRef::from(stream)
    }

    async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, address) = listener.accept().await?;
        // Fails if the peer has already gone, which the connection will find out.
        let _ = stream.set_nodelay(true);
        Ok((stream, address))
    }
}

/// Timer that wakes its task.
#[derive(Debug)]
pub struct TokioTimer(Pin<Box<Sleep>>);

impl Timer for TokioTimer {
    fn set(&mut self, due: Instant) {
        self.0.as_mut().reset(due.into());
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl Transport<Tokio> for TcpStream {
    bytes_of_tokio!();

    fn abort(&mut self) {
        // A socket that is already closed needs no reset.
        let _ = self.set_zero_linger();
    }

    fn has_input(&self) -> bool {
        has_input(SockRef::from(self))
    }
}

/// In-process transport.
impl Transport<Tokio> for DuplexStream {
    bytes_of_tokio!();

    fn abort(&mut self) {}
}
