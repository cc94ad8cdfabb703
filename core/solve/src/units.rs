//! Units in which a problem is solved, where second derivatives are exact, or the problem consists of stages.
//!
//! A variable is measured by its initial guess and its bounds, the cost by its gradient, and a constraint by its own. Units
//! are powers of two: converting loses no digit, and a bound stays what it is. The method sees only [`Scaled`] functions
//! and bounds; callers see only their own units.

#[cfg(feature = "second-derivatives")]
mod choice;
#[cfg(any(feature = "second-derivatives", feature = "stages"))]
mod magnitudes;
#[cfg(any(feature = "second-derivatives", feature = "stages"))]
mod size;
#[cfg(feature = "stages")]
mod stages;

#[cfg(any(feature = "second-derivatives", feature = "stages"))]
use alloc::vec;
use alloc::vec::Vec;

#[cfg(feature = "stages")]
use super::functions::StageFunctions;
use super::functions::{Functions, Structure};
use super::merit::{Bounds, Point};
#[cfg(feature = "second-derivatives")]
use super::second::SecondDerivatives;
use crate::sets::Set;
#[cfg(any(feature = "second-derivatives", feature = "stages"))]
pub use magnitudes::Magnitudes;
#[cfg(any(feature = "second-derivatives", feature = "stages"))]
use magnitudes::take_known;
#[cfg(feature = "stages")]
use stages::StageUnits;

/// Units of an earlier solve, for a warm start.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    not(feature = "stages"),
    allow(dead_code, reason = "other problems measure theirs again")
)]
pub(crate) struct KnownUnits {
    variables: Vec<f64>,
    constraints: Vec<f64>,
    states: Vec<f64>,
    cost: f64,
}

/// The units, and the memory to convert with them. All memory is allocated once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Units {
    /// Unit of each variable; empty if the problem is solved in its own units.
    pub(crate) variables: Vec<f64>,
    pub(crate) constraints: Vec<f64>,
    pub(crate) cost: f64,
    /// Whether they differ from the problem's own.
    are_other: bool,
    #[cfg(feature = "second-derivatives")]
    sparsity: SecondDerivatives,
    /// Magnitudes that are not measured.
    #[cfg(any(feature = "second-derivatives", feature = "stages"))]
    pub(crate) magnitudes: Magnitudes,
    /// Bounds in the caller's units.
    variable_bounds: Bounds,
    constraint_bounds: Bounds,
    /// Point and multipliers in the caller's units, for an evaluation.
    u: Vec<f64>,
    y: Vec<f64>,
    /// Curvature of the cost along each variable.
    #[cfg(feature = "second-derivatives")]
    curvatures: Vec<f64>,
    /// Number of constraints that meet a bound along each variable.
    #[cfg(feature = "second-derivatives")]
    steps: Vec<f64>,
    #[cfg(feature = "stages")]
    stages: Option<StageUnits>,
}

impl Units {
    /// The problem's own, for good.
    pub(crate) fn own() -> Self {
        Self {
            cost: 1.0,
            ..Self::default()
        }
    }

    #[cfg(any(feature = "second-derivatives", feature = "stages"))]
    fn for_bounds(variables: Bounds, constraints: Bounds) -> Self {
        let (n, m) = (variables.min.len(), constraints.min.len());
        Self {
            variables: vec![1.0; n],
            constraints: vec![1.0; m],
            cost: 1.0,
            variable_bounds: variables,
            constraint_bounds: constraints,
            u: vec![0.0; n],
            y: vec![0.0; m],
            ..Self::default()
        }
    }

    /// Whether the units differ from the problem's own.
    pub(crate) fn are_other(&self) -> bool {
        self.are_other
    }

    /// Whether the units may differ from the problem's own.
    pub(crate) fn are_chosen(&self) -> bool {
        !self.variables.is_empty()
    }

    /// Returns to the problem's own units.
    pub(crate) fn reset(&mut self) {
        self.variables.fill(1.0);
        self.constraints.fill(1.0);
        self.cost = 1.0;
        self.are_other = false;
        #[cfg(feature = "stages")]
        if let Some(stages) = &mut self.stages {
            stages.states.fill(1.0);
        }
    }

