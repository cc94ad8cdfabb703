//! Meaning of problem files: the expression language, the layout of vectors, the treatment of constraints.

use labwire_core::problem::{BlockKind, Problem, TextLimits};
use labwire_core::sets::{AffineSpace, Set};

fn load(file: &str) -> Problem {
    Problem::from_json(file, &TextLimits::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Value of an expression for u = (2, 3, 5) and p = (7, 11).
fn value(expression: &str) -> f64 {
    let file = format!(
        r#"{{"variables": {{"u": 3}}, "parameters": {{"p": 2}},
            "let": {{"a": "p[0]", "v": "u[0..2]", "M": "[[1, 2, 3], u, [i^2 for i in 0..3]]",
                     "double(x)": "2*x", "near(x, y)": "double(x - y)^2", "ten": 10}},
            "cost": "{expression}"}}"#
    );
    let mut evaluator = load(&file).evaluator();
    evaluator.set_parameters(&[7.0, 11.0]);
    evaluator.forward(&[2.0, 3.0, 5.0], &mut [])
}

#[test]
fn expressions_mean_what_they_say() {
    for (expression, expected) in [
        // Precedence and associativity.
        ("-2^2", -4.0),
        ("2^3^2", 512.0),
        ("2^-1", 0.5),
        ("2^-1*4", 2.0),
        ("-2*-3", 6.0),
        ("10 - 4 - 3", 3.0),
        ("24/4/3", 2.0),
        ("1 + 2*3 - 4/2", 5.0),
        ("(1 + 2)*3", 9.0),
        ("1 + 2 < 4", 1.0),
        ("+3 - -2", 5.0),
        ("-u[0]^2", -4.0),
        // Numbers and constants.
        ("1.5e1 + .5 + 2. + 1e-1", 17.6),
        ("floor(pi) + floor(e)", 5.0),
        ("1/inf", 0.0),
        ("ten", 10.0),
        // Names, indices, slices.
        ("u[0] + u[1 + 1]", 7.0),
        ("a", 7.0),
        ("sum(u[1..3])", 8.0),
        ("v[1]", 3.0),
        ("M[0][2] + M[1][1] + M[2][2]", 10.0),
        ("u[2..3]", 5.0),
        // Loops: half-open, in order, nested.
        ("sum(i in 0..3, u[i]*i)", 13.0),
        ("sum(i in 0..2, sum(j in i..2, 10*i + j))", 12.0),
        ("prod(i in 0..3, u[i])", 30.0),
        ("sum(i in 2..2, u[i])", 0.0),
        ("prod(i in 2..0, u[i])", 1.0),
        ("sum(i in 0..3, if(i > 0, u[i - 1], 0))", 5.0),
        ("sum([u[i]^2 for i in 0..3])", 38.0),
        // Vectors.
        ("sum(u + 1)", 13.0),
        ("sum(2*u - [1, 1, 1])", 17.0),
        ("sum(-u)", -10.0),
        ("sum(v*v)", 13.0),
        ("dot(u, [1, 10, 100])", 532.0),
        ("norm2([3, 4*u[0]/2])", 5.0),
        ("norm_inf(-u)", 5.0),
        ("max(u) - min(u)", 3.0),
        ("max(1, u[0], 1.5)", 2.0),
        ("sum(max(u, 3))", 11.0),
        ("prod(u)", 30.0),
        // Definitions.
        ("double(a)", 14.0),
        ("near(a, 5)", 16.0),
        ("sum(double(u))", 20.0),
        // Functions.
        ("if(u[0] < 1, 1, u[0])", 2.0),
        ("pow(2, 10)", 1024.0),
        ("abs(-3) + sign(-2) + floor(-0.5)", 1.0),
        ("(2 <= 2)*10 + (2 >= 3) + (1 == 1) + (1 != 1)", 11.0),
    ] {
        let found = value(expression);
        assert!(
            (found - expected).abs() < 1e-14,
            "{expression}: {found}, expected {expected}"
        );
    }
}

