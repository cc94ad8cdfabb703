//! async-std as a runtime of the hosts.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use async_std::net::{TcpListener, TcpStream, ToSocketAddrs};
use async_std::task;
use labwire_host::Runtime;
use socket2::SockRef;

use crate::futures::{FuturesStream, FuturesTimer};

/// Runtime of this crate.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a name")]
pub struct AsyncStd;

impl Runtime for AsyncStd {
    type Timer = FuturesTimer;
    type Stream = FuturesStream<TcpStream>;
    type Listener = TcpListener;

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        // The task continues after its handle is dropped.
        drop(task::spawn(task));
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
        Ok(address.to_socket_addrs().await?.collect())
    }

    fn socket(stream: &Self::Stream) -> SockRef<'_> {
        stream.socket()
    }

    async fn accept(listener: &TcpListener) -> io::Result<(Self::Stream, SocketAddr)> {
        let (stream, address) = listener.accept().await?;
        Ok((FuturesStream::new(stream), address))
    }
}
