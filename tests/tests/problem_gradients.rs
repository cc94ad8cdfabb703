//! Gradients of problem files against an independent implementation of automatic differentiation (dual numbers) and
//! against finite differences.

use labwire_core::problem::{Evaluator, Problem, TextLimits};
use num_dual::{Dual64, DualNum};

/// Value and gradient of a cost in `x` and `y`, with the parameter `p` = 1.7.
fn evaluate(cost: &str, point: [f64; 2]) -> (f64, [f64; 2]) {
    let mut evaluator = evaluator(cost);
    let value = evaluator.forward(&point, &mut []);
    let mut gradient = [f64::NAN; 2];
    evaluator.reverse(&[], &mut gradient);
    (value, gradient)
}

fn evaluator(cost: &str) -> Evaluator {
    let file = format!(
        r#"{{"variables": {{"u": 2}}, "parameters": {{"q": 1}},
            "let": {{"x": "u[0]", "y": "u[1]", "p": "q[0]"}}, "cost": "{cost}"}}"#
    );
    let problem = Problem::from_json(&file, &TextLimits::default()).unwrap_or_else(|e| panic!("{e}"));
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(&[1.7]);
    evaluator
}

fn assert_close(what: &str, a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{what}: {a} {b}");
}

type Reference = fn(Dual64, Dual64) -> Dual64;

/// Expressions, their meaning, and a point where they are smooth.
const SMOOTH: [(&str, Reference, [f64; 2]); 36] = [
    ("x + y*x", |x, y| x + y * x, [0.3, -1.2]),
    ("(x - y)/(x + p*y)", |x, y| (x - y) / (x + y * 1.7), [0.3, 1.2]),
    ("1/x - y/3", |x, y| x.recip() - y / 3.0, [0.3, 1.2]),
    ("-x*-y + x - -y", |x, y| x * y + x + y, [0.3, 1.2]),
    ("x^2*y^3", |x, y| x.powi(2) * y.powi(3), [0.3, -1.2]),
    ("x^7 + y^16", |x, y| x.powi(7) + y.powi(16), [0.9, -1.1]),
    ("x^-3 + y^-1", |x, y| x.powi(-3) + y.powi(-1), [0.9, -1.1]),
    ("x^2.5", |x, _| x.powf(2.5), [0.9, 0.0]),
    ("x^p", |x, _| x.powf(1.7), [0.9, 0.0]),
    ("x^y", |x, y| x.powd(y), [0.9, 2.3]),
    (
        "2^x*pow(y, x)",
        |x, y| (x * 2f64.ln()).exp() * y.powd(x),
        [0.9, 2.3],
    ),
    ("sqrt(x*y)", |x, y| (x * y).sqrt(), [0.3, 1.2]),
    ("exp(x*y)", |x, y| (x * y).exp(), [0.3, 1.2]),
    ("expm1(x*y)", |x, y| (x * y).exp_m1(), [0.3, -1.2]),
    ("log(x*y)", |x, y| (x * y).ln(), [0.3, 1.2]),
    ("log1p(x*y)", |x, y| (x * y).ln_1p(), [0.3, 1.2]),
    ("sin(x*y)", |x, y| (x * y).sin(), [1.3, 2.2]),
    ("cos(x*y)", |x, y| (x * y).cos(), [1.3, 2.2]),
    ("sin(x)*cos(x)*y", |x, y| x.sin() * x.cos() * y, [1.3, 2.2]),
    ("tan(x*y)", |x, y| (x * y).tan(), [1.3, 2.2]),
    ("asin(x*y)", |x, y| (x * y).asin(), [0.3, -1.2]),
    ("acos(x*y)", |x, y| (x * y).acos(), [0.3, -1.2]),
    ("atan(x*y)", |x, y| (x * y).atan(), [0.3, -1.2]),
    ("atan2(x, y)", |x, y| x.atan2(y), [0.3, -1.2]),
    ("sinh(x*y)", |x, y| (x * y).sinh(), [0.3, -1.2]),
    ("cosh(x*y)", |x, y| (x * y).cosh(), [0.3, -1.2]),
    ("tanh(x*y)", |x, y| (x * y).tanh(), [0.3, -1.2]),
    ("asinh(x*y)", |x, y| (x * y).asinh(), [0.3, -1.2]),
    ("acosh(x*y)", |x, y| (x * y).acosh(), [1.3, 1.2]),
    ("atanh(x*y)", |x, y| (x * y).atanh(), [0.3, -1.2]),
    ("hypot(x, y)", |x, y| (x * x + y * y).sqrt(), [0.3, -1.2]),
    (
        "norm2([x, 2*y, x*y])",
        |x, y| (x * x + y * y * 4.0 + x * x * y * y).sqrt(),
        [0.3, -1.2],
    ),
    ("dot(u, [y, 3])", |x, y| x * y + y * 3.0, [0.3, -1.2]),
    (
        "sum(u^3) + prod(u*2)",
        |x, y| x.powi(3) + y.powi(3) + x * y * 4.0,
        [0.3, -1.2],
    ),
    (
        "sum(i in 0..5, (x + i)*y^i)",
        |x, y| {
            (0..5)
                .map(|i| (x + f64::from(i)) * y.powi(i))
                .fold(Dual64::from(0.0), |a, b| a + b)
        },
        [0.3, -1.2],
    ),
    (
        "prod(i in 1..4, x*i + y)",
        |x, y| {
            (1..4)
                .map(|i| x * f64::from(i) + y)
                .fold(Dual64::from(1.0), |a, b| a * b)
        },
        [0.3, -1.2],
    ),
];

