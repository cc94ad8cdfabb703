//! States over the horizon of a problem of stages: as a point owns them, and as they are handed on.

use alloc::vec;
use alloc::vec::Vec;

/// States over the horizon, x_0 first, and the multipliers of the dynamics that lead to each, if they are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Horizon<'a> {
    pub(crate) states: &'a [f64],
    pub(crate) costates: Option<&'a [f64]>,
}

/// States over the horizon of a problem of stages, where a point has its own.
#[derive(Clone, Debug)]
pub(crate) struct States {
    pub(crate) values: Vec<f64>,
    pub(crate) costates: Vec<f64>,
    pub(crate) is_known: bool,
    has_costates: bool,
}

impl States {
    pub(crate) fn new(len: usize) -> Self {
        Self {
            values: vec![0.0; len],
            costates: vec![0.0; len],
            is_known: false,
            has_costates: false,
        }
    }

    pub(crate) fn set(&mut self, horizon: Option<Horizon<'_>>) {
        (self.is_known, self.has_costates) = (false, false);
        let Some(Horizon { states, costates }) = horizon else {
            return;
        };
        self.values.copy_from_slice(states);
        self.is_known = true;
        if let Some(costates) = costates {
            self.costates.copy_from_slice(costates);
            self.has_costates = true;
        }
    }

    pub(crate) fn known(&self) -> Option<Horizon<'_>> {
        self.is_known.then_some(Horizon {
            states: &self.values,
            costates: self.has_costates.then_some(self.costates.as_slice()),
        })
    }
}
