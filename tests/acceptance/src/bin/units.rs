//! The collections of problems in other units: `cargo run --release -p labwire-acceptance --bin units` counts how many
//! problems have the same solution, status, and at most twice the evaluations; with `list` it names the others. Fails if
//! fewer are the same than have been.
#![allow(clippy::print_stdout, reason = "the table is its purpose")]
#![allow(clippy::expect_used, reason = "it stops when something is wrong")]

use std::env;
use std::process::ExitCode;

use labwire_acceptance::{HOCK_SCHITTKOWSKI, MORE_GARBOW_HILLSTROM, Row, UNIT_CHANGES, Units, same_in_units};

/// Parts of a hundred of the solves that have been the same: raised when the solver improves.
const REACHED: f64 = 94.5;

fn main() -> ExitCode {
    let is_listed = env::args().nth(1).as_deref() == Some("list");
    let mut rows = HOCK_SCHITTKOWSKI.solve();
    rows.extend(MORE_GARBOW_HILLSTROM.solve());
    rows.retain(Row::is_optimum);
    println!("{} problems that are solved in their own units", rows.len());
    println!(
        "units                           solves  same  other solution  other status  more than twice the evaluations"
    );
    let (mut all, mut same) = (0, 0);
    for (name, choose) in UNIT_CHANGES {
        let mut counts = [0; 3];
        let mut count = 0;
        for (row, seed) in rows.iter().zip(0..) {
            let Some(units) = Units::chosen(&row.known.problem, choose, seed) else {
                continue;
            };
            count += 1;
            let difference = same_in_units(row, &units);
            all += 1;
            same += u32::from(difference.is_none());
            if let Some((kind, text)) = difference {
                counts[kind] += 1;
                if is_listed {
                    println!("    {text}");
                }
            }
        }
        let total: u32 = counts.iter().sum();
        println!(
            "{name:<30} {count:>7} {:>5} {:>15} {:>13} {:>32}",
            count - total,
            counts[0],
            counts[1],
            counts[2]
        );
    }
    let percent = 100.0 * f64::from(same) / f64::from(all);
    println!("{same} of {all} are the same: {percent:.1} %, before {REACHED} %");
    if percent >= REACHED {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
