//! Sensitivities: derivatives of a solution and of its multipliers with respect to the parameters.
//!
//! At a solution with the free variables F and the active normals A, the optimality conditions stay fulfilled if
//! `[H_FF, J_AF^T; J_AF, -D] [du; dy] = -[d(grad L)/dp; d(A g)/dp]` (Fiacco, Introduction to Sensitivity and Stability
//! Analysis in Nonlinear Programming, 1983, section 3.2), D the inverse of the curvature that round sets add. This holds
//! where the solution is a strict minimum, the gradients of A are independent, and no multiplier of A is zero.

pub(crate) mod error;
mod face;
mod kkt;

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use error::{Part, SensitivityError};
use face::{Faces, Held, Rules};
use kkt::Kkt;

use crate::functions::Functions;
use crate::math;
use crate::solver::Solver;
#[cfg(feature = "stages")]
use crate::stagewise::sensitivity::Differential;
use crate::status::Status;

/// Derivatives of a solution with respect to the parameters.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Sensitivities {
    /// Derivatives of the decision variables: a row per variable, a column per parameter.
    pub variables: Vec<Vec<f64>>,
    /// Derivatives of the Lagrange multipliers: a row per component of `g`, a column per parameter.
    pub multipliers: Vec<Vec<f64>>,
}

/// Largest number of Newton steps that sharpen the solution, with one factorisation.
const MAX_REFINEMENTS: usize = 3;
/// Residual of the optimality conditions, relative to the tolerance, beyond which a point is not the solution.
const MAX_RESIDUAL: f64 = 100.0;

impl Solver {
    /// Derivatives of the solution and its multipliers with respect to the parameters `0..num_parameters` of the
    /// functions, which must have second derivatives and [`parameter_tangent`](Functions::parameter_tangent). They are
    /// those of the exact solution near the converged point. Takes about two Hessians, two factorisations, and a solve per
    /// parameter; allocates. Problems of stages whose sets consist of bounds are factorised through the stages, in time and
    /// memory that are linear in the horizon; others as one dense matrix.
    ///
    /// # Errors
    /// If the solution is not converged or not differentiable, and if a dense matrix had more variables and active constraints
    /// than [`Tuning::max_newton_size`](crate::Tuning::max_newton_size): see [`SensitivityError`].
    pub fn sensitivities(
        &self,
        functions: &mut dyn Functions,
        num_parameters: usize,
    ) -> Result<Sensitivities, SensitivityError> {
        if *self.status() != Status::Converged {
            return Err(SensitivityError::NotConverged);
        }
        let mut differentiation = self.start_sensitivities(functions, num_parameters)?;
        loop {
            if let Some(sensitivities) = differentiation.step(functions, num_parameters)? {
                return Ok(sensitivities);
            }
        }
    }

    /// First part of [`sensitivities`](Self::sensitivities), for callers that spread the work over several calls: the
    /// factorisations. The rest is done by [`Differentiation::step`].
    ///
    /// # Errors
    /// Those of [`sensitivities`](Self::sensitivities).
    pub fn start_sensitivities(
        &self,
        functions: &mut dyn Functions,
        num_parameters: usize,
    ) -> Result<Differentiation, SensitivityError> {
        if *self.status() != Status::Converged {
            return Err(SensitivityError::NotConverged);
        }
        #[cfg(feature = "stages")]
        if let Some(differential) = self.stage_differential(functions)? {
            return Ok(Differentiation::new(
                self,
                System::Stages(differential),
                num_parameters,
            ));
        }
        let mut at = Place::new(self, functions)?;
        at.refine()?;
        let kkt = at.factorize(true)?;
        Ok(Differentiation::new(self, System::Dense(kkt), num_parameters))
    }

    /// Memory of sensitivities with respect to so many parameters, in bytes: an upper estimate.
    #[must_use]
    pub fn sensitivities_bytes(&self, num_parameters: usize) -> usize {
        let (n, m) = (self.solution().len(), self.multipliers().len());
        let results = (n + m).saturating_mul(num_parameters);
        let numbers = self.stage_memory().unwrap_or_else(|| {
            let limit = self.settings().tuning.max_newton_size as usize;
            let system = (n + m).min(limit);
            (n + m)
                .saturating_mul(n.min(limit))
                .saturating_add(4 * system * system)
        });
        numbers.saturating_add(results).saturating_mul(size_of::<f64>())
    }
}

/// Sensitivities whose columns are being computed.
pub struct Differentiation {
    system: System,
    sensitivities: Sensitivities,
    num_parameters: usize,
    /// Number of columns that have been computed.
    done: usize,
    constraints: Vec<f64>,
    gradient: Vec<f64>,
}

/// Linear system of the optimality conditions.
#[allow(
    clippy::large_enum_variant,
    reason = "a differentiation holds one, and moves it never"
)]
enum System {
    Dense(Kkt),
    #[cfg(feature = "stages")]
    Stages(Differential),
}

impl fmt::Debug for Differentiation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Differentiation")
            .field("num_parameters", &self.num_parameters)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

impl Differentiation {
    fn new(solver: &Solver, system: System, num_parameters: usize) -> Self {
        let (n, m) = (solver.solution().len(), solver.multipliers().len());
        Self {
            system,
            sensitivities: Sensitivities {
                variables: vec![vec![0.0; num_parameters]; n],
                multipliers: vec![vec![0.0; num_parameters]; m],
            },
            num_parameters,
            done: 0,
            constraints: vec![0.0; m],
            gradient: vec![0.0; n],
        }
    }

