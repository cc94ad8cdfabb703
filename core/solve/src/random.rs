//! Random numbers from xoshiro256++ (Blackman and Vigna, 2019). All distributions are computed here with
//! this crate's own mathematics, so that a seed gives the same numbers everywhere.

use alloc::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::math::{exp, floor, log, pow, sqrt};

/// Stream of random numbers.
#[derive(Clone, Debug)]
pub struct Random {
    generator: Xoshiro256PlusPlus,
    layers: Arc<Layers>,
}

impl Random {
    /// Creates stream number `stream` of a seed. Streams are independent of each other.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        Self {
            generator: generator(seed, stream),
            layers: Arc::new(Layers::new()),
        }
    }

    /// Another stream, without the cost of [`new`](Self::new).
    #[must_use]
    pub fn stream(&self, seed: u64, stream: u64) -> Self {
        Self {
            generator: generator(seed, stream),
            layers: Arc::clone(&self.layers),
        }
    }

    /// Uniform deviate in [0, 1), a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        unit(self.generator.next_u64())
    }

    /// Uniform deviate in (0, 1].
    fn positive_uniform(&mut self) -> f64 {
        1.0 - self.uniform()
    }

    /// Uniform whole number below `end`, which must be below 2^53.
    pub fn below(&mut self, end: usize) -> usize {
        // The bias is below 2^-53 * end.
        ((self.uniform() * end as f64) as usize).min(end.saturating_sub(1))
    }

    /// Standard normal deviate, by Marsaglia and Tsang's ziggurat (2000) with 256 layers. Layer, sign and
    /// position come from different bits (Doornik, 2005).
    #[inline]
    pub fn normal(&mut self) -> f64 {
        loop {
            let bits = self.generator.next_u64();
            let layer = (bits & 255) as usize;
            let x = (unit(bits) * 2.0 - 1.0) * self.layers.edges[layer];
            if x.abs() < self.layers.edges[layer + 1] {
                return x;
            }
            if let Some(x) = self.outside(layer, x) {
                return x;
            }
        }
    }

    /// Handles a point outside a layer's rectangle, about one in a hundred.
    #[cold]
    fn outside(&mut self, layer: usize, x: f64) -> Option<f64> {
        if layer == 0 {
            return Some(self.tail(x));
        }
        let (low, high) = (self.layers.heights[layer], self.layers.heights[layer + 1]);
        (low + (high - low) * self.uniform() < exp(-0.5 * x * x)).then_some(x)
    }

    /// Deviate beyond the last edge, with the sign of `side`.
    fn tail(&mut self, side: f64) -> f64 {
        loop {
            let x = -log(self.positive_uniform()) / TAIL;
            let y = -log(self.positive_uniform());
            if y + y > x * x {
                return if side < 0.0 { -TAIL - x } else { TAIL + x };
            }
        }
    }

    /// Exponential deviate of mean 1.
    pub fn exponential(&mut self) -> f64 {
        -log(self.positive_uniform())
    }

    /// Gamma deviate of unit scale, by Marsaglia and Tsang (2000). `shape` must be positive.
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * pow(self.positive_uniform(), 1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / sqrt(9.0 * d);
        loop {
            let x = self.normal();
            let root = 1.0 + c * x;
            let v = root * root * root;
            if root > 0.0 && log(self.positive_uniform()) < 0.5 * x * x + d - d * v + d * log(v) {
                return d * v;
            }
        }
    }

    /// Poisson deviate, by Ahrens and Dieter (1974): gamma deviates halve the mean until it is small. `mean` must not be
    /// negative; from 10^15 on, it is the result.
    pub fn poisson(&mut self, mean: f64) -> f64 {
        if !(mean < MANY) {
            return floor(mean);
        }
        let (mut mean, mut count) = (mean, 0.0);
        while mean > FEW {
            let arrivals = floor(0.875 * mean);
            let time = self.gamma(arrivals);
            if time > mean {
                return count + self.binomial(arrivals - 1.0, mean / time);
            }
            (mean, count) = (mean - time, count + arrivals);
        }
        let mut time = self.exponential();
        while time < mean {
            (time, count) = (time + self.exponential(), count + 1.0);
        }
        count
    }

    /// Binomial deviate of a whole number of `trials`, by Ahrens and Dieter (1974): beta deviates, the places of the median
    /// trial, halve the number of trials until it is small. `probability` must be between 0 and 1. From 10^15
    /// trials on, the mean is the result.
    pub fn binomial(&mut self, trials: f64, probability: f64) -> f64 {
        if !(trials < MANY) {
            return floor(trials * probability);
        }
        let (mut trials, mut probability, mut count) = (trials, probability, 0.0);
        while trials > FEW {
            let below = floor(0.5 * trials) + 1.0;
            let (low, high) = (self.gamma(below), self.gamma(trials + 1.0 - below));
            let place = low / (low + high);
            if place > probability {
                (trials, probability) = (below - 1.0, probability / place);
            } else {
                (trials, count) = (trials - below, count + below);
                probability = (probability - place) / (1.0 - place);
            }
        }
        while trials >= 1.0 {
            count += f64::from(self.uniform() < probability);
            trials -= 1.0;
        }
        count
    }
}

