//! The collections of problems in other units: `cargo run --release -p labwire-acceptance --bin units` counts how many
//! problems have the same solution, status, and at most twice the evaluations; with `stages`, those of optimal control; with
//! `list`, too, it names the others. Fails if fewer are the same than have been.
#![allow(clippy::print_stdout, reason = "the table is its purpose")]
#![allow(clippy::expect_used, reason = "it stops when something is wrong")]

use std::env;
use std::process::ExitCode;

use labwire_acceptance::{
    HOCK_SCHITTKOWSKI, MORE_GARBOW_HILLSTROM, OptimalControl, Row, STAGE_UNIT_CHANGES, StageUnits,
    UNIT_CHANGES, Units, optimal_control, same_in_stage_units, same_in_units,
};
use labwire_core::problem::{ProblemSolver, Solution};

/// Parts of a hundred of the solves that have been the same: raised when the solver improves.
const REACHED: f64 = 94.5;
/// The same of optimal control.
const REACHED_BY_STAGES: f64 = 83.5;

fn main() -> ExitCode {
    let is_asked = |word: &str| env::args().skip(1).any(|argument| argument == word);
    let reached = match is_asked("stages") {
        true => of_stages(is_asked("list")),
        false => of_collections(is_asked("list")),
    };
    match reached {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Counts of one change of units, or of all.
#[derive(Default)]
struct Counts {
    all: u32,
    kinds: [u32; 3],
}

impl Counts {
    fn add(&mut self, difference: Option<(usize, String)>, is_listed: bool) {
        self.all += 1;
        if let Some((kind, text)) = difference {
            self.kinds[kind] += 1;
            if is_listed {
                println!("    {text}");
            }
        }
    }

    fn same(&self) -> u32 {
        self.all - self.kinds.iter().sum::<u32>()
    }

    fn print(&self, name: &str) {
        let [solution, status, evaluations] = self.kinds;
        let (all, same) = (self.all, self.same());
        println!("{name:<30} {all:>7} {same:>5} {solution:>15} {status:>13} {evaluations:>32}");
    }
}

fn print_heading() {
    println!(
        "units                           solves  same  other solution  other status  more than twice the evaluations"
    );
}

/// Prints the sum. Returns whether as many are the same as have been.
fn has_reached(total: &Counts, reached: f64) -> bool {
    let (same, all) = (total.same(), total.all);
    let percent = 100.0 * f64::from(same) / f64::from(all);
    println!("{same} of {all} are the same: {percent:.1} %, before {reached} %");
    percent >= reached
}

fn of_stages(is_listed: bool) -> bool {
    let solved = |problem: OptimalControl| -> (OptimalControl, Solution) {
        let mut solver = ProblemSolver::new(&problem.problem).expect("the settings are valid");
        let solution = solver.solve(&problem.parameters).expect("the parameters fit");
        (problem, solution)
    };
    let rows: Vec<(OptimalControl, Solution)> = optimal_control().into_iter().map(solved).collect();
    print_heading();
    let mut total = Counts::default();
    for (name, choose) in STAGE_UNIT_CHANGES {
        let mut counts = Counts::default();
        for ((problem, own), seed) in rows.iter().zip(0..) {
            if let Some(units) = StageUnits::chosen(problem, choose, seed) {
                counts.add(same_in_stage_units(problem, own, &units), is_listed);
            }
        }
        counts.print(name);
        total.all += counts.all;
        (0..3).for_each(|kind| total.kinds[kind] += counts.kinds[kind]);
    }
    has_reached(&total, REACHED_BY_STAGES)
}

fn of_collections(is_listed: bool) -> bool {
    let mut rows = HOCK_SCHITTKOWSKI.solve();
    rows.extend(MORE_GARBOW_HILLSTROM.solve());
    rows.retain(Row::is_optimum);
    println!("{} problems that are solved in their own units", rows.len());
    print_heading();
    let mut total = Counts::default();
    for (name, choose) in UNIT_CHANGES {
        let mut counts = Counts::default();
        for (row, seed) in rows.iter().zip(0..) {
            if let Some(units) = Units::chosen(&row.known.problem, choose, seed) {
                counts.add(same_in_units(row, &units), is_listed);
            }
        }
        counts.print(name);
        total.all += counts.all;
        (0..3).for_each(|kind| total.kinds[kind] += counts.kinds[kind]);
    }
    has_reached(&total, REACHED)
}
