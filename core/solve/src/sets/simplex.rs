//! Simplex and 1-norm ball: both projections subtract the same threshold from every entry.

use crate::math;

/// Projects onto `|x|_1 <= radius`.
pub(super) fn project_ball1(x: &mut [f64], radius: f64) {
    if !(x.iter().fold(0.0, |sum, x| sum + x.abs()) > radius) {
        return;
    }
    let threshold = threshold(x, f64::abs, radius, 0.0);
    for x in x {
        *x = math::sign(*x) * positive_part(x.abs() - threshold);
    }
}

/// Projects onto `x >= 0` with `sum x = alpha`.
pub(super) fn project_simplex(x: &mut [f64], alpha: f64) {
    let sum = x.iter().fold(0.0, |sum, x| sum + x);
    let threshold = threshold(x, |x| x, alpha, (sum - alpha) / x.len() as f64);
    for x in x {
        *x = positive_part(*x - threshold);
    }
}

/// Threshold t with `sum max(f(x_i) - t, 0) = total` (Duchi et al. 2008), found without sorting or memory:
/// Newton's iteration on this piecewise linear function converges to the root from below in at most n steps.
fn threshold(x: &[f64], f: impl Fn(f64) -> f64, total: f64, below: f64) -> f64 {
    let mut threshold = below;
    for _ in 0..=x.len() {
        let (mut sum, mut count) = (0.0, 0.0);
        for x in x {
            let excess = f(*x) - threshold;
            if excess > 0.0 {
                sum += excess;
                count += 1.0;
            }
        }
        let next = threshold + (sum - total) / count;
        if !(next > threshold) {
            break;
        }
        threshold = next;
    }
    threshold
}

fn positive_part(x: f64) -> f64 {
    if x > 0.0 { x } else { 0.0 }
}
