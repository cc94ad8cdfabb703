//! Reading a module's reports while detecting its generation.
//!
//! Nothing on the wire names it. The first bytes distinguish g4 from the rest; the rest is assumed to be g2 until
//! data or a position begin with the name of a class.

use alloc::vec::Vec;

use super::command::{MessageDecoder, Report};
use super::decode::DecodeError;
use super::generation::Generation;
use super::limits::Limits;

/// Detection of a module's generation by a server. g4 is always detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognition {
    /// Every other module is of this generation.
    Fixed(Generation),
    /// By the module's messages. If they show g3, whose variants look alike, this one is assumed.
    Automatic {
        /// One of g3a, g3b and g3c.
        g3: Generation,
    },
}

impl Default for Recognition {
    fn default() -> Self {
        Self::Automatic { g3: Generation::G3c }
    }
}

/// Decoder of reports that detects the generation as it reads.
#[derive(Debug)]
pub(super) struct ReportReader {
    decoder: MessageDecoder,
    limits: Limits,
    stage: Stage,
    recognition: Recognition,
    /// Bytes that were examined and are still to be decoded.
    pending: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing is known: the first bytes are gathered.
    First,
    /// Neither g4 nor given: assumed to be g2 for now.
    Old,
    /// Data or a position begin: their first bytes are gathered.
    Payload,
    /// Known.
    Settled,
}

/// Start of data and positions from g3 on: a class name of 12 bytes, `DataToExport` or `DataActuator`. In g2 the
/// first 4 bytes are a count of items or the length of a type string, and the next 4 are never `Data`.
const CLASS: &[u8] = b"\0\0\0\x0cData";

impl ReportReader {
    pub(super) fn new(recognition: Recognition, limits: &Limits) -> Self {
        let generation = match recognition {
            Recognition::Fixed(generation) => generation,
            Recognition::Automatic { .. } => Generation::G2,
        };
        Self {
            decoder: MessageDecoder::new(generation, limits),
            limits: limits.clone(),
            stage: Stage::First,
            recognition,
            pending: Vec::new(),
        }
    }

    /// Generation, as far as it is known.
    pub(super) fn generation(&self) -> Generation {
        self.decoder.generation()
    }

    /// Whether a message has begun and is incomplete.
    pub(super) fn is_inside(&self) -> bool {
        self.decoder.is_inside() || !self.pending.is_empty()
    }

    /// Changes the limits, between messages.
    pub(super) fn set_limits(&mut self, limits: &Limits) {
        self.limits = limits.clone();
        self.decoder = MessageDecoder::new(self.generation(), limits);
        self.decoder.stop_at_command(self.stage == Stage::Old);
    }

    /// Next report; `None` if all of `input` was used and more is needed.
    pub(super) fn read(&mut self, input: &mut &[u8]) -> Result<Option<Report>, DecodeError> {
        loop {
            let can_decode = match self.stage {
                Stage::First => self.find_g4(input),
                Stage::Payload => self.find_class(input),
                Stage::Old | Stage::Settled => true,
            };
            if !can_decode {
                return Ok(None);
            }
            let report = if self.pending.is_empty() {
                self.decoder.decode(input)?
            } else {
                let mut pending = self.pending.as_slice();
                let report = self.decoder.decode(&mut pending)?;
                let used = self.pending.len() - pending.len();
                self.pending.drain(..used);
                report
            };
            if report.is_some() {
                return Ok(report);
            }
            let tells = matches!(self.decoder.command(), Some("Done" | "position_is" | "move_done"));
            if self.stage == Stage::Old && tells {
                self.stage = Stage::Payload;
            } else if self.pending.is_empty() && input.is_empty() {
                return Ok(None);
            }
        }
    }

    /// Recognises g4 by the fifth byte: the first of a name in the older generations, and of the type's length in g4.
    fn find_g4(&mut self, input: &mut &[u8]) -> bool {
        self.gather(input, 5);
        let Some(&fifth) = self.pending.get(4) else {
            return false;
        };
        let (generation, stage) = match self.recognition {
            _ if fifth == 0 => (Generation::G4, Stage::Settled),
            Recognition::Fixed(generation) => (generation, Stage::Settled),
            Recognition::Automatic { .. } => (Generation::G2, Stage::Old),
        };
        self.stage = stage;
        self.decoder = MessageDecoder::new(generation, &self.limits);
        self.decoder.stop_at_command(self.stage == Stage::Old);
        true
    }

    /// Whether the payload begins with a class name. Decided at the first byte that differs.
    fn find_class(&mut self, input: &mut &[u8]) -> bool {
        let mut is_class = CLASS.starts_with(&self.pending);
        while is_class && self.pending.len() < CLASS.len() {
            let Some((&first, rest)) = input.split_first() else {
                return false;
            };
            *input = rest;
            self.pending.push(first);
            is_class = CLASS.starts_with(&self.pending);
        }
        if let (true, Recognition::Automatic { g3 }) = (is_class, self.recognition) {
            self.decoder.switch::<Report>(g3, &self.limits);
        }
        self.stage = Stage::Settled;
        self.decoder.stop_at_command(false);
        true
    }

    fn gather(&mut self, input: &mut &[u8], length: usize) {
        let missing = length.saturating_sub(self.pending.len()).min(input.len());
        let (taken, rest) = input.split_at(missing);
        self.pending.extend_from_slice(taken);
        *input = rest;
    }
}
