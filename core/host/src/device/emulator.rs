//! An emulated device behind a TCP listener.

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

/// A device that is not there, on a port that is. Dropping it closes its connections.
#[derive(Debug)]
pub struct DeviceEmulator<R> {
    address: SocketAddr,
    shutdown: Signal,
    /// Closed when the task has ended.
    ended: Receiver<Infallible>,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> DeviceEmulator<R> {
    /// Plays `device` to whoever connects to `address`, `host:port`.
    ///
    /// # Errors
    /// When it cannot listen there.
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

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, answers what was asked, and closes.
    pub async fn stop(self) {
        self.shutdown.set();
        // Nothing is ever sent.
        let _ = self.ended.recv().await;
    }
}

impl<R> Drop for DeviceEmulator<R> {
    fn drop(&mut self) {
        self.shutdown.set();
    }
}