#[test]
fn names_are_laid_out_in_order() {
    let problem = load(
        r#"{"variables": {"x": 2, "y": 1}, "parameters": {"s": 1, "t": 2},
            "cost": "x[0] + 10*x[1] + 100*y + 1000*s + 1e4*t[0] + 1e5*t[1]",
            "constraints": {"y": {"box": {"min": 0}}}, "initial_guess": [1, 2, 3], "initial_penalty": 5}"#,
    );
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(&[4.0, 5.0, 6.0]);
    assert_eq!(evaluator.forward(&[1.0, 2.0, 3.0], &mut []), 654_321.0);
    let half_line = Set::Box {
        min: vec![0.0],
        max: vec![f64::INFINITY],
    };
    assert_eq!(*problem.set(), Set::Product(vec![(2, Set::All), (3, half_line)]));
    assert_eq!(problem.initial_guess(), Some(&[1.0, 2.0, 3.0][..]));
    assert_eq!(problem.settings().initial_penalty, Some(5.0));
    assert_eq!(problem.variables()[1].name, "y");
}

#[test]
fn every_set_has_a_name() {
    let center = Some(vec![1.0, 2.0]);
    let radius = 0.5;
    for (text, expected) in [
        (
            r#"{"ball_p": {"p": 3, "radius": 0.5, "center": [1, 2]}}"#,
            Set::BallP {
                p: 3.0,
                center: center.clone(),
                radius,
            },
        ),
        (
            r#"{"sphere2": {"radius": 0.5, "center": [1, 2]}}"#,
            Set::Sphere2 { center, radius },
        ),
        (r#"{"simplex": {"alpha": 2}}"#, Set::Simplex { alpha: 2.0 }),
        (
            r#"{"halfspace": {"normal": [1, 2], "offset": 3}}"#,
            Set::Halfspace {
                normal: vec![1.0, 2.0],
                offset: 3.0,
            },
        ),
        (
            r#"{"hyperplane": {"normal": 1, "offset": 3}}"#,
            Set::Hyperplane {
                normal: vec![1.0; 2],
                offset: 3.0,
            },
        ),
        (
            r#"{"affine_space": {"A": [[1, 2]], "b": [3]}}"#,
            Set::AffineSpace(AffineSpace::new(&[1.0, 2.0], &[3.0]).unwrap()),
        ),
        (
            r#"{"second_order_cone": {"alpha": 2}}"#,
            Set::SecondOrderCone { alpha: 2.0 },
        ),
        (r#""epigraph_squared_norm""#, Set::EpigraphSquaredNorm),
        (r#"{"epigraph_squared_norm": {}}"#, Set::EpigraphSquaredNorm),
        (
            r#"{"finite_set": {"points": [[0, 1], 2]}}"#,
            Set::Finite(vec![vec![0.0, 1.0], vec![2.0; 2]]),
        ),
    ] {
        let problem = load(&format!(
            r#"{{"variables": {{"u": 2}}, "cost": "u[0]", "constraints": {{"u": {text}}},
                "f1": {{"expressions": ["u[0]", "u", "u[1]"], "set": {{"product": {{"0..1": "zero", "1..3": {text}, "3..4": "all"}}}}}}}}"#
        ));
        assert_eq!(problem.set(), &expected, "{text}");
        assert_eq!(problem.blocks()[1].set, expected, "{text}");
    }
}

#[test]
fn constraints_become_blocks() {
    let problem = load(
        r#"{"variables": {"u": 4}, "cost": "u[0]",
            "f1": {"expressions": ["u[0..2]", "u[2]*u[3]"],
                   "set": {"product": {"0..2": {"ball2": {"radius": 2, "center": [1, 0]}}, "2..3": "zero"}}},
            "f2": ["u[0] - u[1]", "u[2]^2", "max(0, u[0])", "max(u[1] - 1, 0)", "max(u[0], u[1])", "abs(u[3])",
                   "max(0, abs(u[0]))", "u[3]"]}"#,
    );
    let kinds: Vec<_> = problem
        .blocks()
        .iter()
        .map(|block| (block.range.clone(), block.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            (0..2, BlockKind::F1),
            (2..3, BlockKind::F1),
            (3..5, BlockKind::F2Equality),
            (5..7, BlockKind::F2Inequality),
            (7..10, BlockKind::F2Penalty),
            (10..11, BlockKind::F2Equality),
        ]
    );
    let at_most_zero = Set::Box {
        min: vec![f64::NEG_INFINITY; 2],
        max: vec![0.0; 2],
    };
    assert_eq!(problem.blocks()[3].set, at_most_zero);
    assert_eq!((problem.num_f1(), problem.num_f2()), (3, 8));

    let mut g = [0.0; 11];
    problem.evaluator().forward(&[-1.0, 0.5, 2.0, 3.0], &mut g);
    assert_eq!(g, [-1.0, 0.5, 6.0, -1.5, 4.0, -1.0, -0.5, 0.5, 3.0, 1.0, 3.0]);
}

