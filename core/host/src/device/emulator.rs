//! Emulated device behind a TCP listener.

use std::convert::Infallible;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;

use async_channel::{Receiver, bounded};
use labwire_core::limits::{HostLimits, SessionLimits};
use labwire_core::simulate::Emulator;

use crate::host::Host;
use crate::runtime::Runtime;
use crate::serve::serve;
use crate::signal::Signal;

/// Emulated device on a real port. Dropping it closes its connections.
#[derive(Debug)]
pub struct DeviceEmulator<R> {
    address: SocketAddr,
    shutdown: Signal,
    /// Closed when the task has ended.
    ended: Receiver<Infallible>,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> DeviceEmulator<R> {
    /// Serves `device` at `address`, `host:port`.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn start(address: impl AsRef<str>, device: Emulator, limits: HostLimits) -> io::Result<Self> {
        let addresses = R::look_up(address.as_ref()).await?;
        let address = addresses
            .first()
            .copied()
            .ok_or(io::ErrorKind::AddrNotAvailable)?;
        let (listener, address) = R::bind(address).await?;
        let shutdown = Signal::default();
        let stop = shutdown.clone();
        let (end, ended) = bounded(1);
        R::spawn(async move {
            let service = device.into_service(SessionLimits::default());
            let host = Host::<_, R>::start("device", service, limits);
            serve(listener, &host, stop.wait()).await;
            drop(end);
        });
        Ok(Self {
            address,
            shutdown,
            ended,
            runtime: PhantomData,
        })
    }

    /// Address of the listener.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, answers the outstanding requests, and closes.
    pub async fn stop(self) {
        self.shutdown.set();
        // The channel carries no message, only its end.
        let _ = self.ended.recv().await;
    }
}

impl<R> Drop for DeviceEmulator<R> {
    fn drop(&mut self) {
        self.shutdown.set();
    }
}
