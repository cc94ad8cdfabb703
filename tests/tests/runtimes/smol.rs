//! smol with the code for async-std: its [`Runtime`] is that of labwire-async-std with other imports.

use std::io;
use std::net::SocketAddr;

use labwire_async_std::{FuturesStream, FuturesTimer};
use labwire_host::Runtime;
use smol::net::{TcpListener, TcpStream, resolve};
use socket2::SockRef;

/// smol.
pub(crate) struct Smol;

impl Runtime for Smol {
    type Timer = FuturesTimer;
    type Stream = FuturesStream<TcpStream>;
    type Listener = TcpListener;

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        smol::spawn(task).detach();
    }

    fn timer() -> FuturesTimer {
        FuturesTimer::default()
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Stream> {
        Ok(FuturesStream::new(TcpStream::connect(address).await?))
    }

    async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    async fn look_up(address: &str) -> io::Result<Vec<SocketAddr>> {
        resolve(address).await
    }

    fn socket(stream: &Self::Stream) -> SockRef<'_> {
        stream.socket()
    }

    async fn accept(listener: &TcpListener) -> io::Result<(Self::Stream, SocketAddr)> {
        let (stream, address) = listener.accept().await?;
        Ok((FuturesStream::new(stream), address))
    }
}
