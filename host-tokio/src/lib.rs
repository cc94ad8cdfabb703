//! labwire on tokio: connections driven, services hosted, clients to call them.
//!
//! One [`drive`] loop moves the bytes of every protocol over every byte transport. A [`Host`] owns a service of
//! `labwire-core`, with any number of connections attached to it and threads for its long work; [`serve`] puts one
//! behind a TCP listener. [`OptimizerClient`] calls an OpEn server.

mod clock;
mod drive;
mod host;
mod optimizer_client;
mod pool;
mod serve;
mod transport;

pub use clock::Clock;
pub use drive::{Application, Driven, drive};
pub use host::{Host, HostedService, Refused};
pub use optimizer_client::{ClientError, ClientOptions, OptimizerClient};
pub use serve::{Ending, serve};
pub use transport::Transport;
