//! Runs: one operation over consecutive slots of a program's memory.

use alloc::vec::Vec;

use super::operation::{Binary, Unary};

/// Operation of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a back end has to compute every operation"
)]
pub enum Kind {
    /// Operation on one value.
    Unary(Unary),
    /// Operation on two values.
    Binary(Binary),
    /// Selection: condition, then, else.
    Select,
    /// Sine and cosine of one value: first all sines of the run, then all cosines.
    SinCos,
}

impl Kind {
    /// Number of operands.
    #[must_use]
    pub fn operands(self) -> usize {
        match self {
            Self::Unary(_) | Self::SinCos => 1,
            Self::Binary(_) => 2,
            Self::Select => 3,
        }
    }

    /// Number of results.
    #[must_use]
    pub fn results(self) -> usize {
        match self {
            Self::SinCos => 2,
            _ => 1,
        }
    }
}

/// The same operation `len` times, into consecutive slots. Every operand lies before the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// Operation.
    pub kind: Kind,
    /// First slot written to.
    pub destination: u32,
    /// The number of operations.
    pub len: u32,
    /// Slots of the operands.
    pub operands: Operands,
}

impl Run {
    /// Slots of the operands of one of the operations; places beyond their number repeat the first.
    pub(crate) fn operands_at(&self, indices: &[u32], step: usize) -> [usize; 3] {
        let count = self.kind.operands();
        let slot = |place: usize| match self.operands {
            Operands::Strided(operands) => {
                let operand = operands[place];
                operand.start + operand.stride * step as u32
            }
            Operands::Gathered(offset) => indices[offset as usize + step * count + place],
        };
        core::array::from_fn(|place| slot(if place < count { place } else { 0 }) as usize)
    }
}

/// Slots of the operands of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a back end has to read either")]
pub enum Operands {
    /// Each operand starts at a slot and stays there or advances by one slot per operation.
    Strided([Operand; 3]),
    /// The operands are listed in the program's index table from this entry on, operation by operation.
    Gathered(u32),
}

/// Operand that stays or advances by one slot per operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operand {
    /// Slot for the first operation of the run.
    pub start: u32,
    /// Stride: 0 or 1.
    pub stride: u32,
}

/// Part of a program that is run as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section {
    /// The runs, in order.
    pub runs: Vec<Run>,
    /// Slots of the results.
    pub outputs: Vec<u32>,
}

impl Section {
    /// Number of operations; a fused sine and cosine counts once.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.runs.iter().map(|run| run.len as usize).sum()
    }
}
