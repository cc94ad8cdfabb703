//! OptBayesExpt's sockets: JSON in Python's dialect behind a decimal length, as `obe_socket.py` and `obe_server.py`
//! speak it. Both sides.
//!
//! A client asks an experiment designer where to measure next and tells it what was measured. The designer itself is
//! behind a service. Commands that upstream does not have are [`ADDED_COMMANDS`].

mod client;
mod codec;
mod messages;
mod server;

use labwire_session::limits::SessionLimits;

pub use client::Client;
pub use messages::{ADDED_COMMANDS, COMMANDS, ErrorReply, Measurement, Reply, Request, Sigma, code};
pub use server::{Permissions, Server};

/// Limits of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// What every session has. `message-bytes` counts the body only; its default here is 64 MiB, since a posterior of
    /// many particles is one message.
    pub session: SessionLimits,
    /// What one message may become in memory. A message beyond it is refused by an error reply.
    pub json: labwire_python_json::Limits,
    /// `requests-in-flight`: how many requests of one connection may wait for their replies. While there are more,
    /// nothing is read from it. Default 64.
    pub requests_in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            session: SessionLimits::default().with_message_bytes(64 << 20),
            json: labwire_python_json::Limits::default(),
            requests_in_flight: 64,
        }
    }
}
