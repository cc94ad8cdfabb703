//! The collections of problems with known optima, solved and judged:
//! `cargo run --release -p labwire-acceptance --bin hock_schittkowski`, and with the argument `mgh` the problems of Moré,
//! Garbow and Hillstrom. Fails if the totals fall below what the solver has reached before.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is its purpose"
)]

use std::env;
use std::process::ExitCode;

use labwire_acceptance::{HOCK_SCHITTKOWSKI, MORE_GARBOW_HILLSTROM, Row, Totals};

fn main() -> ExitCode {
    let collection = match env::args().nth(1).as_deref() {
        None | Some("hs") => HOCK_SCHITTKOWSKI,
        Some("mgh") => MORE_GARBOW_HILLSTROM,
        Some(other) => {
            eprintln!("unknown argument `{other}`: expected `hs` or `mgh`");
            return ExitCode::from(64);
        }
    };
    let rows = collection.solve();
    println!("{}", Row::HEADER);
    for row in &rows {
        println!("{row}");
    }
    let (totals, reached) = (Totals::new(&rows), collection.reached);
    println!(
        "{} problems: {} to the listed optimum or a better one, {} to a KKT point, {} false claims; \
         geometric mean of the evaluations {:.1}",
        rows.len(),
        totals.optima,
        totals.kkt_points,
        totals.false_claims,
        totals.work
    );
    println!("reached before: {reached:?}");
    if totals.hold(&reached) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
