//! Contract between a protocol and the host that moves its bytes, without I/O.
//!
//! Bytes go in, bytes and events come out. A host moves the bytes and passes the time; a session neither reads a
//! clock nor opens a socket. Your own protocol implements [`Protocol`] over a [`Link`], and thereby is a [`Session`].
#![forbid(unsafe_code)]
#![no_std]
#[cfg(any(feature = "session", feature = "suggestion"))]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "hosting")]
mod backoff;
#[cfg(feature = "hosting")]
mod connector;
pub mod encoding;
#[cfg(feature = "session")]
pub mod framing;
#[cfg(feature = "session")]
pub mod limits;
#[cfg(feature = "session")]
mod link;
#[cfg(feature = "session")]
mod long_text;
#[cfg(feature = "session")]
mod names;
#[cfg(feature = "hosting")]
mod peers;
#[cfg(feature = "session")]
mod protocol;
#[cfg(feature = "session")]
pub mod seconds;
#[cfg(feature = "session")]
mod session;
mod setters;
#[cfg(feature = "suggestion")]
mod suggestion;
pub mod time;
mod work;

#[cfg(feature = "session")]
pub use {
    link::{Link, Payloads, Source},
    long_text::{Counting, LongText, Place, Text},
    names::{Limit, Timer},
    protocol::Protocol,
    session::{Asker, CloseReason, Event, Misuse, Need, ReplyBound, Responder, Session, TransmitState},
};

#[cfg(feature = "suggestion")]
pub use suggestion::suggestion;
pub use work::Busy;
#[cfg(feature = "hosting")]
pub use {
    backoff::Backoff,
    connector::{Action, ConnectError, Connector},
    peers::{NotANetwork, PeerList},
};

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
