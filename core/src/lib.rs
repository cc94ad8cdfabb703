//! The socket protocols of optimizers and lab instruments, and the engines behind them, without I/O.
//!
//! Bytes go in, bytes and events come out. A host moves the bytes, tells the time and supplies randomness; nothing
//! here reads a clock, opens a socket, starts a thread or draws a random number. Same inputs, same times, same seed:
//! the same bits, in a server, in a page, in a fuzzer and in a simulation.
//!
//! # The rooms
//!
//! ```text
//!  service    a protocol server joined to its engine
//!     |  \
//!     |   engines:  problem (text -> graph -> derivative -> program)   solve (PANOC in ALM)
//!  protocols: open  socs                       each: messages | codec | client | server
//!     |
//!  framing:   JSON value | what the receiver says (delimiter, length, prompt)
//!     |
//!  time, session (the contract), limits
//! ```
//!
//! An engine knows no protocol, a protocol knows no engine; only a service knows both.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod framing;
pub mod instrument;
pub mod limits;
pub mod math;
pub mod obe;
pub mod open;
pub mod problem;
pub mod pymodaq;
pub mod python_json;
pub mod service;
pub mod session;
pub mod sets;
pub mod socs;
pub mod solve;
pub mod time;
pub mod zeiss;
