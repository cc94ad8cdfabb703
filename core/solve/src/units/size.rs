//! Sizes, and the powers of two nearest to them.

/// Smallest and largest unit, in exponents of two.
const EXPONENTS: i64 = 300;

/// Round-off after some operations, relative to what they begin with.
pub(super) const ROUND_OFF: f64 = 64.0 * f64::EPSILON;

pub(super) fn is_size(size: &f64) -> bool {
    *size > 0.0 && size.is_finite()
}

/// The nearest power of two; 1 for 0 and for what is not finite.
pub(super) fn power_of_two(size: f64) -> f64 {
    if !is_size(&size) {
        return 1.0;
    }
    two_to_the(exponent(size))
}

/// Exponent of the nearest power of two of a size.
pub(super) fn exponent(size: f64) -> i64 {
    ((size * core::f64::consts::SQRT_2).to_bits() >> 52) as i64 - 1023
}

/// The nearest integer of a mean of exponents.
#[cfg(feature = "second-derivatives")]
pub(super) fn rounded(mean: f64) -> i64 {
    const OFFSET: i64 = 1 << 12;
    (mean + OFFSET as f64 + 0.5) as i64 - OFFSET
}

pub(super) fn two_to_the(exponent: i64) -> f64 {
    let exponent = exponent.clamp(-EXPONENTS, EXPONENTS);
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_two() {
        for (size, unit) in [
            (1.0, 1.0),
            (3.0, 4.0),
            (2.5e9, 2147483648.0),
            (1e-3, 1.0 / 1024.0),
        ] {
            assert_eq!(power_of_two(size), unit);
        }
        for size in [0.0, f64::NAN, f64::INFINITY] {
            assert_eq!(power_of_two(size), 1.0);
        }
        assert!(power_of_two(1e-300) > 0.0 && power_of_two(f64::MAX).is_finite());
    }
}
