//! Connections that a host makes itself, and renews.

use std::time::Duration;

use labwire_core::session::Backoff;

use crate::clock::Clock;
use crate::host::{Host, HostedService};
use crate::remote::Remote;
use crate::runtime::{Runtime, sleep};
use crate::sampled::Sampled;

/// Time limit for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Keeps a connection to `remote` attached to `host`: when it ends or cannot be made, the next attempt
/// follows after the delay given by `backoff`, which a connection that outlasts its delay resets. Never
/// returns; drop it to stop, which leaves an existing connection to the host.
pub async fn dial<S: HostedService, R: Runtime>(
    host: &Host<S, R>,
    remote: impl Into<Remote> + Send,
    mut backoff: Backoff,
) {
    let remote = remote.into();
    let (clock, failures) = (Clock::start(), Sampled::new());
    loop {
        let start = clock.now();
        match remote.connect::<R>(CONNECT_TIMEOUT).await {
            Ok(stream) => match host.attach(stream, remote.address()) {
                Ok(attached) => {
                    tracing::info!(peer = remote.name(), "connected");
                    attached.ended().await;
                }
                Err(reason) => tracing::warn!(peer = remote.name(), %reason, "not connected"),
            },
            Err(error) => {
                if let Some(held_back) = failures.pass() {
                    tracing::warn!(peer = remote.name(), %error, held_back, "cannot connect");
                }
            }
        }
        if clock.now().duration_since(start) > backoff.step() {
            backoff.reset();
        }
        sleep::<R>(backoff.next_delay()).await;
    }
}