    /// Rates of variables and multipliers along a parameter.
    fn rates(
        &mut self,
        functions: &mut dyn Functions,
        parameter: usize,
    ) -> Result<(Vec<f64>, Vec<f64>), SensitivityError> {
        match &mut self.system {
            System::Dense(kkt) => {
                if !functions.parameter_tangent(parameter, &mut self.constraints, &mut self.gradient) {
                    return Err(SensitivityError::NoDerivatives);
                }
                Ok(kkt.rates(&self.gradient, &self.constraints))
            }
            #[cfg(feature = "stages")]
            System::Stages(differential) => differential.rates(functions, parameter),
        }
    }

    /// Computes up to `parameters` more columns, with the functions that it was started with, which have not been evaluated
    /// since. The sensitivities, once all are done.
    ///
    /// # Errors
    /// If the functions have no derivatives with respect to a parameter, or these are not finite.
    pub fn step(
        &mut self,
        functions: &mut dyn Functions,
        parameters: usize,
    ) -> Result<Option<Sensitivities>, SensitivityError> {
        let end = self.num_parameters.min(self.done.saturating_add(parameters));
        for parameter in self.done..end {
            let (du, dy) = self.rates(functions, parameter)?;
            if !math::all_finite(&du) || !math::all_finite(&dy) {
                return Err(SensitivityError::Singular);
            }
            for (row, entry) in self.sensitivities.variables.iter_mut().zip(&du) {
                row[parameter] = *entry;
            }
            for (row, entry) in self.sensitivities.multipliers.iter_mut().zip(&dy) {
                row[parameter] = *entry;
            }
        }
        self.done = end;
        Ok((end == self.num_parameters).then(|| core::mem::take(&mut self.sensitivities)))
    }
}

/// The optimality conditions at a point.
struct Place<'a> {
    solver: &'a Solver,
    functions: &'a mut dyn Functions,
    u: Vec<f64>,
    multipliers: Vec<f64>,
    constraints: Vec<f64>,
    gradient: Vec<f64>,
}

impl<'a> Place<'a> {
    fn new(solver: &'a Solver, functions: &'a mut dyn Functions) -> Result<Self, SensitivityError> {
        let mut start = 0;
        for block in &solver.structure().constraints {
            if !block.has_multipliers && block.len > 0 {
                return Err(SensitivityError::Kink(Part::Constraint(start)));
            }
            start += block.len;
        }
        let (n, m) = (solver.solution().len(), start);
        let mut place = Self {
            u: solver.solution().to_vec(),
            multipliers: solver.multipliers().to_vec(),
            constraints: vec![0.0; m],
            gradient: vec![0.0; n],
            solver,
            functions,
        };
        place.evaluate();
        Ok(place)
    }

    fn evaluate(&mut self) {
        self.functions.forward(&self.u, &mut self.constraints);
        self.functions
            .reverse(&self.u, &self.multipliers, &mut self.gradient);
    }

    /// Second derivatives, faces and their factorisation here.
    fn factorize(&mut self, is_strict: bool) -> Result<Kkt, SensitivityError> {
        let (n, m) = (self.u.len(), self.multipliers.len());
        let limit = self.solver.settings().tuning.max_newton_size as usize;
        if n > limit {
            return Err(SensitivityError::TooLarge { size: n, limit });
        }
        let mut kkt = Kkt::evaluate(self.functions, n, m)?;
        let settings = self.solver.settings();
        let rules = Rules {
            negligible: settings.tolerance,
            slack: if is_strict { 0.0 } else { settings.delta_tolerance },
            is_strict,
        };
        let (mut of_variables, mut of_constraints) = (Faces::default(), Faces::default());
        let slopes = kkt.slopes();
        let held = Held {
            values: &self.constraints,
            multipliers: &self.multipliers,
            slopes: &slopes,
            part: Part::Constraint,
        };
        let mut start = 0;
        for block in &self.solver.structure().constraints {
            of_constraints.add(&block.set, start..start + block.len, held, rules)?;
            start += block.len;
        }
        let forces: Vec<f64> = self.gradient.iter().map(|slope| -slope).collect();
        let held = Held {
            values: &self.u,
            multipliers: &forces,
            slopes: &vec![1.0; n],
            part: Part::Variable,
        };
        let rules = Rules { slack: 0.0, ..rules };
        of_variables.add(&self.solver.structure().set, 0..n, held, rules)?;
        kkt.factorize(of_variables, of_constraints, limit)?;
        Ok(kkt)
    }

    /// Newton steps on the optimality conditions: the solution to the last digits, so that there is no doubt about what
    /// is active.
    fn refine(&mut self) -> Result<(), SensitivityError> {
        let mut kkt = self.factorize(false)?;
        let mut residual = kkt.residual(&self.u, &self.constraints, &self.gradient);
        for _ in 0..MAX_REFINEMENTS {
            let Some((du, dy)) = kkt.correction(&self.u, &self.constraints, &self.gradient) else {
                break;
            };
            let last = (self.u.clone(), self.multipliers.clone());
            math::add(&mut self.u, 1.0, &du);
            math::add(&mut self.multipliers, 1.0, &dy);
            self.evaluate();
            let next = kkt.residual(&self.u, &self.constraints, &self.gradient);
            if !(next < residual) {
                (self.u, self.multipliers) = last;
                self.evaluate();
                break;
            }
            residual = next;
        }
        let tolerances = self.solver.settings();
        let limit = MAX_RESIDUAL * math::max(tolerances.tolerance, tolerances.delta_tolerance);
        if residual <= limit {
            return Ok(());
        }
        Err(SensitivityError::NotStationary { residual })
    }
}
