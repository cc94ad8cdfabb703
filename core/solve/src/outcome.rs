//! What a call of an inner solver, or a part of its work, has led to.

/// Outcome of one iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The iteration is complete.
    Continue,
    /// The iteration is not complete yet.
    Unfinished,
    /// The residual at the solution is below the tolerance.
    Converged,
    /// Cost or gradient is not finite at the start.
    NotFinite,
    /// No step makes progress in double precision.
    Stalled,
    /// The steps end at the edge of a function's domain, and make no progress there.
    AtEdge,
}

/// Progress of work that takes several factorisations, of which a call does one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "second-derivatives"),
    allow(dead_code, reason = "only exact second derivatives take factorisations")
)]
pub(crate) enum Search {
    /// To be continued by the next call.
    Unfinished,
    /// What was looked for is there.
    Found,
    /// There is no such thing.
    Failed,
}

/// Result of a look at the curvature at a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "second-derivatives"),
    allow(dead_code, reason = "only exact second derivatives tell more than the first")
)]
pub(crate) enum Verdict {
    /// A minimum, as far as is known.
    Minimum,
    /// A stationary point with negative curvature, along which no lower point was found.
    Stationary,
    /// The point was left for a lower one.
    Left,
    /// The same, because its curvature is negative: it is no solution.
    NoMinimum,
    /// The look is not complete yet.
    Unfinished,
}
