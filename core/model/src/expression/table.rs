//! Interpolation in tables, as expressions: the segment is chosen by comparisons, and its polynomial evaluated.

use alloc::vec::Vec;

use super::graph::{Expr, Graph};
use super::operation::Binary;

/// Polynomial of a segment in the distance from its base; lowest power first.
struct Segment {
    base: f64,
    coefficients: Vec<Expr>,
}

/// Interpolant of the points `(xs, ys)`, at least two, with increasing `xs`.
///
/// Linear, or with `is_smooth` cubic with continuous slope: at each point that of the parabola through it and its two
/// neighbours (a Catmull-Rom spline on any grid), at the ends that of the end segments. Outside of the table both go on with
/// the slope at its end.
pub(super) fn interpolate(graph: &mut Graph, x: Expr, xs: &[f64], ys: &[Expr], is_smooth: bool) -> Expr {
    let mut slopes = Vec::with_capacity(xs.len());
    for (x, y) in xs.windows(2).zip(ys.windows(2)) {
        let (run, rise) = (graph.constant(x[1] - x[0]), graph.binary(Binary::Sub, y[1], y[0]));
        slopes.push(graph.binary(Binary::Div, rise, run));
    }
    let (segments, thresholds) = match is_smooth {
        true => smooth(graph, xs, ys, &slopes),
        false => {
            let line = |((base, y), slope): ((&f64, &Expr), &Expr)| Segment {
                base: *base,
                coefficients: alloc::vec![*y, *slope],
            };
            let inner = xs.get(1..xs.len() - 1).unwrap_or_default();
            (xs.iter().zip(ys).zip(&slopes).map(line).collect(), inner)
        }
    };
    let bases: Vec<Expr> = segments
        .iter()
        .map(|segment| graph.constant(segment.base))
        .collect();
    let base = pick(graph, x, thresholds, &bases);
    let distance = graph.binary(Binary::Sub, x, base);
    let powers = segments.first().map_or(0, |segment| segment.coefficients.len());
    let mut value: Option<Expr> = None;
    for power in (0..powers).rev() {
        let own: Vec<Expr> = segments
            .iter()
            .map(|segment| segment.coefficients[power])
            .collect();
        let own = pick(graph, x, thresholds, &own);
        value = Some(match value {
            Some(value) => {
                let product = graph.binary(Binary::Mul, distance, value);
                graph.binary(Binary::Add, own, product)
            }
            None => own,
        });
    }
    value.unwrap_or(x)
}

/// Cubic segments, with a straight one before the first point and after the last.
fn smooth<'a>(graph: &mut Graph, xs: &'a [f64], ys: &[Expr], slopes: &[Expr]) -> (Vec<Segment>, &'a [f64]) {
    let last = xs.len() - 1;
    let mut tangents = Vec::with_capacity(xs.len());
    for i in 0..=last {
        let tangent = match i {
            0 => slopes[0],
            _ if i == last => slopes[last - 1],
            _ => {
                let (before, after) = (xs[i] - xs[i - 1], xs[i + 1] - xs[i]);
                let (near, far) = (
                    graph.constant(after / (before + after)),
                    graph.constant(before / (before + after)),
                );
                let (a, b) = (
                    graph.binary(Binary::Mul, near, slopes[i - 1]),
                    graph.binary(Binary::Mul, far, slopes[i]),
                );
                graph.binary(Binary::Add, a, b)
            }
        };
        tangents.push(tangent);
    }
    let zero = graph.constant(0.0);
    let straight = |i: usize| Segment {
        base: xs[i],
        coefficients: alloc::vec![ys[i], tangents[i], zero, zero],
    };
    let mut segments = Vec::with_capacity(xs.len() + 1);
    segments.push(straight(0));
    for i in 0..last {
        let width = graph.constant(xs[i + 1] - xs[i]);
        // How much the slopes at both ends differ from that of the segment.
        let begins = graph.binary(Binary::Sub, slopes[i], tangents[i]);
        let ends = graph.binary(Binary::Sub, slopes[i], tangents[i + 1]);
        let sum = graph.binary(Binary::Add, begins, ends);
        let square = graph.binary(Binary::Add, begins, sum);
        let square = graph.binary(Binary::Div, square, width);
        let cube = graph.binary(Binary::Div, sum, width);
        let cube = graph.binary(Binary::Div, cube, width);
        let cube = graph.unary(super::operation::Unary::Neg, cube);
        segments.push(Segment {
            base: xs[i],
            coefficients: alloc::vec![ys[i], tangents[i], square, cube],
        });
    }
    segments.push(straight(last));
    (segments, xs)
}

/// Value of the segment in which `x` lies: the first below the first threshold, and so on; by a balanced tree.
fn pick(graph: &mut Graph, x: Expr, thresholds: &[f64], values: &[Expr]) -> Expr {
    let middle = thresholds.len() / 2;
    let (Some(threshold), true) = (thresholds.get(middle), values.len() == thresholds.len() + 1) else {
        return values.first().copied().unwrap_or(x);
    };
    let (low, high) = values.split_at(middle + 1);
    let low = pick(graph, x, &thresholds[..middle], low);
    let high = pick(graph, x, &thresholds[middle + 1..], high);
    let threshold = graph.constant(*threshold);
    let is_below = graph.binary(Binary::Less, x, threshold);
    graph.select(is_below, low, high)
}
