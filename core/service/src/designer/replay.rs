//! Runs restored from their measurements.

use alloc::collections::VecDeque;
use alloc::format;

use labwire_design::Measurement;
use labwire_protocols::obe::{ErrorReply, Request};

use super::live::Live;
use super::refusal::unstored;

/// Run that takes in the measurements of its log again.
pub(super) struct Replay {
    live: Live,
    left: VecDeque<Measurement>,
    then: Then,
}

/// Purpose of a replay.
pub(super) enum Then {
    /// A request about the run.
    Answer(Request),
    /// The last measurement is undone.
    Undone,
    /// The run becomes the default one.
    Resume,
    /// The run takes the place of the current one, which began in its own.
    Restore,
}

impl Replay {
    pub(super) fn new(live: Live, left: VecDeque<Measurement>, then: Then) -> Self {
        Self { live, left, then }
    }

    /// Takes in the next measurement. Returns whether there was one.
    pub(super) fn step(&mut self) -> Result<bool, ErrorReply> {
        let Some(Measurement {
            setting,
            values,
            sigma,
        }) = self.left.pop_front()
        else {
            return Ok(false);
        };
        let designer = &mut self.live.designer;
        let number = designer.history().len() + 1;
        let taken = designer.update(&setting, &values, sigma.as_deref());
        let wrong = |error| unstored(format!("run {}: measurement {number}: {error}", self.live.number));
        taken.map_err(wrong)?;
        Ok(true)
    }

    /// Number of the run.
    pub(super) fn number(&self) -> u64 {
        self.live.number
    }

    /// Number of measurements that have not been taken in.
    pub(super) fn left(&self) -> usize {
        self.left.len()
    }

    /// Takes in all measurements.
    pub(super) fn complete(mut self) -> Result<Live, ErrorReply> {
        while self.step()? {}
        Ok(self.live)
    }

    pub(super) fn finish(self) -> (Live, Then) {
        (self.live, self.then)
    }
}
