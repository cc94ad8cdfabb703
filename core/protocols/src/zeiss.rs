//! IPC examples of ZEISS INSPECT: JSON requests to import an image or elements, over TCP (ended by Ctrl-D, one per
//! connection) and over WebSocket (one per message). Both sides.
//!
//! The service behind the session carries out the requests.
//!
//! A WebSocket, which carries messages, is a byte stream here like any other transport: every message is preceded by
//! its length in 32 bits, big-endian. The host's adapter converts messages to such bytes and back.
//!
//! Not implemented from upstream's TCP script: its TELNET_MODE and its abort by Ctrl-Z. For several requests over one
//! connection there is the WebSocket.

mod client;
mod frames;
mod messages;
mod server;

use labwire_session::limits::SessionLimits;
use serde::{Deserialize, Serialize};

pub use client::Client;
pub use messages::{ImportMode, InvalidInput, Outcome, Request, decode_message};
pub use server::Server;

/// Limits of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Limits {
    /// Limits of every session.
    pub session: SessionLimits,
    /// Limits on the memory of a decoded message. A message beyond them is malformed.
    pub json: labwire_python_json::Limits,
}

/// Transport of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has two transports")]
pub enum Transport {
    /// One request per connection, ended by [`END_OF_REQUEST`] or FIN; the answer ends with CR LF and FIN.
    Tcp,
    /// Any number of messages, each preceded by its length.
    WebSocket,
}

/// Ctrl-D.
pub const END_OF_REQUEST: u8 = 0x04;

/// Beginning of the messages that end a WebSocket connection; the answer is `bye`. (Terminals add a line end.)
pub const QUIT: &str = "quit";