#[test]
fn instructions_are_a_graph() {
    let problem = load(
        r#"{"variables": {"x": 2}, "parameters": {"p": 1}, "let": {"twice(a)": "2*a"},
            "graph": {
              "instructions": [["OP_INPUT", "x", 0], ["OP_INPUT", "x", 1], ["OP_SIN", 0], ["OP_MUL", 2, 1],
                               ["OP_INPUT", "p", 0], ["OP_ADD", 3, 4], ["OP_CONST", -0.5], ["OP_LT", 0, 6],
                               ["OP_IF_ELSE_ZERO", 7, 1], ["OP_CONST", "inf"], ["OP_FMIN", 9, 8]],
              "outputs": {"f": [5], "g": [10, 3]}
            },
            "f1": {"expressions": ["g", "twice(f)"], "set": "zero"}}"#,
    );
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(&[10.0]);
    let (mut g, mut gradient) = ([0.0; 3], [0.0; 2]);
    let sine = labwire_core::math::sin(-1.0);
    assert_eq!(evaluator.forward(&[-1.0, 3.0], &mut g), sine * 3.0 + 10.0);
    assert_eq!(g, [3.0, sine * 3.0, 2.0 * (sine * 3.0 + 10.0)]);
    evaluator.reverse(&[1.0, 0.0, 0.0], &mut gradient);
    assert_eq!(gradient, [3.0 * labwire_core::math::cos(-1.0), sine + 1.0]);
}

#[test]
fn multipliers_weigh_the_constraints() {
    let problem = load(r#"{"variables": {"u": 2}, "cost": "u[0]", "f2": ["u[0]*u[1]", "max(0, u[1])"]}"#);
    let mut evaluator = problem.evaluator();
    let (mut g, mut gradient) = ([0.0; 2], [0.0; 2]);
    evaluator.forward(&[3.0, -5.0], &mut g);
    evaluator.reverse(&[2.0, 7.0], &mut gradient);
    assert_eq!(gradient, [1.0 - 10.0, 6.0 + 7.0]);
}

#[test]
fn parameters_are_computed_with_once() {
    let problem =
        load(r#"{"variables": {"u": 1}, "parameters": {"p": 1}, "cost": "exp(sin(p))*u^2 + 3*4*u"}"#);
    let operations = problem.summary().operations;
    assert_eq!((operations.parameters, operations.forward), (3, 4));
}

#[test]
fn long_sums_need_no_stack() {
    let terms = vec!["(u[0] - 1)"; 5_000].join(" + ");
    let problem = load(&format!(r#"{{"variables": {{"u": 1}}, "cost": "{terms}"}}"#));
    assert_eq!(problem.evaluator().forward(&[3.0], &mut []), 10_000.0);
}

#[test]
fn a_summary_tells_what_there_is() {
    let problem = load(labwire_core::problem::DEFAULT_PROBLEM);
    let expected = "\
problem      rosenbrock
variables    5: u[5]
parameters   2: p[2]
u in         a ball of radius 1.5
g[0..2]      F1 in a box, min [0.0, -inf], max 0
operations   35 for the values, 28 more for the gradient, 1 once when the parameters are set";
    assert_eq!(problem.summary().to_string(), expected);
}
