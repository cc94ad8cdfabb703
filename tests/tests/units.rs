//! The same problems in other units: the same solution and status, and at most twice the evaluations.

use labwire_acceptance::{HOCK_SCHITTKOWSKI, MORE_GARBOW_HILLSTROM, Row, UNIT_CHANGES, Units, same_in_units};

/// Parts of a hundred of the changes that make no difference: raised when the solver improves. In release,
/// `--bin units` solves each problem in all of them.
const REACHED: f64 = 92.0;
/// Problems in which no change makes a difference.
const INVARIANT: [&str; 20] = [
    "HS1",
    "HS3",
    "HS4",
    "HS5",
    "HS7",
    "HS8",
    "HS12",
    "HS18",
    "HS21",
    "HS28",
    "HS35",
    "HS43",
    "HS44",
    "HS48",
    "HS71",
    "HS76",
    "HS86",
    "HS100",
    "HS113",
    "rosenbrock",
];

fn solved() -> Vec<Row> {
    let mut rows = HOCK_SCHITTKOWSKI.solve();
    rows.extend(MORE_GARBOW_HILLSTROM.solve());
    rows.retain(Row::is_optimum);
    rows
}

/// Every problem in two of the changes.
#[test]
fn problems_have_the_same_solution_in_other_units() {
    let (mut count, mut differences) = (0, Vec::new());
    for (i, row) in solved().iter().enumerate() {
        for place in [i, i + 6] {
            let (name, choose) = UNIT_CHANGES[place % UNIT_CHANGES.len()];
            let Some(units) = Units::chosen(&row.known.problem, choose, i as u64) else {
                continue;
            };
            count += 1;
            if let Some((_, text)) = same_in_units(row, &units) {
                differences.push(format!("{name}: {text}"));
            }
        }
    }
    let same = 100.0 * (1.0 - differences.len() as f64 / f64::from(count));
    assert!(
        count > 200 && same >= REACHED,
        "{same:.1} % of {count} are the same, before {REACHED} %\n{}",
        differences.join("\n")
    );
}

#[test]
fn some_problems_are_the_same_in_all_units() {
    let rows = solved();
    for name in INVARIANT {
        let row = rows.iter().find(|row| row.known.problem.name() == name);
        let row = row.unwrap_or_else(|| panic!("{name} is not solved"));
        for (change, choose) in UNIT_CHANGES {
            if let Some(units) = Units::chosen(&row.known.problem, choose, 1) {
                let difference = same_in_units(row, &units);
                assert_eq!(difference, None, "{change}");
            }
        }
    }
}
