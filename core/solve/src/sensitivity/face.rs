//! Faces of sets: the directions in which a point cannot move while it stays a solution.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::error::{Part, SensitivityError};
use crate::math;
use crate::sets::Set;

/// Linear equation of a face: `sum coefficient * x[index] = offset`.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    pub(super) coefficients: Vec<(usize, f64)>,
    pub(super) offset: f64,
}

/// Consecutive unit normals of a round set. A change `dx` of the point turns the multiplier: `dx = softness (I - n n^T) dy`.
#[derive(Clone, Debug)]
pub(super) struct Bend {
    pub(super) first: usize,
    pub(super) direction: Vec<f64>,
    pub(super) softness: f64,
}

/// Faces of all sets that a vector touches.
#[derive(Clone, Debug, Default)]
pub(super) struct Faces {
    /// Components that their bounds hold, with these.
    pub(super) bounds: Vec<(usize, f64)>,
    pub(super) normals: Vec<Normal>,
    pub(super) bends: Vec<Bend>,
}

/// Rules by which a bound counts as active.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Multiplier, times the gradient of its constraint, that counts as zero.
    pub(super) negligible: f64,
    /// Distance from a bound at which a point may be on it, beside [`Rules::relative_slack`].
    pub(super) slack: f64,
    /// Whether a bound that may or may not be active is an error; otherwise it is not active.
    pub(super) is_strict: bool,
}

/// Vector that lies in a set, with the multipliers that hold it there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held<'a> {
    pub(super) values: &'a [f64],
    pub(super) multipliers: &'a [f64],
    /// Size of the gradient of each component.
    pub(super) slopes: &'a [f64],
    pub(super) part: fn(usize) -> Part,
}

/// Distance from a bound, relative to its size, at which a point may be on it.
const RELATIVE_SLACK: f64 = 1e-8;

impl Rules {
    /// Distance from the bound of an interval at which a point may be on it.
    fn slack(&self, bound: f64, width: f64) -> f64 {
        let size = math::min(width, math::max(1.0, bound.abs()));
        math::max(self.slack, RELATIVE_SLACK * size)
    }

    /// The bound that holds a number between `min` and `max`, if one does; `None` if it cannot be told.
    fn active_bound(&self, value: f64, force: f64, min: f64, max: f64) -> Option<Option<f64>> {
        if min == max {
            return Some(Some(min));
        }
        let is_near = |bound: f64| bound.is_finite() && (value - bound).abs() <= self.slack(bound, max - min);
        if force > self.negligible && is_near(max) {
            return Some(Some(max));
        }
        if force < -self.negligible && is_near(min) {
            return Some(Some(min));
        }
        let is_doubtful = is_near(min) || is_near(max) || force.abs() > self.negligible;
        match self.is_strict && is_doubtful {
            true => None,
            false => Some(None),
        }
    }
}

impl Faces {
    /// Adds the faces that `held` touches of a set for its components in `range`.
    pub(super) fn add(
        &mut self,
        set: &Set,
        range: Range<usize>,
        held: Held<'_>,
        rules: Rules,
    ) -> Result<(), SensitivityError> {
        if let Some((min, max)) = set.bounds(range.len()) {
            for (i, (min, max)) in range.zip(min.into_iter().zip(max)) {
                let force = held.multipliers[i] * held.slopes[i];
                match rules.active_bound(held.values[i], force, min, max) {
                    None => return Err(SensitivityError::WeaklyActive((held.part)(i))),
                    Some(Some(bound)) => self.bounds.push((i, bound)),
                    Some(None) => {}
                }
            }
            return Ok(());
        }
        match set {
            Set::Product(parts) => {
                let mut start = range.start;
                for (end, part) in parts {
                    let end = range.start + end;
                    self.add(part, start..end, held, rules)?;
                    start = end;
                }
                Ok(())
            }
            Set::Ball2 { center, radius } => {
                self.add_ball(center.as_deref(), *radius, false, range, held, rules)
            }
            Set::Sphere2 { center, radius } => {
                self.add_ball(center.as_deref(), *radius, true, range, held, rules)
            }
            Set::Hyperplane { normal, offset } => {
                self.push(range.zip(normal.iter().copied()).collect(), *offset);
                Ok(())
            }
            Set::Halfspace { normal, offset } => self.add_halfspace(normal, *offset, range, held, rules),
            Set::AffineSpace(space) => {
                for (row, offset) in space.orthonormal_equations() {
                    self.push(range.clone().zip(row.iter().copied()).collect(), offset);
                }
                Ok(())
            }
            Set::Simplex { alpha } => self.add_simplex(*alpha, range, held, rules),
            _ => is_inside(set, &range, held)
                .then_some(())
                .ok_or(SensitivityError::Set((held.part)(range.start))),
        }
    }

