//! Search for a lower point along a direction of negative curvature.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::math;
use crate::tuning::Tuning;

/// First direction of the inverse iteration: along every variable that is free.
pub(crate) fn scatter(is_free: &[bool], direction: &mut [f64]) {
    let mut random = SplitMix64::seed_from_u64(0);
    for (step, is_free) in direction.iter_mut().zip(is_free) {
        // No size is another's: eigenvectors of problems with symmetries are often sums and differences of variables.
        let size = 1.0 + f64::from(random.next_u32()) / f64::from(u32::MAX);
        let sign = if random.next_u32() & 1 == 0 { 1.0 } else { -1.0 };
        *step = if *is_free { sign * size } else { 0.0 };
    }
}

/// Steps along a direction whose slope is known: both ways at each length, from the longest down.
pub(crate) fn trial_steps(tuning: Tuning, longest: f64, slope: f64) -> impl Iterator<Item = f64> {
    let way = if slope > 0.0 { -1.0 } else { 1.0 };
    (0..tuning.curvature_trials).map(move |trial| {
        let shrinkage = math::pow(tuning.min_shrinkage, f64::from(trial / 2));
        (if trial % 2 == 0 { way } else { -way }) * longest * shrinkage
    })
}