    /// The units for a later solve, where finding them takes evaluations.
    #[cfg(feature = "stages")]
    pub(crate) fn known(&self) -> Option<KnownUnits> {
        self.stages.as_ref().map(|stages| KnownUnits {
            variables: self.variables.clone(),
            constraints: self.constraints.clone(),
            states: stages.states.clone(),
            cost: self.cost,
        })
    }

    /// Takes the units of an earlier solve of such a problem. Returns whether there are any.
    #[cfg(feature = "stages")]
    pub(crate) fn take_known(&mut self, known: Option<&KnownUnits>) -> bool {
        let (Some(known), Some(stages)) = (known, &mut self.stages) else {
            return false;
        };
        let is_same = known.variables.len() == self.variables.len()
            && known.constraints.len() == self.constraints.len()
            && known.states.len() == stages.states.len();
        if is_same {
            self.variables.copy_from_slice(&known.variables);
            self.constraints.copy_from_slice(&known.constraints);
            stages.states.copy_from_slice(&known.states);
            self.cost = known.cost;
            self.compare();
        }
        is_same
    }

    #[cfg(not(feature = "stages"))]
    pub(crate) fn known(&self) -> Option<KnownUnits> {
        None
    }

    #[cfg(not(feature = "stages"))]
    pub(crate) fn take_known(&mut self, _known: Option<&KnownUnits>) -> bool {
        false
    }

    fn constraint(&self, constraint: usize) -> f64 {
        self.constraints.get(constraint).copied().unwrap_or(1.0)
    }

    /// Unit of a multiplier, and of each entry of the gradient.
    pub(crate) fn multiplier(&self, constraint: usize) -> f64 {
        self.cost / self.constraint(constraint)
    }

    pub(crate) fn gradient(&self, variable: usize) -> f64 {
        self.cost / self.variables[variable]
    }

    /// Unit of a penalty.
    pub(crate) fn penalty(&self, constraint: usize) -> f64 {
        self.multiplier(constraint) / self.constraint(constraint)
    }

    /// Converts a point to the problem's own units.
    pub(crate) fn restore_point(&self, point: &mut Point) {
        if !self.are_other {
            return;
        }
        for (u, unit) in point.u.iter_mut().zip(&self.variables) {
            *u *= unit;
        }
        for i in 0..point.gradient.len() {
            point.gradient[i] *= self.gradient(i);
        }
        for i in 0..point.multipliers.len() {
            point.constraints[i] *= self.constraint(i);
            point.multipliers[i] *= self.multiplier(i);
        }
        point.psi *= self.cost;
        point.cost *= self.cost;
    }

    /// Converts a point from the problem's own units; the violation stays in them.
    #[cfg(any(feature = "second-derivatives", feature = "stages"))]
    pub(crate) fn scale_point(&self, point: &mut Point) {
        for (u, unit) in point.u.iter_mut().zip(&self.variables) {
            *u /= unit;
        }
        for (g, unit) in point.constraints.iter_mut().zip(&self.constraints) {
            *g /= unit;
        }
        point.cost /= self.cost;
    }

    /// Writes the bounds in these units.
    #[cfg(feature = "second-derivatives")]
    pub(crate) fn write_bounds(&self, variables: &mut Bounds, constraints: &mut Bounds) {
        self.write_variable_bounds(variables);
        write_bounds(&self.constraint_bounds, &self.constraints, constraints);
    }

    /// Writes the bounds of a structure whose sets are boxes in these units.
    pub(crate) fn write_structure(&self, structure: &mut Structure) {
        write_box(&self.variable_bounds, &self.variables, 0, &mut structure.set);
        let mut start = 0;
        for block in &mut structure.constraints {
            write_box(&self.constraint_bounds, &self.constraints, start, &mut block.set);
            start += block.len;
        }
    }

    /// Writes the bounds of the constraints in these units.
    #[cfg(feature = "stages")]
    pub(crate) fn write_constraint_bounds(&self, bounds: &mut Bounds) {
        write_bounds(&self.constraint_bounds, &self.constraints, bounds);
    }

