//! Barrier and filter of interior-point iterations (Waechter and Biegler, Math. Program. 106, 2006).

mod barrier;
mod filter;

pub(crate) use barrier::Barrier;
pub(crate) use filter::Filter;
