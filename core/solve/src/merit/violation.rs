//! Whether a violation of the constraints can be lowered.

use super::{AugmentedLagrangian, Point};
use crate::functions::Functions;
use crate::math;

impl AugmentedLagrangian {
    /// Whether no step of the variables lowers the violation at `point`, to first order; takes an evaluation, whose
    /// gradients overwrite those of `probe`.
    pub(crate) fn is_violation_stationary(
        &mut self,
        functions: &mut dyn Functions,
        point: &Point,
        probe: &mut Point,
    ) -> bool {
        self.evaluations += 1;
        probe.u.copy_from_slice(&point.u);
        functions.forward(&probe.u, &mut probe.constraints);
        self.scratch.copy_from_slice(&probe.constraints);
        self.project_scratch();
        // Weighed as in the merit that settles it. A slope is at most about the weighed violation over such a distance.
        let mut size = 0.0;
        for (i, projected) in self.scratch.iter().enumerate() {
            let weighed = self.settling_weight(i) * (probe.constraints[i] - projected);
            size = math::max(size, weighed.abs() * self.units[i]);
            probe.multipliers[i] = weighed;
        }
        self.rates.fill(0.0);
        functions.reverse(&probe.u, &self.rates, &mut self.slope);
        let reach = 1.0 + math::norm2(&point.u);
        // The gradients contain that of the cost, beside which that of the violation must not be lost.
        let cost_slope = math::norm2(&self.slope) * reach / size;
        let weight = if cost_slope > 0.0 { cost_slope } else { 1.0 };
        for y in &mut probe.multipliers {
            *y *= weight;
        }
        functions.reverse(&probe.u, &probe.multipliers, &mut probe.gradient);
        for (slope, cost_slope) in probe.gradient.iter_mut().zip(&self.slope) {
            *slope = (*slope - cost_slope) / weight;
        }
        let slope = math::norm2(&probe.gradient);
        if slope == 0.0 {
            return true;
        }
        let length = self.tuning.slope_step * reach / slope;
        math::add(&mut probe.u, -length, &probe.gradient);
        self.structure.set.project(&mut probe.u);
        let moved = probe.u.iter().zip(&point.u);
        let moved = math::sqrt(moved.fold(0.0, |sum, (next, u)| sum + (next - u) * (next - u)));
        moved / length * reach <= self.tuning.stationary_violation * size
    }
}
