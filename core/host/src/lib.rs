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
//!
//! Each protocol's types have a feature of its name (`device`, `obe`, `open`, `pymodaq`, `zeiss`), WebSockets have
//! `websocket`, folders of files have `files`; `tables` has measurements as CSV; all are on by
//! default except `tables` and `tls`, and without them no protocol is named.
#![forbid(unsafe_code)]

mod admission;
#[cfg(feature = "pymodaq")]
mod blocking;
mod caller;
mod clock;
mod connector;
#[cfg(feature = "device")]
mod device;
mod dial;
mod drive;
#[cfg(feature = "files")]
mod durable;
mod handshake;
mod host;
#[cfg(feature = "tables")]
pub mod measurements;
mod memory;
#[cfg(feature = "pymodaq")]
mod module_controller;
#[cfg(feature = "pymodaq")]
mod modules;
#[cfg(feature = "obe")]
mod obe_client;
#[cfg(feature = "tables")]
mod operator_folder;
#[cfg(feature = "open")]
mod optimizer_client;
#[cfg(feature = "files")]
mod platform;
mod pool;
#[cfg(feature = "files")]
mod posterior_folder;
#[cfg(feature = "tables")]
mod process;
#[cfg(feature = "tables")]
mod program_model;
mod remote;
#[cfg(feature = "files")]
mod run_folder;
mod runtime;
mod sampled;
mod security;
mod serve;
mod signal;
mod surface;
#[cfg(any(feature = "files", feature = "tables"))]
mod text;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "websocket")]
mod web_access;
#[cfg(feature = "websocket")]
mod websocket;
#[cfg(all(feature = "files", feature = "zeiss"))]
pub mod zeiss;
#[cfg(feature = "zeiss")]
mod zeiss_client;

pub use admission::{Admission, Peers, Permit, Refused};
#[cfg(feature = "pymodaq")]
pub use blocking::{Blocking, BlockingGrabber};
pub use caller::{Caller, ClientSession, NoReply, Pending};
pub use clock::Clock;
pub use connector::{Dial, Dialing, drive_connector};
#[cfg(feature = "device")]
pub use device::{
    DeviceConnection, DeviceEmulator, DeviceError, DeviceSettings, DeviceStatus, Keepalive, TcpDialer,
};
pub use dial::dial;
pub use drive::{Application, Driven, drive};
#[cfg(feature = "files")]
pub use durable::{AppendFile, replace_file};
pub use host::{Attached, Host, HostedService, Statistics};
pub use memory::Memory;
#[cfg(feature = "pymodaq")]
pub use module_controller::{ControlError, ModuleController};
#[cfg(feature = "pymodaq")]
pub use modules::{AwaitedRegistry, Modules};
#[cfg(feature = "obe")]
pub use obe_client::ObeClient;
#[cfg(feature = "tables")]
pub use operator_folder::OperatorFolder;
#[cfg(feature = "open")]
pub use optimizer_client::{ClientError, ClientSettings, OptimizerClient};
#[cfg(feature = "files")]
pub use posterior_folder::PosteriorFolder;
pub use remote::{Remote, RemoteError};
#[cfg(feature = "files")]
pub use run_folder::{RunFolder, datable, utc_now};
pub use runtime::{Runtime, Timer, Transport, has_input};
pub use sampled::Sampled;
pub use security::{MaybeTls, PortSecurity};
pub use serve::{Ending, serve, serve_over};
pub use signal::Signal;
#[cfg(any(feature = "files", feature = "tables"))]
pub use text::text_of;
#[cfg(feature = "tls")]
pub use tls::{Authorities, Identity, TlsAcceptor, TlsConnector, TlsError, TlsStream};
#[cfg(feature = "websocket")]
pub use web_access::{Forbidden, WebAccess};
#[cfg(feature = "websocket")]
pub use websocket::{CloseWith, Io, MessageStream, WebSocketBytes};
#[cfg(feature = "zeiss")]
pub use zeiss_client::ZeissClient;
