//! The linear system of the optimality conditions, dense.

use alloc::vec;
use alloc::vec::Vec;

use super::error::SensitivityError;
use super::face::{Bend, Faces, Normal};
use crate::factor::{Dense, Inertia};
use crate::functions::Functions;
use crate::math;

/// Pivot of the equilibrated matrix below which it counts as singular.
const MIN_PIVOT: f64 = 1e-12;

/// Matrix `[H_FF, N^T; N, -D]` and its factorisation: a row per variable that no bound holds, then one per normal of the
/// sets' faces.
pub(super) struct Kkt {
    n: usize,
    m: usize,
    /// Hessian of the Lagrangian, and the Jacobian of the constraints, row by row.
    hessian: Vec<f64>,
    jacobian: Vec<f64>,
    /// Row of each free variable.
    rows: Vec<Option<usize>>,
    equations: Vec<Equation>,
    /// Whether there are round faces.
    is_bent: bool,
    factor: Dense,
    right: Vec<f64>,
}

/// Row of a normal.
struct Equation {
    normal: Normal,
    is_of_variables: bool,
}

impl Kkt {
    /// Evaluates the second derivatives where the functions, of `n` variables and `m` constraints, were evaluated last.
    pub(super) fn evaluate(
        functions: &mut dyn Functions,
        n: usize,
        m: usize,
    ) -> Result<Self, SensitivityError> {
        let (mut hessian, mut jacobian) = (vec![0.0; n * n], vec![0.0; m * n]);
        let (mut unit, mut rates, zeros) = (vec![0.0; n], vec![0.0; m], vec![0.0; m]);
        for j in 0..n {
            unit[j] = 1.0;
            if !functions.forward_tangent(&unit, &mut rates) {
                return Err(SensitivityError::NoDerivatives);
            }
            for (i, rate) in rates.iter().enumerate() {
                jacobian[i * n + j] = *rate;
            }
            functions.reverse_tangent(&zeros, &mut hessian[j * n..(j + 1) * n]);
            unit[j] = 0.0;
        }
        Ok(Self {
            n,
            m,
            hessian,
            jacobian,
            rows: vec![None; n],
            equations: Vec::new(),
            is_bent: false,
            factor: Dense::new(0),
            right: Vec::new(),
        })
    }

    /// Size of the gradient of each constraint.
    pub(super) fn slopes(&self) -> Vec<f64> {
        (0..self.m).map(|i| math::norm_inf(self.gradient_of(i))).collect()
    }

    /// Numbers the rows of the variables that no bound holds. Returns how many there are.
    fn number_rows(&mut self, of_variables: &Faces) -> usize {
        let mut free = 0;
        for (i, row) in self.rows.iter_mut().enumerate() {
            let is_held = of_variables.bounds.iter().any(|(held, _)| *held == i);
            *row = (!is_held).then_some(free);
            free += usize::from(!is_held);
        }
        free
    }

    /// Assembles and factorises; the matrix may have at most `limit` rows.
    pub(super) fn factorize(
        &mut self,
        of_variables: Faces,
        of_constraints: Faces,
        limit: usize,
    ) -> Result<(), SensitivityError> {
        let free = self.number_rows(&of_variables);
        let bounds = of_constraints.bounds.into_iter().map(|(i, bound)| Normal {
            coefficients: vec![(i, 1.0)],
            offset: bound,
        });
        let equation = |is_of_variables| {
            move |normal| Equation {
                normal,
                is_of_variables,
            }
        };
        self.equations = of_variables.normals.into_iter().map(equation(true)).collect();
        let after_variables = self.equations.len();
        self.equations
            .extend(of_constraints.normals.into_iter().map(equation(false)));
        self.equations.extend(bounds.map(equation(false)));
        let size = free + self.equations.len();
        if size > limit {
            return Err(SensitivityError::TooLarge { size, limit });
        }
        (self.factor, self.right) = (Dense::new(size), vec![0.0; size]);
        self.factor.clear(size);
        self.assemble(free);
        let mut wanted = Inertia {
            positive: free,
            negative: self.equations.len(),
            zero: 0,
        };
        for (bends, first) in [
            (&of_variables.bends, free),
            (&of_constraints.bends, free + after_variables),
        ] {
            for bend in bends {
                self.assemble_bend(bend, first + bend.first);
                if bend.softness < 0.0 {
                    // The tangents of a sphere that pulls count as variables.
                    wanted.positive += bend.direction.len() - 1;
                    wanted.negative -= bend.direction.len() - 1;
                }
                self.is_bent = true;
            }
        }
        let inertia = self.factor.factorize();
        if inertia.zero > 0 || self.factor.smallest_pivot() < MIN_PIVOT {
            return Err(SensitivityError::Singular);
        }
        match inertia == wanted {
            true => Ok(()),
            false => Err(SensitivityError::NoMinimum),
        }
    }

    fn assemble(&mut self, free: usize) {
        let n = self.n;
        for i in 0..n {
            let Some(row) = self.rows[i] else { continue };
            for j in 0..=i {
                if let Some(column) = self.rows[j] {
                    self.factor.add(row, column, self.hessian[i * n + j]);
                }
            }
        }
        for (k, equation) in self.equations.iter().enumerate() {
            for (j, entry) in self.gradient(equation).into_iter().enumerate() {
                if let Some(column) = self.rows[j] {
                    self.factor.add(free + k, column, entry);
                }
            }
        }
    }

