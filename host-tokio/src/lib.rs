//! labwire on tokio: connections driven, services hosted, clients to call them.
//!
//! A [`Host`] owns a service of `labwire-core`, with any number of connections attached to it and threads for its long
//! work; [`serve`] puts one behind a TCP listener. [`OptimizerClient`] calls an OpEn server, and a
//! [`DeviceConnection`](device::DeviceConnection) a lab device. What they do stands in
//! `labwire-host`; tokio joins it by [`Tokio`].

pub mod device;
mod runtime;
mod serve;
mod web_access;
mod websocket;
pub mod zeiss;

pub use labwire_host::{
    Application, Attached, AwaitedRegistry, Blocking, BlockingGrabber, Caller, ClientError, ClientOptions,
    ClientSession, Clock, ControlError, Dial, Dialing, Driven, Ending, HostedService, NoReply, ObeClient,
    ObeError, Pending, Refused, Transport, ZeissClient, dial, drive, drive_connector,
};
pub use runtime::{Tokio, TokioTimer};
pub use serve::{serve, serve_over};
pub use web_access::{Forbidden, WebAccess};
pub use websocket::MessageStream;

/// A service and everything attached to it.
pub type Host<S> = labwire_host::Host<S, Tokio>;

/// Calls one OpEn server.
pub type OptimizerClient = labwire_host::OptimizerClient<Tokio>;

/// Uses PyMoDAQ modules in the process that serves them.
pub type Modules = labwire_host::Modules<Tokio>;

/// Uses the PyMoDAQ modules of a server, from another process.
pub type ModuleController = labwire_host::ModuleController<Tokio>;
