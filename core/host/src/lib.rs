//! What labwire's native hosts do alike: connections driven, services hosted, clients to call them.
//!
//! One [`drive`] loop moves the bytes of every protocol over every byte transport. A [`Host`] owns a service of
//! `labwire-core`, with any number of connections attached to it and threads for its long work; [`serve`] puts one
//! behind a listener. [`OptimizerClient`] calls an OpEn server.
//!
//! Nothing here belongs to a runtime or opens a socket: a host crate brings both by a [`Runtime`], and gives these types
//! their short names.

mod admission;
mod clock;
mod drive;
mod host;
mod optimizer_client;
mod pool;
mod runtime;
mod serve;
mod signal;

pub use admission::Refused;
pub use clock::Clock;
pub use drive::{Application, Driven, drive};
pub use host::{Host, HostedService};
pub use optimizer_client::{ClientError, ClientOptions, OptimizerClient};
pub use runtime::{Runtime, Timer, Transport};
pub use serve::{Ending, serve};
pub use signal::Signal;
