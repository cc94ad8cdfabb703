//! Contents of a problem, for people.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use labwire_solve::sets::Set;

use super::stages::Shooting;
use super::{Block, BlockKind, Named, Problem};
use crate::expression::run::Section;

/// Contents of a problem. Its text has one line for each part.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// Name of the problem.
    pub name: String,
    /// Vectors of decision variables.
    pub variables: Vec<Named>,
    /// Vectors of parameters.
    pub parameters: Vec<Named>,
    /// Set of the decision variables.
    pub set: Set,
    /// The constraints.
    pub blocks: Vec<Block>,
    /// Stages of an optimal-control problem.
    pub stages: Option<StageSummary>,
    /// Operations of each part of an evaluation; for an optimal-control problem, of one stage.
    pub operations: Operations,
}

/// Contents of the stages of an optimal-control problem.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StageSummary {
    /// Number of stages.
    pub horizon: usize,
    /// Vectors that make up a state.
    pub states: Vec<Named>,
    /// Variables of the whole horizon.
    pub horizon_variables: Vec<Named>,
    /// Vectors that make up an input.
    pub inputs: Vec<Named>,
    /// Origin of the states.
    pub shooting: Shooting,
}

/// Number of operations of each part of an evaluation; a fused sine and cosine counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operations {
    /// Once, when the parameters are set.
    pub parameters: usize,
    /// For cost and constraint values.
    pub forward: usize,
    /// For the gradient, after that.
    pub reverse: usize,
}

impl Problem {
    /// Names of the first decision variables of a problem of stages, which it decides once: variables of the horizon, then free
    /// elements of the initial state.
    #[must_use]
    pub fn free_names(&self) -> Vec<String> {
        let count = self.stages().map_or(0, |stages| stages.free_names.len());
        (0..count).map(|i| self.variable_name(i)).collect()
    }

    /// Contents of the problem.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let stages = self.stages();
        // If the stages have several programs, the last has all path constraints.
        let last = stages.and_then(|stages| stages.phases.last());
        let program = self.program().or(last.map(|phase| &phase.program));
        let sections = program.map_or(&[][..], |program| &program.sections);
        let operations = |i: usize| sections.get(i).map_or(0, Section::operations);
        Summary {
            name: self.name.clone(),
            variables: self.variables.clone(),
            parameters: self.parameters.clone(),
            set: self.set.clone(),
            blocks: self.blocks.clone(),
            stages: stages.map(|stages| StageSummary {
                horizon: stages.num_stages(),
                states: stages.own_states().to_vec(),
                horizon_variables: stages.horizon_variables().to_vec(),
                inputs: stages.inputs.clone(),
                shooting: stages.shooting,
            }),
            operations: Operations {
                parameters: program.map_or(0, |program| program.prepare.operations()),
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
        if let Some(stages) = &self.stages {
            let how = match stages.shooting {
                Shooting::Auto => "shooting chosen by the solver",
                Shooting::Single => "single shooting",
                Shooting::Multiple => "multiple shooting",
            };
            writeln!(f, "stages       {}, {how}", stages.horizon)?;
            writeln!(f, "states       {}", names(&stages.states))?;
            writeln!(f, "inputs       {}", names(&stages.inputs))?;
            if !stages.horizon_variables.is_empty() {
                writeln!(f, "horizon      {}", names(&stages.horizon_variables))?;
            }
        }
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
        write!(f, "{parameters} once when the parameters are set")?;
        match self.stages {
            Some(_) => write!(f, "; of each stage"),
            None => Ok(()),
        }
    }
}

fn names(inputs: &[Named]) -> String {
    if inputs.is_empty() {
        return String::from("none");
    }
    let names: Vec<String> = inputs.iter().map(Named::title).collect();
    let total: usize = inputs.iter().map(|named| named.len).sum();
    format!("{total}: {}", names.join(", "))
}
