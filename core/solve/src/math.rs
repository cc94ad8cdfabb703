//! Arithmetic of the engines, with the same bits on every target.
//!
//! Transcendental functions come from the `libm` crate, never from the platform. Minimum, maximum and clamping use
//! comparisons, because the standard library's versions differ between targets on signed zeros. Sums run in a fixed order.

pub use libm::{
    acos, acosh, asin, asinh, atan, atan2, atanh, cos, cosh, erf, exp, expm1, floor, hypot, log, log1p,
    log10, pow, sin, sincos, sinh, sqrt, tan, tanh,
};

/// Minimum; the first at a tie or when the comparison is undecided (NaN).
#[must_use]
pub fn min(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

/// Maximum; the first at a tie or when the comparison is undecided (NaN).
#[must_use]
pub fn max(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

/// `x` clamped to `[low, high]`; NaN stays NaN.
#[must_use]
pub fn clamp(x: f64, low: f64, high: f64) -> f64 {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

/// Sign: -1, 0 or 1; 0 for NaN.
#[must_use]
pub fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// Inner product, summed in four interleaved accumulators and then pairwise: a fixed order that vectorises.
/// The shorter length counts.
#[must_use]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (a_blocks, a_rest) = a.as_chunks::<4>();
    let (b_blocks, b_rest) = b.as_chunks::<4>();
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..4 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let mut rest = 0.0;
    for (x, y) in a_rest.iter().zip(b_rest) {
        rest += x * y;
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3]) + rest
}

/// `q += factor * v`.
pub fn add(q: &mut [f64], factor: f64, v: &[f64]) {
    for (q, v) in q.iter_mut().zip(v) {
        *q += factor * v;
    }
}

/// `q += factor * v`, then the inner product of `q` with `w`, in the order of [`dot`]. The lengths must be
/// equal.
#[inline]
pub fn add_then_dot(q: &mut [f64], factor: f64, v: &[f64], w: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (q_blocks, q_rest) = q.as_chunks_mut::<4>();
    let (v_blocks, v_rest) = v.as_chunks::<4>();
    let (w_blocks, w_rest) = w.as_chunks::<4>();
    for ((q, v), w) in q_blocks.iter_mut().zip(v_blocks).zip(w_blocks) {
        for lane in 0..4 {
            q[lane] += factor * v[lane];
            sums[lane] += q[lane] * w[lane];
        }
    }
    let mut rest = 0.0;
    for ((q, v), w) in q_rest.iter_mut().zip(v_rest).zip(w_rest) {
        *q += factor * v;
        rest += *q * w;
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3]) + rest
}

/// Sum of squares, in the order of [`dot`].
#[must_use]
pub fn norm_squared(a: &[f64]) -> f64 {
    dot(a, a)
}

/// Euclidean norm, also where the squares overflow or underflow.
#[must_use]
pub fn norm2(a: &[f64]) -> f64 {
    let square = norm_squared(a);
    if (f64::MIN_POSITIVE..=f64::MAX).contains(&square) {
        return sqrt(square);
    }
    let largest = norm_inf(a);
    if !(largest > 0.0 && largest.is_finite()) {
        return largest;
    }
    let square = a.iter().fold(0.0, |sum, x| sum + (x / largest) * (x / largest));
    largest * sqrt(square)
}

/// Largest absolute value; NaN if any entry is NaN, 0 for an empty vector.
#[must_use]
pub fn norm_inf(a: &[f64]) -> f64 {
    let mut largest = 0.0;
    for x in a {
        let x = x.abs();
        if x.is_nan() {
            return f64::NAN;
        }
        largest = max(largest, x);
    }
    largest
}

/// Whether every entry is finite.
#[must_use]
pub fn all_finite(a: &[f64]) -> bool {
    a.iter().all(|x| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn norms_neither_overflow_nor_vanish() {
        assert_eq!(norm2(&[3e300, 4e300]), 5e300);
        assert_eq!(norm2(&[3e-300, 4e-300]), 5e-300);
        assert_eq!(norm2(&[]), 0.0);
        assert_eq!(norm2(&[0.0, f64::NEG_INFINITY]), f64::INFINITY);
        assert!(norm2(&[1.0, f64::NAN]).is_nan());
    }

    proptest! {
        #[test]
        fn sincos_is_sin_and_cos(x in prop::num::f64::ANY) {
            let bits = |x: f64| if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() };
            let (sine, cosine) = sincos(x);
            prop_assert_eq!((bits(sine), bits(cosine)), (bits(sin(x)), bits(cos(x))));
        }

        #[test]
        fn sincos_is_sin_and_cos_in_everyday_angles(x in -100.0..100.0) {
            let (sine, cosine): (f64, f64) = sincos(x);
            prop_assert_eq!((sine.to_bits(), cosine.to_bits()), (sin(x).to_bits(), cos(x).to_bits()));
        }
    }
}
