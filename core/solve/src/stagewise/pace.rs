//! Progress of the quasi-Newton method.

use crate::math;

/// Progress of the quasi-Newton method, in work.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// Work at the beginning of the window, and the lowest residual until then.
    work: u64,
    residual: f64,
    best: f64,
}

impl Pace {
    pub(super) fn begin(work: u64, residual: f64) -> Self {
        Self {
            work,
            residual,
            best: residual,
        }
    }

    /// Whether the residual, which is `excess` times its tolerance, needs more than `horizon` evaluations to fall to it if it
    /// goes on falling as it did in the last `window` of them.
    pub(super) fn is_slow(
        &mut self,
        work: u64,
        residual: f64,
        excess: f64,
        window: f64,
        horizon: f64,
    ) -> bool {
        self.best = math::min(self.best, residual);
        let spent = (work - self.work) as f64;
        if spent < window {
            return false;
        }
        let gained = math::log(self.residual / self.best);
        let missing = math::log(excess * (self.best / residual));
        (self.work, self.residual) = (work, self.best);
        missing * spent > gained * horizon
    }
}
