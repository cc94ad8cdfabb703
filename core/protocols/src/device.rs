//! Self-healing connections to lab devices, after the `TCPInterface` of the Simons Observatory Control System.
//!
//! A [`Connection`] belongs to one device at one address. It connects on creation, reconnects with back-off when the
//! device drops out, and serves [`Request`]s one at a time and in order. It guarantees:
//!
//! * Every request ends once, with its answer or with a [`Failure`] that says whether the device may have received it.
//! * No message is sent twice, unless its sender said that it is idempotent; then twice at most.
//! * **After a time-out the connection is reset.** TCP cannot say whether a late answer is still on its way; on a new
//!   connection it cannot come. Bytes that arrive while nobody has asked wait for a [`Request::recv`] and are dropped by
//!   the next query, which [`DeviceEvent::Unasked`] reports. More than one answer to a question of a [`Dialect`] is an
//!   error, and resets the connection too. An answer therefore consists of bytes that came on the connection on which its question was sent,
//!   after that question, with no other question open. (Two things remain the caller's: to frame answers rightly, and to
//!   [`Request::send`] only what the device does not answer or what a `recv` follows.)
//! * `Degraded` is reported once when the device becomes unusable, `Restored` once when it is usable again.
//!
//! ```text
//! Disconnected --> Connecting --connected--> Connected --end of stream, loss, time-out--> Backoff
//!                     ^    \--failed, connect-timeout---------------------------------------^ |
//!                     \-------------- back-off over, or a request waits ---------------------/
//! ```
//!
//! Unasked, the connection tries again after a back-off that doubles from attempt to attempt. A request that waits asks
//! for an attempt at once, but never sooner than `minimum-interval` after the last one; if that attempt fails, the
//! request fails with it.

mod connection;
mod conversation;
mod dialect;
mod escape;
mod event;
mod modbus;
mod request;
mod server;
mod settings;
mod statistics;
mod telnet;
mod unasked;

pub use connection::Connection;
pub use dialect::{Dialect, DialectError, OPTIONS, OptionError};
pub use escape::{EscapeError, unescape};
pub use event::{DeviceEvent, Health, State};
pub use request::{Cause, Failure, Request, RequestId, Step};
pub use server::{Reply, Server, Then};
pub use settings::{Login, Settings};
pub use statistics::Statistics;
