//! The side-by-side report: labwire's solver and OpEn's on every benchmark problem, in one process, on one thread.
//!
//! `cargo run --release -p labwire-acceptance --bin report > benches/BENCHMARKS.md` prints it in Markdown (its end, about optimal
//! control, comes from `tests/peers/ocp/run --table`) and writes
//! `target/report.svg`. With the argument `truth` it prints only labwire's own lines, without medians of times. In either
//! case it fails if labwire does not converge, or claims convergence wrongly.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the report is its purpose"
)]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "it stops when something is wrong"
)]

mod chart;
mod open;
mod ours;

use std::env;
use std::process::ExitCode;

use labwire_acceptance::{Truth, judge};
use labwire_benches::expressions;
use labwire_benches::problems::{self, BenchmarkProblem};

/// Number of solves timed for each median.
const TIMED_SOLVES: usize = 200;

/// Result of a solver.
pub(crate) struct Run {
    /// Final point.
    pub(crate) solution: Vec<f64>,
    /// Whether the solver claims convergence.
    pub(crate) claims_converged: bool,
    /// Median duration of a solve.
    pub(crate) microseconds: f64,
    /// Inner iterations.
    pub(crate) iterations: u64,
    /// Evaluations of cost (and constraints).
    pub(crate) costs: u64,
    /// Evaluations of the gradient.
    pub(crate) gradients: u64,
    /// Products with the Hessian.
    pub(crate) hessian_products: u64,
    /// Tolerance that it was given.
    pub(crate) tolerance: f64,
}

/// Row of the comparison.
pub(crate) struct Row {
    /// Name of the problem.
    pub(crate) name: String,
    /// Whether labwire converged, and rightly claimed so, from closures and from text.
    pub(crate) is_true: bool,
    /// labwire's time from closures.
    pub(crate) ours: f64,
    /// Time of OpEn's fastest run of sufficient accuracy.
    pub(crate) open: Option<f64>,
}

fn main() -> ExitCode {
    let argument = env::args().nth(1);
    let all_are_true = match argument.as_deref() {
        None => side_by_side(),
        Some("truth") => labwire_alone(),
        Some(other) => {
            eprintln!("unknown argument `{other}`: expected `truth`, or none");
            return ExitCode::from(64);
        }
    };
    if all_are_true {
        ExitCode::SUCCESS
    } else {
        eprintln!("labwire did not converge, or claimed convergence wrongly");
        ExitCode::FAILURE
    }
}

const HEADER: &str = "| problem | solver | tolerance | time, us | iterations | evaluations (cost / gradient / Hessian product) | cost - optimum | residual | violation | |
|---|---|---|---|---|---|---|---|---|---|";

fn labwire_alone() -> bool {
    println!("{HEADER}");
    let mut all_are_true = true;
    for mut problem in problems::all() {
        all_are_true &= ours(&mut problem, 1).1;
    }
    all_are_true
}

fn side_by_side() -> bool {
    println!("# labwire and optimization_engine, side by side\n");
    println!(
        "Printed by `cargo run --release -p labwire-acceptance --bin report` on {}.\n",
        machine()
    );
    println!(
        "Same process, same thread, same start, functions compiled by rustc for both (and, for labwire, also from a problem's\n\
         text by the interpreter); medians of {TIMED_SOLVES} solves. labwire's tolerance is 1e-6. OpEn's is swept from 1e-3 to 1e-12 and its\n\
         fastest run whose true residual and violation are at most 1e-6 counts. Residual and violation are computed by code\n\
         that no solver shares (`tests/acceptance/src/judge.rs`). Limits for both: 5,000 inner iterations, 50 outer.\n"
    );
    println!("{HEADER}");
    let mut rows = Vec::new();
    for mut problem in problems::all() {
        rows.push(compare(&mut problem));
    }
    let all_are_true = rows.iter().all(|row| row.is_true);
    println!(
        "\n\"How many times faster\" is OpEn's time over labwire's, both measured here; for alpaqa it is OpEn's time over that of\n\
         alpaqa's best method, both measured on another machine of this class with the functions in C.\n\n\
         | problem | labwire, us | OpEn at the same truth, us | how many times faster | alpaqa, elsewhere |\n|---|---|---|---|---|"
    );
    for Row { name, ours, open, .. } in &rows {
        let alpaqa = alpaqa_ratio(name).map_or_else(String::new, |ratio| format!("{ratio:.1}"));
        match open {
            Some(open) => println!(
                "| {name} | {ours:.1} | {open:.1} | {:.1} | {alpaqa} |",
                open / ours
            ),
            None => println!("| {name} | {ours:.1} | not reached | | {alpaqa} |"),
        }
    }
    std::fs::create_dir_all("target").expect("target can be made");
    std::fs::write("target/report.svg", chart::svg(&rows)).expect("target can be written to");
    all_are_true
}

