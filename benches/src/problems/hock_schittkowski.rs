//! Problems 26, 39, 71, 100 and 113 of Hock and Schittkowski (1981), with hand-written derivatives.

use labwire_core::sets::Set;
use labwire_core::solve::{Constrained, Constraint, Structure};

use super::{BenchmarkProblem, at_least_zero};

fn problem(
    name: &str,
    structure: Structure,
    start: &[f64],
    optimum: f64,
    forward: fn(&[f64], &mut [f64]) -> f64,
    reverse: fn(&[f64], &[f64], &mut [f64]),
) -> BenchmarkProblem {
    let (num_variables, num_constraints) = (structure.num_variables, structure.num_constraints());
    BenchmarkProblem {
        name: name.into(),
        structure,
        start: start.to_vec(),
        optimum,
        functions: Box::new(Constrained::new(num_variables, num_constraints, forward, reverse)),
    }
}

fn equality(num_variables: usize, len: usize) -> Structure {
    Structure {
        num_variables,
        set: Set::All,
        constraints: vec![Constraint::new(len, Set::Zero)],
    }
}

fn inequality(num_variables: usize, len: usize) -> Structure {
    Structure {
        num_variables,
        set: Set::All,
        constraints: vec![Constraint::new(len, at_least_zero(len))],
    }
}

pub(super) fn hs071() -> BenchmarkProblem {
    let structure = Structure {
        num_variables: 4,
        set: Set::Box {
            min: vec![1.0; 4],
            max: vec![5.0; 4],
        },
        constraints: vec![
            Constraint::new(
                1,
                Set::Box {
                    min: vec![25.0],
                    max: vec![f64::INFINITY],
                },
            ),
            Constraint::new(
                1,
                Set::Box {
                    min: vec![40.0],
                    max: vec![40.0],
                },
            ),
        ],
    };
    problem(
        "HS071",
        structure,
        &[1.0, 5.0, 5.0, 1.0],
        17.0140173,
        |x, g| {
            g[0] = x[0] * x[1] * x[2] * x[3];
            g[1] = x[0] * x[0] + x[1] * x[1] + x[2] * x[2] + x[3] * x[3];
            x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]
        },
        |x, y, d| {
            let sum = x[0] + x[1] + x[2];
            d[0] = x[3] * sum + x[0] * x[3] + y[0] * x[1] * x[2] * x[3] + 2.0 * y[1] * x[0];
            d[1] = x[0] * x[3] + y[0] * x[0] * x[2] * x[3] + 2.0 * y[1] * x[1];
            d[2] = x[0] * x[3] + 1.0 + y[0] * x[0] * x[1] * x[3] + 2.0 * y[1] * x[2];
            d[3] = x[0] * sum + y[0] * x[0] * x[1] * x[2] + 2.0 * y[1] * x[3];
        },
    )
}

pub(super) fn hs026() -> BenchmarkProblem {
    problem(
        "HS026",
        equality(3, 1),
        &[-2.6, 2.0, 2.0],
        0.0,
        |x, g| {
            let (a, b) = (x[0] - x[1], x[1] - x[2]);
            g[0] = (1.0 + x[1] * x[1]) * x[0] + x[2] * x[2] * x[2] * x[2] - 3.0;
            a * a + b * b * b * b
        },
        |x, y, d| {
            let (a, b) = (x[0] - x[1], x[1] - x[2]);
            d[0] = 2.0 * a + y[0] * (1.0 + x[1] * x[1]);
            d[1] = -2.0 * a + 4.0 * b * b * b + y[0] * 2.0 * x[1] * x[0];
            d[2] = -4.0 * b * b * b + y[0] * 4.0 * x[2] * x[2] * x[2];
        },
    )
}

pub(super) fn hs039() -> BenchmarkProblem {
    problem(
        "HS039",
        equality(4, 2),
        &[2.0; 4],
        -1.0,
        |x, g| {
            g[0] = x[1] - x[0] * x[0] * x[0] - x[2] * x[2];
            g[1] = x[0] * x[0] - x[1] - x[3] * x[3];
            -x[0]
        },
        |x, y, d| {
            d[0] = -1.0 - 3.0 * y[0] * x[0] * x[0] + 2.0 * y[1] * x[0];
            d[1] = y[0] - y[1];
            d[2] = -2.0 * y[0] * x[2];
            d[3] = -2.0 * y[1] * x[3];
        },
    )
}

pub(super) fn hs100() -> BenchmarkProblem {
    problem(
        "HS100",
        inequality(7, 4),
        &[1.0, 2.0, 0.0, 4.0, 0.0, 1.0, 1.0],
        680.6300573,
        hs100_forward,
        hs100_reverse,
    )
}

fn hs100_forward(x: &[f64], g: &mut [f64]) -> f64 {
    let square = |v: f64| v * v;
    g[0] = 127.0 - 2.0 * square(x[0]) - 3.0 * square(square(x[1])) - x[2] - 4.0 * square(x[3]) - 5.0 * x[4];
    g[1] = 282.0 - 7.0 * x[0] - 3.0 * x[1] - 10.0 * square(x[2]) - x[3] + x[4];
    g[2] = 196.0 - 23.0 * x[0] - square(x[1]) - 6.0 * square(x[5]) + 8.0 * x[6];
    g[3] = -4.0 * square(x[0]) - square(x[1]) + 3.0 * x[0] * x[1] - 2.0 * square(x[2]) - 5.0 * x[5]
        + 11.0 * x[6];
    square(x[0] - 10.0)
        + 5.0 * square(x[1] - 12.0)
        + square(square(x[2]))
        + 3.0 * square(x[3] - 11.0)
        + 10.0 * square(x[4] * x[4] * x[4])
        + 7.0 * square(x[5])
        + square(square(x[6]))
        - 4.0 * x[5] * x[6]
        - 10.0 * x[5]
        - 8.0 * x[6]
}

