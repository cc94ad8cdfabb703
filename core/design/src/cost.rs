//! Costs of settings, a block at a time.

use alloc::vec::Vec;

use super::experiment::Cost;
use super::model::Points;

/// Working memory for the costs of a block of settings.
#[derive(Clone, Debug, Default)]
pub(super) struct Costs {
    /// Settings of the block, then as many copies of the previous one.
    settings: Vec<f64>,
    costs: Vec<f64>,
}

impl Costs {
    /// Costs of the `count` settings in `settings` (a row per knob) after the setting `previous`. `None` if all are the
    /// same, because they depend on the previous setting and there is none.
    pub(super) fn evaluate(
        &mut self,
        cost: &mut Cost,
        settings: &[f64],
        count: usize,
        previous: Option<&[f64]>,
    ) -> Option<&[f64]> {
        if cost.needs_previous && previous.is_none() {
            return None;
        }
        self.settings.clear();
        self.settings.extend_from_slice(settings);
        self.settings.resize(2 * settings.len(), f64::NAN);
        for (k, row) in self.settings[settings.len()..]
            .chunks_exact_mut(count)
            .enumerate()
        {
            row.fill(previous.map_or(f64::NAN, |previous| previous[k]));
        }
        self.costs.resize(count, 0.0);
        let settings = Points::new(&self.settings, count, 0..count);
        cost.model.evaluate(settings, Points::one(&[]), &mut self.costs);
        Some(&self.costs)
    }
}