#[test]
fn gradients_agree_with_dual_numbers() {
    for (cost, reference, point) in SMOOTH {
        let [x, y] = point.map(Dual64::from);
        let along_x = reference(Dual64::new(point[0], 1.0), y);
        let along_y = reference(x, Dual64::new(point[1], 1.0));
        let (value, gradient) = evaluate(cost, point);
        assert_close(cost, value, along_x.re, 1e-13);
        assert_close(cost, gradient[0], along_x.eps, 1e-12);
        assert_close(cost, gradient[1], along_y.eps, 1e-12);
    }
}

/// Piecewise expressions, at points on each piece.
const PIECEWISE: [(&str, [f64; 2]); 14] = [
    ("erf(x*y)", [0.3, -1.2]),
    ("abs(x)*y", [-0.3, 1.2]),
    ("abs(x)*y", [0.3, 1.2]),
    ("max(x, y)*y", [0.3, 1.2]),
    ("max(x, y, x*y)*y", [3.3, 1.2]),
    ("min(x^2, y)", [0.3, 1.2]),
    ("min(u)", [0.3, -1.2]),
    ("norm_inf(u)", [0.3, -1.2]),
    ("sign(x)*y + floor(y)*x", [0.3, -1.2]),
    ("if(x < y, x*y, x/y)", [0.3, -1.2]),
    ("if(x >= y, x*y, x/y)", [0.3, -1.2]),
    ("if(x > 0, if(y > 0, x, x^2), if(y > 0, y, y^2))", [0.3, -1.2]),
    ("(x <= y)*x + (x != y)*y + (x == y)", [0.3, 1.2]),
    ("if(x > 0, u^2, u^3)[1]*x", [0.3, -1.2]),
];

#[test]
fn gradients_agree_with_finite_differences() {
    let smooth = SMOOTH.iter().map(|(cost, _, point)| (*cost, *point));
    for (cost, point) in smooth.chain(PIECEWISE) {
        let (_, gradient) = evaluate(cost, point);
        for i in 0..2 {
            let at = |step: f64| {
                let mut point = point;
                point[i] += step;
                evaluate(cost, point).0
            };
            let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
            assert_close(cost, gradient[i], difference, 1e-6);
        }
    }
}

#[test]
fn ties_take_the_first_argument() {
    assert_eq!(evaluate("max(2*x, 3*y)", [0.0, 0.0]).1, [2.0, 0.0]);
    assert_eq!(evaluate("min(2*x, 3*y)", [0.0, 0.0]).1, [2.0, 0.0]);
    assert_eq!(evaluate("abs(x) + abs(y)", [0.0, -0.0]).1, [0.0, 0.0]);
}

#[test]
fn norms_have_a_subgradient_at_zero() {
    assert_eq!(evaluate("norm2(u) + y", [0.0, 0.0]), (0.0, [0.0, 1.0]));
    assert_eq!(evaluate("hypot(x, y) + y", [0.0, 0.0]), (0.0, [0.0, 1.0]));
    assert_eq!(evaluate("norm_inf(u) + y", [0.0, 0.0]), (0.0, [0.0, 1.0]));
}

#[test]
fn branches_not_taken_contribute_nothing() {
    // Each second branch, or a value that leads to it, is infinite or NaN there.
    for (cost, point, value, gradient) in [
        ("if(x > 0, log(x), 2*x)", [0.0, 1.0], 0.0, [2.0, 0.0]),
        ("if(x > 0, y*sqrt(x)/x, x + y)", [-1.0, 1.0], 0.0, [1.0, 1.0]),
        ("if(x > 0, exp(y/x)*log(x)^2, y^2)", [0.0, 3.0], 9.0, [0.0, 6.0]),
        ("max(y, -1/x)", [0.0, 3.0], 3.0, [0.0, 1.0]),
        ("min(y, 1/x^2)", [0.0, 3.0], 3.0, [0.0, 1.0]),
        ("abs(sqrt(x)) + y", [0.0, 3.0], 3.0, [0.0, 1.0]),
        (
            "if(x > 0, if(y > 0, log(x), sqrt(x)), y)",
            [-2.0, 3.0],
            3.0,
            [0.0, 1.0],
        ),
        ("if(x > 0, x^y, 0)*y", [0.0, 3.0], 0.0, [0.0, 0.0]),
        ("if(x == 0, 1, sin(x)/x) + y", [0.0, 3.0], 4.0, [0.0, 1.0]),
        (
            "exp(if(x > 0, atan2(0*x, log(x)), y))",
            [0.0, 0.0],
            1.0,
            [0.0, 1.0],
        ),
    ] {
        let (found_value, found_gradient) = evaluate(cost, point);
        assert_eq!((found_value, found_gradient), (value, gradient), "{cost}");
    }
}