/// OpEn's time for a true residual of 1e-6 over the best of alpaqa's PANOC, ZeroFPR, structured PANOC and PANTR, as measured
/// once with compiled C functions (microseconds of both).
fn alpaqa_ratio(name: &str) -> Option<f64> {
    let (open, alpaqa) = match name {
        "rosen2" => (12.0, 29.0),
        "rosen10" => (56.0, 77.0),
        "rosen50" => (674.0, 782.0),
        "HS071" => (564.0, 85.0),
        "HS039" => (219.0, 54.0),
        "HS100" => (1252.0, 119.0),
        "HS113" => (13789.0, 135.0),
        "nav20" => (662.0, 111.0),
        "nav50" => (9225.0, 598.0),
        "navobs20" => (9935.0, 650.0),
        "navobs50" => (83190.0, 2343.0),
        _ => return None,
    };
    Some(open / alpaqa)
}

/// labwire on closures, and whether it converged, truly, on them and on text. Prints a line for each.
fn ours(problem: &mut BenchmarkProblem, solves: usize) -> (Run, bool) {
    // The functions are moved out while the rest of the problem is borrowed.
    let mut functions = std::mem::replace(&mut problem.functions, problems::all().remove(0).functions);
    let ours = ours::run(problem, functions.as_mut(), solves).expect("the problem is well formed");
    problem.functions = functions;
    let mut is_true = print_run(problem, "labwire", &ours);
    if let Some(mut evaluator) = expressions::evaluator(&problem.name) {
        let run = ours::run(problem, &mut evaluator, solves).expect("the problem is well formed");
        is_true &= print_run(problem, "labwire, text", &run);
    }
    (ours, is_true)
}

fn compare(problem: &mut BenchmarkProblem) -> Row {
    let (ours, is_true) = ours(problem, TIMED_SOLVES);
    if let Some(run) = open::plain_run(problem) {
        print_run(problem, "OpEn", &run);
    } else {
        println!("| {} | OpEn | 1e-6 | error | | | | | | |", problem.name);
    }
    let open = open::best_run(problem, |problem, u| {
        let Truth {
            residual, violation, ..
        } = truth(problem, u);
        residual <= 1e-6 && violation <= 1e-6
    });
    match &open {
        Some(run) => {
            print_run(problem, "OpEn, same truth", run);
        }
        None => println!(
            "| {} | OpEn, same truth | | not reached | | | | | | |",
            problem.name
        ),
    }
    Row {
        name: problem.name.clone(),
        is_true,
        ours: ours.microseconds,
        open: open.map(|run| run.microseconds),
    }
}

/// Prints a row. Returns whether the run converged, and truly so.
fn print_run(problem: &mut BenchmarkProblem, solver: &str, run: &Run) -> bool {
    let Truth {
        residual,
        violation,
        cost,
        ..
    } = truth(problem, &run.solution);
    let remark = match (run.claims_converged, residual.max(violation) <= 1e-6) {
        (true, false) => "claims convergence",
        (false, _) => "not converged",
        (true, true) => "",
    };
    println!(
        "| {} | {solver} | {:.0e} | {:.1} | {} | {} / {} / {} | {:.1e} | {residual:.1e} | {violation:.1e} | {remark} |",
        problem.name,
        run.tolerance,
        run.microseconds,
        run.iterations,
        run.costs,
        run.gradients,
        run.hessian_products,
        cost - problem.optimum,
    );
    remark.is_empty()
}

fn truth(problem: &mut BenchmarkProblem, u: &[f64]) -> Truth {
    judge(problem.functions.as_mut(), &problem.structure, u, &[])
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Name of the processor, and date.
fn machine() -> String {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = name.map_or("an unknown processor", |name| {
        name.trim_start_matches([' ', '\t', ':'])
    });
    let date = std::process::Command::new("date").arg("+%Y-%m-%d").output();
    let date = date
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    format!("{name}, {date}")
}
