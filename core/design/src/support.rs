//! Particles and the support of their priors: where a move leads out of it, the particle is reflected.

use alloc::vec;
use alloc::vec::Vec;

use labwire_solve::math::clamp;

use super::moments::{Matrix, cholesky};
use super::particles::{BLOCK, Particles};

/// Number of reflections of one particle; after the last, it stays at the end that it has passed.
const MAX_REFLECTIONS: usize = 8;

impl Particles {
    /// Reflects every particle that is outside of `support`, the ends of each parameter's values, at the end that it
    /// has passed. The other parameters follow along the regression on that one, by `covariance`: where parameters are
    /// correlated, a particle stays in the cloud. Returns whether there was any.
    pub(super) fn reflect(&mut self, support: &[[f64; 2]], covariance: &Matrix) -> bool {
        if (0..support.len()).all(|parameter| lies_within(self.row(parameter), support[parameter])) {
            return false;
        }
        let outside = self.outside(|parameter, value| {
            let [low, high] = support[parameter];
            value >= low && value <= high
        });
        let mut particle = Vec::new();
        for index in &outside {
            particle.clear();
            particle.extend((0..support.len()).map(|parameter| self.row(parameter)[*index]));
            reflect(&mut particle, support, covariance);
            for (parameter, value) in particle.iter().enumerate() {
                self.row_mut(parameter)[*index] = *value;
            }
        }
        !outside.is_empty()
    }

    /// Indices of the particles of which a value is not `allowed` for its parameter, in ascending order.
    pub(super) fn outside(&self, allowed: impl Fn(usize, f64) -> bool) -> Vec<usize> {
        let mut outside = Vec::new();
        for parameter in 0..self.num_parameters() {
            let row = self.row(parameter).iter().enumerate();
            let wrong = row.filter(|(_, value)| !allowed(parameter, **value));
            outside.extend(wrong.map(|(index, _)| index));
        }
        outside.sort_unstable();
        outside.dedup();
        outside
    }

    /// Moves particles of equal weight, by one affine map, so that they have this mean and this covariance.
    pub(super) fn restore_moments(&mut self, mean: &[f64], covariance: &Matrix) {
        let (now, factor) = (self.mean(), cholesky(covariance));
        let mut covariance_now = self.covariance_about(&now);
        // What did not move has no column in the factor.
        for (i, row) in covariance_now.iter_mut().enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                if !(factor[i][i] > 0.0 && factor[j][j] > 0.0) {
                    *entry = 0.0;
                }
            }
        }
        let factor_now = cholesky(&covariance_now);
        let mut deviates = vec![[0.0; BLOCK]; mean.len()];
        for range in self.blocks() {
            for i in 0..mean.len() {
                let (known, own) = deviates.split_at_mut(i);
                let (own, scale) = (&mut own[0][..range.len()], factor_now[i][i]);
                own.fill(0.0);
                if !(scale > 0.0) {
                    continue;
                }
                add_rows(own, known, &factor_now[i]);
                let values = &self.row(i)[range.clone()];
                for (deviate, value) in own.iter_mut().zip(values) {
                    *deviate = (value - now[i] - *deviate) / scale;
                }
            }
            for i in 0..mean.len() {
                if factor_now[i][i] > 0.0 {
                    let values = &mut self.row_mut(i)[range.clone()];
                    values.fill(0.0);
                    add_rows(values, &deviates[..=i], &factor[i]);
                    values.iter_mut().for_each(|distance| *distance += mean[i]);
                }
            }
        }
    }
}

/// Whether every value lies between the ends; computed in lanes.
fn lies_within(values: &[f64], [low, high]: [f64; 2]) -> bool {
    const LANES: usize = 8;
    let is_outside = |value: f64| if value >= low && value <= high { 0.0 } else { 1.0 };
    let mut outside = [0.0; LANES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for lane in 0..LANES {
            outside[lane] += is_outside(block[lane]);
        }
    }
    let mut outside = outside
        .into_iter()
        .chain(rest.iter().map(|value| is_outside(*value)));
    outside.all(|count| count == 0.0)
}

/// Adds the rows, each multiplied by its factor.
fn add_rows(sums: &mut [f64], rows: &[[f64; BLOCK]], factors: &[f64]) {
    for (row, factor) in rows.iter().zip(factors) {
        for (sum, deviate) in sums.iter_mut().zip(row) {
            *sum += factor * deviate;
        }
    }
}

fn reflect(particle: &mut [f64], support: &[[f64; 2]], covariance: &Matrix) {
    for _ in 0..MAX_REFLECTIONS {
        let passed = particle.iter().zip(support).enumerate();
        let passed = passed.filter_map(|(parameter, (value, [low, high]))| {
            let end = clamp(*value, *low, *high);
            (end != *value && covariance[parameter][parameter] > 0.0)
                .then_some((parameter, 2.0 * (end - *value)))
        });
        let Some((parameter, distance)) = passed.into_iter().next() else {
            break;
        };
        let variance = covariance[parameter][parameter];
        for (value, covariance) in particle.iter_mut().zip(&covariance[parameter]) {
            *value += covariance / variance * distance;
        }
    }
    for (value, [low, high]) in particle.iter_mut().zip(support) {
        *value = clamp(*value, *low, *high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use labwire_solve::random::Random;

    /// A long, narrow cloud that reaches over the end of one of its parameters stays narrow.
    #[test]
    fn reflected_particles_stay_in_a_narrow_cloud() {
        let mut random = Random::new(1, 0);
        let x: Vec<f64> = (0..10_000).map(|_| 0.02 + random.normal().abs()).collect();
        let y: Vec<f64> = x.iter().map(|x| 2.0 * x + 1e-3 * random.normal()).collect();
        let mut particles = Particles::new([x, y].concat(), 10_000);
        let (mean, covariance) = (particles.mean(), particles.covariance());
        let support = [[0.0, f64::INFINITY], [f64::NEG_INFINITY, f64::INFINITY]];
        for (x, y) in (0..10_000).map(|i| (i, 0.3 * random.normal())) {
            particles.row_mut(0)[x] += y;
            particles.row_mut(1)[x] += 2.0 * y;
        }
        assert!(particles.reflect(&support, &covariance));
        particles.restore_moments(&mean, &covariance);
        let _again = particles.reflect(&support, &covariance);
        assert!(particles.row(0).iter().all(|x| *x >= 0.0));
        let width = |particles: &Particles| {
            let pairs = particles.row(0).iter().zip(particles.row(1));
            let squares = pairs.map(|(x, y)| (y - 2.0 * x) * (y - 2.0 * x));
            labwire_solve::math::sqrt(squares.fold(0.0, |sum, square| sum + square) / 1e4)
        };
        assert!(width(&particles) < 1.5e-3, "{}", width(&particles));
        let std = labwire_solve::math::sqrt(covariance[0][0]);
        assert!((particles.mean()[0] - mean[0]).abs() < 0.02 * std);
        assert!((particles.std()[0] / std - 1.0).abs() < 0.02);
    }
}
