//! The augmented Lagrangian, which the inner solver minimises.
//!
//! `psi(u) = f(u) + 1/2 sum_i sigma_i dist^2_{D_i}(g_i(u) + y_i / sigma_i)`; with `zeta = g + y / sigma` and
//! `yhat = sigma (zeta - Pi_D zeta)` its gradient is `grad f + J_g^T yhat`.

mod point;
mod units;
mod update;
mod violation;

use alloc::vec;
use alloc::vec::Vec;

use super::functions::{Functions, Structure};
use super::tuning::Tuning;
use crate::math;
pub(crate) use point::{Bounds, Point};

/// Multipliers and penalties, and the evaluation of `psi` with them.
#[derive(Clone, Debug)]
pub(crate) struct AugmentedLagrangian {
    pub(crate) structure: Structure,
    pub(crate) tuning: Tuning,
    /// Bounds of the variables, if U consists of bounds only.
    bounds: Option<Bounds>,
    /// The multipliers `y`.
    pub(crate) multipliers: Vec<f64>,
    /// The penalties `sigma`.
    pub(crate) penalties: Vec<f64>,
    /// The largest penalty of each component.
    pub(crate) limits: Vec<f64>,
    /// Change of each component over a distance as that of the initial guess from the origin.
    pub(crate) units: Vec<f64>,
    /// Unit of each component, and that of the cost, in those of the caller.
    pub(crate) callers_units: Vec<f64>,
    pub(crate) callers_cost_unit: f64,
    /// Smallest of those of the components, where the method chooses its own; 0 otherwise.
    least_unit: f64,
    /// Change of the cost over such a distance, at the start.
    pub(crate) cost_unit: f64,
    scratch: Vec<f64>,
    slope: Vec<f64>,
    /// Derivatives of the constraints, then of `yhat`, along a direction.
    rates: Vec<f64>,
    /// `|g - Pi_D(g + y / sigma)|` per component after the last outer iteration, and after the one before, in the caller's
    /// units.
    errors: Vec<f64>,
    last_errors: Vec<f64>,
    /// Fused evaluations so far.
    pub(crate) evaluations: u64,
    /// Hessian products so far.
    pub(crate) hessian_products: u64,
    /// Exact Hessians so far.
    pub(crate) hessian_evaluations: u64,
}

impl AugmentedLagrangian {
    pub(crate) fn new(structure: Structure, tuning: Tuning) -> Self {
        let (num_variables, num_constraints) = (structure.num_variables, structure.num_constraints());
        let bounds = structure.set.bounds(structure.num_variables);
        Self {
            bounds: bounds.map(|(min, max)| Bounds { min, max }),
            structure,
            tuning,
            multipliers: vec![0.0; num_constraints],
            penalties: vec![1.0; num_constraints],
            limits: vec![f64::INFINITY; num_constraints],
            units: vec![1.0; num_constraints],
            callers_units: vec![1.0; num_constraints],
            callers_cost_unit: 1.0,
            least_unit: 0.0,
            cost_unit: 0.0,
            scratch: vec![0.0; num_constraints],
            slope: vec![0.0; num_variables],
            rates: vec![0.0; num_constraints],
            errors: vec![0.0; num_constraints],
            last_errors: vec![0.0; num_constraints],
            evaluations: 0,
            hessian_products: 0,
            hessian_evaluations: 0,
        }
    }

    /// Reflects the moves from `start` that lead out of the bounds of a variable that lies on one.
    pub(crate) fn turn_inwards(&self, start: &[f64], u: &mut [f64]) {
        let Some(Bounds { min, max }) = &self.bounds else {
            return;
        };
        for (i, (u, start)) in u.iter_mut().zip(start).enumerate() {
            if (*start <= min[i] && *u < *start) || (*start >= max[i] && *u > *start) {
                *u = start + (start - *u);
            }
        }
    }

    /// Evaluates cost, constraints, `psi` and its gradient at `point.u`.
    pub(crate) fn evaluate(&mut self, functions: &mut dyn Functions, point: &mut Point) {
        self.forward(functions, point);
        self.reverse(functions, point);
    }

