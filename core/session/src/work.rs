//! Long work in bounded steps.

/// Whether bounded work is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "yes or no")]
pub enum Busy {
    /// There is more to do: call again.
    Yes,
    /// Nothing left to do.
    No,
}
