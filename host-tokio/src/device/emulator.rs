//! An emulated device behind a TCP listener.

use std::io;
use std::net::SocketAddr;

use labwire_core::limits::{HostLimits, SessionLimits};
use labwire_core::service::emulator::Emulator;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Ending, Host, serve};

/// A device that is not there, on a port that is. Dropping it closes its connections.
#[derive(Debug)]
pub struct DeviceEmulator {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<Ending>,
}

impl DeviceEmulator {
    /// Plays `device` to whoever connects to `address`.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn start(
        address: impl ToSocketAddrs,
        device: Emulator,
        limits: HostLimits,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let task = tokio::spawn(async move {
            let host = Host::start("device", device.into_service(SessionLimits::default()), limits);
            serve(listener, &host, &stop).await
        });
        Ok(Self {
            address,
            shutdown,
            task,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, answers what was asked, and closes.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        // A task that panicked has stopped, too.
        let _ = (&mut self.task).await;
    }
}

impl Drop for DeviceEmulator {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}
