//! The problem's functions and the sets they must stay in.

#[cfg(feature = "stages")]
mod stages;

use alloc::vec::Vec;

use crate::sets::Set;
#[cfg(feature = "stages")]
pub use stages::{StageFunctions, StageStructure};

/// The functions of a problem: cost `f(u)` and constraint values `g(u)`, with derivatives.
///
/// Cost and gradient always come fused: one [`forward`](Functions::forward), then one [`reverse`](Functions::reverse)
/// at the same point. The slices have the lengths that [`num_variables`](Functions::num_variables) and
/// [`num_constraints`](Functions::num_constraints) promise; a solver refuses functions whose dimensions are not those of
/// its [`Structure`]. [`check_derivatives`](crate::check_derivatives) compares the derivatives with differences.
pub trait Functions {
    /// Number of decision variables n_u.
    fn num_variables(&self) -> usize;

    /// Number of constraint values n_g.
    fn num_constraints(&self) -> usize;

    /// Sets the parameters of the calls that follow. Returns false, as by default if there are any, where the functions do
    /// not depend on parameters.
    fn set_parameters(&mut self, parameters: &[f64]) -> bool {
        parameters.is_empty()
    }

    /// Cost at `u` (length n_u); writes the constraint values to `g` (length n_g).
    fn forward(&mut self, u: &[f64], g: &mut [f64]) -> f64;

    /// Writes `grad f + J_g^T y` (length n_u), at the point of the last [`forward`](Functions::forward); `y` has
    /// length n_g.
    fn reverse(&mut self, u: &[f64], y: &[f64], gradient: &mut [f64]);

    /// Writes `J_g v` (length n_g) at the point of the last [`forward`](Functions::forward). Returns false, as by
    /// default, if second derivatives are not available; the solver then uses differences of gradients.
    fn forward_tangent(&mut self, _v: &[f64], _rates: &mut [f64]) -> bool {
        false
    }

    /// Writes `H v + J_g^T w` (length n_u), where H is the Hessian of the function differentiated by the last
    /// [`reverse`](Functions::reverse), and `v` the direction of the last
    /// [`forward_tangent`](Functions::forward_tangent); `w` has length n_g.
    fn reverse_tangent(&mut self, _w: &[f64], _product: &mut [f64]) {}

    /// Writes the entries of [`SecondDerivatives`](crate::SecondDerivatives), in its order, at the point of the last
    /// [`forward`](Functions::forward): of the Jacobian of `g`, and of the Hessian of the function differentiated by the
    /// last [`reverse`](Functions::reverse). Called only if the solver was given the sparsity.
    #[cfg(feature = "second-derivatives")]
    fn second_derivatives(&mut self, _jacobian: &mut [f64], _hessian: &mut [f64]) {}

    /// Writes the derivatives with respect to the parameter `index`, at the point of the last
    /// [`forward`](Functions::forward): to `constraints` those of g (length n_g), to `gradient` those of the gradient that
    /// the last [`reverse`](Functions::reverse) wrote (length n_u). Returns false, as by default, if they are not
    /// available; there are no [sensitivities](crate::Solver::sensitivities) then.
    fn parameter_tangent(&mut self, _index: usize, _constraints: &mut [f64], _gradient: &mut [f64]) -> bool {
        false
    }

    /// The functions stage by stage, if the problem consists of stages; see
    /// [`Solver::with_stages`](crate::Solver::with_stages).
    #[cfg(feature = "stages")]
    fn stages(&mut self) -> Option<&mut dyn StageFunctions> {
        None
    }
}

