//! Character of the functions of a problem: linear, quadratic, convex; where it was tried.

use labwire_core::problem::{Evaluator, Problem};
use labwire_core::random::Random;

/// Points at which functions are tried.
const POINTS: usize = 4;
/// Points farther away at which it is tried whether slopes change as their rates say; those that are outside of a function's domain do not count.
const FAR_POINTS: usize = 8;
/// Directions along which they are tried at each point.
const DIRECTIONS: usize = 16;
/// Largest number of decision variables times constraints for which every constraint is tried.
const MOST: usize = 200_000;
/// Second derivatives below this part of the largest are round-off.
const NOTHING: f64 = 1e-10;

/// Differences of slopes below this part of the largest are round-off.
const SAME: f64 = 1e-8;

/// Character of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    Linear,
    /// Its curvature is the same everywhere, and was not negative in any direction.
    ConvexQuadratic,
    Quadratic,
    /// Its curvature was not negative anywhere, and its slopes did not fall.
    Convex,
    Nonlinear,
}

impl Shape {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::ConvexQuadratic => "quadratic, convex as far as tried",
            Self::Quadratic => "quadratic, not convex",
            Self::Convex => "nonlinear, convex as far as tried",
            Self::Nonlinear => "nonlinear, not convex",
        }
    }
}

/// Shapes of the cost and of the constraints, which are none where there are too many; none at all if nothing is finite.
pub(crate) fn shapes(problem: &Problem, parameters: &[f64], start: &[f64]) -> Option<(Shape, Vec<Shape>)> {
    let (n, m) = (problem.num_variables(), problem.num_f1() + problem.num_f2());
    let tried = if n.saturating_mul(m) <= MOST { m } else { 0 };
    let mut random = Random::new(1, 0);
    let directions: Vec<Vec<f64>> = (0..DIRECTIONS)
        .map(|_| (0..n).map(|_| random.normal()).collect())
        .collect();
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(parameters);
    let mut curvatures = vec![Curvature::default(); 1 + tried];
    let mut near = |spread: f64| {
        let mut point: Vec<f64> = start
            .iter()
            .map(|x| x + spread * (1.0 + x.abs()) * random.normal())
            .collect();
        problem.set().project(&mut point);
        point
    };
    let first = near(0.5);
    for number in 0..POINTS {
        let point = if number == 0 { first.clone() } else { near(0.5) };
        for (index, direction) in directions.iter().enumerate() {
            let derivatives = derivatives(&mut evaluator, &point, direction, m, tried);
            for (curvature, (_, product)) in curvatures.iter_mut().zip(&derivatives) {
                curvature.add(index, direction, product);
            }
        }
        compare_slopes(&mut curvatures, &mut evaluator, [&first, &point], m);
    }
    for _ in 0..FAR_POINTS {
        compare_slopes(&mut curvatures, &mut evaluator, [&first, &near(4.0)], m);
    }
    if !curvatures[0].is_finite {
        return None;
    }
    let shapes: Vec<Shape> = curvatures.iter().map(Curvature::shape).collect();
    Some((shapes[0], shapes[1..].to_vec()))
}

/// Tries whether slopes change between two points as the rates at the first one say.
fn compare_slopes(
    curvatures: &mut [Curvature],
    evaluator: &mut Evaluator,
    [first, point]: [&[f64]; 2],
    m: usize,
) {
    let tried = curvatures.len() - 1;
    let way: Vec<f64> = point.iter().zip(first).map(|(to, from)| to - from).collect();
    let from = derivatives(evaluator, first, &way, m, tried);
    let to = derivatives(evaluator, point, &way, m, tried);
    for (curvature, ((from, product), (to, _))) in curvatures.iter_mut().zip(from.iter().zip(&to)) {
        curvature.compare(&way, from, to, product);
    }
}

