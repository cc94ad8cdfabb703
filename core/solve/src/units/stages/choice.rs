//! Choice of the units of a problem of stages at the start of a solve, by what a stage says at the initial guess.

use core::ops::RangeInclusive;

use super::StageUnits;
use crate::functions::{StageFunctions, StageStructure};
use crate::math;
use crate::merit::{Bounds, Point};
use crate::units::size::{exponent, is_size, power_of_two};
use crate::units::{Scaled, Units, take_known};

/// Bounds that are so much farther apart than guess and Newton step are long say nothing of an input.
const FAR_BOUNDS: f64 = 1e6;

/// Least unit of the cost, in what a move of the states changes, and of a constraint, in its bounds or value: what inputs do
/// at once may be next to nothing.
const LEAST_COST: f64 = 1e-3;
const LEAST_SLOPE: f64 = 0.1;

/// Exponents of the powers of two between which the sizes of inputs, states, constraints and cost are ordinary: where all
/// are, a problem keeps its own units. Measured on problems as engineers write them.
const ORDINARY_INPUTS: RangeInclusive<i64> = -6..=6;
const ORDINARY_STATES: RangeInclusive<i64> = -8..=8;
const ORDINARY_CONSTRAINTS: RangeInclusive<i64> = -10..=10;
const ORDINARY_COST: RangeInclusive<i64> = -7..=13;

impl Units {
    /// The problem's own, until they are [measured](Self::measure_stages).
    pub(crate) fn with_stages(structure: StageStructure, variables: Bounds, constraints: Bounds) -> Self {
        let mut units = Self::for_bounds(variables, constraints);
        units.stages = Some(StageUnits::new(structure));
        units
    }

    /// Chooses the units of inputs, states and cost at a point that the stages were evaluated at last; it has the gradient
    /// of the cost, in the problem's own units, and no multipliers.
    fn measure_stages(&mut self, stages: &mut dyn StageFunctions, point: &Point) {
        let Some(mut own) = self.stages.take() else {
            return;
        };
        let nu = own.structure.num_inputs;
        // Stages before the first may decide other things.
        let t = own.structure.horizon / 2;
        stages.initial_state(&mut own.state);
        own.expand(stages, t, &point.multipliers);
        for input in 0..nu {
            self.measure_input(&own, t, input, point);
        }
        take_known(&self.magnitudes.variables, &mut self.variables);
        let inputs = &self.variables[t * nu..(t + 1) * nu];
        own.measure_states(t, inputs);
        take_known(&self.magnitudes.states, &mut own.states);
        let cost = math::max(own.cost_of_inputs(t, inputs), LEAST_COST * own.cost(inputs));
        self.cost = power_of_two(if is_size(&cost) { cost } else { point.cost.abs() });
        let is_ordinary = are_within(&self.variables, &ORDINARY_INPUTS)
            && are_within(&own.states, &ORDINARY_STATES)
            && are_within(&[self.cost], &ORDINARY_COST);
        self.stages = Some(own);
        if is_ordinary {
            self.keep_own();
        }
        self.compare();
    }

    /// Returns to the problem's own units, but for magnitudes that are known.
    fn keep_own(&mut self) {
        self.reset();
        take_known(&self.magnitudes.variables, &mut self.variables);
        if let Some(own) = &mut self.stages {
            take_known(&self.magnitudes.states, &mut own.states);
        }
    }

    /// Takes note whether the units differ from the problem's own.
    pub(in crate::units) fn compare(&mut self) {
        let states = self.stages.iter().flat_map(|own| &own.states);
        let mut all = self.variables.iter().chain(&self.constraints).chain(states);
        self.are_other = self.cost != 1.0 || all.any(|unit| *unit != 1.0);
    }

    /// Chooses the units of an element of all inputs: the distance of their bounds, the largest of their guesses, the
    /// distance of a bound, or the length of a Newton step along it.
    fn measure_input(&mut self, own: &StageUnits, t: usize, input: usize, point: &Point) {
        let nu = own.structure.num_inputs;
        let all = || (input..point.u.len()).step_by(nu.max(1));
        let mut slope = 0.0;
        let mut guess = 0.0;
        for i in all() {
            slope = math::max(slope, point.gradient[i].abs());
            if self.range(i).is_none() {
                guess = math::max(guess, point.u[i].abs());
            }
        }
        // A slope that is round-off tells nothing.
        let newton = Some(slope / own.input_curvature(t, input))
            .filter(|step| is_size(step) && slope > own.round_off_slope(t, input));
        for i in all() {
            let reach = math::max(point.u[i].abs(), newton.unwrap_or(0.0));
            let range = self
                .range(i)
                .filter(|range| reach == 0.0 || *range <= FAR_BOUNDS * reach);
            let guess = Some(math::max(guess, point.u[i].abs())).filter(is_size);
            let (min, max) = (self.variable_bounds.min[i], self.variable_bounds.max[i]);
            let bound = Some(math::min(min.abs(), max.abs())).filter(is_size);
            let size = range.or(guess).or(bound).or(newton);
            self.variables[i] = power_of_two(size.unwrap_or(1.0));
        }
    }

    /// Distance of the bounds of a variable.
    fn range(&self, variable: usize) -> Option<f64> {
        let (min, max) = (
            self.variable_bounds.min[variable],
            self.variable_bounds.max[variable],
        );
        Some(max - min).filter(is_size)
    }

    /// Chooses the units of the constraints by their squared slopes in the units of the variables, which are converted with the
    /// values; where a slope is not known, by bounds or value.
    pub(crate) fn measure_constraints(&mut self, squares: &mut [f64], point: &mut Point) {
        for (i, square) in squares.iter().enumerate() {
            let (min, max) = (self.constraint_bounds.min[i], self.constraint_bounds.max[i]);
            let sizes = [min.abs(), max.abs(), point.constraints[i].abs()];
            let size = sizes.into_iter().find(is_size).unwrap_or(0.0);
            let slope = Some(math::sqrt(*square)).filter(is_size).unwrap_or(size);
            self.constraints[i] = power_of_two(math::max(slope, LEAST_SLOPE * size));
        }
        if !self.are_other && are_within(&self.constraints, &ORDINARY_CONSTRAINTS) {
            self.constraints.fill(1.0);
        }
        take_known(&self.magnitudes.constraints, &mut self.constraints);
        for (i, unit) in self.constraints.iter().enumerate() {
            squares[i] /= unit * unit;
            point.constraints[i] /= unit;
        }
        self.compare();
    }
}

impl Scaled<'_> {
    /// Chooses the units of inputs, states and cost at a point that the functions were evaluated at last; it has the gradient
    /// of the cost, in the problem's own units, and no multipliers.
    pub(crate) fn measure_stages(&mut self, point: &Point) {
        if let Some(stages) = self.functions.stages() {
            self.units.measure_stages(stages, point);
        }
    }
}

/// Whether the exponents of these powers of two are in a range.
fn are_within(units: &[f64], exponents: &RangeInclusive<i64>) -> bool {
    units.iter().all(|unit| exponents.contains(&exponent(*unit)))
}
