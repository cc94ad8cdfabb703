//! Resampling by Liu and West (2001): particles of low weight are replaced by copies of those of high
//! weight, all are moved slightly at random, and mean and covariance are preserved.

use alloc::vec;
use alloc::vec::Vec;

use labwire_solve::math::sqrt;
use labwire_solve::random::Random;

use super::moments::cholesky;
use super::particles::{BLOCK, Particles};

/// Parameters of the resampling.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernel<'a> {
    /// `a_param` of Liu and West: 1 moves nothing.
    pub(super) a: f64,
    /// Whether particles are contracted towards the mean, as in Liu and West; otherwise each resampling
    /// increases the variance by the fraction 1 - a^2.
    pub(super) scale: bool,
    /// Whether particles may be moved along each parameter.
    pub(super) is_movable: &'a [bool],
    /// Ends of the values of each parameter, which no particle leaves.
    pub(super) support: &'a [[f64; 2]],
}

impl Particles {
    /// Draws the same number of new particles, all of equal weight. Returns the ancestor of each.
    ///
    /// Deviations from OptBayesExpt 1.2: the draws are systematic (one random number, equal steps; Kitagawa
    /// 1996), which has less variance than multinomial draws; the random displacement is not contracted
    /// together with the particle, so that `scale` preserves the covariance exactly; particles that would leave the
    /// support of the priors are reflected at its ends (OptBayesExpt's leave it).
    pub(super) fn resample(&mut self, kernel: Kernel<'_>, random: &mut Random) -> Vec<u32> {
        let mean = self.mean();
        let mut covariance = self.covariance_about(&mean);
        for (i, row) in covariance.iter_mut().enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                if !kernel.is_movable[i] || !kernel.is_movable[j] {
                    *entry = 0.0;
                }
            }
        }
        let spread = sqrt(1.0 - kernel.a * kernel.a);
        let factor: Vec<Vec<f64>> = cholesky(&covariance)
            .into_iter()
            .map(|row| row.into_iter().map(|entry| entry * spread).collect())
            .collect();
        let ancestors = self.systematic(random.uniform());
        self.replace_by(&ancestors);
        for (parameter, mean) in mean.iter().enumerate() {
            if kernel.scale && kernel.is_movable[parameter] {
                for entry in self.row_mut(parameter) {
                    *entry = kernel.a * (*entry - mean) + mean;
                }
            }
        }
        self.nudge(&factor, random);
        self.level();
        // Each reflection moves the mean inwards and narrows the cloud; without the correction, a parameter that no
        // measurement depends on would seem to become known.
        if self.reflect(kernel.support, &covariance) && kernel.scale {
            self.restore_moments(&mean, &covariance);
            self.reflect(kernel.support, &covariance);
        }
        ancestors
    }

    /// Replaces the particles by as many copies, in proportion to their weights, all of equal weight.
    pub(super) fn copy_by_weight(&mut self) {
        self.replace_by(&self.systematic(0.5));
        self.level();
    }

    fn replace_by(&mut self, ancestors: &[u32]) {
        let mut chosen = vec![0.0; self.len()];
        for parameter in 0..self.num_parameters() {
            let row = self.row_mut(parameter);
            for (entry, ancestor) in chosen.iter_mut().zip(ancestors) {
                *entry = row[*ancestor as usize];
            }
            row.copy_from_slice(&chosen);
        }
    }

    /// Particles at equal steps along the cumulative weights, the first at the fraction `start` in [0, 1) of
    /// a step.
    fn systematic(&self, start: f64) -> Vec<u32> {
        let step = self.total() / self.len() as f64;
        let mut ancestors = Vec::with_capacity(self.len());
        let (mut sum, mut last) = (0.0, 0);
        for (i, weight) in self.weights().iter().enumerate() {
            if *weight > 0.0 {
                last = i as u32;
                sum += weight;
                while ancestors.len() < self.len() && (ancestors.len() as f64 + start) * step < sum {
                    ancestors.push(last);
                }
            }
        }
        // Rounding may have lost the last step.
        ancestors.resize(self.len(), last);
        ancestors
    }

    /// Adds normal deviates with the covariance `factor factor^T`.
    fn nudge(&mut self, factor: &[Vec<f64>], random: &mut Random) {
        let mut normals = vec![[0.0; BLOCK]; factor.len()];
        for range in self.blocks() {
            for row in &mut normals {
                row[..range.len()].fill_with(|| random.normal());
            }
            for (parameter, entries) in factor.iter().enumerate() {
                let row = &mut self.row_mut(parameter)[range.clone()];
                for (entry, normals) in entries.iter().zip(&normals).take(parameter + 1) {
                    for (value, normal) in row.iter_mut().zip(normals) {
                        *value += entry * normal;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYWHERE: [[f64; 2]; 2] = [[f64::NEG_INFINITY, f64::INFINITY]; 2];

    fn weighted(count: usize) -> Particles {
        let mut random = Random::new(5, 0);
        let x: Vec<f64> = (0..count).map(|_| random.normal()).collect();
        let y: Vec<f64> = x.iter().map(|x| 1e-3 * x + 2e-3 * random.normal()).collect();
        let logs: Vec<f64> = x.iter().map(|x| -0.5 * (x - 1.0) * (x - 1.0)).collect();
        Particles::with_log_weights([x, y].concat(), &logs).unwrap()
    }

    #[test]
    fn scaled_resampling_keeps_mean_and_covariance() {
        for (scale, growth) in [(true, 1.0), (false, 1.0 + (1.0 - 0.98 * 0.98))] {
            let mut particles = weighted(100_000);
            let (mean, covariance) = (particles.mean(), particles.covariance());
            let kernel = Kernel {
                a: 0.98,
                scale,
                is_movable: &[true, true],
                support: &EVERYWHERE,
            };
            particles.resample(kernel, &mut Random::new(6, 0));
            assert_eq!(particles.effective(), 100_000.0);
            let (new_mean, new_covariance) = (particles.mean(), particles.covariance());
            for i in 0..2 {
                let std = sqrt(covariance[i][i]);
                assert!((new_mean[i] - mean[i]).abs() < 0.01 * std);
                for j in 0..2 {
                    let scale = sqrt(covariance[i][i] * covariance[j][j]);
                    assert!((new_covariance[i][j] - growth * covariance[i][j]).abs() < 0.01 * scale);
                }
            }
        }
    }

    #[test]
    fn what_must_not_move_stays() {
        let mut particles = weighted(1000);
        let before: Vec<u64> = particles.row(1).iter().map(|y| y.to_bits()).collect();
        let kernel = Kernel {
            a: 0.9,
            scale: true,
            is_movable: &[true, false],
            support: &EVERYWHERE,
        };
        particles.resample(kernel, &mut Random::new(6, 0));
        assert!(particles.row(1).iter().all(|y| before.contains(&y.to_bits())));
        assert!(!particles.row(0).iter().any(|x| x.is_nan()));
    }

    /// Parameters of which nothing is known keep their priors, however often they are resampled.
    #[test]
    fn what_is_not_known_is_not_narrowed() {
        let mut random = Random::new(7, 0);
        for scale in [true, false] {
            let values = (0..40_000).map(|_| random.uniform()).collect();
            let mut particles = Particles::new(values, 20_000);
            let (mean, std) = (particles.mean(), particles.std());
            for _ in 0..20 {
                let kernel = Kernel {
                    a: 0.98,
                    scale,
                    is_movable: &[true, true],
                    support: &[[0.0, 1.0]; 2],
                };
                particles.resample(kernel, &mut random);
            }
            assert!(particles.row(0).iter().all(|x| (0.0..=1.0).contains(x)));
            for i in 0..2 {
                assert!((particles.mean()[i] - mean[i]).abs() < 0.05 * std[i]);
                assert!(
                    (particles.std()[i] / std[i] - 1.0).abs() < 0.05,
                    "{scale} {:?}",
                    particles.std()
                );
            }
        }
    }

    /// Every particle is drawn in proportion to its weight, to within one.
    #[test]
    fn systematic_draws_are_as_even_as_they_can_be() {
        let particles = weighted(1000);
        for start in [0.0, 0.3, 0.999_999] {
            let ancestors = particles.systematic(start);
            assert_eq!(ancestors.len(), 1000);
            for (i, weight) in particles.weights().iter().enumerate() {
                let expected = weight / particles.total() * 1000.0;
                let count = ancestors.iter().filter(|ancestor| **ancestor == i as u32).count();
                assert!((count as f64 - expected).abs() < 1.0 + 1e-9, "{count} {expected}");
            }
        }
    }
}