    /// First half: cost, constraints and violation, which do not depend on multipliers and penalties.
    pub(crate) fn forward(&mut self, functions: &mut dyn Functions, point: &mut Point) {
        self.evaluations += 1;
        point.cost = functions.forward(&point.u, &mut point.constraints);
        self.measure_violation(point);
    }

    /// Measures the violation of the constraint values of `point`.
    pub(crate) fn measure_violation(&mut self, point: &mut Point) {
        (point.violation, point.scaled_violation) = (0.0, 0.0);
        if self.scratch.is_empty() {
            return;
        }
        self.scratch.copy_from_slice(&point.constraints);
        self.project_scratch();
        let units = &self.callers_units;
        for ((g, projected), unit) in point.constraints.iter().zip(&self.scratch).zip(units) {
            let distance = (g - projected).abs();
            point.violation = math::max(point.violation, distance * unit);
            point.scaled_violation = math::max(point.scaled_violation, distance);
        }
    }

    /// Second half: `yhat`, `psi` and the gradient, at the point of the last [`forward`](Self::forward).
    pub(crate) fn reverse(&mut self, functions: &mut dyn Functions, point: &mut Point) {
        self.weigh_constraints(point);
        functions.reverse(&point.u, &point.multipliers, &mut point.gradient);
        if let Some(bounds) = &self.bounds {
            bounds.hold(point);
        }
    }

    /// Computes `yhat` and `psi` from cost and constraint values of `point`.
    pub(crate) fn weigh_constraints(&mut self, point: &mut Point) {
        point.psi = point.cost;
        if self.scratch.is_empty() {
            return;
        }
        for (i, zeta) in self.scratch.iter_mut().enumerate() {
            *zeta = point.constraints[i] + self.multipliers[i] / self.penalties[i];
            point.multipliers[i] = *zeta;
        }
        self.project_scratch();
        for (i, projected) in self.scratch.iter().enumerate() {
            let error = point.multipliers[i] - projected;
            point.multipliers[i] = self.penalties[i] * error;
            point.psi += 0.5 * point.multipliers[i] * error;
        }
    }

    /// Product of `v` with the Hessian of `psi` at `point`, where the functions were evaluated last. Without second
    /// derivatives, the product is a difference of gradients: `nearby` is evaluated then, and false returned.
    pub(crate) fn multiply_hessian(
        &mut self,
        functions: &mut dyn Functions,
        point: &Point,
        nearby: &mut Point,
        v: &[f64],
        product: &mut [f64],
    ) -> bool {
        if functions.forward_tangent(v, &mut self.rates) {
            self.hessian_products += 1;
            self.differentiate_multipliers(point);
            functions.reverse_tangent(&self.rates, product);
            return true;
        }
        let step = self.tuning.difference_step * (1.0 + math::norm_inf(&point.u)) / math::norm_inf(v);
        for ((next, u), v) in nearby.u.iter_mut().zip(&point.u).zip(v) {
            *next = u + step * v;
        }
        self.evaluate(functions, nearby);
        for ((product, next), gradient) in product.iter_mut().zip(&nearby.gradient).zip(&point.gradient) {
            *product = (next - gradient) / step;
        }
        false
    }

    /// Work so far, in evaluations.
    pub(crate) fn work(&self) -> u64 {
        self.evaluations + 2 * self.hessian_products + self.hessian_evaluations
    }

    /// Lipschitz constant of the gradient near `point`, by one evaluation at `nearby`.
    pub(crate) fn estimate_lipschitz(
        &mut self,
        functions: &mut dyn Functions,
        point: &Point,
        nearby: &mut Point,
    ) -> f64 {
        let Tuning {
            lipschitz_step,
            min_lipschitz_step,
            ..
        } = self.tuning;
        let mut moved = 0.0;
        for (i, next) in nearby.u.iter_mut().enumerate() {
            let (u, gradient) = (point.u[i], point.gradient[i]);
            if point.is_held(i) {
                *next = u;
                continue;
            }
            let sign = if gradient < 0.0 { -1.0 } else { 1.0 };
            let h = math::max(lipschitz_step * gradient.abs(), min_lipschitz_step) * sign;
            *next = u - h;
            // The rounded difference, not `h`.
            moved += (u - *next) * (u - *next);
        }
        self.evaluate(functions, nearby);
        let changed = squared_distance(&nearby.gradient, &point.gradient);
        let estimate = math::sqrt(changed) / math::sqrt(moved);
        if estimate.is_finite() {
            estimate
        } else {
            math::max(1.0, math::norm_inf(&point.gradient))
        }
    }

