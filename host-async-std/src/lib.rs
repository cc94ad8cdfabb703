//! labwire on async-std: connections driven, services hosted, clients to call them.
//!
//! A [`Host`] owns a service of `labwire-core`, with any number of connections attached to it and threads for its long
//! work; [`serve`] puts one behind a TCP listener. [`OptimizerClient`] calls an OpEn server,
//! [`DeviceConnection`] a lab device. What they do stands in
//! `labwire-host`; async-std joins it by [`AsyncStd`].
//!
//! async-std is discontinued. It is named in one file here, `runtime.rs`, whose functions have their like in smol;
//! streams are used by the traits of `futures-io`.

mod runtime;

pub use labwire_host::{
    Application, Attached, AwaitedRegistry, Blocking, BlockingGrabber, Caller, ClientError, ClientOptions,
    ClientSession, Clock, ControlError, DeviceError, DeviceOptions, DeviceStatus, Dial, Dialing, Driven,
    Ending, HostedService, NoReply, ObeClient, ObeError, Pending, Refused, Signal, Transport, ZeissClient,
    dial, drive, drive_connector, serve, serve_over,
};
pub use runtime::{AsyncStd, AsyncStdTimer};

/// A service and everything attached to it.
pub type Host<S> = labwire_host::Host<S, AsyncStd>;

/// Calls one OpEn server.
pub type OptimizerClient = labwire_host::OptimizerClient<AsyncStd>;

/// Uses PyMoDAQ modules in the process that serves them.
pub type Modules = labwire_host::Modules<AsyncStd>;

/// Uses the PyMoDAQ modules of a server, from another process.
pub type ModuleController = labwire_host::ModuleController<AsyncStd>;

/// A connection to one lab device, which heals itself.
pub type DeviceConnection = labwire_host::DeviceConnection<AsyncStd>;

/// Connects to one address by TCP; a name is looked up at every attempt.
pub type TcpDialer = labwire_host::TcpDialer<AsyncStd>;