    /// Writes the bounds of the variables in these units.
    pub(crate) fn write_variable_bounds(&self, bounds: &mut Bounds) {
        write_bounds(&self.variable_bounds, &self.variables, bounds);
    }

    fn write_variables(&mut self, u: &[f64]) {
        for ((own, u), unit) in self.u.iter_mut().zip(u).zip(&self.variables) {
            *own = u * unit;
        }
    }

    fn write_multipliers(&mut self, y: &[f64]) {
        for (i, y) in y.iter().enumerate() {
            self.y[i] = y * self.multiplier(i);
        }
    }

    fn scale_gradient(&self, gradient: &mut [f64]) {
        for (i, entry) in gradient.iter_mut().enumerate() {
            *entry /= self.gradient(i);
        }
    }
}

fn write_box(own: &Bounds, units: &[f64], start: usize, set: &mut Set) {
    let Set::Box { min, max } = set else { return };
    for i in 0..min.len() {
        let unit = units[start + i];
        (min[i], max[i]) = (own.min[start + i] / unit, own.max[start + i] / unit);
    }
}

fn write_bounds(own: &Bounds, units: &[f64], bounds: &mut Bounds) {
    for (i, unit) in units.iter().enumerate() {
        (bounds.min[i], bounds.max[i]) = (own.min[i] / unit, own.max[i] / unit);
    }
}

/// Functions in the units of the method.
pub(crate) struct Scaled<'a> {
    functions: &'a mut dyn Functions,
    pub(crate) units: &'a mut Units,
}

impl<'a> Scaled<'a> {
    pub(crate) fn new(functions: &'a mut dyn Functions, units: &'a mut Units) -> Self {
        Self { functions, units }
    }
}

impl Functions for Scaled<'_> {
    fn num_variables(&self) -> usize {
        self.functions.num_variables()
    }

    fn num_constraints(&self) -> usize {
        self.functions.num_constraints()
    }

    fn forward(&mut self, u: &[f64], g: &mut [f64]) -> f64 {
        if !self.units.are_other {
            return self.functions.forward(u, g);
        }
        self.units.write_variables(u);
        let cost = self.functions.forward(&self.units.u, g);
        for (g, unit) in g.iter_mut().zip(&self.units.constraints) {
            *g /= unit;
        }
        cost / self.units.cost
    }

    fn reverse(&mut self, u: &[f64], y: &[f64], gradient: &mut [f64]) {
        if !self.units.are_other {
            return self.functions.reverse(u, y, gradient);
        }
        self.units.write_variables(u);
        self.units.write_multipliers(y);
        self.functions.reverse(&self.units.u, &self.units.y, gradient);
        self.units.scale_gradient(gradient);
    }

    fn forward_tangent(&mut self, v: &[f64], rates: &mut [f64]) -> bool {
        if !self.units.are_other {
            return self.functions.forward_tangent(v, rates);
        }
        self.units.write_variables(v);
        let is_known = self.functions.forward_tangent(&self.units.u, rates);
        for (rate, unit) in rates.iter_mut().zip(&self.units.constraints) {
            *rate /= unit;
        }
        is_known
    }

    fn reverse_tangent(&mut self, w: &[f64], product: &mut [f64]) {
        if !self.units.are_other {
            return self.functions.reverse_tangent(w, product);
        }
        self.units.write_multipliers(w);
        self.functions.reverse_tangent(&self.units.y, product);
        self.units.scale_gradient(product);
    }

    #[cfg(feature = "second-derivatives")]
    fn second_derivatives(&mut self, jacobian: &mut [f64], hessian: &mut [f64]) {
        self.functions.second_derivatives(jacobian, hessian);
        if self.units.are_other {
            self.units.scale_second_derivatives(jacobian, hessian);
        }
    }

    #[cfg(feature = "stages")]
    fn stages(&mut self) -> Option<&mut dyn StageFunctions> {
        if !self.units.are_other {
            return self.functions.stages();
        }
        self.functions.stages().is_some().then_some(self)
    }
}
