//! Reasons why a solution has no sensitivities.

use alloc::format;
use alloc::string::String;
use core::fmt;

/// Part of a problem that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a problem has variables and constraints")]
pub enum Part {
    /// Decision variable, by its index.
    Variable(usize),
    /// Constraint, by its index in `g`.
    Constraint(usize),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(index) => write!(f, "variable {index}"),
            Self::Constraint(index) => write!(f, "constraint {index}"),
        }
    }
}

/// Reason why a solution has no derivatives with respect to the parameters, or none that can be computed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SensitivityError {
    /// The solve did not converge, or none has ended.
    NotConverged,
    /// The functions have no derivatives with respect to their parameters, or no second derivatives.
    NoDerivatives,
    /// There are more variables and active constraints than `max_newton_size` in the tuning allows.
    TooLarge {
        /// Number of variables and active constraints.
        size: usize,
        /// Largest number allowed.
        limit: usize,
    },
    /// A bound or constraint is active with a multiplier of zero, or so close to it that it cannot be told: the solution
    /// has a kink there.
    WeaklyActive(Part),
    /// A constraint with a kink, which has no multiplier.
    Kink(Part),
    /// A set of which the derivatives are not known where the solution touches it.
    Set(Part),
    /// The functions at the solution's variables are not stationary: the states of the solution cannot be recovered from
    /// its inputs.
    NotStationary {
        /// Residual of the optimality conditions there.
        residual: f64,
    },
    /// The gradients of the active constraints depend on one another, or the cost is flat along some direction that the
    /// constraints leave free.
    Singular,
    /// The cost falls along some direction that the constraints leave free.
    NoMinimum,
}

impl SensitivityError {
    /// Description in which `name` names the part of the problem.
    pub fn describe(&self, name: impl Fn(Part) -> String) -> String {
        match self {
            Self::NotConverged => "the solve did not converge".into(),
            Self::NoDerivatives => {
                "the functions have no second derivatives, or none with respect to parameters".into()
            }
            Self::TooLarge { size, limit } => {
                format!("{size} variables and active constraints, at most {limit} allowed (max_newton_size)")
            }
            Self::WeaklyActive(part) => format!(
                "{} is at its bound with a multiplier of zero, or nearly so: the solution has a kink at these parameters",
                name(*part)
            ),
            Self::Kink(part) => format!("{} has a kink (abs, max, min or a jump)", name(*part)),
            Self::Set(part) => format!(
                "{} touches a set that is none of bounds, ball2, sphere2, halfspace, hyperplane, simplex, affine_space",
                name(*part)
            ),
            Self::NotStationary { residual } => format!(
                "the inputs alone do not lead to the states of the solution: the residual is {residual:e} there"
            ),
            Self::Singular => {
                "the gradients of the active constraints depend on one another, or the cost is flat in some direction".into()
            }
            Self::NoMinimum => "the solution is no minimum: the cost falls in some direction".into(),
        }
    }
}

impl fmt::Display for SensitivityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe(|part| format!("{part}")))
    }
}

impl core::error::Error for SensitivityError {}
