//! Newton directions in a trust region, by conjugate gradients (Steihaug, SIAM J. Numer. Anal. 20, 1983).

use alloc::vec;
use alloc::vec::Vec;

use crate::math;
use crate::tuning::Tuning;

/// Search for a direction, one Hessian product at a time.
#[derive(Clone, Debug)]
pub(crate) struct TrustRegion {
    /// Longest direction allowed.
    pub(crate) radius: f64,
    /// Number of products that may still be needed; 0 between searches.
    left: usize,
    tolerance: f64,
    max_products: usize,
    residual: Vec<f64>,
    /// Square of its norm, and norm at which to stop.
    squared: f64,
    target: f64,
    conjugate: Vec<f64>,
    product: Vec<f64>,
}

impl TrustRegion {
    pub(crate) fn new(dimension: usize, tuning: &Tuning) -> Self {
        Self {
            radius: 1.0,
            left: 0,
            tolerance: tuning.newton_tolerance,
            max_products: tuning.max_hessian_products as usize,
            residual: vec![0.0; dimension],
            squared: 0.0,
            target: 0.0,
            conjugate: vec![0.0; dimension],
            product: vec![0.0; dimension],
        }
    }

    /// Whether a search is in progress.
    pub(crate) fn is_searching(&self) -> bool {
        self.left > 0
    }

    /// Abandons a search.
    pub(crate) fn stop(&mut self) {
        self.left = 0;
    }

    /// Starts to turn the negative gradient in `d`, zero where a coordinate is not free, into a direction that
    /// decreases the quadratic model, within the radius.
    pub(crate) fn start(&mut self, d: &mut [f64]) {
        self.residual.copy_from_slice(d);
        self.conjugate.copy_from_slice(d);
        d.fill(0.0);
        self.squared = math::norm_squared(&self.residual);
        let norm = math::sqrt(self.squared);
        self.target = norm * math::min(self.tolerance, math::sqrt(norm));
        self.left = self.max_products.min(2 * d.len());
    }

    /// Continues with one product; `multiply(v, product)` writes H v.
    pub(crate) fn advance(
        &mut self,
        d: &mut [f64],
        is_free: impl Fn(usize) -> bool,
        multiply: impl FnOnce(&[f64], &mut [f64]),
    ) {
        self.left = self.left.saturating_sub(1);
        multiply(&self.conjugate, &mut self.product);
        for (i, product) in self.product.iter_mut().enumerate() {
            if !is_free(i) {
                *product = 0.0;
            }
        }
        let curvature = math::dot(&self.conjugate, &self.product);
        let step = self.squared / curvature;
        let limit = self.distance_to_boundary(d);
        if !(curvature > 0.0) || !(step < limit) {
            math::add(d, limit, &self.conjugate);
            return self.stop();
        }
        math::add(d, step, &self.conjugate);
        math::add(&mut self.residual, -step, &self.product);
        let last = self.squared;
        self.squared = math::norm_squared(&self.residual);
        if math::sqrt(self.squared) <= self.target {
            return self.stop();
        }
        for (p, r) in self.conjugate.iter_mut().zip(&self.residual) {
            *p = r + self.squared / last * *p;
        }
    }

    /// Multiple of the conjugate direction that leads from `d` to the boundary.
    fn distance_to_boundary(&self, d: &[f64]) -> f64 {
        let a = math::norm_squared(&self.conjugate);
        let b = math::dot(d, &self.conjugate);
        let c = self.radius * self.radius - math::norm_squared(d);
        (math::sqrt(math::max(b * b + a * c, 0.0)) - b) / a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Direction for the Hessian `diagonal` and a gradient of ones, on the free coordinates.
    fn direction(radius: f64, diagonal: [f64; 3], free: [bool; 3]) -> [f64; 3] {
        let mut region = TrustRegion::new(3, &Tuning::default());
        region.radius = radius;
        let mut d = free.map(|is_free| if is_free { -1.0 } else { 0.0 });
        region.start(&mut d);
        while region.is_searching() {
            region.advance(
                &mut d,
                |i| free[i],
                |v, product| {
                    for i in 0..3 {
                        product[i] = diagonal[i] * v[i];
                    }
                },
            );
        }
        d
    }

    #[test]
    fn lands_where_the_model_is_lowest() {
        let d = direction(10.0, [1.0, 2.0, 4.0], [true, false, true]);
        assert!(
            (d[0] + 1.0).abs() < 0.2 && d[1] == 0.0 && (d[2] + 0.25).abs() < 0.1,
            "{d:?}"
        );
    }

    #[test]
    fn stops_at_the_boundary() {
        let far = direction(0.5, [1.0, 2.0, 4.0], [true; 3]);
        assert!((math::norm2(&far) - 0.5).abs() < 1e-12);
        let unbounded = direction(100.0, [1.0, -2.0, 4.0], [true; 3]);
        assert!((math::norm2(&unbounded) - 100.0).abs() < 1e-9);
        assert!(
            unbounded[1] < -75.0,
            "follows the negative curvature: {unbounded:?}"
        );
    }
}
