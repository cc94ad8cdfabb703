//! Vectorised exponential, from operations that every target has: no branch, no table, no fused
//! multiply-add. A loop over a slice becomes vector code, and every element has the bits that it would have
//! alone.
//!
//! The method is that of Sun's fdlibm (`e_exp.c`, 1993): x = k log 2 + r with |r| <= log(2)/2, and exp(r) by a
//! rational function.

/// Rounds to an integer, ties to even, when added and subtracted again: 1.5 * 2^52.
const TO_INTEGER: f64 = 6_755_399_441_055_744.0;
const LOG2_E: f64 = core::f64::consts::LOG2_E;
/// log 2 in two parts; products of the first with integers up to 2^20 are exact.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Coefficients of r * (exp(r) + 1) / (exp(r) - 1) = 2 + P[0] r^2 + P[1] r^4 + ...
const P: [f64; 5] = [
    1.666_666_666_666_660_2e-1,
    -2.777_777_777_701_559_3e-3,
    6.613_756_321_437_934e-5,
    -1.653_390_220_546_525_2e-6,
    4.138_136_797_057_238_5e-8,
];

/// Exponential of a non-positive number, with an error of at most 1 ulp, and 0 below exp(-700). Sufficient
/// for weights, which are compared with 1; no result is subnormal, which would be a hundred times slower on
/// most processors.
#[inline(always)]
pub(crate) fn exp_weight(x: f64) -> f64 {
    let (k, high) = reduce(x);
    assemble(x, k, high, kernel(k, high))
}

/// Writes the [`exp_weight`] of each number to `weights`, which has the same length. Many numbers go through each part of
/// the computation together: a processor waits less than where each number goes through all parts.
pub(crate) fn exp_weights(numbers: &[f64], weights: &mut [f64]) {
    const LANES: usize = 32;
    let (blocks, rest) = numbers.as_chunks::<LANES>();
    let (weight_blocks, weight_rest) = weights.as_chunks_mut::<LANES>();
    for (x, weights) in blocks.iter().zip(weight_blocks) {
        let (mut k, mut high, mut c) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for lane in 0..LANES {
            (k[lane], high[lane]) = reduce(x[lane]);
        }
        for lane in 0..LANES {
            c[lane] = kernel(k[lane], high[lane]);
        }
        for lane in 0..LANES {
            weights[lane] = assemble(x[lane], k[lane], high[lane], c[lane]);
        }
    }
    for (x, weight) in rest.iter().zip(weight_rest) {
        *weight = exp_weight(*x);
    }
}

/// k, and x without the high part of k log 2.
#[inline(always)]
fn reduce(x: f64) -> (f64, f64) {
    let clamped = if x > -700.0 { x } else { -700.0 };
    let k = (clamped * LOG2_E + TO_INTEGER) - TO_INTEGER;
    (k, clamped - k * LN2_HIGH)
}

/// The rational function's c = r - P(r).
#[inline(always)]
fn kernel(k: f64, high: f64) -> f64 {
    let r = high - k * LN2_LOW;
    let square = r * r;
    r - square * (P[0] + square * (P[1] + square * (P[2] + square * (P[3] + square * P[4]))))
}

#[inline(always)]
fn assemble(x: f64, k: f64, high: f64, c: f64) -> f64 {
    let low = k * LN2_LOW;
    let r = high - low;
    let y = (1.0 + (r * c / (2.0 - c) - low + high)) * power_of_2(k);
    if x > -700.0 { y } else { 0.0 }
}

/// 2^k for a whole number from -1022 to 1023: the low bits of the sum become the exponent's.
#[inline(always)]
fn power_of_2(k: f64) -> f64 {
    f64::from_bits((k + (4_503_599_627_370_496.0 + 1023.0)).to_bits() << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The error of libm's exponential is itself below 1 ulp.
        #[test]
        fn is_within_an_ulp_of_another_within_an_ulp(x in -700.0..0.0) {
            let apart = exp_weight(x).to_bits().abs_diff(labwire_solve::math::exp(x).to_bits());
            prop_assert!(apart <= 1);
        }

        #[test]
        fn many_have_the_bits_of_each(numbers in prop::collection::vec(-1000.0..0.0, 0..100)) {
            let mut weights = std::vec![f64::NAN; numbers.len()];
            exp_weights(&numbers, &mut weights);
            let each: std::vec::Vec<f64> = numbers.iter().map(|x| exp_weight(*x)).collect();
            prop_assert_eq!(weights, each);
        }
    }

    /// Reference values are correctly rounded by arbitrary-precision arithmetic; no error exceeds 1 ulp.
    #[test]
    fn known_values_are_right() {
        for (x, y) in [
            (-0.0, 1.0),
            (-0.5, 0.606_530_659_712_633_4),
            (-1.0, 0.367_879_441_171_442_33),
            (-10.0, 4.539_992_976_248_485e-5),
            (-100.0, 3.720_075_976_020_836e-44),
            (-600.0, 2.650_396_553_004_310_6e-261),
            (-700.0, 0.0),
            (-1e300, 0.0),
            (f64::NEG_INFINITY, 0.0),
            (f64::NAN, 0.0),
        ] {
            assert!(exp_weight(x).to_bits().abs_diff(f64::to_bits(y)) <= 1, "{x}");
        }
    }
}
