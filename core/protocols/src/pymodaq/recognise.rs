//! Reading a module's reports while detecting its generation.
//!
//! Nothing on the wire names it. The first bytes distinguish g4 from the rest. Up to g2, data begin with a count and
//! positions with the type of a number, from g3 on both begin with the name of a class. Within g3, 4.4 has units
//! between name and source, and from 4.2 on a list of errors comes before the extra attributes: if it is empty and
//! nothing follows, the data may also be complete data of 4.1, which is decided by time.

use alloc::vec::Vec;

use super::command::{MessageDecoder, Report};
use super::decode::DecodeError;
use super::generation::Generation;
use super::limits::Limits;

/// Detection of a module's generation by a server. g4 is always detected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recognition {
    /// Every other module is of this generation.
    Fixed(Generation),
    /// By the module's messages. A module of 1.6 is taken for one of 2.3.
    #[default]
    Automatic,
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
    /// Not g4: commands without data or positions are the same from g2 to g3.
    Old,
    /// Data or a position begin: their first bytes are gathered.
    Payload,
    /// One of g3.
    AnyG3,
    /// Known.
    Settled,
}

impl ReportReader {
    pub(super) fn new(recognition: Recognition, limits: &Limits) -> Self {
        let generation = match recognition {
            Recognition::Fixed(generation) => generation,
            Recognition::Automatic => Generation::G2,
        };
        Self {
            decoder: MessageDecoder::new(generation, limits),
            limits: limits.clone(),
            stage: Stage::First,
            recognition,
            pending: Vec::new(),
        }
    }

    /// Generation, once it is known.
    pub(super) fn generation(&self) -> Option<Generation> {
        (self.stage == Stage::Settled).then(|| self.decoder.generation())
    }

    /// Whether a message has begun and is incomplete.
    pub(super) fn is_inside(&self) -> bool {
        self.decoder.is_inside() || !self.pending.is_empty()
    }

    /// Whether the bytes so far are complete data of 4.1, or incomplete data of 4.2.
    pub(super) fn may_be_complete(&self) -> bool {
        self.stage == Stage::AnyG3 && self.pending.is_empty() && self.decoder.part().must_decide()
    }

    /// Takes data that [may be complete](Self::may_be_complete) as complete.
    pub(super) fn complete(&mut self) -> Result<Option<Report>, DecodeError> {
        self.decoder.part_mut().decide(Generation::G3a);
        self.read(&mut &[][..])
    }

    /// Changes the limits, between messages.
    pub(super) fn set_limits(&mut self, limits: &Limits) {
        self.limits = limits.clone();
        self.decoder = MessageDecoder::new(self.decoder.generation(), limits);
        self.decoder.stop_at_command(self.stage == Stage::Old);
    }

    /// Next report; `None` if all of `input` was used and more is needed.
    pub(super) fn read(&mut self, input: &mut &[u8]) -> Result<Option<Report>, DecodeError> {
        loop {
            let can_decode = match self.stage {
                Stage::First => self.find_g4(input),
                Stage::Payload => self.find_class(input),
                Stage::AnyG3 if self.decoder.part().must_decide() => self.find_attributes(input),
                Stage::Old | Stage::AnyG3 | Stage::Settled => true,
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
            if self.stage == Stage::AnyG3 && !self.decoder.part().is_any_g3() {
                self.stage = Stage::Settled;
            }
            if report.is_some() {
                return Ok(report);
            }
            let tells = matches!(self.decoder.command(), Some("Done" | "position_is" | "move_done"));
            let decides = self.stage == Stage::AnyG3 && self.decoder.part().must_decide();
            if self.stage == Stage::Old && tells {
                self.stage = Stage::Payload;
            } else if !decides && self.pending.is_empty() && input.is_empty() {
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
            Recognition::Automatic => (Generation::G2, Stage::Old),
        };
        self.stage = stage;
        self.decoder = MessageDecoder::new(generation, &self.limits);
        self.decoder.stop_at_command(self.stage == Stage::Old);
        true
    }

    /// Recognises g3 by the fifth byte of data or a position: the first of a class, `Data` and more. In g2 the first
    /// four are a count of items, which may be none, or the length of a type, and the fifth is the first of the length
    /// of a name, or of the type, which is its byte order.
    fn find_class(&mut self, input: &mut &[u8]) -> bool {
        self.gather(input, 4);
        if self.pending.len() < 4 {
            return false;
        }
        let is_empty_list = self.pending == [0; 4];
        if !is_empty_list {
            self.gather(input, 5);
        }
        match self.pending.get(4) {
            None if !is_empty_list => return false,
            Some(b'D') => {
                self.decoder.switch_to_g3::<Report>(&self.limits);
                self.stage = Stage::AnyG3;
            }
            _ => self.stage = Stage::Settled,
        }
        self.decoder.stop_at_command(false);
        true
    }

    /// After an empty list, which are the errors of 4.2 or the names of the attributes of 4.1: recognises the number
    /// of attributes of 4.2, which is 0, or is followed by the length of a type, whereas after the data of 4.1 comes
    /// the length of a name and its first byte.
    fn find_attributes(&mut self, input: &mut &[u8]) -> bool {
        self.gather(input, 4);
        if self.pending.len() < 4 {
            return false;
        }
        let has_none = self.pending == [0; 4];
        if !has_none {
            self.gather(input, 5);
        }
        let generation = match self.pending.get(4) {
            None if !has_none => return false,
            None | Some(0) => Generation::G3b,
            Some(_) => Generation::G3a,
        };
        self.decoder.part_mut().decide(generation);
        true
    }

    fn gather(&mut self, input: &mut &[u8], length: usize) {
        let missing = length.saturating_sub(self.pending.len()).min(input.len());
        let (taken, rest) = input.split_at(missing);
        self.pending.extend_from_slice(taken);
        *input = rest;
    }
}
