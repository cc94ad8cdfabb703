//! The solver on problems that it was not built on. What it has reached, it keeps.

use labwire_acceptance::{Collection, HOCK_SCHITTKOWSKI, MORE_GARBOW_HILLSTROM, Totals};

fn check(collection: Collection) {
    let rows = collection.solve();
    let totals = Totals::new(&rows);
    let misses: Vec<String> = rows
        .iter()
        .filter(|row| !row.is_optimum())
        .map(ToString::to_string)
        .collect();
    assert!(
        totals.hold(&collection.reached),
        "{totals:?}, before {:?}\n{}",
        collection.reached,
        misses.join("\n")
    );
}

#[test]
fn hock_schittkowski() {
    check(HOCK_SCHITTKOWSKI);
}

#[test]
fn more_garbow_hillstrom() {
    check(MORE_GARBOW_HILLSTROM);
}
