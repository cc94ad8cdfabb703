//! OptBayesExpt's sockets: JSON in Python's dialect after a decimal length, as in `obe_socket.py` and
//! `obe_server.py`. Both sides.
//!
//! A client asks an experiment designer for the next setting and reports the measurements. The designer itself is
//! behind a service. Commands that upstream lacks are [`ADDED_COMMANDS`].

mod client;
mod codec;
mod listing;
mod messages;
mod server;

use labwire_session::limits::{InvalidLimit, SessionLimits, in_range};
use serde::{Deserialize, Serialize};

pub use client::Client;
pub use listing::{Listing, Records, Rows};
pub use messages::{ADDED_COMMANDS, COMMANDS, ErrorReply, Measurement, Reply, Request, RunName, Sigma, code};
pub use server::{Permissions, Server};

/// Limits of one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Limits {
    /// Limits of every session. `message-bytes` counts only the body; its default here is 64 MiB, since a posterior
    /// of many particles is one message.
    pub session: SessionLimits,
    /// Limits on the memory of a decoded message. A message beyond them is refused with an error reply.
    pub json: labwire_python_json::Limits,
    /// `requests-in-flight`: number of requests of one connection that may wait for their replies. While there are
    /// more, nothing is read from it. Default 64.
    pub requests_in_flight: usize,
}

impl Limits {
    /// Checks every limit.
    ///
    /// # Errors
    /// The first with which no request would be answered, or more requests than a host queues replies for.
    pub fn validate(&self) -> Result<(), InvalidLimit> {
        self.session.validate()?;
        let requests = self.requests_in_flight;
        in_range(
            "requests-in-flight",
            requests,
            (1..=MAX_REQUESTS).contains(&requests),
            "a number from 1 to 64",
        )
    }
}

/// Most requests in flight: as many as a host queues replies for.
const MAX_REQUESTS: usize = 64;

impl Default for Limits {
    fn default() -> Self {
        Self {
            session: SessionLimits::default().with_message_bytes(64 << 20),
            json: labwire_python_json::Limits::default(),
            requests_in_flight: 64,
        }
    }
}
