//! What a problem holds, for people.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{Block, BlockKind, Named, Problem};
use crate::sets::Set;

/// What a problem holds, in numbers. Its text has one line for each.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// Its name.
    pub name: String,
    /// The vectors of decision variables.
    pub variables: Vec<Named>,
    /// The vectors of parameters.
    pub parameters: Vec<Named>,
    /// The set of the decision variables.
    pub set: Set,
    /// The constraints.
    pub blocks: Vec<Block>,
    /// Operations for each part of an evaluation.
    pub operations: Operations,
}

/// How many operations each part of an evaluation takes; a fused sine and cosine counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operations {
    /// Once, when the parameters are set.
    pub parameters: usize,
    /// For cost and constraint values.
    pub forward: usize,
    /// For the gradient, after that.
    pub reverse: usize,
}

impl Problem {
    /// What the problem holds.
    pub fn summary(&self) -> Summary {
        let program = self.program();
        let operations = |i: usize| {
            program
                .sections
                .get(i)
                .map_or(0, super::program::Section::operations)
        };
        Summary {
            name: self.name.clone(),
            variables: self.variables.clone(),
            parameters: self.parameters.clone(),
            set: self.set.clone(),
            blocks: self.blocks.clone(),
            operations: Operations {
                parameters: program.prepare.operations(),
                forward: operations(0),
                reverse: operations(1),
            },
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "problem      {}", self.name)?;
        writeln!(f, "variables    {}", names(&self.variables))?;
        writeln!(f, "parameters   {}", names(&self.parameters))?;
        writeln!(f, "u in         {}", self.set)?;
        for block in &self.blocks {
            let set = &block.set;
            let what = match block.kind {
                BlockKind::F1 => format!("F1 in {set}"),
                BlockKind::F2Equality => String::from("F2 = 0"),
                BlockKind::F2Inequality => String::from("F2: max(0, h) = 0, treated as h <= 0"),
                BlockKind::F2Penalty => String::from("F2 = 0, with a kink: by penalty only"),
            };
            writeln!(f, "g[{}..{}]      {what}", block.range.start, block.range.end)?;
        }
        let Operations {
            parameters,
            forward,
            reverse,
        } = self.operations;
        write!(
            f,
            "operations   {forward} for the values, {reverse} more for the gradient, "
        )?;
        write!(f, "{parameters} once when the parameters are set")
    }
}

fn names(inputs: &[Named]) -> String {
    if inputs.is_empty() {
        return String::from("none");
    }
    let name = |named: &Named| format!("{}[{}]", named.name, named.len);
    let names: Vec<String> = inputs.iter().map(name).collect();
    let total: usize = inputs.iter().map(|named| named.len).sum();
    format!("{total}: {}", names.join(", "))
}
