//! Contract of problems with parameters.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::error::SolverError;
use crate::functions::{Functions, Structure};
use crate::inputs::{InputError, StartOptions};
#[cfg(feature = "integers")]
use crate::integers::Integers;
use crate::sets::Set;
use crate::settings::Settings;
use crate::solver::{Solver, Start};

/// Problem whose functions depend on parameters, as a [`ProblemSolver`](crate::ProblemSolver) solves it again and again.
///
/// [`ParametricCost`] makes one of a closure. The constraints are those of F1, then those of F2; only their names and the
/// parts of results differ.
pub trait ParametricProblem {
    /// Decision variables, constraints, and their sets.
    fn structure(&self) -> Structure;

    /// Number of parameters.
    fn num_parameters(&self) -> usize;

    /// The problem's functions, with memory of their own. They take parameters by
    /// [`set_parameters`](Functions::set_parameters).
    fn functions(&self) -> Box<dyn Functions + Send>;

    /// Name of the problem; by default "unnamed".
    fn name(&self) -> &str {
        "unnamed"
    }

    /// Settings of its solver; by default those of [`Settings::default`].
    fn settings(&self) -> Settings {
        Settings::default()
    }

    /// Initial guess of a cold start, one entry per decision variable; by default the origin.
    fn initial_guess(&self) -> Option<&[f64]> {
        None
    }

    /// Number of decision variables.
    fn num_variables(&self) -> usize {
        self.structure().num_variables
    }

    /// Number of components of F1 and F2.
    fn num_constraints(&self) -> usize {
        self.structure().num_constraints()
    }

    /// Number of components of F1; by default all constraints.
    fn num_f1(&self) -> usize {
        self.num_constraints()
    }

    /// Number of values by name besides the decision variables: of the states of an optimal-control problem; by default 0.
    fn num_states(&self) -> usize {
        0
    }

    /// Memory of [`functions`](Self::functions), in bytes; 0, as by default, if it is negligible.
    fn functions_bytes(&self) -> usize {
        0
    }

    /// Solver of `structure`, which is [`structure`](Self::structure), perhaps with narrower bounds of integers.
    ///
    /// # Errors
    /// If a setting or a set is invalid.
    fn solver(&self, structure: Structure, settings: Settings) -> Result<Solver, SolverError> {
        Solver::new(structure, settings)
    }

    /// Whether the problem is known to be convex, for all parameters, so that what is true of its solutions is so of no other
    /// points; by default not. Without that of variables that are integers.
    fn is_convex(&self) -> bool {
        false
    }

    /// Decision variables that take only integer values; by default none.
    #[cfg(feature = "integers")]
    fn integers(&self) -> Option<&Integers> {
        None
    }

    /// Advances a warm start to the next solve; by default that begins where the last one ended.
    fn advance(&self, _start: &mut Start) {}

    /// Name of the decision variable `index`; by default such as `u[0]`.
    fn variable_name(&self, index: usize) -> String {
        format!("u[{index}]")
    }

    /// Name of the constraint `index`; by default such as `F1[0]`.
    fn constraint_name(&self, index: usize) -> String {
        match index.checked_sub(self.num_f1()) {
            None => format!("F1[{index}]"),
            Some(index) => format!("F2[{index}]"),
        }
    }

    /// Decision variables at the point `u` by name, and the states that belong to them; by default `u` alone. `states` are
    /// those of [`Solver::states`].
    fn named_values(
        &self,
        _parameters: &[f64],
        u: &[f64],
        _states: Option<&[f64]>,
    ) -> BTreeMap<String, Vec<f64>> {
        BTreeMap::from([(String::from("u"), u.to_vec())])
    }

    /// Units of these values, by name; by default none.
    fn units(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Labels of these values for people, by name; by default none.
    fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Cold start from the initial guess.
    fn start(&self) -> Start {
        let origin = || vec![0.0; self.num_variables()];
        let guess = self.initial_guess().map_or_else(origin, <[f64]>::to_vec);
        let mut start = Start::cold(guess.clone());
        start.fallback = Some(guess);
        start
    }

    /// Checks the inputs of a solve, in the order of OpEn: initial guess, multipliers, parameters, penalty.
    ///
    /// # Errors
    /// The first input that does not fit.
    fn check_inputs(&self, parameters: &[f64], options: &StartOptions<'_>) -> Result<(), InputError> {
        let (f1, f2) = (self.num_f1(), self.num_constraints() - self.num_f1());
        options.check(parameters, [self.num_variables(), f1, f2, self.num_parameters()])
    }
}

/// Problem without constraints, as a closure that writes the gradient and returns the cost.
///
/// ```
/// use labwire_solve::sets::Set;
/// use labwire_solve::{ParametricCost, ProblemSolver};
///
/// let nearest = ParametricCost::new(2, Set::Ball2 { center: None, radius: 1.0 }, 2, |p, u, gradient| {
///     gradient.copy_from_slice(&[u[0] - p[0], u[1] - p[1]]);
///     0.5 * (gradient[0].powi(2) + gradient[1].powi(2))
/// });
/// let solution = ProblemSolver::new(nearest)?.solve(&[3.0, 4.0])?;
/// assert!((solution.u[0] - 0.6).abs() < 1e-3 && (solution.u[1] - 0.8).abs() < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ParametricCost<F> {
    name: String,
    num_variables: usize,
    set: Set,
    num_parameters: usize,
    cost_and_gradient: F,
}

impl<F: FnMut(&[f64], &[f64], &mut [f64]) -> f64 + Clone + Send + 'static> ParametricCost<F> {
    /// Wraps `cost_and_gradient(parameters, u, gradient) -> cost`, for `u` in `set`; `parameters` has length
    /// `num_parameters`, `u` and `gradient` have length `num_variables`. Each solver clones the closure.
    pub fn new(num_variables: usize, set: Set, num_parameters: usize, cost_and_gradient: F) -> Self {
        Self {
            name: "unnamed".into(),
            num_variables,
            set,
            num_parameters,
            cost_and_gradient,
        }
    }

    /// The same with a name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

impl<F: FnMut(&[f64], &[f64], &mut [f64]) -> f64 + Clone + Send + 'static> ParametricProblem
    for ParametricCost<F>
{
    fn structure(&self) -> Structure {
        Structure::unconstrained(self.num_variables, self.set.clone())
    }

    fn num_parameters(&self) -> usize {
        self.num_parameters
    }

    fn functions(&self) -> Box<dyn Functions + Send> {
        Box::new(AtParameters {
            parameters: vec![0.0; self.num_parameters],
            gradient: vec![0.0; self.num_variables],
            cost_and_gradient: self.cost_and_gradient.clone(),
        })
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// Functions of a [`ParametricCost`].
struct AtParameters<F> {
    parameters: Vec<f64>,
    gradient: Vec<f64>,
    cost_and_gradient: F,
}

impl<F: FnMut(&[f64], &[f64], &mut [f64]) -> f64> Functions for AtParameters<F> {
    fn num_variables(&self) -> usize {
        self.gradient.len()
    }

    fn num_constraints(&self) -> usize {
        0
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> bool {
        self.parameters.copy_from_slice(parameters);
        true
    }

    fn forward(&mut self, u: &[f64], _g: &mut [f64]) -> f64 {
        (self.cost_and_gradient)(&self.parameters, u, &mut self.gradient)
    }

    fn reverse(&mut self, _u: &[f64], _y: &[f64], gradient: &mut [f64]) {
        gradient.copy_from_slice(&self.gradient);
    }
}
