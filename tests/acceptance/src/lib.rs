//! Problems that the optimizer is judged on, and the judge of its answers. They share no code with the solver but the
//! evaluation of functions, whose derivatives tests compare with dual numbers.
#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "for the programs and tests of this repository alone, which stop when something is wrong"
)]

mod collection;
mod judge;
mod problems;
mod server;
mod stage_units;
mod stages;
mod units;
mod verdict;

pub use collection::{Collection, HOCK_SCHITTKOWSKI, MORE_GARBOW_HILLSTROM, Row, Totals};
pub use judge::{Truth, judge};
pub use problems::{KnownProblem, OptimalControl, known_problems, optimal_control, optimal_control_in};
pub use server::{Server, connect_from};
pub use stage_units::{STAGE_UNIT_CHANGES, StageUnitChange, StageUnits, same_in_stage_units};
pub use stages::{StagesTruth, judge_stages};
pub use units::{UNIT_CHANGES, UnitChange, Units, same_in_units};
pub use verdict::Verdict;
