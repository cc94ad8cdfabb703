//! Round sets: balls of the 2-norm and of p-norms, and the sphere.

use crate::math;

/// Projects onto `|x|_2 <= radius`.
pub(super) fn project_ball2(x: &mut [f64], radius: f64) {
    let mut norm = math::norm2(x);
    if norm == f64::INFINITY {
        // The squares overflowed: scale the vector to unit size first.
        let largest = math::norm_inf(x);
        for x in x.iter_mut() {
            *x = if largest == f64::INFINITY {
                if x.is_infinite() { math::sign(*x) } else { 0.0 }
            } else {
                *x / largest
            };
        }
        norm = math::norm2(x);
        return x.iter_mut().for_each(|x| *x *= radius / norm);
    }
    if norm > radius {
        let factor = radius / norm;
        for x in x {
            *x *= factor;
        }
    }
}

/// Projects onto `|x|_2 = radius`; the origin is mapped to `(radius, 0, ..., 0)`.
pub(super) fn project_sphere2(x: &mut [f64], radius: f64) {
    let largest = math::norm_inf(x);
    if largest == 0.0 {
        if let Some(first) = x.first_mut() {
            *first = radius;
        }
        return;
    }
    // Scaled to unit size first, so that no square overflows or underflows.
    for x in x.iter_mut() {
        *x /= largest;
    }
    let factor = radius / math::norm2(x);
    for x in x {
        *x *= factor;
    }
}

/// Largest number of Newton steps, including bisections where they fail; 10 are typical.
const MAX_STEPS: usize = 200;

/// Projects onto `|x|_p <= radius`, 1 < p < inf.
///
/// Outside, the nearest point z has `z_i + mu z_i^(p-1) = |x_i|` (signs apart) for the multiplier mu > 0 with
/// `|z|_p = radius`. Newton's method finds mu as the root of `1/|z|_p - 1/radius`, which is nearly linear in mu, between
/// 0 and `|x|_q`, 1/p + 1/q = 1.
pub(super) fn project_ball_p(x: &mut [f64], radius: f64, p: f64) {
    if !(norm_p(x, p) > radius) {
        return;
    }
    // From here on the radius is 1.
    for x in x.iter_mut() {
        *x /= radius;
    }
    let (mut low, mut high) = (0.0, norm_p(x, p / (p - 1.0)));
    let mut multiplier = 0.0;
    for _ in 0..MAX_STEPS {
        let (norm, slope) = norm_after(x, multiplier, p);
        if norm > 1.0 {
            low = multiplier;
        } else {
            high = multiplier;
        }
        let newton = multiplier - norm * (norm - 1.0) / slope;
        let next = if newton > low && newton < high {
            newton
        } else {
            0.5 * (low + high)
        };
        if norm == 1.0 || next == multiplier || !(high - low > f64::EPSILON * high) {
            break;
        }
        multiplier = next;
    }
    for x in x.iter_mut() {
        *x = math::sign(*x) * shrink(x.abs(), multiplier, p).0;
    }
    // Rounding of mu may leave the point slightly outside.
    let norm = norm_p(x, p);
    let factor = if norm > 1.0 { radius / norm } else { radius };
    for x in x {
        *x *= factor;
    }
}

/// p-norm of z(mu), and its derivative with respect to mu.
fn norm_after(x: &[f64], multiplier: f64, p: f64) -> (f64, f64) {
    let z = |x: &f64| shrink(x.abs(), multiplier, p);
    let largest = x.iter().fold(0.0, |largest, x| math::max(largest, z(x).0));
    let (mut sum, mut slope) = (0.0, 0.0);
    for x in x {
        let (z, rate) = z(x);
        let power = math::pow(z / largest, p - 1.0);
        sum += power * (z / largest);
        slope += power * rate;
    }
    (
        largest * math::pow(sum, 1.0 / p),
        slope * math::pow(sum, 1.0 / p - 1.0),
    )
}

/// Root z of `z + mu z^(p-1) = a`, and its derivative with respect to mu.
///
/// In z for p >= 2, and in `z^(p-1)` for p < 2, the left side is convex and increasing: Newton's method
/// converges to the root from above.
fn shrink(a: f64, multiplier: f64, p: f64) -> (f64, f64) {
    if a == 0.0 || multiplier == 0.0 {
        return (a, -math::pow(a, p - 1.0));
    }
    let (linear, factor, power) = if p >= 2.0 {
        (1.0, multiplier, p - 1.0)
    } else {
        (multiplier, 1.0, 1.0 / (p - 1.0))
    };
    let mut root = math::min(a / linear, math::pow(a / factor, 1.0 / power));
    for _ in 0..MAX_STEPS {
        let powered = factor * math::pow(root, power);
        let next = root - (linear * root + powered - a) / (linear + power * powered / root);
        if !(next < root && next > 0.0) {
            break;
        }
        root = next;
    }
    let (z, powered) = if p >= 2.0 {
        (root, math::pow(root, p - 1.0))
    } else {
        (math::pow(root, power), root)
    };
    (z, -powered * z / (z + multiplier * (p - 1.0) * powered))
}

/// `(sum |x_i|^p)^(1/p)`, without overflow.
fn norm_p(x: &[f64], p: f64) -> f64 {
    let largest = math::norm_inf(x);
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    let sum = x.iter().fold(0.0, |sum, x| sum + math::pow(x.abs() / largest, p));
    largest * math::pow(sum, 1.0 / p)
}
