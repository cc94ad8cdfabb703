//! Second-order cone and epigraph of the squared norm: a vector, and a number that bounds its norm.

use crate::math;

/// Projects `(y, t)` onto `|y|_2 <= alpha t` (Bauschke 1996, theorem 3.3.6).
pub(super) fn project_second_order_cone(x: &mut [f64], alpha: f64) {
    let [y @ .., t] = x else { return };
    let norm = math::norm2(y);
    if norm <= alpha * *t {
        return;
    }
    if alpha * norm <= -*t {
        return x.fill(0.0);
    }
    let height = (alpha * norm + *t) / (alpha * alpha + 1.0);
    let factor = alpha * height / norm;
    for y in y.iter_mut() {
        *y *= factor;
    }
    *t = height;
}

/// Projects `(z, t)` onto `|z|_2^2 <= t`.
///
/// Outside, the nearest point is `(z / (1 + 2 mu), t + mu)` for the mu with `(t + mu) (1 + 2 mu)^2 = |z|^2`.
/// To the right of `max(0, -t)` the left side is convex and increasing: Newton's method converges to the
/// root from above.
pub(super) fn project_epigraph(x: &mut [f64]) {
    let [z @ .., t] = x else { return };
    let squared = math::norm_squared(z);
    if squared <= *t {
        return;
    }
    let excess = |mu: f64| (*t + mu) * (1.0 + 2.0 * mu) * (1.0 + 2.0 * mu) - squared;
    let slope = |mu: f64| (1.0 + 2.0 * mu) * (1.0 + 2.0 * mu + 4.0 * (*t + mu));
    let least = math::max(0.0, -*t);
    // Here both t + mu and (1 + 2 mu) / 2 are at least the cube root of |z|^2 / 4.
    let mut mu = least + 1.000_001 * math::pow(0.25 * squared, 1.0 / 3.0);
    loop {
        let next = math::max(least, mu - excess(mu) / slope(mu));
        if !(next < mu) {
            break;
        }
        mu = next;
    }
    for z in z.iter_mut() {
        *z /= 1.0 + 2.0 * mu;
    }
    *t = math::max(*t + mu, math::norm_squared(z));
}
