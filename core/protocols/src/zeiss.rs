//! The IPC examples of ZEISS INSPECT: JSON requests to import an image or elements, over TCP (ended by Ctrl-D, one a
//! connection) and over WebSocket (one a message). Both sides.
//!
//! What a request does is up to the service behind it.
//!
//! A WebSocket, which moves messages, is a byte stream here like any other transport: every message stands behind its
//! length in 32 bits, big-endian. The host's adapter turns messages into such bytes and back.
//!
//! Left out of upstream's TCP script: its TELNET_MODE and its abort by Ctrl-Z. Several requests over one connection
//! are what the WebSocket is for.

mod client;
mod frames;
mod messages;
mod server;

use labwire_session::limits::SessionLimits;

pub use client::Client;
pub use messages::{ImportMode, InvalidInput, Outcome, Request, decode_message};
pub use server::Server;

/// Limits of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// What every session has.
    pub session: SessionLimits,
    /// What one message may become in memory. A message beyond it is malformed.
    pub json: labwire_python_json::Limits,
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One request a connection, ended by [`END_OF_REQUEST`] or FIN; the answer ends in CR LF and FIN.
    Tcp,
    /// Any number of messages, each behind its length.
    WebSocket,
}

/// Ctrl-D.
pub const END_OF_REQUEST: u8 = 0x04;

/// What ends a WebSocket connection; the answer is `bye`.
pub const QUIT: &str = "quit";
