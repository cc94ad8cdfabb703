//! The benchmark problems as problem files.

use labwire_core::problem::{Evaluator, Problem, ProblemLimits};

/// What evaluates the problem of this name from its text; nothing for one that has no text.
pub(crate) fn evaluator(name: &str) -> Option<Evaluator> {
    let text = match name {
        "HS071" => hs(
            4,
            "x[0]*x[3]*(x[0] + x[1] + x[2]) + x[2]",
            &["x[0]*x[1]*x[2]*x[3]", "dot(x, x)"],
        ),
        "HS026" => hs(
            3,
            "(x[0] - x[1])^2 + (x[1] - x[2])^4",
            &["(1 + x[1]^2)*x[0] + x[2]^4 - 3"],
        ),
        "HS039" => hs(4, "-x[0]", &["x[1] - x[0]^3 - x[2]^2", "x[0]^2 - x[1] - x[3]^2"]),
        "HS100" => hs(
            7,
            "(x[0]-10)^2 + 5*(x[1]-12)^2 + x[2]^4 + 3*(x[3]-11)^2 + 10*x[4]^6 + 7*x[5]^2 + x[6]^4 - 4*x[5]*x[6] - 10*x[5] - 8*x[6]",
            &[
                "127 - 2*x[0]^2 - 3*x[1]^4 - x[2] - 4*x[3]^2 - 5*x[4]",
                "282 - 7*x[0] - 3*x[1] - 10*x[2]^2 - x[3] + x[4]",
                "196 - 23*x[0] - x[1]^2 - 6*x[5]^2 + 8*x[6]",
                "-4*x[0]^2 - x[1]^2 + 3*x[0]*x[1] - 2*x[2]^2 - 5*x[5] + 11*x[6]",
            ],
        ),
        "HS113" => hs(
            10,
            "x[0]^2 + x[1]^2 + x[0]*x[1] - 14*x[0] - 16*x[1] + (x[2]-10)^2 + 4*(x[3]-5)^2 + (x[4]-3)^2 + 2*(x[5]-1)^2 \
             + 5*x[6]^2 + 7*(x[7]-11)^2 + 2*(x[8]-10)^2 + (x[9]-7)^2 + 45",
            &[
                "105 - 4*x[0] - 5*x[1] + 3*x[6] - 9*x[7]",
                "-10*x[0] + 8*x[1] + 17*x[6] - 2*x[7]",
                "8*x[0] - 2*x[1] - 5*x[8] + 2*x[9] + 12",
                "-3*(x[0]-2)^2 - 4*(x[1]-3)^2 - 2*x[2]^2 + 7*x[3] + 120",
                "-5*x[0]^2 - 8*x[1] - (x[2]-6)^2 + 2*x[3] + 40",
                "-(x[0]-8)^2/2 - 2*(x[1]-4)^2 - 3*x[4]^2 + x[5] + 30",
                "-x[0]^2 - 2*(x[1]-2)^2 + 2*x[0]*x[1] - 14*x[4] + 6*x[5]",
                "3*x[0] - 6*x[1] - 12*(x[8]-8)^2 + 7*x[9]",
            ],
        ),
        _ => rosenbrock(name.strip_prefix("rosen")?.trim_end_matches('b').parse().ok()?),
    };
    let problem = Problem::from_json(&text, &ProblemLimits::default())
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut evaluator = problem.evaluator();
    evaluator.set_parameters(&[]);
    Some(evaluator)
}

fn rosenbrock(n: usize) -> String {
    let last = n - 1;
    format!(
        r#"{{"variables": {{"x": {n}}}, "cost": "sum(i in 0..{last}, 100*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)"}}"#
    )
}

/// The sets are the benchmark's: only the functions come from here.
fn hs(n: usize, cost: &str, constraints: &[&str]) -> String {
    let list: Vec<_> = constraints
        .iter()
        .map(|expression| format!("\"{expression}\""))
        .collect();
    format!(
        r#"{{"variables": {{"x": {n}}}, "cost": "{cost}", "f1": {{"expressions": [{}], "set": "zero"}}}}"#,
        list.join(", ")
    )
}