    /// Largest `|g - Pi_D(g + y / sigma)|` at `point`.
    #[cfg(feature = "second-derivatives")]
    pub(crate) fn largest_error(&self, point: &Point) -> f64 {
        let mut largest = 0.0;
        for (i, sigma) in self.penalties.iter().enumerate() {
            let error = (point.multipliers[i] - self.multipliers[i]) / sigma;
            largest = math::max(largest, error.abs());
        }
        largest
    }

    /// Largest distance of a component from its set at `point`, in its unit.
    pub(crate) fn distance(&mut self, point: &Point) -> f64 {
        self.scratch.copy_from_slice(&point.constraints);
        self.project_scratch();
        let mut largest = 0.0;
        for (i, projected) in self.scratch.iter().enumerate() {
            let distance = (point.constraints[i] - projected).abs() / self.units[i];
            largest = math::max(largest, distance);
        }
        largest
    }

    /// Distances of the components from their sets at `point`, weighed by their multipliers.
    pub(crate) fn weighed_violation(&mut self, point: &Point) -> f64 {
        self.scratch.copy_from_slice(&point.constraints);
        self.project_scratch();
        let distances = self.scratch.iter().zip(&point.constraints);
        let weighed = distances.zip(&point.multipliers);
        weighed.fold(0.0, |sum, ((projected, g), y)| sum + ((g - projected) * y).abs())
    }

    /// Converts the rates of the constraints to those of `yhat`; the projection is differentiated by a finite
    /// difference.
    fn differentiate_multipliers(&mut self, point: &Point) {
        if self.rates.is_empty() {
            return;
        }
        let step = self.tuning.difference_step * (1.0 + math::norm_inf(&point.constraints))
            / math::norm_inf(&self.rates);
        for i in 0..self.rates.len() {
            let zeta = point.constraints[i] + self.multipliers[i] / self.penalties[i];
            self.scratch[i] = zeta + step * self.rates[i];
        }
        self.project_scratch();
        for i in 0..self.rates.len() {
            let sigma = self.penalties[i];
            let projected = point.constraints[i] + (self.multipliers[i] - point.multipliers[i]) / sigma;
            self.rates[i] = sigma * (self.rates[i] - (self.scratch[i] - projected) / step);
        }
    }

    fn project_scratch(&mut self) {
        let mut start = 0;
        for block in &self.structure.constraints {
            block.set.project(&mut self.scratch[start..start + block.len]);
            start += block.len;
        }
    }
}

/// Multipliers and penalties alone.
#[cfg(feature = "second-derivatives")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weights<'a> {
    pub(crate) multipliers: &'a [f64],
    pub(crate) penalties: &'a [f64],
}

#[cfg(any(feature = "second-derivatives", feature = "stages"))]
impl AugmentedLagrangian {
    /// Bounds of `g`, if its sets consist of bounds only.
    pub(crate) fn constraint_bounds(&self) -> Option<Bounds> {
        self.structure.constraint_bounds()
    }
}

