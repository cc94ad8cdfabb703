//! Types that hosts move to, or share with, other threads: this file compiles as long as they can.

use labwire_core::design::{Designer, Experiment};
use labwire_core::problem::{Evaluator, Problem, ProblemSolver, Solution, TextError};
use labwire_core::service::module::Instrument;
use labwire_core::service::optimizer::{OptimizerJob, OptimizerService};
use labwire_core::service::registry::Registry;
use labwire_core::service::{Endpoint, Peer, Sequential};
use labwire_core::session::CloseReason;
use labwire_core::simulate::Emulator;
use labwire_core::solve::{Solver, SolverError};
use labwire_core::time::Instant;
use labwire_core::{device, obe, open, pymodaq, zeiss};

macro_rules! all {
    ($bounds:path: $($type:ty),* $(,)?) => {{
        fn has<T: $bounds>() {}
        $(has::<$type>();)*
    }};
}

#[test]
fn main_types_can_be_moved_to_other_threads() {
    all!(Send: open::Client, open::Server, obe::Client, obe::Server, zeiss::Client, zeiss::Server);
    all!(Send: pymodaq::Client, pymodaq::Controller, pymodaq::Server, device::Connection, device::Server);
    all!(Send: Solver, ProblemSolver, Evaluator, Designer, Experiment);
    all!(Send: OptimizerService, OptimizerJob, Registry, Instrument, Emulator, Endpoint<OptimizerService>);
    all!(Send: Sequential<device::Server, Emulator, fn(Instant, Peer) -> device::Server>);
}

#[test]
fn values_and_errors_can_be_shared_among_threads() {
    all!(Sync: Problem, Solution, CloseReason, TextError, SolverError);
    all!(Send: Problem, Solution, CloseReason, TextError, SolverError);
    all!(core::error::Error: CloseReason, TextError, SolverError);
}
