//! OpEn's JSON-over-TCP interface of a parametric optimizer: both sides.
//!
//! One request per connection, as its published clients do, or many on a kept-open one (labwire's addition).
//! [`Server`] describes the protocol and the deliberate deviations from OpEn 0.11.

mod client;
mod codec;
mod messages;
mod run_text;
mod server;

pub use client::Client;
pub use codec::{Style, parse_reply, parse_request, write_reply, write_request};
pub use messages::{
    ErrorReply, ExitStatus, Reply, Request, RunIntegers, RunReply, RunRequest, RunSensitivities, code,
};
pub use server::{Permissions, ReplyBounds, Server, ServerEvent};