#[test]
fn what_is_not_finite_is_not_hidden() {
    let (value, gradient) = evaluate("log(x) + y", [0.0, 1.0]);
    assert_eq!((value, gradient[0]), (f64::NEG_INFINITY, f64::INFINITY));
    assert!(evaluate("0*sqrt(x) + y", [-1.0, 1.0]).0.is_nan());
}

#[test]
fn lanes_give_the_bits_of_single_points() {
    let sources = SMOOTH
        .iter()
        .map(|(cost, ..)| *cost)
        .chain(PIECEWISE.iter().map(|(cost, _)| *cost));
    for cost in sources {
        lanes_agree::<4>(cost);
        lanes_agree::<8>(cost);
    }
}

fn lanes_agree<const LANES: usize>(cost: &str) {
    let file = format!(
        r#"{{"variables": {{"u": 2}}, "parameters": {{"q": 1}}, "let": {{"x": "u[0]", "y": "u[1]", "p": "q[0]"}},
            "cost": "{cost}", "f2": ["x*y", "max(0, sin(x) - y)"]}}"#
    );
    let problem = Problem::from_json(&file, &TextLimits::default()).unwrap_or_else(|e| panic!("{e}"));
    let (mut single, mut block) = (problem.evaluator(), problem.block_evaluator::<LANES>());
    let points: [[f64; 3]; LANES] = std::array::from_fn(|lane| {
        let step = lane as f64;
        [0.37 * step - 1.1, 1.9 - 0.53 * step, 1.7 + 0.1 * step]
    });
    let across = |i: usize| points.map(|point| point[i]);
    block.set_parameters_block(&[across(2)]);
    let (mut g, mut gradient) = ([[0.0; LANES]; 2], [[0.0; LANES]; 2]);
    let costs = block.forward_block(&[across(0), across(1)], &mut g);
    block.reverse_block(&[[0.3; LANES], [-0.7; LANES]], &mut gradient);
    for (lane, [x, y, p]) in points.into_iter().enumerate() {
        single.set_parameters(&[p]);
        let (mut expected_g, mut expected_gradient) = ([0.0; 2], [0.0; 2]);
        let expected = single.forward(&[x, y], &mut expected_g);
        single.reverse(&[0.3, -0.7], &mut expected_gradient);
        let bits = |x: f64| {
            if x.is_nan() {
                f64::NAN.to_bits()
            } else {
                x.to_bits()
            }
        };
        assert_eq!(bits(costs[lane]), bits(expected), "{cost}");
        for i in 0..2 {
            assert_eq!(bits(g[i][lane]), bits(expected_g[i]), "{cost}");
            assert_eq!(bits(gradient[i][lane]), bits(expected_gradient[i]), "{cost}");
        }
    }
}

/// The derivatives with respect to a parameter of value, gradient and constraints are their differences, whatever the
/// operation: the parameter stands where a variable stood.
#[test]
fn parameter_tangents_are_differences() {
    let costs = SMOOTH.iter().map(|(cost, _, point)| (*cost, *point));
    for (cost, point) in costs.chain(PIECEWISE) {
        let file = format!(
            r#"{{"variables": {{"v": 1}}, "parameters": {{"q": 2}},
                "let": {{"x": "q[0]", "y": "v[0]*q[1]", "u": "[q[0], v[0]*q[1]]", "p": "1.7"}},
                "cost": "{cost}", "f1": {{"expressions": ["({cost})*v[0]"], "set": "zero"}}}}"#
        );
        let problem = Problem::from_json(&file, &TextLimits::default()).unwrap_or_else(|e| panic!("{e}"));
        let mut evaluator = problem.evaluator();
        let mut evaluate = |q: [f64; 2]| {
            let (mut g, mut gradient) = ([f64::NAN], [f64::NAN]);
            evaluator.set_parameters(&q);
            evaluator.forward(&[1.0], &mut g);
            evaluator.reverse(&[0.7], &mut gradient);
            let mut rates = [[f64::NAN; 2]; 2];
            for (index, [of_g, of_gradient]) in rates.iter_mut().enumerate() {
                evaluator.parameter_tangent(
                    index,
                    core::slice::from_mut(of_g),
                    core::slice::from_mut(of_gradient),
                );
            }
            ([g[0], gradient[0]], rates)
        };
        let (_, rates) = evaluate(point);
        for (index, rates) in rates.iter().enumerate() {
            let step = 1e-6;
            let moved = |step: f64| {
                let mut moved = point;
                moved[index] += step;
                moved
            };
            let (ahead, behind) = (evaluate(moved(step)).0, evaluate(moved(-step)).0);
            for i in 0..2 {
                let difference = (ahead[i] - behind[i]) / (2.0 * step);
                let what = format!("{cost}: {i} by parameter {index}");
                assert_close(&what, rates[i], difference, 2e-6 * (1.0 + difference.abs()));
            }
        }
    }
}
