//! Parameters of the programs of stages: those of the whole horizon, then values that differ from stage to stage.

use alloc::vec::Vec;

use crate::expression::graph::Input;
use crate::expression::program::Program;
use crate::expression::stage::{Source, StageValues};

/// Origin of the parameters of every stage's program.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StageInputs {
    /// Number of the problem's parameters.
    pub(super) num_parameters: usize,
    /// Index among the problem's parameters of each that all programs take.
    shared: Vec<u32>,
    /// For each value of single stages, its source at each stage 0, ..., N.
    channels: Vec<Vec<Source>>,
    /// Stages before the first, which take its values.
    free_stages: usize,
}

impl StageInputs {
    pub(super) fn new(values: &StageValues, num_parameters: usize, free_stages: usize) -> Self {
        let channels = values.channels.iter();
        Self {
            num_parameters,
            shared: values.shared.clone(),
            channels: channels.map(|channel| channel.sources.clone()).collect(),
            free_stages,
        }
    }

    /// Number of parameters of a program.
    pub(super) fn len(&self) -> usize {
        self.shared.len() + self.channels.len()
    }

    /// Whether all stages have the same values.
    pub(super) fn is_uniform(&self) -> bool {
        self.channels.is_empty()
    }

    /// Numbers that the sources take.
    pub(super) fn memory(&self) -> usize {
        self.channels.iter().map(Vec::len).sum()
    }

    fn sources(&self, t: usize) -> impl Iterator<Item = Option<&Source>> {
        let stage = t.saturating_sub(self.free_stages);
        self.channels.iter().map(move |sources| sources.get(stage))
    }

    /// Writes the parameters of the program of stage `t`.
    pub(super) fn load<const LANES: usize>(
        &self,
        t: usize,
        parameters: &[[f64; LANES]],
        program: &Program,
        memory: &mut [[f64; LANES]],
    ) {
        let start = program.input_slot(Input::Parameter);
        let parameter = |index: u32| parameters.get(index as usize).copied().unwrap_or([0.0; LANES]);
        let shared = self.shared.iter().map(|index| parameter(*index));
        let own = self.sources(t).map(|source| match source {
            Some(Source::Constant(number)) => [*number; LANES],
            Some(Source::Parameter(index)) => parameter(*index),
            // Not used at this stage.
            Some(Source::Absent) | None => [0.0; LANES],
        });
        let places = memory.iter_mut().skip(start);
        places
            .zip(shared.chain(own))
            .for_each(|(place, value)| *place = value);
    }

    /// Sets the rates of the program's parameters at stage `t` along one of the problem's.
    pub(super) fn seed(&self, t: usize, parameter: usize, program: &Program, tangents: &mut [f64]) {
        let start = program.input_slot(Input::Parameter);
        let shared = self.shared.iter().map(|index| *index as usize == parameter);
        let own = self
            .sources(t)
            .map(|source| matches!(source, Some(Source::Parameter(index)) if *index as usize == parameter));
        let places = tangents.iter_mut().skip(start);
        for (place, is_along) in places.zip(shared.chain(own)) {
            if is_along {
                *place = 1.0;
            }
        }
    }
}