    fn push(&mut self, coefficients: Vec<(usize, f64)>, offset: f64) {
        self.normals.push(Normal { coefficients, offset });
    }

    fn add_halfspace(
        &mut self,
        normal: &[f64],
        offset: f64,
        range: Range<usize>,
        held: Held<'_>,
        rules: Rules,
    ) -> Result<(), SensitivityError> {
        let values = &held.values[range.clone()];
        let along = math::dot(normal, &held.multipliers[range.clone()]) / math::norm2(normal);
        let slope = math::norm_inf(&held.slopes[range.clone()]);
        let value = math::dot(normal, values);
        match rules.active_bound(value, along * slope, f64::NEG_INFINITY, offset) {
            None => return Err(SensitivityError::WeaklyActive((held.part)(range.start))),
            Some(None) => {}
            Some(Some(_)) => self.push(range.zip(normal.iter().copied()).collect(), offset),
        }
        Ok(())
    }

    fn add_ball(
        &mut self,
        center: Option<&[f64]>,
        radius: f64,
        is_sphere: bool,
        range: Range<usize>,
        held: Held<'_>,
        rules: Rules,
    ) -> Result<(), SensitivityError> {
        let mut direction = held.values[range.clone()].to_vec();
        if let Some(center) = center {
            math::add(&mut direction, -1.0, center);
        }
        let distance = math::norm2(&direction);
        direction.iter_mut().for_each(|x| *x /= distance);
        let along = math::dot(&direction, &held.multipliers[range.clone()]);
        let slope = math::norm_inf(&held.slopes[range.clone()]);
        let min = if is_sphere { radius } else { f64::NEG_INFINITY };
        match rules.active_bound(distance, along * slope, min, radius) {
            None => return Err(SensitivityError::WeaklyActive((held.part)(range.start))),
            Some(None) => return Ok(()),
            Some(Some(_)) => {}
        }
        if (along * slope).abs() <= rules.negligible {
            let offset = math::dot(&direction, &held.values[range.clone()]) - distance + radius;
            self.push(range.zip(direction).collect(), offset);
            return Ok(());
        }
        self.bends.push(Bend {
            first: self.normals.len(),
            direction,
            softness: radius / along,
        });
        for i in range {
            self.push(vec![(i, 1.0)], held.values[i]);
        }
        Ok(())
    }

    fn add_simplex(
        &mut self,
        alpha: f64,
        range: Range<usize>,
        held: Held<'_>,
        rules: Rules,
    ) -> Result<(), SensitivityError> {
        let is_positive = |i: &usize| held.values[*i] > rules.slack(0.0, alpha);
        // The multiplier of the sum: a normal is equal on the positive coordinates, and not larger elsewhere.
        let positive = range.clone().filter(is_positive).map(|i| held.multipliers[i]);
        let sum = positive.fold(f64::NEG_INFINITY, math::max);
        self.push(range.clone().map(|i| (i, 1.0)).collect(), alpha);
        for i in range {
            let force = (held.multipliers[i] - sum) * held.slopes[i];
            match rules.active_bound(held.values[i], math::min(force, 0.0), 0.0, f64::INFINITY) {
                None if !is_positive(&i) => return Err(SensitivityError::WeaklyActive((held.part)(i))),
                Some(Some(bound)) => self.bounds.push((i, bound)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether the set holds a neighbourhood of the values.
fn is_inside(set: &Set, range: &Range<usize>, held: Held<'_>) -> bool {
    let values = &held.values[range.clone()];
    let reach = 1e-6 * (1.0 + math::norm_inf(values));
    let (mut moved, mut projected) = (values.to_vec(), values.to_vec());
    (0..values.len()).all(|i| {
        [-reach, reach].into_iter().all(|step| {
            moved[i] = values[i] + step;
            projected.copy_from_slice(&moved);
            set.project(&mut projected);
            let is_kept = projected == moved;
            moved[i] = values[i];
            is_kept
        })
    })
}
