//! Connections that a host makes itself, and renews.

use std::net::SocketAddr;

use labwire_core::session::Backoff;

use crate::clock::Clock;
use crate::host::{Host, HostedService};
use crate::runtime::{Runtime, sleep};
use crate::sampled::Sampled;

/// Keeps a connection to `address` attached to `host`: when it ends or cannot be made, the next attempt
/// follows after the delay given by `backoff`, which a connection that outlasts its delay resets. Never
/// returns; drop it to stop, which leaves an existing connection to the host.
pub async fn dial<S: HostedService, R: Runtime>(
    host: &Host<S, R>,
    address: SocketAddr,
    mut backoff: Backoff,
) {
    let (clock, failures) = (Clock::start(), Sampled::new());
    loop {
        let start = clock.now();
        match R::connect(address).await {
            Ok(stream) => match host.attach(stream, address) {
                Ok(attached) => {
                    tracing::info!(peer = %address, "connected");
                    attached.ended().await;
                }
                Err(reason) => tracing::warn!(peer = %address, %reason, "not connected"),
            },
            Err(error) => {
                if let Some(held_back) = failures.pass() {
                    tracing::warn!(peer = %address, %error, held_back, "cannot connect");
                }
            }
        }
        if clock.now().duration_since(start) > backoff.step() {
            backoff.reset();
        }
        sleep::<R>(backoff.next_delay()).await;
    }
}
