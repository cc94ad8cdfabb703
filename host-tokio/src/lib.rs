//! labwire on tokio: connections driven, services hosted, clients to call them.
//!
//! A [`Host`] owns a service of `labwire-core`, with any number of connections attached to it and threads for its long
//! work; [`serve`] puts one behind a TCP listener. [`OptimizerClient`] calls an OpEn server. What they do stands in
//! `labwire-host`; tokio joins it by [`Tokio`].

mod runtime;
mod serve;

pub use labwire_host::{
    Application, ClientError, ClientOptions, Clock, Driven, Ending, HostedService, Refused, Transport, drive,
};
pub use runtime::{Tokio, TokioTimer};
pub use serve::serve;

/// A service and everything attached to it.
pub type Host<S> = labwire_host::Host<S, Tokio>;

/// Calls one OpEn server.
pub type OptimizerClient = labwire_host::OptimizerClient<Tokio>;