    fn assemble_bend(&mut self, bend: &Bend, first: usize) {
        for (i, x) in bend.direction.iter().enumerate() {
            for (j, y) in bend.direction[..=i].iter().enumerate() {
                let identity = if i == j { 1.0 } else { 0.0 };
                self.factor
                    .add(first + i, first + j, -bend.softness * (identity - x * y));
            }
        }
    }

    fn gradient_of(&self, constraint: usize) -> &[f64] {
        &self.jacobian[constraint * self.n..][..self.n]
    }

    /// Gradient of an equation by all variables.
    fn gradient(&self, equation: &Equation) -> Vec<f64> {
        let mut gradient = vec![0.0; self.n];
        for &(i, coefficient) in &equation.normal.coefficients {
            match equation.is_of_variables {
                true => gradient[i] += coefficient,
                false => math::add(&mut gradient, coefficient, self.gradient_of(i)),
            }
        }
        gradient
    }

    /// Largest deviation from the optimality conditions; that of the gradient only where it is known without the normals
    /// of the variables' set.
    pub(super) fn residual(&self, u: &[f64], constraints: &[f64], gradient: &[f64]) -> f64 {
        let mut largest = 0.0;
        for equation in &self.equations {
            let values = if equation.is_of_variables { u } else { constraints };
            largest = math::max(largest, equation.normal.error(values).abs());
        }
        if self.equations.iter().any(|equation| equation.is_of_variables) {
            return largest;
        }
        let free = gradient.iter().zip(&self.rows).filter(|(_, row)| row.is_some());
        free.fold(largest, |largest, (slope, _)| math::max(largest, slope.abs()))
    }

    /// Newton step of variables and multipliers; `None` where faces are round, which a step would leave.
    pub(super) fn correction(
        &mut self,
        u: &[f64],
        constraints: &[f64],
        gradient: &[f64],
    ) -> Option<(Vec<f64>, Vec<f64>)> {
        if self.is_bent {
            return None;
        }
        let errors = self.equations.iter().map(|equation| {
            equation
                .normal
                .error(if equation.is_of_variables { u } else { constraints })
        });
        let errors: Vec<f64> = errors.collect();
        Some(self.solve_for(gradient, &errors))
    }

    /// Rates of variables and multipliers, for those of the gradient and of the constraints along a parameter.
    pub(super) fn rates(&mut self, gradient: &[f64], constraints: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let errors = self
            .equations
            .iter()
            .map(|equation| match equation.is_of_variables {
                true => 0.0,
                false => equation.normal.apply(constraints),
            });
        let errors: Vec<f64> = errors.collect();
        self.solve_for(gradient, &errors)
    }

    fn solve_for(&mut self, gradient: &[f64], errors: &[f64]) -> (Vec<f64>, Vec<f64>) {
        for (slope, row) in gradient.iter().zip(&self.rows) {
            if let Some(row) = row {
                self.right[*row] = -slope;
            }
        }
        let free = self.right.len() - errors.len();
        for (right, error) in self.right[free..].iter_mut().zip(errors) {
            *right = -error;
        }
        self.factor.solve(&mut self.right);
        let step = self.rows.iter().map(|row| row.map_or(0.0, |row| self.right[row]));
        let mut multipliers = vec![0.0; self.m];
        for (equation, change) in self.equations.iter().zip(&self.right[free..]) {
            if !equation.is_of_variables {
                for &(i, coefficient) in &equation.normal.coefficients {
                    multipliers[i] += coefficient * change;
                }
            }
        }
        (step.collect(), multipliers)
    }
}

impl Normal {
    fn apply(&self, values: &[f64]) -> f64 {
        let terms = self.coefficients.iter();
        terms.fold(0.0, |sum, &(i, coefficient)| sum + coefficient * values[i])
    }

    fn error(&self, values: &[f64]) -> f64 {
        self.apply(values) - self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `u0^2 - u1^2`, and the constraint u1.
    struct Saddle {
        v: [f64; 2],
    }

    impl Functions for Saddle {
        fn num_variables(&self) -> usize {
            2
        }

        fn num_constraints(&self) -> usize {
            1
        }

        fn forward(&mut self, u: &[f64], g: &mut [f64]) -> f64 {
            g[0] = u[1];
            u[0] * u[0] - u[1] * u[1]
        }

        fn reverse(&mut self, u: &[f64], y: &[f64], gradient: &mut [f64]) {
            gradient.copy_from_slice(&[2.0 * u[0], y[0] - 2.0 * u[1]]);
        }

        fn forward_tangent(&mut self, v: &[f64], rates: &mut [f64]) -> bool {
            self.v = [v[0], v[1]];
            rates[0] = v[1];
            true
        }

        fn reverse_tangent(&mut self, w: &[f64], product: &mut [f64]) {
            product.copy_from_slice(&[2.0 * self.v[0], w[0] - 2.0 * self.v[1]]);
        }
    }

    #[test]
    fn a_saddle_is_no_minimum_unless_a_face_holds_it() {
        let mut saddle = Saddle { v: [0.0; 2] };
        let mut factorize = |of_variables: Faces, of_constraints: Faces| {
            let mut kkt = Kkt::evaluate(&mut saddle, 2, 1)?;
            kkt.factorize(of_variables, of_constraints, 3)
        };
        let held = || Faces {
            bounds: vec![(0, 0.0)],
            ..Faces::default()
        };
        let none = Faces::default;
        assert_eq!(factorize(none(), none()), Err(SensitivityError::NoMinimum));
        assert_eq!(factorize(held(), none()), Err(SensitivityError::NoMinimum));
        assert_eq!(factorize(none(), held()), Ok(()));
    }
}
