//! Entropy of a distribution that is known only through samples.

use labwire_solve::math::{floor, log, sqrt};

/// Estimates the differential entropy, in nats, from samples, which it sorts. The estimator works on the
/// spacings of the sorted samples and is chosen by their number, as in SciPy's `differential_entropy`: van
/// Es (1992) up to 10, Ebrahimi, Pflughoeft and Soofi (1994) up to 1000, Vasicek (1976) beyond.
pub fn differential_entropy(samples: &mut [f64]) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    let n = samples.len();
    let window = floor(sqrt(n as f64) + 0.5) as usize;
    match n {
        0 | 1 => f64::NAN,
        2..=10 => van_es(samples, window),
        11..=1000 => ebrahimi(samples, window),
        _ => vasicek(samples, window),
    }
}

fn van_es(sorted: &[f64], m: usize) -> f64 {
    let n = sorted.len();
    let ends = sorted[m..].iter().zip(sorted);
    let spacings = ends.fold(0.0, |sum, (high, low)| {
        sum + log((n + 1) as f64 / m as f64 * (high - low))
    });
    let harmonic = (m..=n).fold(0.0, |sum, k| sum + 1.0 / k as f64);
    spacings / (n - m) as f64 + harmonic + log(m as f64) - log((n + 1) as f64)
}

/// Distance between the samples `m` before and `m` after sample `i`; beyond the ends, the end samples are
/// used.
fn spacing(sorted: &[f64], i: usize, m: usize) -> f64 {
    sorted[(i + m).min(sorted.len() - 1)] - sorted[i.saturating_sub(m)]
}

fn ebrahimi(sorted: &[f64], m: usize) -> f64 {
    let n = sorted.len();
    let sum = (0..n).fold(0.0, |sum, i| {
        let from_end = i.min(n - 1 - i);
        let width = if from_end < m {
            1.0 + from_end as f64 / m as f64
        } else {
            2.0
        };
        sum + log(n as f64 * spacing(sorted, i, m) / (width * m as f64))
    });
    sum / n as f64
}

fn vasicek(sorted: &[f64], m: usize) -> f64 {
    let n = sorted.len();
    let factor = n as f64 / (2 * m) as f64;
    let sum = (0..n).fold(0.0, |sum, i| sum + log(factor * spacing(sorted, i, m)));
    sum / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use labwire_solve::random::Random;

    /// Values of problem F4 of the reference problems.
    #[test]
    fn estimates_are_scipys() {
        let mut samples = [3.1, 0.5, 0.9, 1.4, 2.0, 2.2, 0.1, 3.3, 4.7, 5.0, 6.2, 7.7];
        assert!((differential_entropy(&mut samples) - 2.043_005_143_472_627_5).abs() < 1e-14);
        let eight = &mut samples[..8];
        assert!((differential_entropy(eight) - 1.562_494_373_371_704_7).abs() < 1e-14);
    }

    #[test]
    fn many_samples_come_near_the_entropy() {
        let mut random = Random::new(1, 0);
        let mut samples: std::vec::Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
        let normal = 0.5 * log(2.0 * core::f64::consts::PI * core::f64::consts::E);
        assert!((differential_entropy(&mut samples) - normal).abs() < 0.03);
    }
}
