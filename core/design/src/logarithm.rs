//! Vectorised logarithm, with the properties of the exponential in `exponential.rs`.
//!
//! The method is that of Sun's fdlibm (`e_log.c`, 1993): x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), and
//! log(1 + f) by a polynomial in s = f / (2 + f).

const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Coefficients of (log(1 + f) - 2 s) / s = L[0] s^2 + L[1] s^4 + ...
const L: [f64; 7] = [
    6.666_666_666_666_735e-1,
    3.999_999_999_940_942e-1,
    2.857_142_874_366_239e-1,
    2.222_219_843_214_978_4e-1,
    1.818_357_216_161_805e-1,
    1.531_383_769_920_937_3e-1,
    1.479_819_860_511_658_6e-1,
];
/// Bits of 1, and of sqrt(1/2) rounded down to a multiple of 2^-20: the least 1 + f.
const ONE: u64 = 0x3ff0_0000_0000_0000;
const LEAST: u64 = 0x3fe6_a09e_0000_0000;
/// Bits of 2^52, a float whose low bits are a whole number.
const WHOLE: u64 = 0x4330_0000_0000_0000;

/// Natural logarithm of a normal positive number, with an error of at most 1 ulp; negative infinity for any
/// other.
#[inline(always)]
pub(crate) fn log_scale(x: f64) -> f64 {
    let is_positive = (f64::MIN_POSITIVE..=f64::MAX).contains(&x);
    let bits = x.to_bits().wrapping_add(ONE - LEAST);
    let k = f64::from_bits((bits >> 52) | WHOLE) - (4_503_599_627_370_496.0 + 1023.0);
    let f = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) + LEAST) - 1.0;
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let odd = w * (L[1] + w * (L[3] + w * L[5]));
    let even = z * (L[0] + w * (L[2] + w * (L[4] + w * L[6])));
    let log = s * (half_square + odd + even) + k * LN2_LOW - half_square + f + k * LN2_HIGH;
    if is_positive { log } else { f64::NEG_INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(x: f64) {
        let (found, expected) = (log_scale(x), labwire_solve::math::log(x));
        let apart = found.to_bits().abs_diff(expected.to_bits());
        assert!(apart <= 1, "{x}: {found} {expected}");
    }

    proptest! {
        #[test]
        fn is_within_an_ulp_of_another_within_an_ulp(x in prop::num::f64::POSITIVE | prop::num::f64::NORMAL) {
            check(x.abs());
        }

        #[test]
        fn is_right_around_1(x in 0.5..2.0) {
            check(x);
        }
    }

    #[test]
    fn other_numbers_have_no_logarithm() {
        for x in [
            0.0,
            -0.0,
            -1.0,
            5e-324,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ] {
            assert_eq!(log_scale(x), f64::NEG_INFINITY, "{x}");
        }
        assert_eq!(log_scale(1.0), 0.0);
        check(f64::MIN_POSITIVE);
        check(f64::MAX);
    }
}
