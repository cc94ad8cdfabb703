//! OpEn's JSON-over-TCP interface of a parametric optimizer: both sides.
//!
//! One request a connection, as its published clients do it, or many on one that is kept open (ours). What is spoken,
//! and where it deviates from OpEn 0.11 on purpose, is said at [`Server`].

mod client;
mod codec;
mod messages;
mod server;

pub use client::Client;
pub use codec::{Style, parse_reply, parse_request, write_reply, write_request};
pub use messages::{ErrorReply, ExitStatus, Reply, Request, RunReply, RunRequest, code};
pub use server::{Permissions, Server, ServerEvent};