fn hs100_reverse(x: &[f64], y: &[f64], d: &mut [f64]) {
    let cube = |v: f64| v * v * v;
    d[0] =
        2.0 * (x[0] - 10.0) - 4.0 * y[0] * x[0] - 7.0 * y[1] - 23.0 * y[2] + y[3] * (3.0 * x[1] - 8.0 * x[0]);
    d[1] = 10.0 * (x[1] - 12.0) - 12.0 * y[0] * cube(x[1]) - 3.0 * y[1] - 2.0 * y[2] * x[1]
        + y[3] * (3.0 * x[0] - 2.0 * x[1]);
    d[2] = 4.0 * cube(x[2]) - y[0] - 20.0 * y[1] * x[2] - 4.0 * y[3] * x[2];
    d[3] = 6.0 * (x[3] - 11.0) - 8.0 * y[0] * x[3] - y[1];
    d[4] = 60.0 * x[4] * x[4] * cube(x[4]) - 5.0 * y[0] + y[1];
    d[5] = 14.0 * x[5] - 4.0 * x[6] - 10.0 - 12.0 * y[2] * x[5] - 5.0 * y[3];
    d[6] = 4.0 * cube(x[6]) - 4.0 * x[5] - 8.0 + 8.0 * y[2] + 11.0 * y[3];
}

pub(super) fn hs113() -> BenchmarkProblem {
    let start = [2.0, 3.0, 5.0, 5.0, 1.0, 2.0, 7.0, 3.0, 6.0, 10.0];
    problem(
        "HS113",
        inequality(10, 8),
        &start,
        24.3062091,
        hs113_forward,
        hs113_reverse,
    )
}

fn hs113_forward(x: &[f64], g: &mut [f64]) -> f64 {
    let square = |v: f64| v * v;
    g[0] = 105.0 - 4.0 * x[0] - 5.0 * x[1] + 3.0 * x[6] - 9.0 * x[7];
    g[1] = -10.0 * x[0] + 8.0 * x[1] + 17.0 * x[6] - 2.0 * x[7];
    g[2] = 8.0 * x[0] - 2.0 * x[1] - 5.0 * x[8] + 2.0 * x[9] + 12.0;
    g[3] = -3.0 * square(x[0] - 2.0) - 4.0 * square(x[1] - 3.0) - 2.0 * square(x[2]) + 7.0 * x[3] + 120.0;
    g[4] = -5.0 * square(x[0]) - 8.0 * x[1] - square(x[2] - 6.0) + 2.0 * x[3] + 40.0;
    g[5] = -0.5 * square(x[0] - 8.0) - 2.0 * square(x[1] - 4.0) - 3.0 * square(x[4]) + x[5] + 30.0;
    g[6] = -square(x[0]) - 2.0 * square(x[1] - 2.0) + 2.0 * x[0] * x[1] - 14.0 * x[4] + 6.0 * x[5];
    g[7] = 3.0 * x[0] - 6.0 * x[1] - 12.0 * square(x[8] - 8.0) + 7.0 * x[9];
    square(x[0]) + square(x[1]) + x[0] * x[1] - 14.0 * x[0] - 16.0 * x[1]
        + square(x[2] - 10.0)
        + 4.0 * square(x[3] - 5.0)
        + square(x[4] - 3.0)
        + 2.0 * square(x[5] - 1.0)
        + 5.0 * square(x[6])
        + 7.0 * square(x[7] - 11.0)
        + 2.0 * square(x[8] - 10.0)
        + square(x[9] - 7.0)
        + 45.0
}

fn hs113_reverse(x: &[f64], y: &[f64], d: &mut [f64]) {
    d[0] = 2.0 * x[0] + x[1] - 14.0 - 4.0 * y[0] - 10.0 * y[1] + 8.0 * y[2]
        - 6.0 * y[3] * (x[0] - 2.0)
        - 10.0 * y[4] * x[0]
        - y[5] * (x[0] - 8.0)
        + y[6] * (2.0 * x[1] - 2.0 * x[0])
        + 3.0 * y[7];
    d[1] = 2.0 * x[1] + x[0] - 16.0 - 5.0 * y[0] + 8.0 * y[1]
        - 2.0 * y[2]
        - 8.0 * y[3] * (x[1] - 3.0)
        - 8.0 * y[4]
        - 4.0 * y[5] * (x[1] - 4.0)
        + y[6] * (2.0 * x[0] - 4.0 * (x[1] - 2.0))
        - 6.0 * y[7];
    d[2] = 2.0 * (x[2] - 10.0) - 4.0 * y[3] * x[2] - 2.0 * y[4] * (x[2] - 6.0);
    d[3] = 8.0 * (x[3] - 5.0) + 7.0 * y[3] + 2.0 * y[4];
    d[4] = 2.0 * (x[4] - 3.0) - 6.0 * y[5] * x[4] - 14.0 * y[6];
    d[5] = 4.0 * (x[5] - 1.0) + y[5] + 6.0 * y[6];
    d[6] = 10.0 * x[6] + 3.0 * y[0] + 17.0 * y[1];
    d[7] = 14.0 * (x[7] - 11.0) - 9.0 * y[0] - 2.0 * y[1];
    d[8] = 4.0 * (x[8] - 10.0) - 5.0 * y[2] - 24.0 * y[7] * (x[8] - 8.0);
    d[9] = 2.0 * (x[9] - 7.0) + 2.0 * y[2] + 7.0 * y[7];
}
