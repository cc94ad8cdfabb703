//! Character of the functions of a problem: linear, quadratic, convex; where it was tried.

use labwire_core::problem::{Evaluator, Problem};
use labwire_core::random::Random;

/// Points at which functions are tried.
const POINTS: usize = 4;
/// Directions along which they are tried at each point.
const DIRECTIONS: usize = 16;
/// Largest number of decision variables times constraints for which every constraint is tried.
const MOST: usize = 200_000;
/// Second derivatives below this part of the largest are round-off.
const NOTHING: f64 = 1e-10;

/// Character of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    Linear,
    /// Its curvature is the same everywhere, and was not negative in any direction.
    ConvexQuadratic,
    Quadratic,
    /// Its curvature was not negative anywhere.
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
    for _ in 0..POINTS {
        let mut point: Vec<f64> = start
            .iter()
            .map(|x| x + 0.5 * (1.0 + x.abs()) * random.normal())
            .collect();
        problem.set().project(&mut point);
        for (index, direction) in directions.iter().enumerate() {
            let products = products(&mut evaluator, &point, direction, m, tried);
            for (curvature, product) in curvatures.iter_mut().zip(&products) {
                curvature.add(index, direction, product);
            }
        }
    }
    if !curvatures[0].is_finite {
        return None;
    }
    let shapes: Vec<Shape> = curvatures.iter().map(Curvature::shape).collect();
    Some((shapes[0], shapes[1..].to_vec()))
}

/// Products of the direction with the Hessians of the cost and of constraints.
fn products(
    evaluator: &mut Evaluator,
    point: &[f64],
    direction: &[f64],
    m: usize,
    tried: usize,
) -> Vec<Vec<f64>> {
    let (mut g, mut rates, mut gradient) = (vec![0.0; m], vec![0.0; m], vec![0.0; point.len()]);
    let still = vec![0.0; m];
    evaluator.forward(point, &mut g);
    let mut of = |multipliers: &[f64]| {
        let mut product = vec![0.0; point.len()];
        evaluator.reverse(multipliers, &mut gradient);
        evaluator.forward_tangent(direction, &mut rates);
        evaluator.reverse_tangent(&still, &mut product);
        product
    };
    let mut products = vec![of(&still)];
    for i in 0..tried {
        let mut multipliers = still.clone();
        multipliers[i] = 1.0;
        let mut product = of(&multipliers);
        for (product, of_cost) in product.iter_mut().zip(&products[0]) {
            *product -= of_cost;
        }
        products.push(product);
    }
    products
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
}

impl Default for Curvature {
    fn default() -> Self {
        Self {
            is_finite: true,
            first: Vec::new(),
            largest: 0.0,
            change: 0.0,
            least: 0.0,
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

    fn shape(&self) -> Shape {
        let is_convex = self.least >= -NOTHING * self.largest;
        match (self.largest == 0.0, self.change <= NOTHING * self.largest) {
            _ if !self.is_finite => Shape::Nonlinear,
            (true, _) => Shape::Linear,
            (_, true) if is_convex => Shape::ConvexQuadratic,
            (_, true) => Shape::Quadratic,
            _ if is_convex => Shape::Convex,
            _ => Shape::Nonlinear,
        }
    }
}