/// Cost without constraints, as a closure that writes the gradient and returns the cost.
#[derive(Clone, Debug)]
pub struct Cost<F> {
    cost_and_gradient: F,
    gradient: Vec<f64>,
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> Cost<F> {
    /// Wraps `cost_and_gradient(u, gradient) -> cost`; both slices have length `num_variables`.
    pub fn new(num_variables: usize, cost_and_gradient: F) -> Self {
        Self {
            cost_and_gradient,
            gradient: alloc::vec![0.0; num_variables],
        }
    }
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> Functions for Cost<F> {
    fn num_variables(&self) -> usize {
        self.gradient.len()
    }

    fn num_constraints(&self) -> usize {
        0
    }

    fn forward(&mut self, u: &[f64], _g: &mut [f64]) -> f64 {
        (self.cost_and_gradient)(u, &mut self.gradient)
    }

    fn reverse(&mut self, _u: &[f64], _y: &[f64], gradient: &mut [f64]) {
        gradient.copy_from_slice(&self.gradient);
    }
}

/// Cost and constraints as two closures: the two sweeps of [`Functions`].
#[derive(Clone, Debug)]
pub struct Constrained<F, R> {
    num_variables: usize,
    num_constraints: usize,
    forward: F,
    reverse: R,
}

impl<F, R> Constrained<F, R>
where
    F: FnMut(&[f64], &mut [f64]) -> f64,
    R: FnMut(&[f64], &[f64], &mut [f64]),
{
    /// Wraps `forward(u, g) -> cost` and `reverse(u, y, gradient)` (which writes `grad f + J_g^T y`); `u` and `gradient`
    /// have length `num_variables`, `g` and `y` have length `num_constraints`.
    pub fn new(num_variables: usize, num_constraints: usize, forward: F, reverse: R) -> Self {
        Self {
            num_variables,
            num_constraints,
            forward,
            reverse,
        }
    }
}

impl<F, R> Functions for Constrained<F, R>
where
    F: FnMut(&[f64], &mut [f64]) -> f64,
    R: FnMut(&[f64], &[f64], &mut [f64]),
{
    fn num_variables(&self) -> usize {
        self.num_variables
    }

    fn num_constraints(&self) -> usize {
        self.num_constraints
    }

    fn forward(&mut self, u: &[f64], g: &mut [f64]) -> f64 {
        (self.forward)(u, g)
    }

    fn reverse(&mut self, u: &[f64], y: &[f64], gradient: &mut [f64]) {
        (self.reverse)(u, y, gradient);
    }
}

/// Structure of a problem: `u` in `set`, and each block of `g(u)` in the block's set.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Structure {
    /// Number of decision variables n_u.
    pub num_variables: usize,
    /// The set U.
    pub set: Set,
    /// Constraint blocks, in the order of `g`; their lengths add up to n_g.
    pub constraints: Vec<Constraint>,
}

impl Structure {
    /// `u` in `set`, without constraints.
    #[must_use]
    pub fn unconstrained(num_variables: usize, set: Set) -> Self {
        Self {
            num_variables,
            set,
            constraints: Vec::new(),
        }
    }

    /// The same with boxes in place of its sets, all of which consist of bounds.
    #[cfg(any(feature = "second-derivatives", feature = "stages"))]
    pub(crate) fn with_boxes(&self) -> Self {
        let boxed = |set: &Set, len| match set.bounds(len) {
            Some((min, max)) => Set::Box { min, max },
            None => set.clone(),
        };
        let constraints = self.constraints.iter().map(|block| Constraint {
            set: boxed(&block.set, block.len),
            ..block.clone()
        });
        Self {
            num_variables: self.num_variables,
            set: boxed(&self.set, self.num_variables),
            constraints: constraints.collect(),
        }
    }

    /// The length of `g`.
    #[must_use]
    pub fn num_constraints(&self) -> usize {
        self.constraints.iter().map(|block| block.len).sum()
    }
}

/// Block of `g` that must lie in a set.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct Constraint {
    /// Number of components.
    pub len: usize,
    /// The set.
    pub set: Set,
    /// Whether Lagrange multipliers are used. Components that are not smooth on the set are treated by a penalty
    /// alone.
    pub has_multipliers: bool,
}

impl Constraint {
    /// Creates a constraint on `len` components, with Lagrange multipliers and penalties.
    #[must_use]
    pub fn new(len: usize, set: Set) -> Self {
        Self {
            len,
            set,
            has_multipliers: true,
        }
    }

    /// Whether the projection treats each component separately.
    pub(crate) fn is_separable(&self) -> bool {
        self.set.is_separable()
    }
}
