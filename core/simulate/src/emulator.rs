//! Emulated device: an instrument behind a dialect, with scheduled faults.

mod canned;
mod faults;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

pub use self::canned::{Canned, CannedError};
pub use self::faults::{Fault, FaultError, FaultRule, Faults};
use crate::devices::{Compressor, Gauges, Instrument, PowerSupply, Relays, Response};
use labwire_protocols::device::{Dialect, Reply, Server};
use labwire_service::{Handler, Peer, Sequential};
use labwire_session::limits::SessionLimits;
use labwire_session::time::Instant;

/// Behaviour of an emulated device.
#[non_exhaustive]
pub enum Behaviour {
    /// Returns each message unchanged.
    Echo,
    /// Answers from a list.
    Canned(Canned),
    /// Answers as an instrument.
    Instrument(Box<dyn Instrument + Send>),
}

impl Behaviour {
    /// Default behaviour for a dialect: its instrument, or an echo for the dialect without framing.
    #[must_use]
    pub fn of(dialect: &Dialect) -> Self {
        match dialect.name {
            "raw" => Self::Echo,
            "mnemonic" => Self::Instrument(Box::new(Gauges::default())),
            "modbus" | "cryomech" => Self::Instrument(Box::new(Compressor::default())),
            "opcode" => Self::Instrument(Box::new(Relays::default())),
            _ => Self::Instrument(Box::new(PowerSupply::default())),
        }
    }

    /// One example of each command that is carried out; none where every message is returned.
    #[must_use]
    pub fn commands(&self) -> Vec<&[u8]> {
        match self {
            Self::Echo => Vec::new(),
            Self::Canned(canned) => canned.commands(),
            Self::Instrument(instrument) => instrument.commands(),
        }
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Echo => "Echo",
            Self::Canned(_) => "Canned",
            Self::Instrument(_) => "Instrument",
        })
    }
}

/// Emulated device that answers the messages of all its connections in the order of their arrival.
#[derive(Debug)]
pub struct Emulator {
    dialect: Dialect,
    behaviour: Behaviour,
    faults: Faults,
}

impl Emulator {
    /// Creates a device with faults drawn by `rules` from a generator with this seed.
    #[must_use]
    pub fn new(dialect: &Dialect, behaviour: Behaviour, rules: Vec<FaultRule>, seed: u64) -> Self {
        Self {
            dialect: dialect.clone(),
            behaviour,
            faults: Faults::new(rules, seed),
        }
    }

    /// Turns the device into a service and its connections.
    #[must_use]
    pub fn into_service(
        self,
        limits: SessionLimits,
    ) -> Sequential<Server, Self, impl FnMut(Instant, Peer) -> Server> {
        let dialect = self.dialect.clone();
        let mut faults = self.faults.clone();
        Sequential::new(self, move |now, _peer| {
            let mut server = Server::new(now, &dialect, limits.clone());
            if faults.refuses() {
                server.close();
            }
            server
        })
    }

    fn answer(&mut self, message: &[u8]) -> Vec<u8> {
        let command = self.dialect.command(message);
        let response = match &mut self.behaviour {
            Behaviour::Echo => return message.to_vec(),
            Behaviour::Canned(canned) => canned.respond(command),
            Behaviour::Instrument(instrument) => instrument.respond(command),
        };
        match response {
            Response::Value(value) => self.dialect.value(message, &value),
            Response::Done => self.dialect.done(message),
            Response::Refused => self.dialect.refusal(message),
        }
    }
}

impl Handler for Emulator {
    type Request = Vec<u8>;
    type Reply = Reply;

    fn begin(&mut self, _now: Instant, message: Vec<u8>) -> Option<Reply> {
        let answer = self.answer(&message);
        Some(self.faults.apply(answer))
    }

    fn step(&mut self, _now: Instant, _fuel: u32) -> Option<Reply> {
        // Every message is answered as soon as it is begun.
        Some(Reply::default())
    }
}