/// Mean or number of trials up to which counts are drawn one by one.
const FEW: f64 = 16.0;
/// Counts from which on whole numbers are no longer exact.
const MANY: f64 = 1e15;

fn generator(seed: u64, stream: u64) -> Xoshiro256PlusPlus {
    let scattered = Xoshiro256PlusPlus::seed_from_u64(stream).next_u64();
    Xoshiro256PlusPlus::seed_from_u64(seed ^ scattered)
}

fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// Start of the tail, for 256 layers of equal area.
const TAIL: f64 = 3.654_152_885_361_009;
/// Area of a layer.
const AREA: f64 = 0.004_928_673_233_974_658;

/// Ziggurat: rectangles of equal area over half the bell curve.
#[derive(Debug)]
struct Layers {
    /// Right edges, descending; the first is that of the base, as wide as if it contained the tail too.
    edges: [f64; 257],
    /// Height of the bell curve at each edge, ascending to 1.
    heights: [f64; 257],
}

impl Layers {
    fn new() -> Self {
        let bell = |x: f64| exp(-0.5 * x * x);
        let mut edges = [0.0; 257];
        edges[0] = AREA / bell(TAIL);
        edges[1] = TAIL;
        for i in 2..256 {
            edges[i] = sqrt(-2.0 * log(AREA / edges[i - 1] + bell(edges[i - 1])));
        }
        Self {
            edges,
            heights: edges.map(bell),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: usize = 200_000;

    /// Mean, variance, and third and fourth central moments.
    fn moments(mut draw: impl FnMut(&mut Random) -> f64) -> [f64; 4] {
        let mut random = Random::new(1, 0);
        let draws: std::vec::Vec<f64> = (0..COUNT).map(|_| draw(&mut random)).collect();
        let mean = draws.iter().sum::<f64>() / COUNT as f64;
        let central = |power: i32| draws.iter().map(|x| (x - mean).powi(power)).sum::<f64>() / COUNT as f64;
        [mean, central(2), central(3), central(4)]
    }

    fn assert_near(found: [f64; 4], expected: [f64; 4], tolerance: f64) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < tolerance, "{found} {expected}");
        }
    }

    #[test]
    fn deviates_have_their_moments() {
        assert_near(moments(Random::uniform), [0.5, 1.0 / 12.0, 0.0, 1.0 / 80.0], 3e-3);
        assert_near(moments(Random::normal), [0.0, 1.0, 0.0, 3.0], 0.04);
        assert_near(moments(Random::exponential), [1.0, 1.0, 2.0, 9.0], 0.6);
        for shape in [0.5, 3.0] {
            let fourth = 3.0 * shape * shape + 6.0 * shape;
            let expected = [shape, shape, 2.0 * shape, fourth];
            assert_near(moments(|random| random.gamma(shape)), expected, 0.9);
        }
    }

    /// Mean, variance and third central moment, of few and of many.
    #[test]
    fn counts_have_their_moments() {
        for mean in [0.3, 7.0, 400.0, 1e6] {
            let [first, second, third, _] = moments(|random| random.poisson(mean));
            assert!(
                (first - mean).abs() < 5.0 * sqrt(mean / COUNT as f64),
                "{mean}: {first}"
            );
            assert!((second / mean - 1.0).abs() < 0.03, "{mean}: {second}");
            let error = 25.0 * sqrt(mean * mean * mean / COUNT as f64) + 0.02;
            assert!((third - mean).abs() < error, "{mean}: {third}");
        }
        for (trials, p) in [(5.0, 0.3), (200.0, 0.02), (1e6, 0.9), (10.0, 0.0), (1000.0, 1.0)] {
            let variance = trials * p * (1.0 - p);
            let [first, second, third, _] = moments(|random| random.binomial(trials, p));
            assert!(
                (first - trials * p).abs() <= 5.0 * sqrt(variance / COUNT as f64),
                "{trials} {p}: {first}"
            );
            assert!(
                (second - variance).abs() <= 0.03 * variance,
                "{trials} {p}: {second}"
            );
            let error = 25.0 * sqrt(variance * variance * variance / COUNT as f64) + 0.02;
            assert!(
                (third - variance * (1.0 - 2.0 * p)).abs() < error,
                "{trials} {p}: {third}"
            );
        }
    }

    /// Fractions within 1, 2 and 3.654 standard deviations; the tail starts at the last.
    #[test]
    fn normal_deviates_have_a_tail() {
        let mut random = Random::new(2, 0);
        let draws: std::vec::Vec<f64> = (0..1_000_000).map(|_| random.normal().abs()).collect();
        let beyond = |edge: f64| draws.iter().filter(|x| **x > edge).count() as f64 / 1e6;
        assert!((beyond(1.0) - 0.317_310_5).abs() < 0.002);
        assert!((beyond(2.0) - 0.045_500_3).abs() < 0.001);
        assert!((beyond(TAIL) - 2.58e-4).abs() < 6e-5);
        assert!(beyond(4.0) > 0.0);
    }

    #[test]
    fn streams_of_a_seed_differ_and_repeat() {
        let draw = |stream| Random::new(7, stream).uniform();
        assert_eq!(draw(0), draw(0));
        assert_ne!(draw(0), draw(1));
    }
}