/// Gradients of the cost and of constraints, and the products of the direction with their Hessians.
fn derivatives(
    evaluator: &mut Evaluator,
    point: &[f64],
    direction: &[f64],
    m: usize,
    tried: usize,
) -> Vec<(Vec<f64>, Vec<f64>)> {
    let (mut g, mut rates, mut gradient) = (vec![0.0; m], vec![0.0; m], vec![0.0; point.len()]);
    let still = vec![0.0; m];
    evaluator.forward(point, &mut g);
    let mut of = |multipliers: &[f64]| {
        let mut product = vec![0.0; point.len()];
        evaluator.reverse(multipliers, &mut gradient);
        evaluator.forward_tangent(direction, &mut rates);
        evaluator.reverse_tangent(&still, &mut product);
        (gradient.clone(), product)
    };
    let mut derivatives = vec![of(&still)];
    for i in 0..tried {
        let mut multipliers = still.clone();
        multipliers[i] = 1.0;
        let (mut gradient, mut product) = of(&multipliers);
        let (slopes_of_cost, product_of_cost) = &derivatives[0];
        let entries = gradient.iter_mut().chain(&mut product);
        for (entry, of_cost) in entries.zip(slopes_of_cost.iter().chain(product_of_cost)) {
            *entry -= of_cost;
        }
        derivatives.push((gradient, product));
    }
    derivatives
}

/// What was seen of a Hessian.
#[derive(Clone, Debug)]
struct Curvature {
    is_finite: bool,
    /// First product with each direction.
    first: Vec<Vec<f64>>,
    largest: f64,
    change: f64,
    least: f64,
    /// Whether slopes change otherwise than the rates at the first point say.
    is_bent: bool,
    /// Whether slopes never fell on the way from one point to another.
    is_monotone: bool,
}

impl Default for Curvature {
    fn default() -> Self {
        Self {
            is_finite: true,
            first: Vec::new(),
            largest: 0.0,
            change: 0.0,
            least: 0.0,
            is_bent: false,
            is_monotone: true,
        }
    }
}

impl Curvature {
    fn add(&mut self, index: usize, direction: &[f64], product: &[f64]) {
        let along: f64 = direction.iter().zip(product).map(|(v, h)| v * h).sum();
        self.is_finite &= product.iter().all(|entry| entry.is_finite());
        let largest = product
            .iter()
            .fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
        self.largest = self.largest.max(largest);
        self.least = self.least.min(along);
        match self.first.get(index) {
            None => self.first.push(product.to_vec()),
            Some(first) => {
                let changes = first.iter().zip(product).map(|(first, now)| (first - now).abs());
                self.change = changes.fold(self.change, f64::max);
            }
        }
    }

    /// Takes in the gradients at both ends of a way, and the product of the way with the Hessian at its begin.
    fn compare(&mut self, way: &[f64], from: &[f64], to: &[f64], product: &[f64]) {
        let inner = |a: &mut dyn Iterator<Item = f64>| a.zip(way).map(|(a, way)| a * way).sum::<f64>();
        let size = |a: &[f64]| a.iter().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
        let round_off = SAME * (size(from) + size(to) + size(product));
        if !round_off.is_finite() {
            return;
        }
        let entries = from.iter().zip(to).zip(product);
        let gap = entries.map(|((from, to), product)| (to - from - product).abs());
        self.is_bent |= gap.fold(0.0, f64::max) > round_off;
        let rise = inner(&mut from.iter().zip(to).map(|(from, to)| to - from));
        self.is_monotone &= rise >= -round_off * way.iter().map(|x| x.abs()).sum::<f64>();
    }

    fn shape(&self) -> Shape {
        let is_convex = self.least >= -NOTHING * self.largest && self.is_monotone;
        match (self.largest == 0.0, self.change <= NOTHING * self.largest) {
            _ if !self.is_finite => Shape::Nonlinear,
            (_, true) if self.is_bent && is_convex => Shape::Convex,
            (_, true) if self.is_bent => Shape::Nonlinear,
            (true, _) => Shape::Linear,
            (_, true) if is_convex => Shape::ConvexQuadratic,
            (_, true) => Shape::Quadratic,
            _ if is_convex => Shape::Convex,
            _ => Shape::Nonlinear,
        }
    }
}
