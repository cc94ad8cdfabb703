//! Initial penalties, which make a solve independent of the units of cost and constraints.
//!
//! Scaling a constraint by `s` and its penalty by `1 / s^2` changes nothing, so a problem is scaled by its penalties alone:
//! there is nothing to undo at the end, and multipliers keep their units.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::functions::Functions;
use super::merit::{AugmentedLagrangian, Point};
use crate::math;

/// Sets the penalties, which hold the squared slopes of the constraints, to `|grad f| / (|grad g|^2 (1 + |u|))` at `point`,
/// where the functions were evaluated last; more if `newton_serves`: Newton steps serve them. The gradient of `point` is
/// overwritten.
pub(crate) fn choose_penalties(
    merit: &mut AugmentedLagrangian,
    functions: &mut dyn Functions,
    point: &mut Point,
    max_penalty: f64,
    newton_serves: bool,
) {
    point.multipliers.fill(0.0);
    functions.reverse(&point.u, &point.multipliers, &mut point.gradient);
    let slope = math::norm2(&point.gradient);
    merit.cost_unit = slope * (1.0 + math::norm2(&point.u));
    let slope = if slope > 0.0 && slope.is_finite() {
        slope
    } else {
        1.0
    };
    let unit = slope / (1.0 + math::norm2(&point.u));
    let mut scale = unit;

    if newton_serves {
        scale *= merit.tuning.newton_penalty;
    }
    let (min_penalty, negligible) = (merit.tuning.min_penalty, merit.tuning.negligible_slope);
    let squares = &mut merit.penalties;
    let mut largest = 0.0;
    for square in squares.iter().filter(|square| square.is_finite()) {
        largest = math::max(largest, *square);
    }
    if largest == 0.0 {
        largest = 1.0;
    }
    let mut rest = squares.as_mut_slice();
    let mut limits = merit.limits.as_mut_slice();
    let mut units = merit.units.as_mut_slice();
    let reach = 1.0 + math::norm2(&point.u);
    for block in &merit.structure.constraints {
        let (members, others) = rest.split_at_mut(block.len);
        rest = others;
        // The penalty weights the distance from a set, so a set that does not consist of bounds has a single penalty.
        if !block.is_separable() {
            members.fill(members.iter().sum::<f64>() / members.len() as f64);
        }
        let (member_limits, others) = limits.split_at_mut(block.len);
        limits = others;
        let (member_units, others) = units.split_at_mut(block.len);
        units = others;
        for ((sigma, limit), range) in members.iter_mut().zip(member_limits).zip(member_units) {
            let is_known = sigma.is_finite() && *sigma > negligible * largest;
            let square = if is_known { *sigma } else { largest };
            // In the units of cost and constraint, so that a solve in other units ends at the same limit.
            *limit = max_penalty * math::max(1.0, unit / square);
            *sigma = math::clamp(scale / square, min_penalty, *limit);
            *range = math::sqrt(square) * reach;
        }
    }
}

/// Writes an estimate of every constraint's squared slope to the penalties: the mean square of its derivatives along
/// random directions with entries of +-1. `probe` is scratch.
pub(crate) fn sample_squared_slopes(
    merit: &mut AugmentedLagrangian,
    functions: &mut dyn Functions,
    point: &mut Point,
    probe: &mut Point,
) {
    let probes = merit.tuning.slope_probes;
    let step = merit.tuning.slope_step * (1.0 + math::norm_inf(&point.u));
    let mut random = SplitMix64::seed_from_u64(0);
    let mut is_elsewhere = false;
    merit.penalties.fill(0.0);
    for _ in 0..probes {
        merit.evaluations += 1;
        for direction in &mut probe.gradient {
            *direction = if random.next_u32() & 1 == 0 { 1.0 } else { -1.0 };
        }
        if !functions.forward_tangent(&probe.gradient, &mut probe.constraints) {
            is_elsewhere = true;
            for ((next, u), direction) in probe.u.iter_mut().zip(&point.u).zip(&probe.gradient) {
                *next = u + step * direction;
            }
            functions.forward(&probe.u, &mut probe.constraints);
            for (rate, g) in probe.constraints.iter_mut().zip(&point.constraints) {
                *rate = (*rate - g) / step;
            }
        }
        for (square, rate) in merit.penalties.iter_mut().zip(&probe.constraints) {
            *square += rate * rate / f64::from(probes);
        }
    }
    if is_elsewhere {
        merit.evaluations += 1;
        functions.forward(&point.u, &mut point.constraints);
    }
}
