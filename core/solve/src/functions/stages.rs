//! Contract of problems that consist of stages.

use alloc::vec::Vec;

use crate::error::SolverError;

/// Functions of an optimal-control problem, one stage at a time.
///
/// `min sum_t l_t(x_t, u_t)`, t = 0..=N, subject to `x_0` given, `x_(t+1) = f_t(x_t, u_t)` and constraints
/// `g_t(x_t, u_t)`; the last stage N has neither inputs nor a next state. The lengths of all slices are those of the
/// [`StageStructure`]. What a stage was given last stays in force until [`forward`](Self::forward) of the same stage.
pub trait StageFunctions {
    /// Writes the initial state x_0.
    fn initial_state(&mut self, state: &mut [f64]);

    /// Cost of stage `t` at a state and an input; writes the next state and the values of the stage's constraints.
    fn forward(
        &mut self,
        t: usize,
        state: &[f64],
        input: &[f64],
        next: &mut [f64],
        constraints: &mut [f64],
    ) -> f64;

    /// Writes the gradient of `l_t + adjoint' f_t + y' g_t` with respect to the state, then the input, at the point of
    /// the last [`forward`](Self::forward) of this stage.
    fn reverse(&mut self, t: usize, adjoint: &[f64], y: &[f64], gradient: &mut [f64]);

    /// Writes derivatives at the point of the last [`forward`](Self::forward) of this stage, one row per variable (state,
    /// then input): to `jacobian` the derivatives of `f_t`, then `g_t`; to `hessian` those of the gradient that the
    /// last [`reverse`](Self::reverse) of this stage wrote.
    fn expand(&mut self, t: usize, jacobian: &mut [f64], hessian: &mut [f64]);

    /// Writes the derivative of the initial state with respect to a parameter. Returns false if it is not known.
    fn initial_state_tangent(&mut self, _parameter: usize, _state: &mut [f64]) -> bool {
        false
    }

    /// Writes derivatives with respect to a parameter, at the point of the last [`forward`](Self::forward) and
    /// [`reverse`](Self::reverse) of this stage: those of the next state, the constraints and the gradient, with state, input
    /// and multipliers held. Returns false if they are not known.
    fn parameter_tangent(
        &mut self,
        _t: usize,
        _parameter: usize,
        _next: &mut [f64],
        _constraints: &mut [f64],
        _gradient: &mut [f64],
    ) -> bool {
        false
    }
}

/// Lengths of an optimal-control problem of [`StageFunctions`]. Its decision variables are the inputs, stage by stage.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "made by users, field by field")]
pub struct StageStructure {
    /// Number N of stages with inputs, at least 1.
    pub horizon: usize,
    /// Length of a state.
    pub num_states: usize,
    /// Length of an input.
    pub num_inputs: usize,
    /// Index of the first constraint of each stage 0..=N among all constraints, then their number.
    pub first_constraints: Vec<usize>,
    /// Whether states may leave the trajectory of the inputs while a solve runs.
    pub has_free_states: bool,
    /// Cost of [`StageFunctions::expand`] for all stages, in fused evaluations.
    pub expansion_work: f64,
}

impl StageStructure {
    /// Length of state and input together.
    pub(crate) fn num_stage_variables(&self) -> usize {
        self.num_states + self.num_inputs
    }

    /// Number of constraints of all stages.
    pub(crate) fn num_constraints(&self) -> usize {
        self.first_constraints.last().copied().unwrap_or(0)
    }

    /// Largest number of constraints of a stage.
    pub(crate) fn max_stage_constraints(&self) -> usize {
        let pairs = self.first_constraints.windows(2);
        pairs.map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
    }

    /// Checks the lengths, which have to add up to `num_variables` and `num_constraints`.
    pub(crate) fn check(&self, num_variables: usize, num_constraints: usize) -> Result<(), SolverError> {
        let (horizon, first) = (self.horizon, &self.first_constraints);
        let least = |what, found, expected| (what, found, expected, found >= expected);
        let exactly = |what, found, expected| (what, found, expected, found == expected);
        let lengths = [
            least("a horizon of", horizon, 1),
            exactly(
                "a number of inputs of",
                horizon.saturating_mul(self.num_inputs),
                num_variables,
            ),
            exactly(
                "a number of first constraints of",
                first.len(),
                horizon.saturating_add(2),
            ),
            exactly(
                "a number of constraints of",
                self.num_constraints(),
                num_constraints,
            ),
        ];
        let order = first
            .windows(2)
            .map(|pair| least("a first constraint of", pair[1], pair[0]));
        match lengths.into_iter().chain(order).find(|(.., is_right)| !is_right) {
            Some((what, found, expected, _)) => Err(SolverError::Stages {
                what,
                found,
                expected,
            }),
            None => Ok(()),
        }
    }
}
