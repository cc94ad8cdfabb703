//! Without the feature `integers` no problem has a search.

use labwire_session::Busy;
use labwire_session::time::Instant;

use crate::error::SolverError;
use crate::functions::{Functions, Structure};
use crate::solver::{Solver, Start};
use crate::status::{Counters, IntegerSearch};

pub(super) enum Search {}

pub(super) fn tighten<P: ?Sized>(_: &P, _: &mut Structure) -> Result<(), SolverError> {
    Ok(())
}

pub(super) fn memory<P: ?Sized>(_: &P, solver: usize, _: usize) -> usize {
    solver
}

pub(super) fn begin<P: ?Sized>(_: &P, _: &Solver, _: &Start, _: bool) -> Option<Search> {
    None
}

impl Search {
    pub(super) fn is_ended(&self) -> bool {
        match *self {}
    }

    pub(super) fn solver<'a>(&'a self, _: &'a Solver) -> &'a Solver {
        match *self {}
    }

    pub(super) fn counters(&self, _: &Solver) -> Counters {
        match *self {}
    }

    pub(super) fn report(&self) -> IntegerSearch {
        match *self {}
    }

    pub(super) fn step<P: ?Sized>(
        &mut self,
        _: &P,
        _: &mut Solver,
        _: &mut dyn Functions,
        _: Instant,
        _: u32,
    ) -> Result<Busy, SolverError> {
        match *self {}
    }

    pub(super) fn cancel<P: ?Sized>(&mut self, _: &P, _: &mut Solver, _: &mut dyn Functions) {
        match *self {}
    }
}
