//! The contract between a protocol and the host that moves its bytes, without I/O.
//!
//! Bytes go in, bytes and events come out. A host moves the bytes and tells the time; a session neither reads a clock
//! nor opens a socket. A protocol of one's own implements [`Protocol`] over a [`Link`], and is a [`Session`].
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod backoff;
mod connector;
pub mod framing;
pub mod limits;
mod link;
mod protocol;
mod session;
pub mod time;
mod work;

pub use backoff::Backoff;
pub use connector::{Action, ConnectError, Connector};
pub use link::{Link, Payloads};
pub use protocol::Protocol;
pub use session::{CloseReason, Event, ServerSession, Session, TransmitState};
pub use work::Busy;
