//! Typical magnitudes and titles that a file gives its names.

use alloc::vec::Vec;
use core::iter::repeat_n;

use labwire_solve::Magnitudes;

use super::stages::Stages;
use super::{Body, Problem};
use crate::expression::Named;

impl Problem {
    /// Typical magnitudes that the file gives; `None` if there are none.
    pub(super) fn magnitudes(&self) -> Option<Magnitudes> {
        let magnitudes = match &self.body {
            Body::Plain { .. } => Magnitudes {
                variables: scales(&self.variables),
                constraints: self.constraint_scales.clone(),
                states: Vec::new(),
            },
            Body::Stages(stages) => stages.magnitudes(),
        };
        Some(magnitudes).filter(Magnitudes::is_any)
    }

    /// Vectors whose values a solution has by name: the decision variables; of an optimal-control problem inputs, states and
    /// horizon variables.
    #[must_use]
    pub fn results(&self) -> Vec<&Named> {
        match self.stages() {
            None => self.variables.iter().collect(),
            Some(stages) => {
                let states = stages.own_states().iter();
                states
                    .chain(stages.horizon_variables())
                    .chain(&stages.inputs)
                    .collect()
            }
        }
    }
}

impl Stages {
    /// Typical magnitudes of inputs, states and constraints.
    fn magnitudes(&self) -> Magnitudes {
        let mut variables = self.free_scales.clone();
        variables.resize(self.num_free(), None);
        for _ in 0..self.num_stages() {
            variables.extend(scales(&self.inputs));
        }
        variables.resize(self.num_variables(), None);
        let mut constraints = Vec::new();
        for phase in &self.phases {
            for _ in phase.stages.clone() {
                constraints.extend(
                    phase
                        .components
                        .iter()
                        .map(|component| self.path_scales[*component]),
                );
            }
        }
        let last = self.last_components.iter();
        constraints.extend(last.map(|component| self.path_scales[*component]));
        constraints.extend(&self.terminal_scales);
        constraints.resize(self.num_f1() + self.num_f2(), None);
        Magnitudes {
            variables,
            constraints,
            states: scales(&self.states),
        }
    }
}

/// Magnitudes of the elements of vectors.
fn scales(vectors: &[Named]) -> Vec<Option<f64>> {
    let scales = vectors.iter().flat_map(|named| repeat_n(named.scale, named.len));
    scales.collect()
}
