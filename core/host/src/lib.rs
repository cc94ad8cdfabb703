//! Runtime-independent parts of labwire's native hosts: driving connections, hosting services, calling
//! servers.
//!
//! One [`drive`] loop moves the bytes of every protocol over every byte transport. A [`Host`] owns a service
//! of `labwire-core`, with any number of connections attached to it and threads for its long work; [`serve`]
//! puts one behind a listener, and [`dial`] maintains an outgoing connection. [`OptimizerClient`],
//! [`ObeClient`] and [`ZeissClient`] call servers; [`Modules`] and [`ModuleController`] use PyMoDAQ modules,
//! from the process that serves them and from another one. A [`DeviceConnection`] is a self-healing
//! connection to a lab device.
//!
//! A WebSocket is either a [`MessageStream`] or, as [`WebSocketBytes`], carries the bytes of a TCP
//! connection; [`WebAccess`] decides which pages may use one.
//!
//! Nothing here depends on a runtime or opens a socket: a host crate provides both through a [`Runtime`],
//! and gives these types their short names.

mod admission;
mod blocking;
mod caller;
mod clock;
mod connector;
mod device;
mod dial;
mod drive;
mod durable;
mod host;
mod module_controller;
mod modules;
mod obe_client;
mod optimizer_client;
mod pool;
mod posterior_folder;
mod runtime;
mod serve;
mod signal;
mod surface;
mod web_access;
mod websocket;
pub mod zeiss;
mod zeiss_client;

pub use admission::{Admission, Permit, Refused};
pub use blocking::{Blocking, BlockingGrabber};
pub use caller::{Caller, ClientSession, NoReply, Pending};
pub use clock::Clock;
pub use connector::{Dial, Dialing, drive_connector};
pub use device::{
    DeviceConnection, DeviceEmulator, DeviceError, DeviceSettings, DeviceStatus, Keepalive, TcpDialer,
};
pub use dial::dial;
pub use drive::{Application, Driven, drive};
pub use host::{Attached, Host, HostedService, Statistics};
pub use module_controller::{ControlError, ModuleController};
pub use modules::{AwaitedRegistry, Modules};
pub use obe_client::ObeClient;
pub use optimizer_client::{ClientError, ClientSettings, OptimizerClient};
pub use posterior_folder::PosteriorFolder;
pub use runtime::{Runtime, Timer, Transport, has_input};
pub use serve::{Ending, serve, serve_over};
pub use signal::Signal;
pub use web_access::{Forbidden, WebAccess};
pub use websocket::{CloseWith, Io, MessageStream, WebSocketBytes};
pub use zeiss_client::ZeissClient;
