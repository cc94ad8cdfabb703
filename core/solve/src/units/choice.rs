//! Choice of the units at the start of a solve.

use alloc::vec;

use super::size::{ROUND_OFF, exponent, is_size, power_of_two, rounded, two_to_the};
use super::{Units, take_known};
use crate::math;
use crate::merit::{Bounds, Point};
use crate::second::SecondDerivatives;

impl Units {
    /// The problem's own, until they are [measured](Self::measure).
    pub(crate) fn new(sparsity: SecondDerivatives, variables: Bounds, constraints: Bounds) -> Self {
        let mut units = Self::for_bounds(variables, constraints);
        units.curvatures = vec![0.0; units.u.len()];
        units.steps = vec![0.0; units.u.len()];
        units.sparsity = sparsity;
        units
    }

    /// Chooses units at a point, given in the problem's own with the gradient of the cost, and the second derivatives there;
    /// `hessian` may be empty.
    pub(crate) fn measure(&mut self, point: &Point, jacobian: &[f64], hessian: &[f64]) {
        self.curvatures.fill(0.0);
        for (&(row, column), entry) in self.sparsity.hessian.iter().zip(hessian) {
            if row == column {
                self.curvatures[row as usize] = entry.abs();
            }
        }
        self.measure_steps(point, jacobian);
        for (i, unit) in self.variables.iter_mut().enumerate() {
            let bounds = (self.variable_bounds.min[i], self.variable_bounds.max[i]);
            *unit = size_of_variable(point.u[i], bounds, self.u[i]);
        }
        take_known(&self.magnitudes.variables, &mut self.variables);
        let mut cost = 0.0;
        for (i, unit) in self.variables.iter().enumerate() {
            let by_slope = point.gradient[i].abs() * unit;
            let by_curvature = self.curvatures[i] * unit * unit;
            cost = math::max(cost, math::max(by_slope, by_curvature));
        }
        self.cost = power_of_two(cost);
        self.are_other = true;
        self.constraints.fill(0.0);
        for (&(row, column), entry) in self.sparsity.jacobian.iter().zip(jacobian) {
            let unit = &mut self.constraints[row as usize];
            *unit = math::max(*unit, entry.abs() * self.variables[column as usize]);
        }
        for (i, unit) in self.constraints.iter_mut().enumerate() {
            let (min, max) = (self.constraint_bounds.min[i], self.constraint_bounds.max[i]);
            // A slope of 0 may be so at this point only.
            let values = [*unit, point.constraints[i].abs(), min.abs(), max.abs()];
            *unit = power_of_two(values.into_iter().find(is_size).unwrap_or(1.0));
        }
        take_known(&self.magnitudes.constraints, &mut self.constraints);
    }

    /// Writes the length of a step along each variable, to where the cost has no slope, or else constraints meet their
    /// bounds: the geometric mean of these; infinity if there is none.
    fn measure_steps(&mut self, point: &Point, jacobian: &[f64]) {
        self.u.fill(0.0);
        self.steps.fill(0.0);
        // Next to the largest distance, another may be round-off.
        let distances = (0..point.constraints.len()).map(|row| self.distance(point, row));
        let largest = distances.filter(is_size).fold(0.0, math::max);
        for (&(row, column), entry) in self.sparsity.jacobian.iter().zip(jacobian) {
            let (row, column) = (row as usize, column as usize);
            let distance = self.distance(point, row);
            let step = distance / entry.abs();
            if is_size(&step) && distance > ROUND_OFF * largest {
                self.u[column] += exponent(step) as f64;
                self.steps[column] += 1.0;
            }
        }
        for (i, step) in self.u.iter_mut().enumerate() {
            let newton = point.gradient[i].abs() / self.curvatures[i];
            *step = match self.steps[i] {
                _ if is_size(&newton) => newton,
                0.0 => f64::INFINITY,
                count => two_to_the(rounded(*step / count)),
            };
        }
    }

    /// Distance of a constraint from the nearer one of its bounds.
    fn distance(&self, point: &Point, row: usize) -> f64 {
        let value = point.constraints[row];
        let below = (value - self.constraint_bounds.min[row]).abs();
        let above = (value - self.constraint_bounds.max[row]).abs();
        math::min(below, above)
    }

    /// Converts second derivatives from the problem's own units.
    pub(crate) fn scale_second_derivatives(&self, jacobian: &mut [f64], hessian: &mut [f64]) {
        for (&(row, column), entry) in self.sparsity.jacobian.iter().zip(jacobian) {
            *entry *= self.variables[column as usize] / self.constraints[row as usize];
        }
        for (&(row, column), entry) in self.sparsity.hessian.iter().zip(hessian) {
            *entry *= self.variables[row as usize] * (self.variables[column as usize] / self.cost);
        }
    }
}

/// Size of a variable: that of its initial guess, at most the distance of its bounds; of its bounds; or of a Newton step
/// along it.
fn size_of_variable(u: f64, (min, max): (f64, f64), step: f64) -> f64 {
    let range = Some(max - min).filter(is_size);
    let guess = Some(u.abs()).filter(is_size);
    let bound = Some(math::min(min.abs(), max.abs())).filter(is_size);
    let size = match (guess, range) {
        (Some(guess), Some(range)) => Some(math::min(guess, range)),
        (guess, range) => guess.or(range),
    };
    power_of_two(size.or(bound).or(Some(step).filter(is_size)).unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_as_large_as_their_guess_within_their_bounds() {
        let free = (f64::NEG_INFINITY, f64::INFINITY);
        assert_eq!(size_of_variable(2.5e9, (1e9, 4e9), 1.0), power_of_two(2.5e9));
        assert_eq!(size_of_variable(1e9, (0.0, 8.0), 1.0), 8.0);
        assert_eq!(size_of_variable(0.0, (0.0, 8.0), 1.0), 8.0);
        assert_eq!(size_of_variable(0.0, (f64::NEG_INFINITY, -8.0), 1.0), 8.0);
        assert_eq!(size_of_variable(0.0, free, 8.0), 8.0);
        assert_eq!(size_of_variable(0.0, free, f64::INFINITY), 1.0);
    }

    #[test]
    fn a_point_is_the_same_after_conversion_and_back() {
        let bounds = |n: usize| Bounds {
            min: vec![-1e3; n],
            max: vec![f64::INFINITY; n],
        };
        let sparsity = SecondDerivatives {
            jacobian: vec![(0, 0), (0, 1)],
            hessian: vec![(0, 0), (1, 1)],
            ..SecondDerivatives::default()
        };
        let mut units = Units::new(sparsity, bounds(2), bounds(1));
        let mut point = Point::new(2, 1);
        point.u.copy_from_slice(&[1e-7, 2.5e9]);
        point.gradient.copy_from_slice(&[3e4, 1e-12]);
        (point.constraints[0], point.cost) = (77.7, -0.1);
        units.measure(&point, &[1e3, 1e-7], &[1e11, 0.0]);
        assert_eq!(units.variables, [power_of_two(1e-7), power_of_two(2.5e9)]);
        assert_eq!(units.cost, power_of_two(3e4 * units.variables[0]));
        assert_eq!(units.constraints, [power_of_two(1e-7 * units.variables[1])]);
        let own = point.clone();
        units.scale_point(&mut point);
        assert!(point.u.iter().all(|u| (0.5..2.0).contains(u)));
        point.gradient.fill(0.0);
        units.restore_point(&mut point);
        assert_eq!(
            (point.u, point.constraints, point.cost),
            (own.u, own.constraints, own.cost)
        );
    }
}
