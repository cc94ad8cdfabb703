//! Halfspaces, hyperplanes and finite sets.

use alloc::vec::Vec;

use crate::math;

/// Projects onto `<normal, x> <= offset`.
pub(super) fn project_halfspace(x: &mut [f64], normal: &[f64], offset: f64) {
    if math::dot(normal, x) > offset {
        project_hyperplane(x, normal, offset);
    }
}

/// Projects onto `<normal, x> = offset`.
pub(super) fn project_hyperplane(x: &mut [f64], normal: &[f64], offset: f64) {
    let step = (math::dot(normal, x) - offset) / math::norm_squared(normal);
    for (x, normal) in x.iter_mut().zip(normal) {
        *x -= step * normal;
    }
}

/// Moves `x` to the nearest of the points; the first at a tie.
pub(super) fn project_finite(x: &mut [f64], points: &[Vec<f64>]) {
    let (mut nearest, mut least) = (points.first(), f64::INFINITY);
    for point in points {
        let squared = point
            .iter()
            .zip(&*x)
            .fold(0.0, |sum, (p, x)| sum + (p - x) * (p - x));
        if squared < least {
            (nearest, least) = (Some(point), squared);
        }
    }
    if let Some(nearest) = nearest {
        x.copy_from_slice(nearest);
    }
}