#[cfg(feature = "second-derivatives")]
impl AugmentedLagrangian {
    /// Multipliers and penalties.
    pub(crate) fn weights(&self) -> Weights<'_> {
        Weights {
            multipliers: &self.multipliers,
            penalties: &self.penalties,
        }
    }

    /// Sets the multipliers to `multipliers + change`, and keeps the old ones.
    pub(crate) fn exchange_multipliers(&mut self, multipliers: &[f64], change: &[f64]) {
        self.rates.copy_from_slice(&self.multipliers);
        for ((y, old), change) in self.multipliers.iter_mut().zip(multipliers).zip(change) {
            *y = old + change;
        }
    }

    /// Takes back the last [`exchange_multipliers`](Self::exchange_multipliers).
    pub(crate) fn restore_multipliers(&mut self) {
        self.multipliers.copy_from_slice(&self.rates);
    }
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Constraint;
    use crate::sets::Set;

    /// `f = u0^4 + u0 u1^2`, `g = (u0 u1, u0 + u1^2)`.
    struct Polynomials {
        has_tangents: bool,
        u: [f64; 2],
        y: [f64; 2],
        v: [f64; 2],
    }

    impl Functions for Polynomials {
        fn num_variables(&self) -> usize {
            2
        }

        fn num_constraints(&self) -> usize {
            2
        }

        fn forward(&mut self, u: &[f64], g: &mut [f64]) -> f64 {
            self.u = [u[0], u[1]];
            (g[0], g[1]) = (u[0] * u[1], u[0] + u[1] * u[1]);
            u[0] * u[0] * u[0] * u[0] + u[0] * u[1] * u[1]
        }

        fn reverse(&mut self, u: &[f64], y: &[f64], gradient: &mut [f64]) {
            self.y = [y[0], y[1]];
            gradient[0] = 4.0 * u[0] * u[0] * u[0] + u[1] * u[1] + y[0] * u[1] + y[1];
            gradient[1] = 2.0 * u[0] * u[1] + y[0] * u[0] + 2.0 * y[1] * u[1];
        }

        fn forward_tangent(&mut self, v: &[f64], rates: &mut [f64]) -> bool {
            self.v = [v[0], v[1]];
            rates[0] = v[0] * self.u[1] + self.u[0] * v[1];
            rates[1] = v[0] + 2.0 * self.u[1] * v[1];
            self.has_tangents
        }

        fn reverse_tangent(&mut self, w: &[f64], product: &mut [f64]) {
            let ([a, b], y, v) = (self.u, self.y, self.v);
            product[0] = 12.0 * a * a * v[0] + (2.0 * b + y[0]) * v[1] + w[0] * b + w[1];
            product[1] = (2.0 * b + y[0]) * v[0] + (2.0 * a + 2.0 * y[1]) * v[1] + w[0] * a + 2.0 * w[1] * b;
        }
    }

    #[test]
    fn hessian_products_agree_with_differences_of_gradients() {
        let bounds = Set::Box {
            min: vec![-1.0, f64::NEG_INFINITY],
            max: vec![f64::INFINITY, 0.5],
        };
        let ball = Set::Ball2 {
            center: None,
            radius: 0.5,
        };
        for set in [bounds, ball] {
            let mut structure = Structure::unconstrained(2, Set::All);
            structure.constraints.push(Constraint::new(2, set));
            let product = |has_tangents| {
                let mut merit = AugmentedLagrangian::new(structure.clone(), Tuning::default());
                merit.multipliers.copy_from_slice(&[0.3, 0.2]);
                merit.penalties.fill(7.0);
                let (u, y, v) = ([0.0; 2], [0.0; 2], [0.0; 2]);
                let mut functions = Polynomials {
                    has_tangents,
                    u,
                    y,
                    v,
                };
                let (mut point, mut nearby) = (Point::new(2, 2), Point::new(2, 2));
                point.u.copy_from_slice(&[0.8, -1.1]);
                merit.evaluate(&mut functions, &mut point);
                let mut product = [0.0; 2];
                let direction = [0.6, -0.4];
                merit.multiply_hessian(&mut functions, &point, &mut nearby, &direction, &mut product);
                assert_eq!(merit.hessian_products, u64::from(has_tangents));
                product
            };
            let (exact, difference) = (product(true), product(false));
            for (exact, difference) in exact.iter().zip(&difference) {
                assert!(
                    (exact - difference).abs() < 1e-5 * exact.abs(),
                    "{exact} {difference}"
                );
            }
        }
    }
}
